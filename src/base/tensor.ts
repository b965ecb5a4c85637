/** Tensors, as tasks and the runtime hand them to each other. */
import { float16Value } from './float16.js';

/** Element types of tensors, by ONNX Runtime's names. */
export type TensorType =
  | 'float32'
  | 'float16'
  | 'float64'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool'
  | 'string';

/** The elements of a tensor. `float16` are bits in a `Uint16Array`, `bool` bytes of 0 or 1. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[];

/** What holds the elements, by their type; strings are in an ordinary array. */
export const arrayClasses = {
  float32: Float32Array,
  float16: Uint16Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

/** Types of numbers. */
export type NumberType = keyof typeof arrayClasses;

/** A tensor in memory: its elements in row-major order, as many as the product of `dims`. */
export interface Tensor {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** Tensors by the names of a graph's inputs or outputs. */
export type Tensors = Readonly<Record<string, Tensor>>;

/**
 * An input or output of a graph, as the engine describes it. Unknown sizes are names; what is no
 * tensor has the type `map`.
 */
export interface TensorInfo {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

/** The elements of a tensor of numbers as JavaScript's. */
export function numbersOf({ type, data }: Tensor): ArrayLike<number> {
  if (type === 'float16') return Array.from(data as Uint16Array, float16Value);
  const isWide = data instanceof BigInt64Array || data instanceof BigUint64Array;
  return isWide ? Array.from(data, Number) : (data as ArrayLike<number>);
}
