/** Renames the tensors of an ONNX file, for a library that wants other names. */
import { messageOf, readFields, written } from '../../src/model/onnx/wire.js';

/** `message` with the payload of every field of these numbers replaced by `edit` of it. */
export function editFields(
  message: Uint8Array,
  edits: Readonly<Record<number, (bytes: Uint8Array) => Uint8Array>>,
): Uint8Array {
  return written(
    messageOf(
      readFields(message).map((field) => ({
        ...field,
        bytes: edits[field.number]?.(field.bytes) ?? field.bytes,
      })),
    ),
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
