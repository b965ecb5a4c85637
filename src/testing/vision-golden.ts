/** For tests: tensors and pictures' sizes of `e2e/vision/golden`, which Python libraries made. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tensor, TensorType } from '../base/tensor.js';

/** A tensor in a JSON file. */
export interface PackedTensor {
  type: string;
  dims: number[];
  /** Base64 of the elements, little-endian. */
  data: string;
}

/** The pictures that all cases are of. */
export const pictureSizes = {
  wide: { width: 157, height: 113 },
  tall: { width: 90, height: 141 },
} as const;

const arrays = {
  float32: Float32Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  int64: BigInt64Array,
} as const;

/** A tensor as the engine gives it. */
export function unpacked({ type, dims, data }: PackedTensor): Tensor {
  const { buffer } = Uint8Array.from(Buffer.from(data, 'base64'));
  return { type: type as TensorType, dims, data: new arrays[type as keyof typeof arrays](buffer) };
}

/** A golden file. */
export function golden<T>(name: string): T {
  const path = join(import.meta.dirname, '../../e2e/vision/golden', name);
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}
