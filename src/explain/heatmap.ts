/** Heat maps: numbers for places of a picture, and what they look like over it. */
import type { ImageOrigin } from '../input/image/inverse.js';

/** A number for each place of what the network saw, in rows from the top left. */
export interface Heatmap {
  readonly width: number;
  readonly height: number;
  /** `width · height` of them. What they mean depends on the method. */
  readonly data: Float32Array;
}

/** A part of a picture, in its pixels, which need not be whole, and may lie beyond its edges. */
export interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** How a map is laid over its picture. */
export interface OverlayOptions {
  /** Pixels of the longer side. @default 512 */
  size?: number;
  /** Of the greatest number, 0…1. @default 0.7 */
  opacity?: number;
}

/** Which part of the picture the network's input shows: that of its map too. */
export function regionOf({ x, y }: ImageOrigin, input: { width: number; height: number }): Region {
  return {
    x: x.to - x.from * x.scale,
    y: y.to - y.from * y.scale,
    width: input.width * x.scale,
    height: input.height * y.scale,
  };
}

/**
 * The map as shares of its greatest number: what speaks against the class is 0.
 *
 * @param isSigned - Whether 0 means nothing. Else the least number does.
 */
export function normalised({ width, height, data }: Heatmap, isSigned: boolean): Heatmap {
  const least = isSigned ? 0 : data.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const greatest = data.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const range = greatest - least;
  const share = (value: number) => (range > 0 ? Math.max(0, (value - least) / range) : 0);
  return { width, height, data: data.map(share) };
}

/** The map at another size, bilinearly between the middles of its places. */
export function resized({ width, height, data }: Heatmap, to: Omit<Heatmap, 'data'>): Heatmap {
  const along = (from: number, length: number) =>
    Array.from({ length }, (_, at) => {
      const place = Math.max(0, Math.min(from - 1, ((at + 0.5) * from) / length - 0.5));
      const low = Math.floor(place);
      return { low, high: Math.min(from - 1, low + 1), share: place - low };
    });
  const columns = along(width, to.width);
  const result = new Float32Array(to.width * to.height);
  for (const [y, row] of along(height, to.height).entries()) {
    for (const [x, column] of columns.entries()) {
      const at = (r: number, c: number) => data[r * width + c] as number;
      const above =
        at(row.low, column.low) * (1 - column.share) + at(row.low, column.high) * column.share;
      const below =
        at(row.high, column.low) * (1 - column.share) + at(row.high, column.high) * column.share;
      result[y * to.width + x] = above * (1 - row.share) + below * row.share;
    }
  }
  return { width: to.width, height: to.height, data: result };
}

/** Colours of shares from 0 to 1: matplotlib's `inferno` at six places, which is even in lightness. */
const colours: readonly (readonly [number, number, number])[] = [
  [0, 0, 4],
  [66, 10, 104],
  [147, 38, 103],
  [221, 81, 58],
  [252, 165, 10],
  [252, 255, 164],
];

/**
 * The map's shares as pixels, the less the more transparent.
 *
 * @param map - Of 0…1.
 * @returns RGBA, not premultiplied.
 */
export function painted(map: Heatmap, opacity: number): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * map.data.length);
  for (const [at, share] of map.data.entries()) {
    const place = share * (colours.length - 1);
    const low = Math.min(colours.length - 2, Math.floor(place));
    const rest = place - low;
    for (let channel = 0; channel < 3; channel++) {
      const one = colours[low]?.[channel] ?? 0;
      const other = colours[low + 1]?.[channel] ?? 0;
      pixels[4 * at + channel] = one + (other - one) * rest;
    }
    pixels[4 * at + 3] = 255 * opacity * share;
  }
  return pixels;
}

/**
 * A picture to be laid over the whole of what was looked at: transparent where the network saw nothing,
 * or nothing that speaks for the class.
 *
 * @param map - Of 0…1, for `region`.
 * @param shown - What was looked at: the picture, or what was cut out of it.
 * @returns Of the same ratio of sides. The caller's to close.
 */
export async function overlay(
  map: Heatmap,
  region: Region,
  shown: Region,
  { size = 512, opacity = 0.7 }: OverlayOptions = {},
): Promise<ImageBitmap> {
  const scale = size / Math.max(shown.width, shown.height);
  const side = (length: number) => Math.max(1, Math.round(length * scale));
  const canvas = new OffscreenCanvas(side(shown.width), side(shown.height));
  const pixels = new ImageData(painted(map, opacity), map.width, map.height);
  const small = await createImageBitmap(pixels);
  const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
  context.imageSmoothingQuality = 'high';
  context.drawImage(
    small,
    (region.x - shown.x) * scale,
    (region.y - shown.y) * scale,
    region.width * scale,
    region.height * scale,
  );
  small.close();
  return canvas.transferToImageBitmap();
}
