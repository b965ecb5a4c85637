/** From the crop's pixels to the numbers of the network's input. */

import { float16Bits } from '../../base/float16.js';
import type { ModelInput, Preprocess } from './manifest.js';
import type { PixelImage } from './types.js';

/**
 * Data of an input tensor. `Uint16Array` holds the bits of float16 numbers; numbers of int64 are held
 * as int32 until they are run.
 */
export type TensorData =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Uint8Array
  | Int8Array
  | Int32Array;

/** Writes crops into an input tensor. Made once per model by {@link createTensorWriter}. */
export interface TensorWriter {
  /** Elements that one picture takes: channels × height × width. */
  readonly elements: number;
  /** An empty tensor for `batch` pictures, of the type that the network takes. */
  allocate(batch: number): TensorData;
  /**
   * Writes one picture.
   *
   * @param crop - RGB or grey, of the input's channels and size. A smaller one is written to the top
   *   left, with zeros right and below.
   * @param into - Made by {@link TensorWriter.allocate}; may be used again and again.
   * @param index - Which picture of the batch this is. @default 0
   */
  write(crop: PixelImage, into: TensorData, index?: number): void;
}

/**
 * Prepares the way from bytes to tensor elements, `(byte · scale − mean) / std`: one table of 256
 * entries per channel, computed in double precision and rounded once to the tensor's dtype.
 */
export function createTensorWriter(input: ModelInput, preprocess: Preprocess): TensorWriter {
  const { channels, colorOrder } = input;
  const plane = input.width * input.height;
  const elements = plane * channels;
  // Crops are RGB; `mean` and `std` are in the network's order.
  const tables = elementTables(input, preprocess);
  const from = colorOrder === 'BGR' ? [2, 1, 0] : [0, 1, 2];
  const [step, spread] = input.layout === 'NCHW' ? [1, plane] : [channels, 1];
  return {
    elements,
    allocate: (batch) => newTensor(input.dtype, batch * elements),
    write({ data, width, height }, into, index = 0) {
      // One stretch where the crop is as wide as the input, else a stretch for each row.
      const stretches = width === input.width ? 1 : height;
      const length = data.length / stretches;
      if (width * height < plane) into.fill(0, index * elements, (index + 1) * elements);
      for (const [c, table] of tables.entries()) {
        const start = index * elements + c * spread;
        for (let row = 0; row < stretches; row++) {
          const pixels = data.subarray(row * length, (row + 1) * length);
          const at = start + row * input.width * step;
          fillChannel(pixels, from[c] as number, channels, table, into, at, step);
        }
      }
    },
  };
}

/** What each of the 256 bytes becomes, by channel of the network. */
export function elementTables(input: ModelInput, preprocess: Preprocess): TensorData[] {
  return Array.from({ length: input.channels }, (_, c) => elementTable(input, preprocess, c));
}

function fillChannel(
  pixels: Uint8Array | Uint8ClampedArray,
  offset: number,
  channels: number,
  table: TensorData,
  into: TensorData,
  start: number,
  step: number,
): void {
  let to = start;
  for (let at = offset; at < pixels.length; at += channels) {
    into[to] = table[pixels[at] as number] as number;
    to += step;
  }
}

/** What each of the 256 bytes becomes in channel `c` of the network. */
function elementTable(
  { dtype }: ModelInput,
  { scale = defaultScale(dtype), mean = 0, std = 1 }: Preprocess,
  c: number,
): TensorData {
  const m = typeof mean === 'number' ? mean : (mean[c] as number);
  const s = typeof std === 'number' ? std : (std[c] as number);
  const table = newTensor(dtype, 256);
  for (let byte = 0; byte < 256; byte++) {
    const value = dtype === 'uint8' ? byte : (byte * scale - m) / s;
    table[byte] = elementOf(value, dtype);
  }
  return table;
}

/** See `Preprocess.scale`. */
function defaultScale(dtype: ModelInput['dtype']): number {
  return dtype.startsWith('float') ? 1 / 255 : 1;
}

function elementOf(value: number, dtype: ModelInput['dtype']): number {
  switch (dtype) {
    case 'float16':
      return float16Bits(value);
    case 'int8':
      return within(value, 2 ** 7);
    case 'int32':
    case 'int64':
      return within(value, 2 ** 31);
    default:
      return value;
  }
}

/** Rounded, and kept from `-most` to before `most`. */
function within(value: number, most: number): number {
  return Math.min(Math.max(Math.round(value), -most), most - 1);
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  int64: Int32Array,
};

function newTensor(dtype: ModelInput['dtype'], length: number): TensorData {
  return new arrays[dtype](length);
}
