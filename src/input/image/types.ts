/** The shapes that pass between the steps of the image room. No DOM types: both threads use them. */

/**
 * A rectangle in whole pixels of the upright picture (after EXIF orientation), from its top left
 * corner.
 */
export interface PixelRect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * An image on its way to the worker: what `capture` makes of any source.
 *
 * `blob`, `bytes` (a file's, too) and `url` are decoded in the worker; the others already are pixels.
 * `bitmap` and `frame` belong to the request: whoever reads them closes them. `pixels` has four
 * channels.
 */
export type CapturedImage =
  | { kind: 'blob'; blob: Blob }
  | { kind: 'bytes'; bytes: ArrayBuffer }
  | { kind: 'url'; url: string }
  | { kind: 'bitmap'; bitmap: ImageBitmap }
  | { kind: 'frame'; frame: VideoFrame }
  | { kind: 'pixels'; pixels: PixelImage };

/** Pixels of 0…255, `height × width × channels`, rows from the top, without padding. */
export interface PixelImage {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  /** 4: RGBA, not premultiplied. 3: RGB. 1: grey. */
  channels: 1 | 3 | 4;
}

/**
 * Order of the four bytes of a pixel, with the names WebCodecs gives them. `A` is straight (not
 * premultiplied) alpha; `X` is a byte without meaning, and the picture is opaque.
 */
export type PixelFormat = 'RGBA' | 'RGBX' | 'BGRA' | 'BGRX';

/** What a {@link PixelSource} reads from. It belongs to the source. */
export interface NativePicture {
  image: ImageBitmap | VideoFrame;
  /**
   * How the bytes that are read come about: `stored`, they are those of the image; `drawn`, a canvas
   * premultiplies and divides again; `converted`, they come from a frame of other colours or another
   * shape. (A frame that is `stored` is opaque.)
   */
  reading: 'stored' | 'drawn' | 'converted';
}

/**
 * A decoded picture whose pixels are read piece by piece, so that a large one is never held twice.
 */
export interface PixelSource {
  /** Pixels of the upright picture. */
  readonly width: number;
  /** Pixels of the upright picture. */
  readonly height: number;
  readonly format: PixelFormat;
  /** What a GPU may take instead of the bytes; absent where nothing would do. */
  readonly native?: NativePicture;
  /**
   * How many of the picture's pixels, along each axis, one stands for that can be read. Where it is
   * not 1, `read` counts the pixels that there are.
   * @default 1
   */
  readonly reducedBy?: number;
  /**
   * Writes the pixels of `rect`, which lies within the picture, to `into`: `rect.height ×
   * rect.width × 4` bytes, without padding.
   */
  read(rect: PixelRect, into: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Frees the picture. No `read` afterwards; calling it again does nothing. */
  close(): void;
}

/**
 * What preprocesses pictures. Both give the same bits.
 *
 * - `auto`: the GPU where the model runs on a real one and it was faster with the first pictures of the
 *   kind, from decoding to answer; the CPU otherwise. `info` has both times.
 * - `cpu`: the CPU, in the worker.
 * - `gpu`: the GPU, on a software adapter too; the CPU while the device `auto` has taken is `wasm`.
 *
 * With `auto` and `gpu` the CPU still takes those pictures for which this browser and its GPU would
 * not give the same bits: plain pixels (`ImageData`), bitmaps of other colour spaces than sRGB, JPEG
 * files with `quality: 'fast'`,
 * frames of videos where the browser's ways to convert their colours differ. The `request` event
 * says which one it was, and why.
 */
export type PreprocessingChoice = 'auto' | 'cpu' | 'gpu';

/** What preprocesses, and why, in words. */
export interface PreprocessingReport {
  device: 'cpu' | 'gpu';
  reason: string;
}
