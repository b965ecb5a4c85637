/**
 * Reading the pixels of platform images in pieces.
 *
 * `VideoFrame.copyTo` gives the stored bytes without conversion, some five times as fast as a
 * canvas. Where this browser lacks it or alters bytes on the way, a small canvas is drawn to piece
 * by piece.
 */
import { TabserveError } from '../../base/errors.js';
import type { PixelFormat, PixelImage, PixelSource } from './types.js';

/** What reading through a canvas needs of its 2D context. */
export interface BandContext {
  globalCompositeOperation: string;
  drawImage(image: ImageBitmap | VideoFrame, x: number, y: number): void;
  getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray };
}

/** For `createImageBitmap`: pixels as they are stored. */
export const asStored = { colorSpaceConversion: 'none', premultiplyAlpha: 'none' } as const;

type CreateContext = (width: number, height: number) => BandContext;

/**
 * Pixels of `bitmap`, which is closed with the source, or on failure.
 *
 * @param straight - Whether it is known to have been made with `premultiplyAlpha: 'none'`. A bitmap
 *   does not tell, and a frame gives the bytes as they are stored.
 */
export async function openBitmap(
  bitmap: ImageBitmap,
  straight: boolean,
  createContext: CreateContext | undefined,
): Promise<PixelSource> {
  if (bitmap.width === 0) {
    throw new TabserveError(
      'image-undecodable',
      'The ImageBitmap is closed or was transferred away: it has 0 × 0 pixels.',
    );
  }
  if (await framesAreExact()) {
    const frame = frameOf(bitmap);
    if (frame && isPlain(frame) && (straight || isOpaque(frame))) {
      return frameSource(frame, frame.format, bitmap);
    }
    frame?.close();
  }
  try {
    return canvasSource(bitmap, createContext ?? offscreenContext());
  } catch (error) {
    bitmap.close();
    throw error;
  }
}

/** Pixels of `frame`, which is closed with the source, or on failure. */
export async function openFrame(
  frame: VideoFrame,
  createContext: CreateContext | undefined,
): Promise<PixelSource> {
  if (isPlain(frame) && isOpaque(frame) && (await framesAreExact())) {
    return frameSource(frame, frame.format);
  }
  try {
    if (frame.displayWidth === 0) {
      throw new TabserveError('image-undecodable', 'The VideoFrame is closed.');
    }
    // Of the two ways to have a frame converted, Chromium misreads transparent ones in the second
    // and the shape of turned ones in the first.
    if (frame.format?.endsWith('A')) {
      const bitmap = await createImageBitmap(frame);
      frame.close();
      return await openBitmap(bitmap, false, createContext);
    }
    return convertedSource(frame, createContext ?? offscreenContext());
  } catch (error) {
    frame.close();
    throw error;
  }
}

/**
 * Pixels of an opaque RGB `frame` as they are stored, whichever way up it is shown; `undefined`, and
 * the frame stays open, if it is none. It is closed with the source.
 */
export function openStored(frame: VideoFrame): PixelSource | undefined {
  const { format } = frame;
  return format === 'RGBX' || format === 'BGRX' ? frameSource(frame, format) : undefined;
}

/** Draws the frame when it is first read. */
function convertedSource(frame: VideoFrame, createContext: CreateContext): PixelSource {
  const { displayWidth: width, displayHeight: height } = frame;
  let context: BandContext | undefined;
  return {
    width,
    height,
    format: 'RGBA',
    native: { image: frame, reading: 'converted' },
    async read(rect, into) {
      if (!context) {
        context = createContext(width, height);
        context.drawImage(frame, 0, 0);
      }
      into.set(context.getImageData(rect.x, rect.y, rect.width, rect.height).data);
    },
    close: () => frame.close(),
  };
}

/** Pixels of `pixels`, four channels, which are not changed. */
export function openPixels(pixels: PixelImage): PixelSource {
  const { width, height, data } = pixels;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return {
    width,
    height,
    format: 'RGBA',
    async read(rect, into) {
      for (let y = 0; y < rect.height; y++) {
        const at = ((rect.y + y) * width + rect.x) * 4;
        into.set(bytes.subarray(at, at + rect.width * 4), y * rect.width * 4);
      }
    },
    close() {},
  };
}

