/** What pictures look like in a message, and the options that concern them. */
import {
  all,
  byKind,
  type Check,
  is,
  madeBy,
  nullable,
  object,
  oneOf,
  optional,
  string,
  whole,
} from '../../base/shape.js';
import type { CapturedImage, PixelImage, PixelRect, PreprocessingChoice } from './types.js';

/** Options of a load that concern pictures. */
export interface ImageSettings {
  /** What preprocesses. @default 'auto' */
  preprocessing?: PreprocessingChoice;
  /** Pictures with more pixels are refused. @default as `DecodeOptions.maxPixels` */
  maxPixels?: number;
}

/** Options of a request that concern the picture. */
export interface ImageRequest {
  /** The part of the upright picture to look at; `null` for all of it. */
  crop: PixelRect | null;
  /** Whether the picture may be reduced while it is decoded. */
  quality: 'exact' | 'fast';
}

const count = whole(1);
const coordinate = whole(0);

/** What {@link ImageSettings} look like in a message. */
export const imageSettingsCheck: Check = object({
  preprocessing: optional(oneOf('auto', 'cpu', 'gpu')),
  maxPixels: optional(count),
} satisfies Record<keyof ImageSettings, Check>);

/** What {@link ImageRequest} looks like in a message: fields for `object()`. */
export const imageRequestChecks = {
  crop: nullable(object({ x: coordinate, y: coordinate, width: coordinate, height: coordinate })),
  quality: oneOf('exact', 'fast'),
} satisfies Record<keyof ImageRequest, Check>;

const pixels = object({
  data: madeBy(Uint8Array, Uint8ClampedArray),
  width: count,
  height: count,
  channels: oneOf(4),
});

/** What a {@link CapturedImage} looks like in a message. */
export const imageCheck: Check = byKind({
  blob: { blob: madeBy(Blob) },
  bytes: { bytes: madeBy(ArrayBuffer) },
  url: { url: string },
  bitmap: { bitmap: madeBy(ImageBitmap) },
  pixels: { pixels: all(pixels, is('as long as its size says', isComplete)) },
  // Not every browser has the class.
  frame: { frame: is('a VideoFrame', isFrame) },
} satisfies Record<CapturedImage['kind'], object>);

function isComplete(value: unknown): boolean {
  const { data, width, height } = value as PixelImage;
  return data.length === width * height * 4;
}

function isFrame(value: unknown): boolean {
  return typeof VideoFrame === 'function' && value instanceof VideoFrame;
}
