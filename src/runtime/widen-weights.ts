/**
 * Models that keep their weights as integers and compute in single precision.
 *
 * Their graph reads each weight through a `DequantizeLinear`. The engine leaves these nodes where they
 * are, since it would fuse them with quantised activations, and so computes them anew on every run.
 * Here they are computed once, when the model is loaded: a quarter of the download, and then the
 * speed of fp32. Graphs that quantise activations as well are the engine's to optimise.
 *
 * Meaning of the operator: the ONNX specification, `DequantizeLinear`, opsets 10 to 23. Numbers of
 * fields are those of `onnx.proto`.
 */
import {
  type Field,
  messageOf,
  type NewField,
  readAll,
  readFields,
  readIntegers,
  type Unwritten,
  varintBytes,
  written,
} from '../model/onnx/wire.js';

const float32 = 1;
const uint8 = 2;
const int8 = 3;

/** More bytes of widened weights than this are left to the engine, which fails with a better word. */
const most = 2 ** 30;

const text = new TextDecoder();

/** A constant of the graph. */
interface Constant {
  name: string;
  fields: Field[];
  type: number | undefined;
  dimensions: readonly number[];
}

/** A `DequantizeLinear` of constants. */
interface Widening {
  weight: Constant;
  tensor: Unwritten;
}

/**
 * The same model with integer weights turned into float32, `(w - zeroPoint) · scale` per tensor or
 * per channel.
 *
 * @param model - An `.onnx` file.
 * @returns `model` itself where there is nothing to widen: no `DequantizeLinear` of constant int8 or
 *   uint8 weights, quantised activations, or bytes that are no model.
 */
export function widenIntegers(model: Uint8Array): Uint8Array {
  try {
    let isChanged = false;
    const fields: NewField[] = readFields(model).map((field) => {
      if (field.number !== 7) return field;
      const graph = widenGraph(readFields(field.bytes));
      if (!graph) return field;
      isChanged = true;
      return { ...field, bytes: graph };
    });
    return isChanged ? written(messageOf(fields)) : model;
  } catch (error) {
    // What is wrong with the bytes the engine can say better.
    if (error instanceof RangeError) return model;
    throw error;
  }
}

/** GraphProto: node = 1, initializer = 5, input = 11, output = 12. */
function widenGraph(graph: readonly Field[]): Unwritten | undefined {
  const nodes = new Map(
    graph.filter(({ number }) => number === 1).map((field) => [field, readFields(field.bytes)]),
  );
  // NodeProto: input = 1, output = 2, op_type = 4.
  if ([...nodes.values()].some((node) => /^(Dynamic)?Quantize/.test(stringOf(node, 4)))) return;

  const constants = new Map<string, Constant>();
  for (const bytes of readAll(graph, 5)) {
    const constant = constantOf(readFields(bytes));
    constants.set(constant.name, constant);
  }
  const border = new Set<string>();
  for (const number of [11, 12]) {
    for (const bytes of readAll(graph, number)) border.add(stringOf(readFields(bytes), 1));
  }
  const uses = new Map<string, number>();
  for (const node of nodes.values()) {
    for (const name of stringsOf(node, 1)) uses.set(name, (uses.get(name) ?? 0) + 1);
    // A subgraph reads outer names without listing them. AttributeProto: g = 6, graphs = 11.
    for (const bytes of readAll(node, 5)) {
      const attribute = readFields(bytes);
      if (attribute.some(({ number }) => number === 6 || number === 11)) return;
    }
  }

  const widenings = new Map<Field, Widening>();
  let total = 0;
  for (const [field, node] of nodes) {
    const widening = wideningOf(node, constants, (name) => border.has(name));
    if (!widening || uses.get(widening.weight.name) !== 1) continue;
    total += widening.tensor.length;
    if (total > most) return;
    widenings.set(field, widening);
  }
  if (widenings.size === 0) return;

  // What nobody reads any more goes too: the engine would warn of each.
  for (const field of widenings.keys()) {
    for (const name of stringsOf(nodes.get(field) ?? [], 1)) {
      uses.set(name, (uses.get(name) ?? 0) - 1);
    }
  }
  const kept: NewField[] = graph.filter(
    (field) =>
      !widenings.has(field) &&
      !(field.number === 5 && uses.get(stringOf(readFields(field.bytes), 8)) === 0),
  );
  const added = Array.from(widenings.values(), ({ tensor }) => ({
    number: 5,
    type: 2,
    bytes: tensor,
  }));
  return messageOf([...kept, ...added]);
}

