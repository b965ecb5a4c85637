/**
 * The page's side: any source becomes something that can be sent to the worker. Of the image room
 * only this file and `svg.ts` touch the DOM, and neither does when it is imported.
 *
 * Nothing here may block the page. Measured in Chromium with 12 megapixels: `createImageBitmap` and
 * `new VideoFrame` of an `<img>` decode on the spot (70 to 300 ms), even after `img.decode()`; of a
 * `<canvas>`, `createImageBitmap` without options takes 2 ms, with options up to 300; of a video,
 * frame or bitmap, `VideoFrame` takes none.
 */
import { asTabserveError, TabserveError } from '../../base/errors.js';
import { part } from '../../base/part.js';
import type { CapturedImage } from './types.js';

/**
 * What can be classified: elements, pixels, encoded files as bytes, and addresses (`http:`, `blob:`,
 * `data:`, or relative to the page). Of a `<picture>` the `<img>` in it is taken. A `Response` or a stream is
 * read to its end.
 */
export type ImageSource =
  | HTMLImageElement
  | HTMLPictureElement
  | SVGImageElement
  | HTMLVideoElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | ImageBitmap
  | ImageData
  | VideoFrame
  | Blob
  | FileSystemFileHandle
  | Response
  | ReadableStream<Uint8Array>
  | ArrayBuffer
  | ArrayBufferView
  | URL
  | string;

const accepted =
  'an <img>, <picture>, <video>, <canvas> or SVG <image> element, OffscreenCanvas, ImageBitmap, ImageData, VideoFrame, Blob, File, file handle, Response, stream, ArrayBuffer, typed array, URL or string';

/** ImageData is copied in pieces of so many bytes, a few milliseconds each. */
const copiedAtOnce = 1 << 24;

/** Files of at most so many bytes go to the worker as they are: reading a blob takes a millisecond. */
const mostBytes = 1 << 22;

const asStored = { colorSpaceConversion: 'none', premultiplyAlpha: 'none' } as const;

/**
 * Captures what `source` shows now. The source stays the caller's and stays usable: pixels are
 * cloned, bytes are copied.
 *
 * An `<img>` that is still loading is waited for. Of one of more than a megapixel the file is taken,
 * from the browser's cache if it is there, and decoded in the worker; only where that could be
 * another picture, or is not allowed, the page decodes it.
 *
 * @param signal - Ends the waiting for a picture or its file; the promise rejects with its reason.
 * @throws TabserveError `image-tainted` (cross-origin without CORS), `image-undecodable` (no
 *   pixels: broken, closed, detached, zero size), `image-not-ready` (a video without a frame),
 *   `invalid-argument` (not an {@link ImageSource}).
 */
export async function capture(source: ImageSource, signal?: AbortSignal): Promise<CapturedImage> {
  // The tag rather than instanceof: it also knows objects of other realms, such as iframes.
  const tag = Object.prototype.toString.call(source).slice(8, -1);
  switch (tag) {
    case 'HTMLImageElement':
    case 'HTMLPictureElement': {
      const { captureImage } = await part(import('./seldom.js'));
      const element = source as HTMLImageElement | HTMLPictureElement;
      const image = tag === 'HTMLImageElement' ? element : element.querySelector('img');
      return captureImage(image as HTMLImageElement | null, checked, signal);
    }
    case 'SVGImageElement':
      return bitmapOf(source as SVGImageElement, 'The SVG <image>', asStored);
    case 'HTMLVideoElement':
      return captureVideo(source as HTMLVideoElement);
    case 'HTMLCanvasElement':
    case 'OffscreenCanvas':
      return bitmapOf(
        notEmpty(source as HTMLCanvasElement | OffscreenCanvas, 'The canvas'),
        'The canvas',
      );
    case 'ImageBitmap':
      return frameOf(notEmpty(source as ImageBitmap, 'The ImageBitmap'), 'The ImageBitmap');
    case 'VideoFrame':
      return captureFrame(source as VideoFrame);
    case 'ImageData':
      return captureImageData(source as ImageData);
    case 'Blob':
    case 'File':
      return { kind: 'blob', blob: source as Blob };
    case 'FileSystemFileHandle':
      return { kind: 'blob', blob: await (source as FileSystemFileHandle).getFile() };
    case 'Response':
    case 'ReadableStream': {
      const { captureResponse } = await part(import('./seldom.js'));
      return captureResponse(source as Response | ReadableStream<Uint8Array<ArrayBuffer>>);
    }
    case 'URL':
    case 'String':
      return { kind: 'url', url: absolute(String(source)) };
    default:
      if (ArrayBuffer.isView(source) || tag === 'ArrayBuffer' || tag === 'SharedArrayBuffer') {
        return captureBytes(source as ArrayBuffer | ArrayBufferView);
      }
      throw new TabserveError(
        'invalid-argument',
        `An image of type ${tag} is not accepted. Pass ${accepted}.`,
        { details: { type: tag } },
      );
  }
}

