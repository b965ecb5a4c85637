/** Just enough of the protobuf wire format to rename tensors in an ONNX file. */

/** A field of a message: its number, its wire type, and its bytes (for type 2, the payload). */
export interface Field {
  number: number;
  type: number;
  bytes: Uint8Array;
}

/** Takes a message apart. */
export function readFields(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const type = key & 7;
    const from = at;
    if (type === 2) {
      const length = varint();
      fields.push({ number: key >>> 3, type, bytes: message.subarray(at, at + length) });
      at += length;
      continue;
    }
    if (type === 0) varint();
    else at += type === 1 ? 8 : 4;
    fields.push({ number: key >>> 3, type, bytes: message.subarray(from, at) });
  }
  return fields;
}

/** Puts a message together. */
export function writeFields(fields: readonly Field[]): Uint8Array {
  return Buffer.concat(
    fields.flatMap(({ number, type, bytes }) => {
      const key = varintBytes((number << 3) | type);
      return type === 2 ? [key, varintBytes(bytes.length), bytes] : [key, bytes];
    }),
  );
}

function varintBytes(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) | 0x80);
  }
}

/** `message` with the payload of every field of these numbers replaced by `edit` of it. */
export function editFields(
  message: Uint8Array,
  edits: Readonly<Record<number, (bytes: Uint8Array) => Uint8Array>>,
): Uint8Array {
  return writeFields(
    readFields(message).map((field) => ({
      ...field,
      bytes: edits[field.number]?.(field.bytes) ?? field.bytes,
    })),
  );
}

/**
 * An ONNX model with tensors renamed (`onnx.proto`: ModelProto.graph = 7; GraphProto.node = 1,
 * .input = 11, .output = 12; NodeProto.input = 1, .output = 2; ValueInfoProto.name = 1).
 */
export function renameTensors(
  model: Uint8Array,
  names: Readonly<Record<string, string>>,
): Uint8Array {
  const rename = (bytes: Uint8Array): Uint8Array => {
    const name = names[Buffer.from(bytes).toString()];
    return name === undefined ? bytes : Buffer.from(name);
  };
  const node = (bytes: Uint8Array) => editFields(bytes, { 1: rename, 2: rename });
  const value = (bytes: Uint8Array) => editFields(bytes, { 1: rename });
  const graph = (bytes: Uint8Array) => editFields(bytes, { 1: node, 11: value, 12: value });
  return editFields(model, { 7: graph });
}
