/**
 * The two inner loops of resampling, on plain bytes. Nearly all of the time that preprocessing
 * takes beside the decoder is spent here, hence the flat loops.
 *
 * Source: Pillow, `src/libImaging/Resample.c`, `ImagingResampleHorizontal_8bpc` and
 * `ImagingResampleVertical_8bpc`.
 */
import { type AxisTaps, precisionBits } from './taps.js';

const half = 1 << (precisionBits - 1);

/**
 * Resamples rows of four-byte pixels horizontally, the first three bytes of each.
 *
 * @param band - `rows × width` pixels; the first column is the taps' `from`. A pixel is read as one
 *   little-endian number, which is a quarter faster than three bytes.
 * @param swap - Whether to write the third byte first: BGR to RGB.
 * @param into - `rows × outputs × 3` bytes.
 */
export function horizontalPass(
  band: Int32Array,
  width: number,
  rows: number,
  { first, count, size, weights }: AxisTaps,
  swap: boolean,
  into: Uint8Array,
): void {
  const outputs = first.length;
  const toFirst = swap ? 2 : 0;
  const toThird = 2 - toFirst;
  let to = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < outputs; x++) {
      let a = half;
      let b = half;
      let c = half;
      let at = y * width + (first[x] as number);
      const begin = x * size;
      const end = begin + (count[x] as number);
      for (let t = begin; t < end; t++) {
        const weight = weights[t] as number;
        const pixel = band[at++] as number;
        a = (a + Math.imul(pixel & 255, weight)) | 0;
        b = (b + Math.imul((pixel >> 8) & 255, weight)) | 0;
        c = (c + Math.imul((pixel >> 16) & 255, weight)) | 0;
      }
      into[to + toFirst] = clip8(a);
      into[to + 1] = clip8(b);
      into[to + toThird] = clip8(c);
      to += 3;
    }
  }
}

/** {@link horizontalPass} for the first byte alone. `into` has `rows × outputs` bytes. */
export function horizontalPassGrey(
  band: Int32Array,
  width: number,
  rows: number,
  { first, count, size, weights }: AxisTaps,
  into: Uint8Array,
): void {
  const outputs = first.length;
  let to = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < outputs; x++) {
      let sum = half;
      let at = y * width + (first[x] as number);
      const begin = x * size;
      const end = begin + (count[x] as number);
      for (let t = begin; t < end; t++) {
        sum = (sum + Math.imul((band[at++] as number) & 255, weights[t] as number)) | 0;
      }
      into[to++] = clip8(sum);
    }
  }
}

/**
 * Resamples vertically.
 *
 * @param image - Rows of `stride` bytes; the first is the taps' `from`.
 * @returns `outputs × stride` bytes.
 */
export function verticalPass(
  image: Uint8Array,
  stride: number,
  { first, count, size, weights }: AxisTaps,
): Uint8Array {
  const outputs = first.length;
  const result = new Uint8Array(outputs * stride);
  const sums = new Int32Array(stride);
  for (let y = 0; y < outputs; y++) {
    sums.fill(half);
    let at = (first[y] as number) * stride;
    const begin = y * size;
    const end = begin + (count[y] as number);
    for (let t = begin; t < end; t++) {
      const weight = weights[t] as number;
      for (let x = 0; x < stride; x++) {
        sums[x] = (sums[x] as number) + Math.imul(image[at++] as number, weight);
      }
    }
    const to = y * stride;
    for (let x = 0; x < stride; x++) result[to + x] = clip8(sums[x] as number);
  }
  return result;
}

/** A fixed-point sum as a byte. */
function clip8(sum: number): number {
  return Math.min(255, Math.max(0, sum >> precisionBits));
}
