/**
 * From a captured image to pixels that can be read. Knows no thread: it runs in the worker, and on
 * the page where the worker lacks what it needs.
 *
 * Colours are taken as they are stored, without conversion between colour spaces, because that is
 * what the reference (Pillow) does and what networks were trained on.
 */
import { asTabserveError, TabserveError } from '../../base/errors.js';
import { asStored, type BandContext, openBitmap, openFrame, openPixels } from './bands.js';
import type { Size } from './geometry.js';
import { type FileHeader, type FileType, firstBytes, readHeader } from './header.js';
import { decodeJpeg, hasExactPlanes, type Reduction } from './jpeg.js';
import { fetchImage } from './remote.js';
import { turned } from './turn.js';
import type { CapturedImage, PixelSource } from './types.js';

/** Options of {@link decode}. */
export interface DecodeOptions {
  /** Pictures with more pixels are refused, before decoding where their header tells. @default 100 million */
  maxPixels?: number | undefined;
  /** Turns an SVG file into pixels; only a page can. Without it SVG is `unsupported`. */
  rasteriseSvg?: ((svg: Blob, options: { maxPixels: number }) => Promise<ImageBitmap>) | undefined;
  /**
   * Makes a 2D canvas to read pixels through, for a page without `OffscreenCanvas`.
   * @default an OffscreenCanvas
   */
  createContext?: ((width: number, height: number) => BandContext) | undefined;
  /**
   * By how much a picture of that size may be reduced while it is decoded, where this browser can.
   * @default not at all
   */
  reduction?: ((size: Size) => Reduction) | undefined;
  /**
   * Whether a JPEG, too, is wanted as an image of the platform rather than as bytes, which is slower
   * on the CPU: a GPU can take an `ImageBitmap`, and no planes.
   * @default false
   */
  native?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** Files of at most so many bytes are read at once, which takes no longer than reading a part. */
const readAtOnce = 1 << 20;

/** JPEG files of more bytes are left to the browser, which need not hold them in one piece. */
const mostJpegBytes = 1 << 26;

/** The default of {@link DecodeOptions.maxPixels}. */
export const defaultMaxPixels = 100_000_000;

/**
 * Decodes `image`: EXIF orientation applied, the first picture of an animation.
 *
 * Takes over what `image` holds: it is closed with the result, or on failure.
 *
 * @throws TabserveError `image-undecodable`, `image-too-large`, `unsupported`; `network` for a URL.
 * @throws the reason of `signal` when it aborts.
 */
export async function decode(
  image: CapturedImage,
  options: DecodeOptions = {},
): Promise<PixelSource> {
  const maxPixels = options.maxPixels ?? defaultMaxPixels;
  if (options.signal?.aborted) {
    release(image);
    throw options.signal.reason;
  }
  switch (image.kind) {
    case 'url': {
      const blob = await fetchImage(image.url, options.signal);
      return decodeFile(blob, image.url, maxPixels, options);
    }
    case 'blob':
      return decodeFile(image.blob, nameOf(image.blob), maxPixels, options);
    case 'bytes':
      return decodeFile(image.bytes, 'The file', maxPixels, options);
    case 'bitmap':
      return limited(await openBitmap(image.bitmap, false, options.createContext), maxPixels);
    case 'frame':
      return limited(await openFrame(image.frame, options.createContext), maxPixels);
    case 'pixels':
      return limited(openPixels(image.pixels), maxPixels);
  }
}

/** Closes what `image` holds. For an image that will not be decoded. */
export function release(image: CapturedImage): void {
  if (image.kind === 'bitmap') image.bitmap.close();
  else if (image.kind === 'frame') image.frame.close();
}

async function decodeFile(
  file: Blob | ArrayBuffer,
  name: string,
  maxPixels: number,
  { rasteriseSvg, createContext, reduction, native, signal }: DecodeOptions,
): Promise<PixelSource> {
  const { header, bytes } = await readFile(file).catch((error: unknown) => {
    throw asTabserveError(error, 'image-undecodable', `${name} could not be read.`);
  });
  const { type, size } = header;
  await refuseNonImages(type, file, name);
  if (size) refuseTooLarge(size, maxPixels, name);
  if (type === 'svg' && !rasteriseSvg) {
    throw new TabserveError('unsupported', `${name} is an SVG file, which only a page can draw.`);
  }
  if (bytes && size && header.orientation && !native) {
    const source = await decodeJpeg(bytes, size, header.orientation, reduction ?? (() => 1));
    if (source && signal?.aborted) {
      source.close();
      throw signal.reason;
    }
    if (source) return source;
  }
  const blob = blobOf(file);
  let bitmap: ImageBitmap;
  try {
    bitmap =
      type === 'svg' && rasteriseSvg
        ? await rasteriseSvg(blob, { maxPixels })
        : // Options cost Chromium half as much time again, and change nothing about such a file.
          await createImageBitmap(blob, header.plain ? undefined : optionsFor(header));
  } catch (error) {
    const found = `${type === 'unknown' ? 'unknown type' : type}, ${blob.size} bytes, starting with ${await firstBytes(blob)}`;
    throw asTabserveError(
      error,
      'image-undecodable',
      `${name} cannot be decoded by this browser: it is damaged or of a type that is not supported (${found}).`,
      { name, type, bytes: blob.size },
    );
  }
  if (signal?.aborted) {
    bitmap.close();
    throw signal.reason;
  }
  const opened = await openBitmap(bitmap, type !== 'svg', createContext);
  return limited(turned(opened, header.unheeded ?? 1), maxPixels, name);
}

/** Not all browsers heed what is to be turned here: so none of them is to. */
function optionsFor({ unheeded }: FileHeader): ImageBitmapOptions {
  return unheeded === undefined ? asStored : { ...asStored, imageOrientation: 'none' };
}

/** A file's header; and a copy of it, where it was small or is a JPEG to be decoded from bytes. */
async function readFile(
  file: Blob | ArrayBuffer,
): Promise<{ header: FileHeader; bytes?: ArrayBuffer }> {
  if (!(file instanceof Blob)) {
    const header = await readHeader(new Uint8Array(file));
    return header.orientation ? { header, bytes: file.slice(0) } : { header };
  }
  if (file.size <= readAtOnce) {
    const bytes = await file.arrayBuffer();
    return { header: await readHeader(new Uint8Array(bytes)), bytes };
  }
  const header = await readHeader(file);
  const wanted = header.orientation && file.size <= mostJpegBytes && (await hasExactPlanes());
  return wanted ? { header, bytes: await file.arrayBuffer() } : { header };
}

function blobOf(file: Blob | ArrayBuffer): Blob {
  return file instanceof Blob ? file : new Blob([file]);
}

async function refuseNonImages(
  type: FileType,
  file: Blob | ArrayBuffer,
  name: string,
): Promise<void> {
  if (type !== 'empty' && type !== 'html' && type !== 'text') return;
  const blob = blobOf(file);
  const found =
    type === 'empty'
      ? 'it is empty (0 bytes)'
      : `it is ${type === 'html' ? 'HTML or XML' : 'text'}, starting with ${await firstBytes(blob)}`;
  throw new TabserveError('image-undecodable', `${name} is not an image: ${found}.`, {
    details: { name, type, bytes: blob.size },
  });
}

function refuseTooLarge(
  { width, height }: { width: number; height: number },
  maxPixels: number,
  name: string,
): void {
  if (width * height <= maxPixels) return;
  throw new TabserveError(
    'image-too-large',
    `${name} has ${width} × ${height} pixels, more than the ${maxPixels} that are allowed. Shrink it, or raise "maxPixels".`,
    { details: { name, width, height, maxPixels } },
  );
}

/** `source`, or the error that it is too large; then it is closed. */
function limited(source: PixelSource, maxPixels: number, name = 'The image'): PixelSource {
  try {
    refuseTooLarge(source, maxPixels, name);
    return source;
  } catch (error) {
    source.close();
    throw error;
  }
}

function nameOf(blob: Blob): string {
  return 'name' in blob && typeof blob.name === 'string' ? `"${blob.name}"` : 'The file';
}
