/** What does this graph make of these tensors? The page's half. */

import { TabserveError } from '../../base/errors.js';
import { shown } from '../../base/shown.js';
import type { Tensor, TensorData, TensorType } from '../../base/tensor.js';
import type { PageTask } from '../task.js';
import type { TensorPayload } from './types.js';

/** A tensor, as a caller gives it. */
export interface TensorInput {
  /** The elements, in row-major order. */
  readonly data: TensorData | readonly string[];
  /** The size of each dimension; a product of as many as there are elements. */
  readonly dims: readonly number[];
  /**
   * What the elements are. A `Uint16Array` holds the bits of float16, a `Uint8Array` of 0 and 1 bool,
   * only where this says so.
   * @default what the array is of: a `BigInt64Array` is int64, strings are string
   */
  readonly type?: TensorType;
}

/** Tensors by the names of the graph's inputs. */
export type TensorSource = Readonly<Record<string, TensorInput>>;

const types: readonly (readonly [abstract new (...args: never[]) => TensorData, TensorType])[] = [
  [Float32Array, 'float32'],
  [Float64Array, 'float64'],
  [Int8Array, 'int8'],
  [Uint8Array, 'uint8'],
  [Int16Array, 'int16'],
  [Uint16Array, 'uint16'],
  [Int32Array, 'int32'],
  [Uint32Array, 'uint32'],
  [BigInt64Array, 'int64'],
  [BigUint64Array, 'uint64'],
];

/** Named tensors, copied at the call. */
export const tensorPage: PageTask<TensorSource, TensorPayload> = {
  name: 'tensor',
  pack: 'tensor',
  isLasting: () => false,
  capture: async (source) => capturedTensors(source),
  expectedBytes: (source) => sizeOf(Object.values(source ?? {})),
  transfer: (payload) => Object.values(payload).flatMap(buffersOf),
  bytes: (payload) => sizeOf(Object.values(payload)),
  copy: (payload) => capturedTensors(payload),
  close: () => undefined,
};

/** @throws TabserveError `invalid-argument`, naming the input. */
function capturedTensors(source: TensorSource): TensorPayload {
  if (typeof source !== 'object' || source === null || Array.isArray(source)) {
    throw wrong(
      'run()',
      source,
      'an object with a tensor for each input, { name: { data, dims } }',
    );
  }
  return Object.fromEntries(
    Object.entries(source).map(([name, tensor]) => [name, capturedTensor(name, tensor)]),
  );
}

function capturedTensor(name: string, tensor: TensorInput): Tensor {
  const { data, dims, type: given } = (tensor ?? {}) as Partial<TensorInput>;
  const where = `the input "${name}"`;
  const isText = Array.isArray(data) && data.every((each) => typeof each === 'string');
  const [, found] = types.find(([made]) => data instanceof made) ?? [null, isText && 'string'];
  if (!data || !found) {
    throw wrong(where, data, 'a typed array or strings as "data"');
  }
  const isSize = (size: unknown) => Number.isInteger(size) && (size as number) >= 0;
  if (!Array.isArray(dims) || dims.length > 16 || !dims.every(isSize)) {
    throw wrong(where, dims, 'up to 16 whole numbers as "dims"');
  }
  const count = dims.reduce((product, size) => product * size, 1);
  if (count !== data.length) {
    throw wrong(where, `${data.length} elements`, `${count}, for [${dims.join(', ')}]`);
  }
  const type = given ?? found;
  const isBits =
    (type === 'float16' && found === 'uint16') || (type === 'bool' && found === 'uint8');
  if (type !== found && !isBits) {
    throw wrong(where, `elements of ${found}`, `some that fit its type, ${String(type)}`);
  }
  return { type, dims: [...dims], data: data.slice() as TensorData };
}

function buffersOf({ data }: Tensor): Transferable[] {
  return 'buffer' in data ? [data.buffer] : [];
}

function sizeOf(tensors: readonly Pick<TensorInput, 'data'>[]): number {
  return tensors.reduce((sum, tensor) => {
    const data = tensor?.data;
    return sum + (data && 'byteLength' in data ? data.byteLength : 0);
  }, 0);
}

function wrong(where: string, found: unknown, expected: string): TabserveError {
  const what = typeof found === 'string' ? found : shown(found, 80);
  return new TabserveError(
    'invalid-argument',
    `For ${where} there is ${what}; expected ${expected}.`,
    { details: { expected } },
  );
}
