/** Pictures as the network takes them, with parts of them hidden. */
import { float16Bits } from '../../base/float16.js';
import { numbersOf, type Tensor } from '../../base/tensor.js';
import type { Area } from './masks.js';
import type { Baseline } from './types.js';

/** How the numbers of a picture lie in memory. */
export interface PixelLayout extends Area {
  readonly layout: 'NCHW' | 'NHWC';
  readonly channels: number;
}

/** A picture, of which parts can be hidden. */
export interface MaskablePicture {
  /**
   * @param mask - `[height, width]`: 1 keeps a pixel, 0 hides it, what is between mixes.
   * @param into - Gets the picture's numbers.
   */
  masked(mask: Float32Array, into: Float32Array): void;
  /** How many numbers a picture has. */
  readonly length: number;
}

/** @param pixels - Those of one picture. */
export function maskable(
  pixels: ArrayLike<number>,
  size: PixelLayout,
  baseline: Baseline,
): MaskablePicture {
  const { width, height, channels, layout } = size;
  const plane = width * height;
  const [ofPixel, ofChannel] = layout === 'NCHW' ? [1, plane] : [channels, 1];
  const other = baselineOf(pixels, size, ofPixel, ofChannel, baseline);
  return {
    length: channels * plane,
    masked(mask, into) {
      for (let channel = 0; channel < channels; channel++) {
        for (let at = 0; at < plane; at++) {
          const index = at * ofPixel + channel * ofChannel;
          const kept = mask[at] as number;
          const hidden = other?.[index] ?? 0;
          into[index] = hidden + kept * ((pixels[index] as number) - hidden);
        }
      }
    },
  };
}

/** What is seen where the picture is hidden; `undefined` for zeros. */
function baselineOf(
  pixels: ArrayLike<number>,
  { width, height, channels }: PixelLayout,
  ofPixel: number,
  ofChannel: number,
  baseline: Baseline,
): Float32Array | undefined {
  if (baseline === 'zero') return undefined;
  const plane = width * height;
  const other = new Float32Array(channels * plane);
  for (let channel = 0; channel < channels; channel++) {
    const values = Float32Array.from(
      { length: plane },
      (_, at) => pixels[at * ofPixel + channel * ofChannel] as number,
    );
    const shown =
      baseline === 'mean' ? values.fill(meanOf(values)) : blurred(values, width, height);
    for (let at = 0; at < plane; at++) {
      other[at * ofPixel + channel * ofChannel] = shown[at] as number;
    }
  }
  return other;
}

function meanOf(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Three passes of a box are nearly a Gaussian: here of about an eleventh of the longer side. */
function blurred(values: Float32Array, width: number, height: number): Float32Array {
  const radius = Math.max(1, Math.round(Math.max(width, height) / 22));
  let image = values;
  for (let pass = 0; pass < 3; pass++) {
    image = boxes(image, width, height, 1, width, radius);
    image = boxes(image, height, width, width, 1, radius);
  }
  return image;
}

/** Means of boxes along one axis; outside of the picture is what its edge shows. */
function boxes(
  values: Float32Array,
  length: number,
  lines: number,
  step: number,
  stepOfLine: number,
  radius: number,
): Float32Array {
  const result = new Float32Array(values.length);
  for (let line = 0; line < lines; line++) {
    const at = (place: number) =>
      values[line * stepOfLine + Math.min(length - 1, Math.max(0, place)) * step] as number;
    let sum = 0;
    for (let place = -radius; place <= radius; place++) sum += at(place);
    for (let place = 0; place < length; place++) {
      result[line * stepOfLine + place * step] = sum / (2 * radius + 1);
      sum += at(place + radius + 1) - at(place - radius);
    }
  }
  return result;
}

/** Numbers as the elements of a tensor of this type; whole numbers are rounded and kept in range. */
export function elementsOf(numbers: Float32Array, type: Tensor['type']): Tensor['data'] {
  switch (type) {
    case 'float32':
      return numbers;
    case 'float64':
      return Float64Array.from(numbers);
    case 'float16':
      return Uint16Array.from(numbers, float16Bits);
    case 'uint8':
      return clampedBytes(numbers);
    case 'int8':
      return Int8Array.from(numbers, (each) => Math.max(-128, Math.min(127, Math.round(each))));
    case 'int32':
      return Int32Array.from(numbers, Math.round);
    case 'int64':
      return BigInt64Array.from(Array.from(numbers, (each) => BigInt(Math.round(each))));
    default:
      throw new RangeError(`There are no pictures of ${type}.`);
  }
}

function clampedBytes(numbers: Float32Array): Uint8Array {
  const { buffer } = Uint8ClampedArray.from(numbers);
  return new Uint8Array(buffer);
}

/** The numbers of the first picture of a tensor. */
export function firstPicture(tensor: Tensor, { width, height, channels }: PixelLayout) {
  const length = width * height * channels;
  const numbers = numbersOf(tensor);
  return numbers.length === length ? numbers : Array.prototype.slice.call(numbers, 0, length);
}
