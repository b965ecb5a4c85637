/** The protocol's datatypes: their names, their elements in JSON, and their bytes. */
import type { Tensor, TensorData, TensorType } from '../../base/tensor.js';
import { ServerError } from '../http/errors.js';
import { type Json, shown } from './json.js';

/** A datatype that tensors can have here. */
interface Datatype {
  readonly type: TensorType;
  /** Of one element; 0 for `BYTES`, whose elements bring their own length. */
  readonly bytes: number;
  readonly array: { new (buffer: ArrayBuffer): Exclude<TensorData, readonly string[]> } | null;
}

const datatypes = {
  BOOL: { type: 'bool', bytes: 1, array: Uint8Array },
  UINT8: { type: 'uint8', bytes: 1, array: Uint8Array },
  UINT16: { type: 'uint16', bytes: 2, array: Uint16Array },
  UINT32: { type: 'uint32', bytes: 4, array: Uint32Array },
  UINT64: { type: 'uint64', bytes: 8, array: BigUint64Array },
  INT8: { type: 'int8', bytes: 1, array: Int8Array },
  INT16: { type: 'int16', bytes: 2, array: Int16Array },
  INT32: { type: 'int32', bytes: 4, array: Int32Array },
  INT64: { type: 'int64', bytes: 8, array: BigInt64Array },
  FP16: { type: 'float16', bytes: 2, array: Uint16Array },
  FP32: { type: 'float32', bytes: 4, array: Float32Array },
  FP64: { type: 'float64', bytes: 8, array: Float64Array },
  BYTES: { type: 'string', bytes: 0, array: null },
} as const satisfies Readonly<Record<string, Datatype>>;

/** The name of a datatype. */
export type DatatypeName = keyof typeof datatypes;

/**
 * The datatype of a request.
 *
 * @param where - What messages call its field.
 * @throws ServerError 400 for what is none.
 */
export function datatypeNamed(name: Json | undefined, input: string, where: string): DatatypeName {
  if (typeof name === 'string' && Object.hasOwn(datatypes, name)) return name as DatatypeName;
  const there = Object.keys(datatypes).join(', ');
  if (typeof name !== 'string')
    throw new ServerError(400, `"${where}" is ${shown(name)}; it has to be one of ${there}.`);
  const why = name === 'BF16' ? 'which the engine has no tensors of' : 'which is none';
  throw new ServerError(
    400,
    `The datatype of the input "${input}" is ${shown(name)}, ${why}; there are ${there}.`,
  );
}

/** The protocol's name of an engine's type; `undefined` for what no tensor here can have. */
export function datatypeOf(type: string): DatatypeName | undefined {
  return (Object.keys(datatypes) as DatatypeName[]).find((name) => datatypes[name].type === type);
}

/** A tensor of elements that were counted already. */
export function tensorOf(name: DatatypeName, dims: readonly number[], data: TensorData): Tensor {
  return { type: datatypes[name].type, dims, data };
}

