/**
 * What an ONNX file says about itself, as far as a description of the model can be read from it:
 * nodes, small constants, inputs, outputs and metadata. Numbers of fields are those of `onnx.proto`.
 */
import { float16Value } from '../../base/float16.js';
import { type Field, readAll, readFields, readIntegers, readSigned } from './wire.js';

/** A node of a graph. */
export interface OnnxNode {
  /** The operator's name, with its domain before it unless that is ONNX's own: `com.microsoft.Gelu`. */
  op: string;
  inputs: string[];
  outputs: string[];
  attributes: ReadonlyMap<string, Attribute>;
}

/** An attribute's value, of the kinds that descriptions are read from. */
export interface Attribute {
  int: number | undefined;
  float: number | undefined;
  text: string | undefined;
  ints: number[];
  floats: number[];
  strings: string[];
  tensor: Constant | undefined;
  /** A branch of `If`. */
  graph: Body | undefined;
}

/** Nodes inside of a node. */
export interface Body {
  producers: ReadonlyMap<string, OnnxNode>;
  outputs: string[];
}

/** A constant tensor. */
export interface Constant {
  /** Code of `TensorProto.DataType`. */
  type: number;
  dims: number[];
  /** Its values; `undefined` where they are many or of a type that is not read. */
  values: number[] | undefined;
}

/** A whole file. */
export interface OnnxModel {
  irVersion: number;
  /** Opset by domain; ONNX's own is `''`. */
  opsets: ReadonlyMap<string, number>;
  /** The exporter: `pytorch`, `tf2onnx`, … */
  producer: string;
  /** `metadata_props`. */
  metadata: ReadonlyMap<string, string>;
  nodes: OnnxNode[];
  /** The names of its outputs. */
  outputs: string[];
  /** Which node makes a value. */
  producers: ReadonlyMap<string, OnnxNode>;
  /** Initializers and the values of `Constant` nodes. */
  constants: ReadonlyMap<string, Constant>;
  /** Bodies of the model's own functions, by `domain.name`. */
  functions: ReadonlyMap<string, Body>;
}

/** Constants of more numbers are not read. */
const mostValues = 1024;

/**
 * Reads a file, with or without its weights.
 *
 * @throws RangeError when it is no protobuf message.
 */
export function readOnnx(bytes: Uint8Array): OnnxModel {
  const fields = readFields(bytes);
  const graph = readFields(readAll(fields, 7)[0] ?? new Uint8Array(0));
  const nodes = readAll(graph, 1).map((node) => readNode(node, 0));
  const constants = new Map<string, Constant>();
  for (const each of readAll(graph, 5)) {
    const tensor = readFields(each);
    constants.set(textIn(tensor, 8), readTensor(tensor));
  }
  for (const { op, outputs, attributes } of nodes) {
    const [name] = outputs;
    if (op === 'Constant' && name !== undefined) constants.set(name, constantOf(attributes));
  }
  return {
    irVersion: readIntegers(fields, 1)[0] ?? 0,
    opsets: new Map(
      readAll(fields, 8).map((each) => {
        const opset = readFields(each);
        return [textIn(opset, 1).replace(/^ai\.onnx$/, ''), readIntegers(opset, 2)[0] ?? 0];
      }),
    ),
    producer: textIn(fields, 2),
    metadata: new Map(readAll(fields, 14).map(readEntry)),
    nodes,
    // GraphProto: output = 12; ValueInfoProto: name = 1.
    outputs: readAll(graph, 12).map((each) => textIn(readFields(each), 1)),
    producers: producersOf(nodes),
    constants,
    functions: new Map(readAll(fields, 25).map(readFunction)),
  };
}

function producersOf(nodes: readonly OnnxNode[]): Map<string, OnnxNode> {
  return new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
}

/** FunctionProto: name = 1, output = 5, node = 7, domain = 10. */
function readFunction(bytes: Uint8Array): [string, Body] {
  const fields = readFields(bytes);
  const nodes = readAll(fields, 7).map((node) => readNode(node, 0));
  const name = qualified(textIn(fields, 10), textIn(fields, 1));
  return [name, { producers: producersOf(nodes), outputs: readAll(fields, 5).map(decode) }];
}

/** NodeProto: input = 1, output = 2, op_type = 4, attribute = 5, domain = 7. */
function readNode(bytes: Uint8Array, depth: number): OnnxNode {
  const fields = readFields(bytes);
  return {
    op: qualified(textIn(fields, 7), textIn(fields, 4)),
    inputs: readAll(fields, 1).map(decode),
    outputs: readAll(fields, 2).map(decode),
    attributes: new Map(readAll(fields, 5).map((each) => readAttribute(each, depth))),
  };
}

