/**
 * Weights as integers: a quarter of the download, for a model that computes as before.
 *
 * Each weight `w` becomes int8 numbers and one float32 scale per output channel, read through a
 * `DequantizeLinear` (ONNX, opset 13): symmetric, so that zero stays zero, and with nothing said of
 * activations. This is what quantisers call weight-only QDQ, and any runtime reads it. Numbers of
 * fields are those of `onnx.proto`.
 *
 * The scale is `max |w| / 127`, and halves are rounded to the even neighbour, as in
 * Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference", 2018, 2.1 and 3.1.
 */
import { TabserveError } from '../../base/errors.js';
import { type OnnxNode, readOnnx } from './graph.js';
import {
  type Field,
  messageOf,
  type NewField,
  readAll,
  readFields,
  readIntegers,
  readSigned,
  varintBytes,
  written,
} from './wire.js';

/** Weights of fewer numbers are left: there is nothing to save. */
const fewest = 512;

/** Widened weights of more bytes no tab holds, and the loader does not widen. */
const mostWidened = 2 ** 30;

/** Steps on either side of zero. */
const steps = 127;

const float32 = 1;
const int8 = 3;

/** A weight that was packed. */
export interface PackedWeight {
  name: string;
  /** How many numbers it has. */
  count: number;
  /**
   * Signal to quantisation noise, in decibels: 10 · log₁₀(Σ w² / Σ (w − packed)²). Weights of trained
   * networks have 30 to 50. `Infinity` where nothing was lost.
   */
  noise: number;
}

/** What {@link packWeights} gives. */
export interface Packed {
  /** The new file. Weights that lay in other files are inside. */
  model: Uint8Array<ArrayBuffer>;
  weights: readonly PackedWeight[];
}

/**
 * Stores the weights of convolutions, matrix products and tables as int8.
 *
 * @param model - An `.onnx` file with float32 weights, of opset 13 or newer.
 * @param external - Files of external data, by the locations that the graph gives them.
 * @throws TabserveError `model-invalid` for bytes that are no model, older opsets, graphs that are
 *   quantised already or have graphs inside, external data that is missing, and graphs without any
 *   weight that could be packed.
 */
export function packWeights(
  model: Uint8Array,
  external: ReadonlyMap<string, Uint8Array> = new Map(),
): Packed {
  try {
    return pack(model, external);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new TabserveError('model-invalid', `This is not an ONNX model: ${cause.message}`, {
      cause,
    });
  }
}