type PlainFrame = VideoFrame & { format: PixelFormat };

/** Whether the frame's stored pixels are what it shows: RGB, upright, not stretched, not a part. */
function isPlain(frame: VideoFrame): frame is PlainFrame {
  const { format, codedWidth, codedHeight, displayWidth, displayHeight } = frame;
  const { rotation = 0, flip = false } = frame as { rotation?: number; flip?: boolean };
  return (
    (format === 'RGBA' || format === 'RGBX' || format === 'BGRA' || format === 'BGRX') &&
    codedWidth === displayWidth &&
    codedHeight === displayHeight &&
    rotation === 0 &&
    !flip
  );
}

function isOpaque(frame: PlainFrame): boolean {
  return frame.format.endsWith('X');
}

/** `bitmap` as a frame; `undefined` where it is too large for one. */
function frameOf(bitmap: ImageBitmap): VideoFrame | undefined {
  try {
    return new VideoFrame(bitmap, { timestamp: 0 });
  } catch {
    return undefined;
  }
}

/** @param bitmap - Where the frame is from. It is closed with the source. */
function frameSource(frame: VideoFrame, format: PixelFormat, bitmap?: ImageBitmap): PixelSource {
  const { codedWidth: width, codedHeight: height } = frame;
  return {
    width,
    height,
    format,
    native: { image: bitmap ?? frame, reading: 'stored' },
    async read(rect, into) {
      await frame.copyTo(into, { rect, layout: [{ offset: 0, stride: rect.width * 4 }] });
    },
    close() {
      frame.close();
      bitmap?.close();
    },
  };
}

function canvasSource(bitmap: ImageBitmap, createContext: CreateContext): PixelSource {
  const { width, height } = bitmap;
  let context: BandContext | undefined;
  let held = { width: 0, height: 0 };
  return {
    width,
    height,
    format: 'RGBA',
    native: { image: bitmap, reading: 'drawn' },
    async read(rect, into) {
      if (!context || held.width < rect.width || held.height < rect.height) {
        held = { width: rect.width, height: rect.height };
        context = createContext(rect.width, rect.height);
        context.globalCompositeOperation = 'copy';
      }
      context.drawImage(bitmap, -rect.x, -rect.y);
      into.set(context.getImageData(0, 0, rect.width, rect.height).data);
    },
    close: () => bitmap.close(),
  };
}

function offscreenContext(): CreateContext {
  if (typeof OffscreenCanvas === 'function') {
    return (width, height) => {
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext('2d', { willReadFrequently: true });
      if (context) return context;
      throw new TabserveError(
        'out-of-memory',
        `No canvas of ${width} × ${height} pixels could be made.`,
      );
    };
  }
  throw new TabserveError(
    'unsupported',
    'This browser can read the pixels of an image neither through VideoFrame nor through OffscreenCanvas here.',
  );
}

let exactness: Promise<boolean> | undefined;

/**
 * Whether a bitmap's bytes, transparent ones too, come back through a frame as they were. Tried
 * once, because the specification leaves alpha and colour conversion open.
 */
function framesAreExact(): Promise<boolean> {
  exactness ??= tryFrames().catch(() => false);
  return exactness;
}

async function tryFrames(): Promise<boolean> {
  if (typeof VideoFrame !== 'function') return false;
  const probe = Uint8ClampedArray.of(200, 100, 50, 128, 10, 250, 3, 255, 7, 7, 90, 0, 1, 2, 3, 4);
  const bitmap = await createImageBitmap(new ImageData(probe, 2, 2), asStored);
  const frame = new VideoFrame(bitmap, { timestamp: 0 });
  bitmap.close();
  try {
    if (!isPlain(frame)) return false;
    const source = frameSource(frame, frame.format);
    const bytes = new Uint8Array(16);
    await source.read({ x: 0, y: 0, width: 2, height: 2 }, bytes);
    const red = frame.format.startsWith('B') ? 2 : 0;
    return [0, 4, 8, 12].every(
      (at) =>
        bytes[at + red] === probe[at] &&
        bytes[at + 1] === probe[at + 1] &&
        bytes[at + 2 - red] === probe[at + 2] &&
        bytes[at + 3] === probe[at + 3],
    );
  } finally {
    frame.close();
  }
}