function qualified(domain: string, name: string): string {
  return domain === '' || domain === 'ai.onnx' ? name : `${domain}.${name}`;
}

/** How deep graphs lie in each other that are read. */
const mostDepth = 4;

/** GraphProto: node = 1, output = 12. */
function readBody(bytes: Uint8Array, depth: number): Body {
  const graph = readFields(bytes);
  const nodes = readAll(graph, 1).map((node) => readNode(node, depth));
  return {
    producers: producersOf(nodes),
    outputs: readAll(graph, 12).map((each) => textIn(readFields(each), 1)),
  };
}

/** AttributeProto: name = 1, f = 2, i = 3, s = 4, t = 5, g = 6, floats = 7, ints = 8, strings = 9. */
function readAttribute(bytes: Uint8Array, depth: number): [string, Attribute] {
  const fields = readFields(bytes);
  const [tensor] = readAll(fields, 5);
  const [graph] = readAll(fields, 6);
  const [text] = readAll(fields, 4);
  return [
    textIn(fields, 1),
    {
      int: readSigned(fields, 3)[0],
      float: readFloats(fields, 2)[0],
      text: text && decode(text),
      ints: readSigned(fields, 8),
      floats: readFloats(fields, 7),
      strings: readAll(fields, 9).map(decode),
      tensor: tensor && readTensor(readFields(tensor)),
      graph: graph && depth < mostDepth ? readBody(graph, depth + 1) : undefined,
    },
  ];
}

function constantOf(attributes: OnnxNode['attributes']): Constant {
  const value = attributes.get('value')?.tensor;
  if (value) return value;
  const single = attributes.get('value_float')?.float ?? attributes.get('value_int')?.int;
  const many = attributes.get('value_floats')?.floats ?? attributes.get('value_ints')?.ints;
  if (single !== undefined) return { type: 1, dims: [], values: [single] };
  return { type: 1, dims: many ? [many.length] : [], values: many };
}

/**
 * TensorProto: dims = 1, data_type = 2, float_data = 4, int32_data = 5, int64_data = 7, raw_data = 9,
 * double_data = 10.
 */
function readTensor(fields: readonly Field[]): Constant {
  const type = readIntegers(fields, 2)[0] ?? 0;
  const dims = readSigned(fields, 1);
  const count = dims.reduce((product, size) => product * size, 1);
  const [raw] = readAll(fields, 9);
  if (!(count >= 0 && count <= mostValues)) return { type, dims, values: undefined };
  const values = raw ? readRaw(raw, type) : readTyped(fields, type);
  return { type, dims, values: values?.length === count ? values : undefined };
}

function readTyped(fields: readonly Field[], type: number): number[] | undefined {
  switch (type) {
    case 1:
      return readFloats(fields, 4);
    case 7:
      return readSigned(fields, 7);
    case 10:
      return readIntegers(fields, 5).map(float16Value);
    case 11:
      return readAll(fields, 10).flatMap((bytes) => readRaw(bytes, 11) ?? []);
    default:
      return readSigned(fields, 5);
  }
}

/** Little-endian numbers: FLOAT = 1, UINT8 = 2, INT8 = 3, UINT16 = 4, INT16 = 5, INT32 = 6, … */
function readRaw(bytes: Uint8Array, type: number): number[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const readers: Readonly<Record<number, readonly [number, (at: number) => number]>> = {
    1: [4, (at) => view.getFloat32(at, true)],
    2: [1, (at) => view.getUint8(at)],
    3: [1, (at) => view.getInt8(at)],
    4: [2, (at) => view.getUint16(at, true)],
    5: [2, (at) => view.getInt16(at, true)],
    6: [4, (at) => view.getInt32(at, true)],
    7: [8, (at) => Number(view.getBigInt64(at, true))],
    9: [1, (at) => view.getUint8(at)],
    10: [2, (at) => float16Value(view.getUint16(at, true))],
    11: [8, (at) => view.getFloat64(at, true)],
  };
  const reader = readers[type];
  if (!reader || bytes.length / reader[0] > mostValues) return undefined;
  const [size, read] = reader;
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, i) => read(i * size));
}

/** A repeated float field: one by one, or packed. */
function readFloats(fields: readonly Field[], number: number): number[] {
  return readAll(fields, number).flatMap((bytes) => readRaw(bytes, 1) ?? []);
}

/** StringStringEntryProto. */
function readEntry(bytes: Uint8Array): [string, string] {
  const fields = readFields(bytes);
  return [textIn(fields, 1), textIn(fields, 2)];
}

function textIn(fields: readonly Field[], number: number): string {
  return decode(readAll(fields, number)[0] ?? new Uint8Array(0));
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