function pack(model: Uint8Array, external: ReadonlyMap<string, Uint8Array>): Packed {
  const { nodes, opsets, irVersion } = readOnnx(model);
  const fields = readFields(model);
  const [graphBytes] = readAll(fields, 7);
  if (!graphBytes) throw refusal('It has no graph.');
  const opset = opsets.get('') ?? 0;
  if (opset < 13) {
    throw refusal(
      `A scale per channel needs opset 13, and this model has ${opset}. Export it again with a newer opset, or convert it with onnx.version_converter in Python.`,
    );
  }
  if (nodes.some(({ op }) => /quantize|QLinear|Integer$/i.test(op))) {
    throw refusal('It is quantised already. Pack the fp32 file that it was made from.');
  }
  const graph = readFields(graphBytes);
  if (readAll(graph, 1).some(hasSubgraph)) {
    throw refusal('It has nested graphs (If, Loop, Scan), which may read any weight.');
  }

  const axes = channelAxes(nodes);
  const taken = new Set([
    ...nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]),
    ...[5, 11, 12].flatMap((number) =>
      readAll(graph, number).map((each) => textOf(readFields(each), number === 5 ? 8 : 1)),
    ),
  ]);
  const outputs = new Set(readAll(graph, 12).map((each) => textOf(readFields(each), 1)));
  const weights: PackedWeight[] = [];
  const added: NewField[] = [];
  const dequantisers: NewField[] = [];
  let widened = 0;
  const rest: NewField[] = graph.flatMap((field): NewField[] => {
    if (field.number !== 5) return [field];
    const tensor = inlined(readFields(field.bytes), external);
    const name = textOf(tensor, 8);
    const dims = readSigned(tensor, 1);
    const axis = axisFor(axes.get(name), dims.length);
    const values = floatsOf(tensor, dims);
    const isPacked = axis !== undefined && values && values.length >= fewest && !outputs.has(name);
    // A weight with infinities in it has no scale.
    if (!isPacked || !values.every(Number.isFinite)) {
      return [{ ...field, bytes: messageOf(tensor) }];
    }
    widened += values.length * 4;
    const { integers, scales, noise } = quantise(values, dims, axis);
    const names = {
      integers: fresh(`${name}_quantized`, taken),
      scales: fresh(`${name}_scale`, taken),
    };
    added.push(
      tensorField(names.integers, int8, dims, new Uint8Array(integers.buffer)),
      tensorField(names.scales, float32, [scales.length], bytesOf(scales)),
    );
    dequantisers.push(
      messageField(1, [
        textField(1, names.integers),
        textField(1, names.scales),
        textField(2, name),
        textField(3, fresh(`${name}_DequantizeLinear`, taken)),
        textField(4, 'DequantizeLinear'),
        // AttributeProto: name = 1, i = 3, type = 20 (INT = 2).
        messageField(5, [textField(1, 'axis'), integerField(3, axis), integerField(20, 2)]),
      ]),
    );
    weights.push({ name, count: values.length, noise });
    return [];
  });
  if (weights.length === 0) {
    throw refusal(
      `It has no float32 weights of ${fewest} numbers or more in convolutions, matrix products or tables.`,
    );
  }
  if (widened > mostWidened) {
    throw refusal(`Its weights have ${widened} bytes as float32; a tab holds ${mostWidened}.`);
  }
  const packed = new Set(weights.map(({ name }) => name));
  // Old graphs list their weights among the inputs too; what is computed cannot be one.
  const kept = rest.filter(
    ({ number, bytes }) =>
      number !== 11 || !(bytes instanceof Uint8Array && packed.has(textOf(readFields(bytes), 1))),
  );
  const file = messageOf(
    fields.map((field): NewField => {
      if (field.number === 1) return integerField(1, Math.max(irVersion, 7));
      if (field.number !== 7) return field;
      // Nodes stand in the order in which they can be computed.
      return { ...field, bytes: messageOf([...dequantisers, ...kept, ...added]) };
    }),
  );
  if (file.length >= 2 ** 31)
    throw refusal('It would be larger than 2 GB, the limit for one file.');
  return { model: written(file), weights };
}

/**
 * Which axis of each weight holds output channels, by the node that reads it; `undefined` where
 * nodes disagree or none is known. Counted from the end where negative.
 */
function channelAxes(nodes: readonly OnnxNode[]): Map<string, number | undefined> {
  const axes = new Map<string, number | undefined>();
  for (const node of nodes) {
    for (const [index, name] of node.inputs.entries()) {
      const axis = axisOf(node, index);
      axes.set(name, axes.has(name) && axes.get(name) !== axis ? undefined : axis);
    }
  }
  return axes;
}

function axisOf({ op, attributes }: OnnxNode, index: number): number | undefined {
  if (op === 'Gather') {
    // Tables of vectors: one scale for each vector.
    return index === 0 && (attributes.get('axis')?.int ?? 0) === 0 ? 0 : undefined;
  }
  if (index !== 1) return undefined;
  switch (op) {
    case 'Conv':
      return 0;
    case 'ConvTranspose':
      return 1;
    case 'Gemm':
      return attributes.get('transB')?.int === 1 ? 0 : 1;
    case 'MatMul':
      return -1;
    default:
      return undefined;
  }
}

function axisFor(axis: number | undefined, rank: number): number | undefined {
  if (axis === undefined || rank < 2) return undefined;
  return axis < 0 ? axis + rank : axis;
}

