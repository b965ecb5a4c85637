/**
 * Pillow's resampling of 8-bit pictures, to the last bit.
 *
 * Source: Pillow, `src/libImaging/Resample.c` and, for `nearest`, `src/libImaging/Geometry.c`
 * (`ImagingScaleAffine`). Two passes, horizontal first, each with fixed-point weights and a rounding
 * to 8 bits in between; that rounding, and so the order, is part of the answer. Up to version 12
 * Pillow goes vertically first only for pictures that are more than 100 times as high as wide
 * (`Image.resize`); from 13 on wherever the height loses more than twice as many pixels as the width
 * (`ImagingResampleInner`), also where the width stays or grows. The bytes then differ by a step here
 * and there. `reference` says which; nearly all published models were trained with the former.
 *
 * torch resizes bytes in the same way, with weights of 16 bits, and always horizontally first.
 *
 * Without antialiasing, and as OpenCV does it, nothing is rounded in between
 * (`modules/imgproc/src/resize.cpp`).
 *
 * Rows are pushed in bands, from the top, and only those rows and columns are asked for that the
 * window depends on: what is held is one narrow picture of `rows × window.width`.
 */

import type { Size } from './geometry.js';
import { type HeldOrder, HeldPasses } from './held-passes.js';
import type { ResizeFilter, ResizeReference } from './manifest.js';
import { Passes } from './passes.js';
import { axisTaps } from './taps.js';
import type { PixelImage, PixelRect } from './types.js';

/** What {@link createResampler} needs to know. Lengths are in pixels. */
export interface ResampleOptions {
  /** Size of the whole picture. */
  source: Size;
  /** The part of it, to parts of a pixel, that becomes the whole result. @default all of it */
  box?: PixelRect;
  /** Size of the whole result. */
  resized: Size;
  /** The part of the result to compute: within `resized`, not empty. */
  window: PixelRect;
  filter: ResizeFilter;
  /**
   * `true` widens the kernel by the scale when shrinking, as Pillow does. `false` leaves it as it
   * is, with half-pixel centres: for `bilinear` within one step of OpenCV's `INTER_LINEAR` and of
   * torch's `antialias=False`. Without meaning for `nearest`.
   */
  antialias: boolean;
  /** See `ResizeKernel.reference`. @default 'pillow-12' */
  reference?: ResizeReference;
  /** 3: the first three bytes of a pixel. 1: the first one. */
  channels: 1 | 3;
  /** Whether three channels come as BGR and are to leave as RGB. @default false */
  swap?: boolean;
}

/** A resampling under way. */
export interface Resampler {
  /** The pixels that the window depends on. */
  readonly needs: PixelRect;
  /**
   * Where the next rows of `needs` are to be written: `rows × needs.width × 4` bytes. Valid until
   * the next call.
   */
  band(rows: number): Uint8Array<ArrayBuffer>;
  /** Takes the first `rows` rows of {@link band}. */
  push(rows: number): void;
  /** The window, once all rows of `needs` were pushed. */
  finish(): PixelImage;
  /** Gives the memory back. No other call afterwards. */
  close(): void;
}

/** Starts a resampling. */
export function createResampler(options: ResampleOptions): Resampler {
  const { source, resized, window, filter, antialias, channels, swap = false } = options;
  const { reference = 'pillow-12' } = options;
  const { x, y, width, height } = options.box ?? { x: 0, y: 0, ...source };
  const columns = axisTaps(
    source.width,
    resized.width,
    window.x,
    window.width,
    filter,
    antialias,
    x,
    width,
    reference,
  );
  const rows = axisTaps(
    source.height,
    resized.height,
    window.y,
    window.height,
    filter,
    antialias,
    y,
    height,
    reference,
  );
  const order = channels === 1 ? [0] : swap ? [2, 1, 0] : [0, 1, 2];
  const held = heldOrder(options);
  const passes = held ? new HeldPasses(columns, rows, held) : new Passes(columns, rows);
  return {
    needs: {
      x: columns.from,
      y: rows.from,
      width: columns.to - columns.from,
      height: rows.to - rows.from,
    },
    band: (count) => passes.band(count),
    push: (count) => passes.horizontal(count),
    finish: () => ({
      data: passes.vertical(order),
      width: window.width,
      height: window.height,
      channels,
    }),
    close: () => passes.release(),
  };
}

/** How a resampling differs from Pillow's usual way, if it does. */
export function heldOrder({
  source,
  resized,
  filter,
  reference = 'pillow-12',
}: Pick<ResampleOptions, 'source' | 'resized' | 'filter' | 'reference'>): HeldOrder | undefined {
  if (filter === 'nearest') return undefined;
  if (reference === 'opencv') return filter === 'bilinear' ? 'opencv-linear' : 'unrounded';
  if (reference === 'torch') return undefined;
  const lost = source.height - resized.height;
  const isTall =
    reference === 'pillow-13'
      ? lost > 2 * (source.width - resized.width)
      : source.height > 100 * source.width;
  return lost > 0 && isTall ? 'vertical-first' : undefined;
}
