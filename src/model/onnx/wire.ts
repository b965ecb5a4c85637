/**
 * Just enough of the protobuf wire format to read and change an ONNX file. (A library's reader would
 * be larger than this, and would not leave weights where they are.)
 */

/** Most fields of one message: graphs of 100,000 nodes are read, a file made of empty fields is not. */
const maxFields = 1_000_000;

/** A field of a message. */
export interface Field {
  number: number;
  /** 0: varint. 1 and 5: eight and four bytes. 2: bytes of any length. */
  type: number;
  /** For type 2 the payload, else the value as it is written. */
  bytes: Uint8Array;
}

/**
 * Takes a message apart. The fields' bytes are views of it.
 *
 * @throws RangeError when it is not a protobuf message, or one of more than a million fields.
 */
export function readFields(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    const [value, length] = readVarint(message, at);
    at += length;
    return value;
  };
  while (at < message.length) {
    if (fields.length === maxFields) throw new RangeError('The message has too many fields.');
    const key = varint();
    const type = key & 7;
    const from = at;
    if (type === 2) {
      const length = varint();
      fields.push({ number: key >>> 3, type, bytes: message.subarray(at, at + length) });
      at += length;
    } else {
      if (type === 0) varint();
      else if (type === 1 || type === 5) at += type === 1 ? 8 : 4;
      else throw new RangeError(`There is no wire type ${type}.`);
      fields.push({ number: key >>> 3, type, bytes: message.subarray(from, at) });
    }
  }
  if (at > message.length) throw new RangeError('The message is cut off.');
  return fields;
}

/** Bytes that are not written yet, so that nested messages are not copied once for each level. */
export interface Unwritten {
  readonly length: number;
  /** @param into - As long as `length`. */
  write(into: Uint8Array): void;
}

/** A field of a message to be written. */
export type NewField = Omit<Field, 'bytes'> & { bytes: Uint8Array | Unwritten };

/** A message that is put together when it is written. */
export function messageOf(fields: readonly NewField[]): Unwritten {
  const parts = fields.flatMap(({ number, type, bytes }) => {
    const key = varintBytes(number * 8 + type);
    return type === 2 ? [key, varintBytes(bytes.length), bytes] : [key, bytes];
  });
  return {
    length: parts.reduce((sum, { length }) => sum + length, 0),
    write(into) {
      let at = 0;
      for (const part of parts) {
        if (part instanceof Uint8Array) into.set(part, at);
        else part.write(into.subarray(at, at + part.length));
        at += part.length;
      }
    },
  };
}

/** The bytes of what is not written yet. */
export function written(message: Unwritten): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(message.length);
  message.write(bytes);
  return bytes;
}

/** What becomes of a field's bytes; the same array leaves it as it is. */
export type Edit = (bytes: Uint8Array) => Uint8Array | Unwritten;

/** `message` with fields of these numbers edited; the same array if no edit changed anything. */
export function edit(
  message: Uint8Array,
  edits: Readonly<Record<number, Edit>>,
): Uint8Array | Unwritten {
  let isChanged = false;
  const fields: NewField[] = readFields(message).map((field) => {
    const bytes = edits[field.number]?.(field.bytes) ?? field.bytes;
    if (bytes === field.bytes) return field;
    isChanged = true;
    return { ...field, bytes };
  });
  return isChanged ? messageOf(fields) : message;
}

/** A varint as it is written. */
export function varintBytes(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Uint8Array.from([...bytes, rest]);
}

/** The numbers of a repeated integer field: one by one, or packed. */
export function readIntegers(fields: readonly Field[], number: number): number[] {
  const integers: number[] = [];
  for (const { bytes } of fields.filter((field) => field.number === number)) {
    for (let at = 0; at < bytes.length; ) {
      const [value, length] = readVarint(bytes, at);
      integers.push(value);
      at += length;
    }
  }
  return integers;
}

/** The numbers of a repeated integer field that may be negative. Exact within ±2⁵³. */
export function readSigned(fields: readonly Field[], number: number): number[] {
  return readAll(fields, number).flatMap((bytes) => {
    const signed: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const [value, length] = readVarint(bytes, at);
      // Only negative numbers take ten bytes; their complement is small, and exact.
      signed.push(length < 10 ? value : -1 - readVarint(complement(bytes, at), 0)[0]);
      at += length;
    }
    return signed;
  });
}

/** The nine low groups of a ten-byte varint, each bit turned. */
function complement(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.slice(at, at + 9).map((byte, index) => (~byte & 0x7f) | (index < 8 ? 0x80 : 0));
}

/** The bytes of every field of this number. */
export function readAll(fields: readonly Field[], number: number): Uint8Array[] {
  return fields.filter((field) => field.number === number).map(({ bytes }) => bytes);
}

/** A varint, and how many bytes it takes. Exact below 2⁵³. */
function readVarint(bytes: Uint8Array, from: number): [value: number, length: number] {
  let value = 0;
  let scale = 1;
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, at - from + 1];
    scale *= 128;
  }
  throw new RangeError('The message is cut off.');
}
