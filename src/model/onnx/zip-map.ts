/**
 * `ZipMap`, with which scikit-learn's converter ends classifiers: a list of maps from labels to scores,
 * which the engine cannot hand out of WebAssembly. What goes into it is a tensor of the scores.
 *
 * Numbers of fields are those of `onnx.proto`.
 */
import {
  type Edit,
  edit,
  messageOf,
  type NewField,
  readAll,
  readFields,
  varintBytes,
  written,
} from './wire.js';

const utf8 = new TextEncoder();
const decoder = new TextDecoder();

/** An opset in which `Identity` is what it is here. */
const plainOpset = 13;

/**
 * The model with an `Identity` in place of each `ZipMap`, whose outputs then are tensors
 * `[rows, classes]` of float32, under the names that the maps had. A model without one, and what is no
 * model, is returned as it is.
 */
export function withoutZipMaps(model: Uint8Array): Uint8Array {
  if (!mentions(model, 'ZipMap')) return model;
  try {
    const unmapped = new Set<string>();
    // NodeProto: input = 1, output = 2, op_type = 4, attribute = 5, domain = 7.
    const node: Edit = (bytes) => {
      const fields = readFields(bytes);
      const textOf = (number: number) =>
        readAll(fields, number).map((each) => decoder.decode(each));
      const [output] = textOf(2);
      if (textOf(4)[0] !== 'ZipMap' || output === undefined) return bytes;
      unmapped.add(output);
      const kept = fields.filter(({ number }) => number <= 3);
      return messageOf([...kept, { number: 4, type: 2, bytes: utf8.encode('Identity') }]);
    };
    // ValueInfoProto: name = 1, type = 2; TypeProto: tensor_type = 1; its elem_type = 1, 1 is float32.
    const value: Edit = (bytes) => {
      const fields = readFields(bytes);
      const name = decoder.decode(readAll(fields, 1)[0]);
      if (!unmapped.has(name)) return bytes;
      const tensor = messageOf([{ number: 1, type: 0, bytes: varintBytes(1) }]);
      const type = messageOf([{ number: 1, type: 2, bytes: tensor }]);
      return messageOf([
        { number: 1, type: 2, bytes: utf8.encode(name) },
        { number: 2, type: 2, bytes: type },
      ]);
    };
    // GraphProto: node = 1, output = 12; the nodes come before.
    const graph: Edit = (bytes) => edit(flat(edit(bytes, { 1: node })), { 12: value });
    const changed = edit(model, { 7: graph });
    return changed === model ? model : withPlainOpset(flat(changed));
  } catch (error) {
    // The engine has better words for what is no model.
    if (error instanceof RangeError) return model;
    throw error;
  }
}

/** `Identity` is of ONNX's own operators, which a model of others may not have declared. */
function withPlainOpset(model: Uint8Array): Uint8Array {
  const fields: NewField[] = readFields(model);
  const isPlain = readAll(readFields(model), 8).some((each) => {
    const [domain] = readAll(readFields(each), 1);
    return domain === undefined || /^(ai\.onnx)?$/.test(decoder.decode(domain));
  });
  if (isPlain) return model;
  const opset = messageOf([
    { number: 1, type: 2, bytes: new Uint8Array(0) },
    { number: 2, type: 0, bytes: varintBytes(plainOpset) },
  ]);
  return written(messageOf([...fields, { number: 8, type: 2, bytes: opset }]));
}

function flat(message: ReturnType<Edit>): Uint8Array {
  return message instanceof Uint8Array ? message : written(message);
}

/** Whether the bytes have this word in them somewhere. */
function mentions(bytes: Uint8Array, word: string): boolean {
  const wanted = utf8.encode(word);
  const [first = 0] = wanted;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return true;
  }
  return false;
}
