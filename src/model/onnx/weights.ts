/** The numbers of a model's weights, whatever they are stored as. Field numbers are those of `onnx.proto`. */
import { float16Value } from '../../base/float16.js';
import { readAll, readFields, readIntegers, readSigned } from './wire.js';

/** Numbers in row-major order. */
export interface Weights {
  dims: number[];
  values: Float32Array;
}

/** Most numbers of one tensor: 256 MB of float32. */
const mostValues = 2 ** 26;

const decoder = new TextDecoder();

/**
 * Reads initializers of the graph.
 *
 * TensorProto: dims = 1, data_type = 2, float_data = 4, int32_data = 5, name = 8, raw_data = 9,
 * data_location = 14.
 *
 * @returns Those that are found, by name; not those in other files, of more than 2²⁶ numbers, or of a
 *   type that is not read.
 * @throws RangeError when it is no protobuf message.
 */
export function readWeights(model: Uint8Array, names: readonly string[]): Map<string, Weights> {
  const found = new Map<string, Weights>();
  const graph = readFields(readAll(readFields(model), 7)[0] ?? new Uint8Array(0));
  for (const bytes of readAll(graph, 5)) {
    const fields = readFields(bytes);
    const name = decoder.decode(readAll(fields, 8)[0]);
    if (!names.includes(name) || readIntegers(fields, 14)[0] === 1) continue;
    const dims = readSigned(fields, 1);
    const count = dims.reduce((product, size) => product * size, 1);
    if (!(count >= 0 && count <= mostValues)) continue;
    const type = readIntegers(fields, 2)[0] ?? 0;
    const [raw] = readAll(fields, 9);
    const values = raw ? ofRaw(raw, type) : type === 1 ? floatsOf(readAll(fields, 4)) : undefined;
    if (values?.length === count) found.set(name, { dims, values });
  }
  return found;
}

/** Little-endian: FLOAT = 1, UINT8 = 2, INT8 = 3, INT32 = 6, FLOAT16 = 10, DOUBLE = 11. */
function ofRaw(bytes: Uint8Array, type: number): Float32Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const readers: Readonly<Record<number, readonly [number, (at: number) => number]>> = {
    1: [4, (at) => view.getFloat32(at, true)],
    2: [1, (at) => view.getUint8(at)],
    3: [1, (at) => view.getInt8(at)],
    6: [4, (at) => view.getInt32(at, true)],
    10: [2, (at) => float16Value(view.getUint16(at, true))],
    11: [8, (at) => view.getFloat64(at, true)],
  };
  const [size, read] = readers[type] ?? [];
  if (!size || !read) return undefined;
  return Float32Array.from({ length: Math.floor(bytes.length / size) }, (_, at) => read(at * size));
}

function floatsOf(parts: readonly Uint8Array[]): Float32Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return ofRaw(joined, 1) as Float32Array;
}
