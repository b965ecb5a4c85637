/** Which source pixels, with which weights, make each pixel of a resampled axis. */
import type { ResizeFilter } from './manifest.js';

/** Bits after the binary point of a weight: what 32 bits leave beside 8 of pixel and 2 of headroom. */
export const precisionBits = 32 - 8 - 2;
const one = 1 << precisionBits;

/** Sparse weights of one axis: output `i` is `Σ weights[i · size + t] · source[from + first[i] + t]`. */
export interface AxisTaps {
  /** The source pixels that are touched: from here… */
  from: number;
  /** …to before here. */
  to: number;
  /** Per output pixel, the first source pixel, counted from `from`. */
  first: Int32Array;
  /** Per output pixel, how many source pixels. */
  count: Int32Array;
  /** Most source pixels that an output pixel can have. */
  size: number;
  /** Fixed-point, `outputs × size`. */
  weights: Int32Array;
}

/**
 * The weights of one axis.
 *
 * Source: Pillow, `src/libImaging/Resample.c`, `precompute_coeffs` and `normalize_coeffs_8bpc`.
 *
 * @param source - Length of the axis in source pixels.
 * @param resized - Length of the axis after resizing.
 * @param start - First of the resized pixels to compute.
 * @param length - How many of them, at least 1.
 * @param antialias - Whether the kernel widens by the scale when shrinking.
 * @param from - Where in the source, to parts of a pixel, that begins which is resized (Pillow's
 *   `box`). @default 0
 * @param span - How long it is. @default all of it
 */
export function axisTaps(
  source: number,
  resized: number,
  start: number,
  length: number,
  filter: ResizeFilter,
  antialias: boolean,
  from = 0,
  span = source,
): AxisTaps {
  if (filter === 'nearest') return nearestTaps(source, resized, start, length);
  const { support: reach, weight } = kernels[filter];
  const scale = span / resized;
  const widening = antialias ? Math.max(1, scale) : 1;
  const support = reach * widening;
  const size = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(length);
  const count = new Int32Array(length);
  const weights = new Int32Array(length * size);
  const exact = new Float64Array(size);
  const narrowing = 1 / widening;
  for (let i = 0; i < length; i++) {
    const center = from + (start + i + 0.5) * scale;
    const left = Math.max(0, Math.trunc(center - support + 0.5));
    const taps = Math.min(source, Math.trunc(center + support + 0.5)) - left;
    let sum = 0;
    for (let t = 0; t < taps; t++) {
      const w = weight((t + left - center + 0.5) * narrowing);
      exact[t] = w;
      sum += w;
    }
    for (let t = 0; t < taps; t++) {
      const w = (exact[t] as number) / (sum === 0 ? 1 : sum);
      weights[i * size + t] = Math.trunc(w * one + (w < 0 ? -0.5 : 0.5));
    }
    first[i] = left;
    count[i] = taps;
  }
  return shifted(first, count, size, weights);
}

/** Source: Pillow, `src/libImaging/Geometry.c`, `ImagingScaleAffine`. */
function nearestTaps(source: number, resized: number, start: number, length: number): AxisTaps {
  const first = new Int32Array(length);
  const scale = source / resized;
  // Pillow adds the scale up pixel by pixel; a product would round differently.
  let position = scale * 0.5;
  for (let i = 0; i < start + length; i++) {
    if (i >= start) first[i - start] = Math.min(source - 1, Math.trunc(position));
    position += scale;
  }
  return shifted(first, new Int32Array(length).fill(1), 1, new Int32Array(length).fill(one));
}

/** Counts `first` from the first source pixel that is touched at all. */
function shifted(
  first: Int32Array,
  count: Int32Array,
  size: number,
  weights: Int32Array,
): AxisTaps {
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (const [i, at] of first.entries()) {
    from = Math.min(from, at);
    to = Math.max(to, at + (count[i] ?? 0));
  }
  return { from, to, first: first.map((at) => at - from), count, size, weights };
}

interface Kernel {
  /** Beyond this distance from the centre the weight is zero. */
  support: number;
  weight(x: number): number;
}

const kernels: Record<Exclude<ResizeFilter, 'nearest'>, Kernel> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    weight(x) {
      if (x === 0) return 1;
      if (Math.abs(x) >= 1) return 0;
      const t = Math.abs(x) * Math.PI;
      // Pillow writes these two constants as C floats.
      return (Math.sin(t) / t) * (Math.fround(0.54) + Math.fround(0.46) * Math.cos(t));
    },
  },
  bicubic: {
    support: 2,
    weight(x) {
      const a = -0.5;
      const t = Math.abs(x);
      if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
      return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function sinc(x: number): number {
  if (x === 0) return 1;
  const t = x * Math.PI;
  return Math.sin(t) / t;
}
