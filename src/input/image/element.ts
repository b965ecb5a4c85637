/** The page's side: pictures that an element shows which has their file. */
import { untilAborted } from '../../base/abort.js';
import { asTabserveError, TabserveError } from '../../base/errors.js';
import { bitmapOfSvg } from './svg.js';
import type { CapturedImage } from './types.js';

/** Pixels. Larger `<img>` elements are decoded in the worker; up to here it takes some 15 ms. */
const decodedHere = 1_000_000;

/** Milliseconds that getting the file of a picture may take which the page itself can decode. */
const fileTimeout = 3_000;

const asStored = { colorSpaceConversion: 'none', premultiplyAlpha: 'none' } as const;

/**
 * Captures what an `<img>` shows; see `capture()`.
 *
 * @param image - `null` for a `<picture>` that has none.
 * @param checked - Makes a bitmap, if the page may read it.
 */
export async function captureImage(
  image: HTMLImageElement | null,
  checked: (what: string, make: () => Promise<ImageBitmap>) => Promise<CapturedImage>,
  signal: AbortSignal | undefined,
): Promise<CapturedImage> {
  if (!image) {
    throw new TabserveError('image-undecodable', 'The <picture> has no <img>, which shows it.');
  }
  if (!image.complete) {
    // It never settles for a lazy picture that is out of sight, or of a server that never answers.
    await untilAborted(
      image.decode().catch((error: unknown) => {
        throw asTabserveError(error, 'image-undecodable', describeBroken(image));
      }),
      signal,
    );
  }
  const { naturalWidth: width, naturalHeight: height } = image;
  if (width === 0 || height === 0) {
    throw new TabserveError('image-undecodable', describeBroken(image));
  }
  if (width * height > decodedHere) {
    const blob = await cachedFile(image, signal);
    if (blob) return { kind: 'blob', blob };
  }
  return checked('The <img>', () =>
    createImageBitmap(image, asStored).catch(async (error: unknown) => {
      // It says so of SVG without a size of its own, which has to be told one.
      if ((error as DOMException).name !== 'InvalidStateError') throw error;
      return bitmapOfSvg(image);
    }),
  );
}

/** A frame, which is closed, as what gets to other tabs. */
export function bitmapOfFrame(frame: VideoFrame): CapturedImage {
  const canvas = new OffscreenCanvas(frame.displayWidth, frame.displayHeight);
  canvas.getContext('2d')?.drawImage(frame, 0, 0);
  frame.close();
  return { kind: 'bitmap', bitmap: canvas.transferToImageBitmap() };
}

function describeBroken(image: HTMLImageElement): string {
  const { currentSrc } = image;
  if (currentSrc === '') return 'The <img> has no picture: it has no "src".';
  return `The <img> has no picture: ${currentSrc.slice(0, 100)} could not be loaded or decoded.`;
}

/**
 * The file that `image` shows, from the browser's cache, or once more from where it came.
 * `undefined` where another answer could be another picture: after a redirect, or with `no-store`.
 */
async function cachedFile(
  image: HTMLImageElement,
  signal: AbortSignal | undefined,
): Promise<Blob | undefined> {
  const { currentSrc, crossOrigin } = image;
  const { protocol, origin } = new URL(currentSrc);
  const local = protocol === 'data:' || protocol === 'blob:';
  if (!local && origin !== location.origin && crossOrigin === null) return undefined;
  // The page has the picture: a second download that takes long is not worth waiting for.
  const inTime = AbortSignal.timeout(fileTimeout);
  const ends = AbortSignal.any(signal ? [signal, inTime] : [inTime]);
  try {
    const response = await fetch(currentSrc, {
      signal: ends,
      ...(!local && { cache: 'force-cache' }),
      credentials: crossOrigin === 'use-credentials' ? 'include' : 'same-origin',
    });
    const { ok, redirected, headers } = response;
    const volatile = redirected || /\bno-store\b/i.test(headers.get('cache-control') ?? '');
    if (ok && !volatile) return await response.blob();
    await response.body?.cancel();
  } catch {
    // Then the picture itself says what is wrong with it.
    signal?.throwIfAborted();
  }
  return undefined;
}