/** What has to be listed as transferred when `image` is posted to a worker. */
export function transferables(image: CapturedImage): Transferable[] {
  switch (image.kind) {
    case 'bitmap':
      return [image.bitmap];
    case 'frame':
      return [image.frame];
    case 'pixels':
      return [image.pixels.data.buffer];
    case 'bytes':
      return [image.bytes];
    case 'blob':
    case 'url':
      return [];
  }
}

async function captureVideo(video: HTMLVideoElement): Promise<CapturedImage> {
  if (video.error) {
    throw new TabserveError(
      'image-undecodable',
      `The <video> cannot be played: ${video.error.message || `error ${video.error.code}`}.`,
    );
  }
  if (video.readyState < 2 || video.videoWidth === 0) {
    throw new TabserveError(
      'image-not-ready',
      `The <video> has no frame yet (readyState ${video.readyState}). Wait for its "loadeddata" event.`,
      { details: { readyState: video.readyState } },
    );
  }
  return frameOf(video, 'The <video>');
}

/** What `source` shows as a frame, which shares its pixels, where this browser can. */
async function frameOf(
  source: HTMLVideoElement | ImageBitmap,
  what: string,
): Promise<CapturedImage> {
  if (typeof VideoFrame !== 'function') return bitmapOf(source, what);
  try {
    const init = 'readyState' in source ? undefined : { timestamp: 0 };
    return { kind: 'frame', frame: new VideoFrame(source, init) };
  } catch (error) {
    if (isNamed(error, 'SecurityError')) throw tainted(what, error);
    return bitmapOf(source, what);
  }
}

function captureFrame(frame: VideoFrame): CapturedImage {
  try {
    return { kind: 'frame', frame: frame.clone() };
  } catch (error) {
    throw asTabserveError(error, 'image-undecodable', 'The VideoFrame is closed.');
  }
}

async function captureImageData({ data, width, height }: ImageData): Promise<CapturedImage> {
  if (data.length === 0) {
    throw new TabserveError('image-undecodable', 'The ImageData is detached: it has 0 bytes.');
  }
  const copy = new Uint8ClampedArray(data.length);
  for (let at = 0; at < data.length; at += copiedAtOnce) {
    if (at > 0) await nextTask();
    copy.set(data.subarray(at, at + copiedAtOnce), at);
  }
  // Not as ImageData, which is copied even when its buffer is transferred.
  return { kind: 'pixels', pixels: { data: copy, width, height, channels: 4 } };
}

function captureBytes(bytes: ArrayBuffer | ArrayBufferView): CapturedImage {
  if (bytes.byteLength === 0) {
    throw new TabserveError(
      'image-undecodable',
      'The bytes are not an image: the buffer is empty or was transferred away (0 bytes).',
    );
  }
  const view = ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
  if (view.length <= mostBytes) return { kind: 'bytes', bytes: new Uint8Array(view).buffer };
  // Blobs do not take shared memory.
  const shared = Object.prototype.toString.call(view.buffer) === '[object SharedArrayBuffer]';
  const owned = shared ? Uint8Array.from(view) : (view as Uint8Array<ArrayBuffer>);
  return { kind: 'blob', blob: new Blob([owned]) };
}

function bitmapOf(
  source: ImageBitmapSource,
  what: string,
  options?: ImageBitmapOptions,
): Promise<CapturedImage> {
  return checked(what, () => createImageBitmap(source, options));
}

/** What `make` makes, if the page may read it. */
async function checked(what: string, make: () => Promise<ImageBitmap>): Promise<CapturedImage> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await make();
  } catch (error) {
    if (isNamed(error, 'SecurityError')) throw tainted(what, error);
    throw asTabserveError(error, 'image-undecodable', `${what} has no picture that can be read.`);
  }
  if (await isClean(bitmap)) return { kind: 'bitmap', bitmap };
  bitmap.close();
  throw tainted(what);
}

/** Whether the page may read the bitmap's pixels, tried on a corner of it. */
async function isClean(bitmap: ImageBitmap): Promise<boolean> {
  const corner = await createImageBitmap(bitmap, 0, 0, 1, 1);
  try {
    structuredClone(corner, { transfer: [corner] }).close();
    return true;
  } catch {
    corner.close();
    return false;
  }
}

function notEmpty<T extends { width: number; height: number }>(source: T, what: string): T {
  if (source.width > 0 && source.height > 0) return source;
  throw new TabserveError(
    'image-undecodable',
    `${what} has no pixels: it is ${source.width} × ${source.height}, or closed, or was transferred away.`,
  );
}

function tainted(what: string, cause?: unknown): TabserveError {
  return new TabserveError(
    'image-tainted',
    `${what} shows data of another origin, which this page may not read. Load it with crossorigin="anonymous" from a server that sends Access-Control-Allow-Origin, or pass the file as a Blob.`,
    { cause },
  );
}

/** `url` made absolute: a worker started from a blob knows no base. */
function absolute(url: string): string {
  if (url.startsWith('data:')) return url;
  const base = typeof document === 'undefined' ? undefined : document.baseURI;
  try {
    return new URL(url, base).href;
  } catch (error) {
    throw asTabserveError(error, 'invalid-argument', `"${url.slice(0, 100)}" is not a URL.`);
  }
}

function isNamed(error: unknown, name: string): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === name;
}

/** Lets the page handle what is waiting. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