/** What a node stands for, if it is a `DequantizeLinear` that can be computed here. */
function wideningOf(
  node: readonly Field[],
  constants: ReadonlyMap<string, Constant>,
  isBorder: (name: string) => boolean,
): Widening | undefined {
  // NodeProto: attribute = 5, domain = 7.
  if (stringOf(node, 4) !== 'DequantizeLinear') return;
  if (!['', 'ai.onnx'].includes(stringOf(node, 7))) return;
  const inputs = stringsOf(node, 1);
  const [name = ''] = stringsOf(node, 2);
  if (isBorder(name) || inputs.some(isBorder)) return;
  const [weight, scale, zero] = inputs.map((input) => constants.get(input));
  if (!weight || !scale || (inputs[2] && !zero)) return;
  if (weight.type !== int8 && weight.type !== uint8) return;
  if (scale.type !== float32 || (zero && zero.type !== weight.type)) return;

  let axis = 1;
  for (const bytes of readAll(node, 5)) {
    const attribute = readFields(bytes);
    // AttributeProto: name = 1, i = 3. A negative axis is a varint of ten bytes.
    const [value = 0] = readIntegers(attribute, 3);
    const which = stringOf(attribute, 1);
    if (which === 'axis') axis = value > 2 ** 32 ? value - 2 ** 64 : value;
    else if (which === 'block_size' && value !== 0) return;
    else if (which === 'output_dtype' && value !== 0 && value !== float32) return;
  }
  return compute(name, weight, scale, zero, axis);
}

function compute(
  name: string,
  weight: Constant,
  scale: Constant,
  zero: Constant | undefined,
  axis: number,
): Widening | undefined {
  const values = rawOf(weight);
  const scales = floatsOf(scale);
  const zeros = zero && rawOf(zero);
  const count = weight.dimensions.reduce((product, length) => product * length, 1);
  if (!values || !scales || (zero && !zeros) || values.length !== count) return;
  if (zeros && zeros.length !== scales.length) return;
  const isPerTensor = scales.length === 1;
  if (!isPerTensor) {
    const length = weight.dimensions.at(axis);
    if (scale.dimensions.length !== 1 || length !== scales.length) return;
  }
  const from = axis < 0 ? axis + weight.dimensions.length : axis;
  const inner = isPerTensor
    ? count
    : weight.dimensions.slice(from + 1).reduce((product, length) => product * length, 1);
  const signed = weight.type === int8;
  const integer = (byte: number) => (signed ? (byte << 24) >> 24 : byte);

  const data: Unwritten = {
    length: count * 4,
    write(into) {
      const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
      for (let at = 0; at < count; at++) {
        const channel = isPerTensor ? 0 : Math.floor(at / inner) % scales.length;
        const offset = zeros ? integer(zeros[channel] as number) : 0;
        const value = (integer(values[at] as number) - offset) * (scales[channel] as number);
        view.setFloat32(at * 4, value, true);
      }
    },
  };
  // TensorProto: dims = 1, data_type = 2, name = 8, raw_data = 9.
  const tensor = messageOf([
    ...weight.fields.filter(({ number }) => number === 1),
    { number: 2, type: 0, bytes: varintBytes(float32) },
    { number: 8, type: 2, bytes: new TextEncoder().encode(name) },
    { number: 9, type: 2, bytes: data },
  ]);
  return { weight, tensor };
}

function constantOf(fields: Field[]): Constant {
  return {
    name: stringOf(fields, 8),
    fields,
    type: readIntegers(fields, 2)[0],
    dimensions: readIntegers(fields, 1),
  };
}

/** The bytes of a constant inside the file. TensorProto: raw_data = 9, data_location = 14. */
function rawOf({ fields }: Constant): Uint8Array | undefined {
  return readIntegers(fields, 14)[0] === 1 ? undefined : readAll(fields, 9)[0];
}

/** TensorProto: float_data = 4, packed or one by one. */
function floatsOf(constant: Constant): Float32Array | undefined {
  const chunks = rawOf(constant) ?? joined(readAll(constant.fields, 4));
  const count = constant.dimensions.reduce((product, length) => product * length, 1);
  if (chunks.length === 0 || chunks.length !== count * 4) return;
  const view = new DataView(chunks.buffer, chunks.byteOffset, chunks.byteLength);
  return Float32Array.from({ length: count }, (_, at) => view.getFloat32(at * 4, true));
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function stringOf(fields: readonly Field[], number: number): string {
  return text.decode(readAll(fields, number)[0]);
}

function stringsOf(fields: readonly Field[], number: number): string[] {
  return readAll(fields, number).map((bytes) => text.decode(bytes));
}
