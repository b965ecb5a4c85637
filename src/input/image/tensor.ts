/** From the crop's pixels to the numbers of the network's input. */

import { float16Bits } from '../../base/float16.js';
import type { ModelInput, Preprocess } from './manifest.js';
import type { PixelImage } from './types.js';

/** Data of an input tensor. `Uint16Array` holds the bits of float16 numbers. */
export type TensorData = Float32Array | Uint16Array | Uint8Array;

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
  { scale = 1 / 255, mean = 0, std = 1 }: Preprocess,
  c: number,
): TensorData {
  const m = typeof mean === 'number' ? mean : (mean[c] as number);
  const s = typeof std === 'number' ? std : (std[c] as number);
  const table = newTensor(dtype, 256);
  for (let byte = 0; byte < 256; byte++) {
    const value = (byte * scale - m) / s;
    table[byte] = dtype === 'uint8' ? byte : dtype === 'float16' ? float16Bits(value) : value;
  }
  return table;
}

function newTensor(dtype: ModelInput['dtype'], length: number): TensorData {
  switch (dtype) {
    case 'float32':
      return new Float32Array(length);
    case 'float16':
      return new Uint16Array(length);
    case 'uint8':
      return new Uint8Array(length);
  }
}
