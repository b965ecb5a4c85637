/**
 * An ONNX graph as the cures see it: its nodes, and the shapes of what they take. Numbers of fields
 * are those of `onnx.proto`.
 */
import {
  type Field,
  messageOf,
  readAll,
  readFields,
  readIntegers,
  varintBytes,
  written,
} from '../../model/onnx/wire.js';

/** A node. */
export interface Node {
  op: string;
  /** Empty for ONNX's own operators. */
  domain: string;
  name: string;
  inputs: readonly string[];
  outputs: readonly string[];
  /** The fields of each attribute, by its name. */
  attributes: ReadonlyMap<string, readonly Field[]>;
  /** All of the node, as it is written. */
  fields: readonly Field[];
}

/** A constant of the graph. */
export interface Tensor {
  name: string;
  dims: readonly number[];
  /** `TensorProto.DataType`. */
  type: number;
  /**
   * Its numbers, little-endian; `undefined` where they are in another file, or written in a way that
   * is not read here.
   */
  data: Uint8Array | undefined;
}

/** What is known where a node stands. */
export interface Scope {
  /** Version of ONNX's own operators. */
  opset: number;
  /** A constant that cannot be fed. */
  constant(name: string): Tensor | undefined;
  /** The sizes of a value, as far as the file says them: -1 for one that it does not. */
  shape(name: string): readonly number[] | undefined;
  /** A name that nothing has. */
  fresh(hint: string): string;
}

/** `TensorProto.DataType`, where cures need it. */
export const elementType = { float32: 1, int64: 7, float16: 10 } as const;

/** Bytes of an element that cures can copy. */
export const elementBytes: Readonly<Record<number, number>> = { 1: 4, 7: 8, 10: 2 };

const decoder = new TextDecoder();
const encoder = new TextEncoder();

function textOf(fields: readonly Field[], number: number): string {
  return decoder.decode(readAll(fields, number)[0]);
}

/** Reads a NodeProto: input = 1, output = 2, name = 3, op_type = 4, attribute = 5, domain = 7. */
export function readNode(bytes: Uint8Array): Node {
  const fields = readFields(bytes);
  const attributes = readAll(fields, 5).map((attribute) => {
    const parts = readFields(attribute);
    return [textOf(parts, 1), parts] as const;
  });
  const domain = textOf(fields, 7);
  return {
    op: textOf(fields, 4),
    domain: domain === 'ai.onnx' ? '' : domain,
    name: textOf(fields, 3),
    inputs: readAll(fields, 1).map((name) => decoder.decode(name)),
    outputs: readAll(fields, 2).map((name) => decoder.decode(name)),
    attributes: new Map(attributes),
    fields,
  };
}

/** AttributeProto: ints = 8. */
export function integersOf(node: Node, name: string): number[] | undefined {
  const attribute = node.attributes.get(name);
  return attribute && readIntegers(attribute, 8);
}

/** AttributeProto: i = 3. */
export function integerOf(node: Node, name: string): number | undefined {
  const attribute = node.attributes.get(name);
  return attribute && (readIntegers(attribute, 3)[0] ?? 0);
}

/** Reads a TensorProto: dims = 1, data_type = 2, float_data = 4, name = 8, raw_data = 9. */
export function readTensor(bytes: Uint8Array): Tensor {
  const fields = readFields(bytes);
  const type = readIntegers(fields, 2)[0] ?? 0;
  const dims = readIntegers(fields, 1);
  const isElsewhere = readIntegers(fields, 14)[0] === 1;
  const raw =
    readAll(fields, 9)[0] ?? (type === elementType.float32 ? floatData(fields) : undefined);
  const size = elementBytes[type];
  const isWhole =
    raw && size && raw.length === size * dims.reduce((product, dim) => product * dim, 1);
  return { name: textOf(fields, 8), dims, type, data: isElsewhere || !isWhole ? undefined : raw };
}

/** float_data = 4, packed or one by one; either way four bytes each. */
function floatData(fields: readonly Field[]): Uint8Array | undefined {
  const parts = readAll(fields, 4);
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** ValueInfoProto: name = 1, type = 2; tensor_type = 1; shape = 2; dim = 1; dim_value = 1. */
export function readShape(bytes: Uint8Array): [name: string, shape: number[] | undefined] {
  const fields = readFields(bytes);
  const [type = new Uint8Array()] = readAll(fields, 2);
  const [tensor = new Uint8Array()] = readAll(readFields(type), 1);
  const [shape] = readAll(readFields(tensor), 2);
  const dims =
    shape && readAll(readFields(shape), 1).map((dim) => readIntegers(readFields(dim), 1)[0] ?? -1);
  return [textOf(fields, 1), dims];
}

const bytesField = (number: number, bytes: Uint8Array): Field => ({ number, type: 2, bytes });
const textField = (number: number, text: string) => bytesField(number, encoder.encode(text));
const integerField = (number: number, value: number): Field => ({
  number,
  type: 0,
  bytes: varintBytes(value),
});

/** A node of ONNX's own, with whole numbers as attributes. */
export function newNode(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): Uint8Array {
  return written(
    messageOf([
      ...inputs.map((name) => textField(1, name)),
      ...outputs.map((name) => textField(2, name)),
      textField(3, `${outputs[0]}_node`),
      textField(4, op),
      ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    ]),
  );
}

/** AttributeProto: name = 1, i = 3, ints = 8, type = 20 (INT = 2, INTS = 7). */
function attribute(name: string, value: number | readonly number[]): Field {
  const fields =
    typeof value === 'number'
      ? [integerField(3, value), integerField(20, 2)]
      : [...value.map((each) => integerField(8, each)), integerField(20, 7)];
  return bytesField(5, written(messageOf([textField(1, name), ...fields])));
}

/** The node with other inputs, and some whole-numbered attributes set anew. */
export function changedNode(
  node: Node,
  inputs: readonly string[],
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): Uint8Array {
  const isKept = ({ number, bytes }: Field) =>
    number !== 1 && !(number === 5 && textOf(readFields(bytes), 1) in attributes);
  return written(
    messageOf([
      ...inputs.map((name) => textField(1, name)),
      ...node.fields.filter(isKept),
      ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    ]),
  );
}

/** A TensorProto. */
export function newTensor(tensor: Tensor & { data: Uint8Array }): Uint8Array {
  return written(
    messageOf([
      ...tensor.dims.map((dim) => integerField(1, dim)),
      integerField(2, tensor.type),
      textField(8, tensor.name),
      bytesField(9, tensor.data),
    ]),
  );
}

/** A TensorProto of int64 numbers, none negative. */
export function integerTensor(name: string, values: readonly number[]): Uint8Array {
  const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return newTensor({ name, dims: [values.length], type: elementType.int64, data });
}
