/**
 * Pillow's resampling of 8-bit pictures, to the last bit.
 *
 * Source: Pillow, `src/libImaging/Resample.c` and, for `nearest`, `src/libImaging/Geometry.c`
 * (`ImagingScaleAffine`). Two passes, horizontal first, each with fixed-point weights and a rounding
 * to 8 bits in between; that rounding is part of the answer. (From 13 on, Pillow goes vertically
 * first where the height shrinks far more than the width, which moves some bytes by one step; the
 * models at hand were trained and tested with the order kept here.)
 *
 * Rows are pushed in bands, from the top, and only those rows and columns are asked for that the
 * window depends on: what is held is one narrow picture of `rows × window.width`.
 */

import type { Size } from './geometry.js';
import type { ResizeFilter } from './manifest.js';
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
   * torch's `antialias=False`. (Their bicubic has another kernel: a = −0.75 for Pillow's −0.5.)
   * Without meaning for `nearest`.
   */
  antialias: boolean;
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
  );
  const order = channels === 1 ? [0] : swap ? [2, 1, 0] : [0, 1, 2];
  const passes = new Passes(columns, rows);
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
