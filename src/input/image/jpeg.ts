/**
 * JPEG files through WebCodecs' `ImageDecoder`: the fastest way to their pixels, and one that can
 * decode at a reduced size. Taken where it gives the same bits as `createImageBitmap`.
 */
import { asStored, openBitmap, openStored } from './bands.js';
import type { Size } from './geometry.js';
import { turned } from './turn.js';
import type { PixelSource } from './types.js';
import { openPlanes } from './ycc.js';

/** By what libjpeg can shrink a picture at almost no cost, by leaving out frequencies. */
export type Reduction = 1 | 2 | 4 | 8;

/** How a frame says what EXIF's orientations, from 1 on, say: clockwise, then mirrored. */
const rotations = [0, 0, 180, 180, 90, 90, 270, 270];
const flips = [false, true, false, true, true, false, true, false];

/**
 * Decodes a JPEG.
 *
 * @param bytes - The file. It is transferred away.
 * @param size - As its header has it, and so its orientation.
 * @param wanted - By how much a picture of that size, upright, may be reduced.
 * @returns `undefined` where this browser has no such decoder, or the picture needs the ordinary
 *   one, be it to say what is wrong with it.
 * @throws what `wanted` throws.
 */
export async function decodeJpeg(
  bytes: ArrayBuffer,
  size: Size,
  orientation: number,
  wanted: (upright: Size) => Reduction,
): Promise<PixelSource | undefined> {
  if (!(await hasExactPlanes())) return undefined;
  const upright = orientation < 5 ? size : { width: size.height, height: size.width };
  let reduction = wanted(upright);
  // What is left over at the end of a row may be shown at its beginning.
  if (orientation > 1 && (size.width % reduction || size.height % reduction)) reduction = 1;
  const width = Math.ceil(size.width / reduction);
  const height = Math.ceil(size.height / reduction);
  const desired = reduction > 1 && { desiredWidth: width, desiredHeight: height };
  const frame = await decodeFrame(bytes, desired).catch(() => undefined);
  if (!frame) return undefined;
  const { rotation = 0, flip = false } = frame as { rotation?: number; flip?: boolean };
  const stored = openPlanes(frame) ?? openStored(frame);
  if (
    stored?.width === width &&
    stored.height === height &&
    rotation === rotations[orientation - 1] &&
    flip === flips[orientation - 1]
  ) {
    const source = turned(stored, orientation);
    if (reduction === 1) return source;
    const { format, read, close } = source;
    return { ...upright, format, reducedBy: reduction, read, close };
  }
  stored?.close();
  frame.close();
  return undefined;
}

async function decodeFrame(
  data: ArrayBuffer,
  desired: false | { desiredWidth: number; desiredHeight: number } = false,
): Promise<VideoFrame> {
  const decoder = new ImageDecoder({
    data,
    type: 'image/jpeg',
    colorSpaceConversion: 'none',
    transfer: [data],
    ...desired,
  });
  try {
    return (await decoder.decode()).image;
  } finally {
    decoder.close();
  }
}

let exactness: Promise<boolean> | undefined;

/**
 * Whether this browser decodes JPEG to planes from which {@link openPlanes} makes the bits that its
 * own conversion makes. Tried once, on a small picture with 4:2:0 sampling, as most photos have:
 * another decoder may interpolate or round in another way.
 */
export function hasExactPlanes(): Promise<boolean> {
  exactness ??= tryPlanes().catch(() => false);
  return exactness;
}

async function tryPlanes(): Promise<boolean> {
  if (typeof ImageDecoder !== 'function') return false;
  const side = 23;
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  // Odd in size, and with edges between saturated colours, which rounding and clamping show in.
  for (let n = 0; context && n < 64; n++) {
    context.fillStyle = `hsl(${n * 47} 100% ${(n * 29) % 100}%)`;
    context.fillRect((n % 8) * 3, (n >> 3) * 3, 3, 3);
  }
  const file = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
  const frame = await decodeFrame(await file.arrayBuffer());
  const planes = frame.format === 'I420' ? openPlanes(frame) : undefined;
  if (!planes) {
    frame.close();
    return false;
  }
  const bitmap = await openBitmap(await createImageBitmap(file, asStored), true, undefined);
  const [pixels, others] = [await readAll(planes), await readAll(bitmap)];
  const swap = bitmap.format.startsWith('B') ? 2 : 0;
  return pixels.every((byte, at) => {
    const channel = at & 3;
    return channel === 3 || byte === others[channel === 1 ? at : at ^ swap];
  });
}

async function readAll(source: PixelSource): Promise<Uint8Array> {
  const { width, height } = source;
  const bytes = new Uint8Array(width * height * 4);
  await source.read({ x: 0, y: 0, width, height }, bytes);
  source.close();
  return bytes;
}