/** One scale for each place along `axis`. */
function quantise(values: Float32Array, dims: readonly number[], axis: number) {
  const channels = dims[axis] as number;
  const inner = dims.slice(axis + 1).reduce((product, size) => product * size, 1);
  const channelOf = (at: number) => Math.floor(at / inner) % channels;
  const scales = new Float32Array(channels);
  for (const [at, value] of values.entries()) {
    const channel = channelOf(at);
    scales[channel] = Math.max(scales[channel] as number, Math.abs(value));
  }
  // A channel of zeros, or one too small to divide by, keeps zeros.
  for (const [channel, most] of scales.entries()) scales[channel] = most / steps || 1;
  const integers = new Int8Array(values.length);
  let signal = 0;
  let noise = 0;
  for (const [at, value] of values.entries()) {
    const scale = scales[channelOf(at)] as number;
    const integer = Math.min(Math.max(roundedToEven(value / scale), -steps), steps);
    integers[at] = integer;
    signal += value * value;
    noise += (value - integer * scale) ** 2;
  }
  return { integers, scales, noise: 10 * Math.log10(signal / noise || 1) };
}

function roundedToEven(value: number): number {
  const below = Math.floor(value);
  const over = value - below;
  if (over !== 0.5) return over < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** TensorProto: raw_data = 9, external_data = 13, data_location = 14. */
function inlined(tensor: Field[], external: ReadonlyMap<string, Uint8Array>): Field[] {
  if (readIntegers(tensor, 14)[0] !== 1) return tensor;
  const entries = new Map(
    readAll(tensor, 13).map((bytes) => {
      const entry = readFields(bytes);
      return [textOf(entry, 1), textOf(entry, 2)];
    }),
  );
  const location = entries.get('location') ?? '';
  const file = external.get(location);
  if (!file) throw refusal(`Its weights are in "${location}", which is not there.`);
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? file.length - offset);
  if (!(offset >= 0 && length >= 0 && offset + length <= file.length)) {
    throw refusal(`"${location}" has ${file.length} bytes, too few for "${textOf(tensor, 8)}".`);
  }
  return [
    ...tensor.filter(({ number }) => number !== 13 && number !== 14),
    { number: 9, type: 2, bytes: file.subarray(offset, offset + length) },
  ];
}

/** TensorProto: data_type = 2, float_data = 4, raw_data = 9. */
function floatsOf(tensor: readonly Field[], dims: readonly number[]): Float32Array | undefined {
  if (readIntegers(tensor, 2)[0] !== float32) return undefined;
  const [first, ...more] = readAll(tensor, 9).concat(readAll(tensor, 4));
  const count = dims.reduce((product, size) => product * size, 1);
  if (!first || more.length > 0 || first.length !== count * 4) return undefined;
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
  return Float32Array.from({ length: count }, (_, at) => view.getFloat32(at * 4, true));
}

/** NodeProto: attribute = 5; AttributeProto: g = 6, graphs = 11. */
function hasSubgraph(node: Uint8Array): boolean {
  return readAll(readFields(node), 5).some((attribute) =>
    readFields(attribute).some(({ number }) => number === 6 || number === 11),
  );
}

/** A name that nothing has, and that is taken from now on. */
function fresh(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let count = 1; taken.has(name); count++) name = `${wanted}_${count}`;
  taken.add(name);
  return name;
}

function bytesOf(numbers: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(numbers.length * 4));
  for (const [at, value] of numbers.entries()) view.setFloat32(at * 4, value, true);
  return new Uint8Array(view.buffer);
}

/** TensorProto: dims = 1, data_type = 2, name = 8, raw_data = 9. GraphProto: initializer = 5. */
function tensorField(
  name: string,
  type: number,
  dims: readonly number[],
  data: Uint8Array,
): NewField {
  return messageField(5, [
    ...dims.map((size) => integerField(1, size)),
    integerField(2, type),
    textField(8, name),
    { number: 9, type: 2, bytes: data },
  ]);
}

function messageField(number: number, fields: readonly NewField[]): NewField {
  return { number, type: 2, bytes: messageOf(fields) };
}

function textField(number: number, text: string): NewField {
  return { number, type: 2, bytes: new TextEncoder().encode(text) };
}

function integerField(number: number, value: number): NewField {
  return { number, type: 0, bytes: varintBytes(value) };
}

function textOf(fields: readonly Field[], number: number): string {
  return new TextDecoder().decode(readAll(fields, number)[0]);
}

function refusal(problem: string): TabserveError {
  return new TabserveError('model-invalid', `The weights cannot be packed. ${problem}`);
}
