/** Which source pixels, with which weights, make each pixel of a resampled axis. */
import type { ResizeFilter, ResizeReference } from './manifest.js';

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
 * @param reference - Whose weights; both of Pillow's versions have the same. @default 'pillow-12'
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
  reference: ResizeReference = 'pillow-12',
): AxisTaps {
  if (reference === 'opencv') {
    return openCvTaps(source, resized, start, length, filter, from, span);
  }
  if (filter === 'nearest') {
    return reference === 'torch'
      ? nearestExactTaps(source, resized, start, length)
      : nearestTaps(source, resized, start, length);
  }
  const kernel = { kernel: kernels[filter], source, resized, antialias, from, span };
  const { size, at } = pillowWeights(kernel);
  const step = reference === 'torch' ? torchStep(kernel) : 1;
  const first = new Int32Array(length);
  const count = new Int32Array(length);
  const weights = new Int32Array(length * size);
  for (let i = 0; i < length; i++) {
    const { left, exact } = at(start + i);
    for (const [t, w] of exact.entries()) {
      weights[i * size + t] = Math.trunc((w * one) / step + (w < 0 ? -0.5 : 0.5)) * step;
    }
    first[i] = left;
    count[i] = exact.length;
  }
  return shifted(first, count, size, weights);
}

/** A resampling of one axis; lengths as {@link axisTaps} has them. */
interface AxisKernel {
  kernel: Kernel;
  source: number;
  resized: number;
  antialias: boolean;
  from: number;
  span: number;
}

/** The weights of one resized pixel after another; `exact` is valid until the next call. */
function pillowWeights({ kernel, source, resized, antialias, from, span }: AxisKernel): {
  size: number;
  at(pixel: number): { left: number; exact: Float64Array };
} {
  const { support: reach, weight } = kernel;
  const scale = span / resized;
  const widening = antialias ? Math.max(1, scale) : 1;
  const support = reach * widening;
  const size = Math.ceil(support) * 2 + 1;
  const all = new Float64Array(size);
  const narrowing = 1 / widening;
  return {
    size,
    at(pixel) {
      const center = from + (pixel + 0.5) * scale;
      const left = Math.max(0, Math.trunc(center - support + 0.5));
      const exact = all.subarray(0, Math.min(source, Math.trunc(center + support + 0.5)) - left);
      let sum = 0;
      for (let t = 0; t < exact.length; t++) {
        const w = weight((t + left - center + 0.5) * narrowing);
        exact[t] = w;
        sum += w;
      }
      if (sum !== 0) for (let t = 0; t < exact.length; t++) exact[t] = (exact[t] as number) / sum;
      return { left, exact };
    },
  };
}

/**
 * The step of torch's weights for bytes, in units of Pillow's: 16 bits hold the largest of the axis,
 * so that the fewer pixels share it, the coarser they are. The arithmetic is Pillow's otherwise.
 *
 * Source: PyTorch, `aten/src/ATen/native/cpu/UpSampleKernel.cpp`,
 * `compute_index_ranges_int16_weights`.
 */
function torchStep(kernel: AxisKernel): number {
  const { at } = pillowWeights(kernel);
  let largest = 0;
  for (let pixel = 0; pixel < kernel.resized; pixel++) {
    for (const w of at(pixel).exact) largest = Math.max(largest, w);
  }
  let precision = 0;
  while (precision < 22 && Math.trunc(0.5 + largest * 2 ** (precision + 1)) < 1 << 15) precision++;
  return 2 ** (precisionBits - precision);
}

/** Source: PyTorch, `nearest_exact_idx` of the same file, in single precision. */
function nearestExactTaps(
  source: number,
  resized: number,
  start: number,
  length: number,
): AxisTaps {
  const scale = Math.fround(source / resized);
  const first = Int32Array.from({ length }, (_, i) =>
    Math.min(source - 1, Math.floor(Math.fround((start + i + 0.5) * scale))),
  );
  return shifted(first, new Int32Array(length).fill(1), 1, new Int32Array(length).fill(one));
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

/**
 * The weights of `INTER_NEAREST`, `INTER_LINEAR` and `INTER_CUBIC`: a = −0.75, coordinates in single
 * precision, pixels beyond the edge those of the edge. Other filters, which OpenCV lacks, are taken for
 * linear.
 *
 * Source: OpenCV 5, `modules/imgproc/src/resize.cpp`, to the byte but for ties (of noise, 9 of 7,149
 * bytes were one step off, where it adds up in single precision). (OpenCV 4 rounds cubic weights to 11
 * bits, which moves a few bytes by one step.) torch's `interpolate` without antialias is the same.
 */
function openCvTaps(
  source: number,
  resized: number,
  start: number,
  length: number,
  filter: ResizeFilter,
  from: number,
  span: number,
): AxisTaps {
  const scale = span / resized;
  const reach = filter === 'bicubic' ? 2 : 1;
  const size = filter === 'nearest' ? 1 : 2 * reach;
  const first = new Int32Array(length);
  const count = new Int32Array(length).fill(1);
  const weights = new Int32Array(length * size);
  for (let i = 0; i < length; i++) {
    if (filter === 'nearest') {
      first[i] = Math.min(source - 1, Math.floor(from + (start + i) * scale));
      weights[i] = one;
      continue;
    }
    const at = Math.fround(from + (start + i + 0.5) * scale - 0.5);
    const floor = Math.floor(at);
    const rest = Math.fround(at - floor);
    const coefficients = filter === 'bicubic' ? cubic(rest) : [1 - rest, rest];
    const left = Math.min(source - 1, Math.max(0, floor - reach + 1));
    first[i] = left;
    count[i] = Math.min(source - 1, Math.max(left, floor + reach)) - left + 1;
    for (const [t, coefficient] of coefficients.entries()) {
      const pixel = Math.min(source - 1, Math.max(0, floor - reach + 1 + t));
      const slot = i * size + pixel - left;
      weights[slot] = (weights[slot] as number) + Math.round(coefficient * one);
    }
  }
  return shifted(first, count, size, weights);
}

/** OpenCV's `interpolateCubic`. */
function cubic(x: number): number[] {
  const a = -0.75;
  const outer = (t: number) => ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
  const inner = (t: number) => ((a + 2) * t - (a + 3)) * t * t + 1;
  const weights = [outer(x + 1), inner(x), inner(1 - x)].map(Math.fround);
  return [...weights, 1 - weights.reduce((sum, weight) => sum + weight, 0)];
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
