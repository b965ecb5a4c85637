/** The page half of every task whose source is a picture. */

import { part } from '../base/part.js';
import { capture, type ImageSource, transferables } from '../input/image/capture.js';
import type { CapturedImage } from '../input/image/types.js';
import type { PackName } from '../wire/protocol.js';
import type { PageTask } from './task.js';

/** Sources that can be captured later, or once more: by the tag of their class. */
const lasting = [
  'Blob',
  'File',
  'FileSystemFileHandle',
  'URL',
  'String',
  'HTMLImageElement',
  'HTMLPictureElement',
  'SVGImageElement',
];

/** What holds a picture of a size that it says, four bytes a pixel. */
interface Sized {
  width: number;
  height: number;
}

/**
 * Pictures, as every task takes them.
 *
 * @param name - The task's name.
 * @param pack - What a worker needs for it.
 */
export function imagePage(name: string, pack?: PackName): PageTask<ImageSource, CapturedImage> {
  return {
    name,
    pack,
    isLasting: (source) => lasting.includes(tagOf(source)),
    async capture(source, signal) {
      const image = await capture(source, signal);
      // What lasts is captured once more for a second attempt, and needs no copy.
      return lasting.includes(tagOf(source)) ? image : asFrame(image);
    },
    transfer: transferables,
    expectedBytes: sourceBytes,
    bytes: payloadBytes,
    copy(image) {
      switch (image.kind) {
        case 'blob':
        case 'url':
          return image;
        case 'bytes':
          return { kind: 'bytes', bytes: image.bytes.slice(0) };
        case 'frame':
          return { kind: 'frame', frame: image.frame.clone() };
        case 'pixels': {
          const { data, width, height } = image.pixels;
          return capture(new ImageData(data as Uint8ClampedArray<ArrayBuffer>, width, height));
        }
        case 'bitmap':
          return null;
      }
    },
    async portable(image) {
      if (image.kind !== 'frame') return image;
      const { bitmapOfFrame } = await part(import('../input/image/seldom.js'));
      return bitmapOfFrame(image.frame);
    },
    close(image) {
      if (image.kind === 'bitmap') image.bitmap.close();
      if (image.kind === 'frame') image.frame.close();
    },
  };
}

function tagOf(source: unknown): string {
  return Object.prototype.toString.call(source).slice(8, -1);
}

/**
 * A bitmap as a frame, where this browser can: frames are copied in no time, while a bitmap that
 * has a copy costs the page tens of milliseconds to transfer.
 */
function asFrame(image: CapturedImage): CapturedImage {
  if (image.kind !== 'bitmap' || typeof VideoFrame !== 'function') return image;
  try {
    const frame = new VideoFrame(image.bitmap, { timestamp: 0 });
    image.bitmap.close();
    return { kind: 'frame', frame };
  } catch {
    return image;
  }
}

function sourceBytes(source: ImageSource): number {
  switch (tagOf(source)) {
    case 'HTMLVideoElement': {
      const { videoWidth, videoHeight } = source as HTMLVideoElement;
      return 4 * videoWidth * videoHeight;
    }
    case 'VideoFrame': {
      const { codedWidth, codedHeight } = source as VideoFrame;
      return 4 * codedWidth * codedHeight;
    }
    case 'HTMLCanvasElement':
    case 'OffscreenCanvas':
    case 'ImageBitmap':
    case 'ImageData': {
      const { width, height } = source as Sized;
      return 4 * width * height;
    }
    default:
      // What is no picture at all, such as null, is refused when it is captured.
      return typeof source === 'object' && source !== null && 'byteLength' in source
        ? source.byteLength
        : 0;
  }
}

function payloadBytes(image: CapturedImage): number {
  switch (image.kind) {
    case 'blob':
      return image.blob.size;
    case 'bytes':
      return image.bytes.byteLength;
    case 'url':
      return 0;
    case 'bitmap':
      return 4 * image.bitmap.width * image.bitmap.height;
    case 'frame':
      return 4 * image.frame.codedWidth * image.frame.codedHeight;
    case 'pixels':
      return image.pixels.data.byteLength;
  }
}