/** The range of whole numbers, by datatype. */
const ranges: Partial<Readonly<Record<DatatypeName, readonly [bigint, bigint]>>> = {
  UINT8: [0n, 255n],
  UINT16: [0n, 65_535n],
  UINT32: [0n, 2n ** 32n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
  INT8: [-128n, 127n],
  INT16: [-32_768n, 32_767n],
  INT32: [-(2n ** 31n), 2n ** 31n - 1n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
};

/**
 * Elements as JSON has them, as many as they should be.
 *
 * @throws ServerError 400, with the element's place, what was found and what was expected.
 */
export function elementsFromJson(
  name: DatatypeName,
  values: readonly Json[],
  input: string,
): TensorData {
  const wrong = (index: number, expected: string) =>
    new ServerError(
      400,
      `Element ${index} of the input "${input}" is ${shown(values[index])}; ${name} takes ${expected}.`,
    );
  const { array } = datatypes[name];
  if (name === 'FP16') {
    throw new ServerError(
      400,
      `FP16 cannot be sent as JSON; send the input "${input}" in the binary data format.`,
    );
  }
  if (array === null) {
    values.forEach((value, index) => {
      // Half of a surrogate pair has no UTF-8, and would become another character in the engine.
      if (typeof value !== 'string' || /\p{Surrogate}/u.test(value))
        throw wrong(index, 'strings that UTF-8 can say');
    });
    return values as readonly string[];
  }
  const data = new array(new ArrayBuffer(values.length * datatypes[name].bytes));
  const range = ranges[name];
  for (const [index, value] of values.entries()) {
    if (name === 'BOOL') {
      if (value !== true && value !== false && value !== 0 && value !== 1)
        throw wrong(index, 'true or false');
      data[index] = Number(value);
    } else if (range) {
      const [least, most] = range;
      const isWhole = typeof value === 'bigint' || Number.isInteger(value);
      if (!isWhole || (value as number) < least || (value as number) > most)
        throw wrong(index, `whole numbers from ${least} to ${most}`);
      if (data instanceof BigInt64Array || data instanceof BigUint64Array)
        data[index] = BigInt(value as number | bigint);
      else data[index] = Number(value);
    } else {
      if (typeof value !== 'number' && typeof value !== 'bigint') throw wrong(index, 'numbers');
      data[index] = Number(value);
    }
  }
  return data;
}

/**
 * Elements out of a request's binary part.
 *
 * @param count - How many there are to be.
 * @throws ServerError 400 where the bytes are not as many, or no text.
 */
export function elementsFromBytes(
  name: DatatypeName,
  bytes: Uint8Array,
  count: number,
  input: string,
): TensorData {
  const { array, bytes: size } = datatypes[name];
  if (array === null) return textsFromBytes(bytes, count, input);
  if (bytes.length !== count * size) {
    throw new ServerError(
      400,
      `The input "${input}" has ${bytes.length} bytes; the ${count} elements of its shape have ${count * size} as ${name}.`,
    );
  }
  // The header in front may have any length: the bytes have to begin at a border of elements.
  const data = new array(bytes.slice().buffer);
  if (name === 'BOOL') {
    const wrong = bytes.findIndex((byte) => byte > 1);
    if (wrong >= 0) {
      throw new ServerError(
        400,
        `Element ${wrong} of the input "${input}" is the byte ${bytes[wrong]}; BOOL takes 0 and 1.`,
      );
    }
  }
  return data;
}

function textsFromBytes(bytes: Uint8Array, count: number, input: string): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const texts: string[] = [];
  let at = 0;
  while (at < bytes.length && texts.length < count) {
    if (at + 4 > bytes.length) break;
    const length = view.getUint32(at, true);
    at += 4;
    if (at + length > bytes.length) {
      throw new ServerError(
        400,
        `Element ${texts.length} of the input "${input}" claims ${length} bytes; ${bytes.length - at} are left.`,
      );
    }
    try {
      texts.push(decoder.decode(bytes.subarray(at, at + length)));
    } catch (cause) {
      throw new ServerError(
        400,
        `Element ${texts.length} of the input "${input}" is not UTF-8, as the engine's strings must be.`,
        { cause },
      );
    }
    at += length;
  }
  if (texts.length !== count || at !== bytes.length) {
    throw new ServerError(
      400,
      `The input "${input}" has ${texts.length} elements in ${bytes.length} bytes, ${bytes.length - at} of them left over; its shape has ${count}.`,
    );
  }
  return texts;
}

/** The elements as JSON. Numbers that JSON has no words for are written as Triton does. */
export function elementsToJson({ type, data }: Tensor, fromHalf: (bits: number) => number): string {
  if (type === 'string') return JSON.stringify(data);
  if (type === 'bool') return `[${Array.from(data as Uint8Array, (byte) => byte !== 0)}]`;
  if (type === 'float16') return `[${Array.from(data as Uint16Array, fromHalf)}]`;
  return `[${(data as Float32Array).join(',')}]`;
}

/** The elements as the binary data format has them. */
export function elementsToBytes({ type, data }: Tensor): Uint8Array {
  if (type !== 'string') {
    const view = data as Uint8Array;
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  }
  const encoder = new TextEncoder();
  const texts = (data as readonly string[]).map((text) => encoder.encode(text));
  const bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const text of texts) {
    view.setUint32(at, text.length, true);
    bytes.set(text, at + 4);
    at += 4 + text.length;
  }
  return bytes;
}
