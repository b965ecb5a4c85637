/**
 * Class activation maps, where a graph ends in the mean over all places and a matrix: what each place
 * adds to a class's logit is then known exactly, from one run.
 *
 * Source: Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016.
 */
import { numbersOf, type Tensor } from '../../base/tensor.js';
import { type OnnxModel, type OnnxNode, readOnnx } from '../../model/onnx/graph.js';
import { readWeights } from '../../model/onnx/weights.js';
import type { PlainMap } from './types.js';

/** How the maps of one output are made. */
export interface ActivationHead {
  /** The value of the graph that has the features of every place. */
  readonly features: string;
  /** Whether the features of one place lie beside each other: `[1, height, width, channels]`. */
  readonly isChannelsLast: boolean;
  /** `[classes, channels]`; `null` where the features are the classes. */
  readonly weights: Float32Array | null;
}

/** Nodes that change no number, or the same for all places. */
const shapes = ['Flatten', 'Reshape', 'Squeeze', 'Unsqueeze', 'Identity', 'Dropout', 'Cast'];
const activations = ['Softmax', 'LogSoftmax', 'Sigmoid'];

/**
 * The head before each of the graph's outputs; where there is none, why.
 *
 * @param model - An `.onnx` file.
 * @throws RangeError when it is no protobuf message.
 */
export function activationHeads(
  model: Uint8Array,
  outputs: readonly string[],
): Map<string, ActivationHead | string> {
  const graph = readOnnx(model);
  return new Map(outputs.map((name) => [name, headOf(graph, model, name)]));
}

function headOf(graph: OnnxModel, model: Uint8Array, output: string): ActivationHead | string {
  const { producers } = graph;
  let value = output;
  let weights: { dims: number[]; values: Float32Array } | undefined;
  let factor = 1;
  for (let steps = 0; steps < 64; steps++) {
    const node = producers.get(value);
    if (!node) return `nothing makes "${value}" by a mean over all places`;
    const [first = '', second = ''] = node.inputs;
    const isPool = poolOf(node, graph);
    if (isPool !== undefined) {
      const isChannelsLast = isPool === 'NHWC';
      const values = weights?.values.map((weight) => weight * factor) ?? null;
      if (!values && factor !== 1) return 'its classes are multiplied by something';
      return { features: first, isChannelsLast, weights: values };
    }
    if (shapes.includes(node.op) || (activations.includes(node.op) && !weights)) {
      value = first;
      continue;
    }
    const other = [first, second].find((name) => graph.constants.has(name));
    if (node.op === 'Add' && other !== undefined && !weights) {
      value = other === first ? second : first;
      continue;
    }
    const constant = other === undefined ? undefined : graph.constants.get(other)?.values;
    if ((node.op === 'Mul' || (node.op === 'Div' && other === second)) && constant?.length === 1) {
      const [by = 1] = constant;
      factor *= node.op === 'Mul' ? by : 1 / by;
      value = other === first ? second : first;
      continue;
    }
    if (weights || !['Gemm', 'MatMul', 'Conv'].includes(node.op)) {
      return `${node.op} stands between the mean over all places and the scores`;
    }
    weights = matrixOf(node, graph, model);
    if (!weights) return `the numbers of its last ${node.op} are not to be read`;
    value = first;
  }
  return 'its end is too long';
}

/** Whether the node is the mean over all places, and how they lie. */
function poolOf(
  { op, inputs, attributes }: OnnxNode,
  { constants }: OnnxModel,
): 'NCHW' | 'NHWC' | undefined {
  if (op === 'GlobalAveragePool') return 'NCHW';
  if (op !== 'ReduceMean') return undefined;
  const axes = attributes.get('axes')?.ints ?? constants.get(inputs[1] ?? '')?.values ?? [];
  const key = axes.toSorted((a, b) => a - b).join();
  if (key === '2,3' || key === '-2,-1') return 'NCHW';
  return key === '1,2' || key === '-3,-2' ? 'NHWC' : undefined;
}

/** The matrix of the last layer as `[classes, channels]`. */
function matrixOf({ op, inputs, attributes }: OnnxNode, graph: OnnxModel, model: Uint8Array) {
  const found = constantOf(inputs[1] ?? '', graph, model);
  if (!found) return undefined;
  if (op === 'Conv') {
    const [, , ...kernel] = found.dims;
    const isMatrix =
      (attributes.get('group')?.int ?? 1) === 1 && kernel.every((size) => size === 1);
    return isMatrix ? found : undefined;
  }
  if (found.dims.length !== 2 || attributes.get('transA')?.int) return undefined;
  const isOfRows = op === 'Gemm' && attributes.get('transB')?.int === 1;
  const { dims, values } = isOfRows ? found : transposed(found);
  const alpha = op === 'Gemm' ? (attributes.get('alpha')?.float ?? 1) : 1;
  return { dims, values: values.map((value) => value * alpha) };
}

/** A constant that may be stored in another form: quantised, as another type, transposed. */
function constantOf(
  name: string,
  graph: OnnxModel,
  model: Uint8Array,
  depth = 0,
): { dims: number[]; values: Float32Array } | undefined {
  const node = graph.producers.get(name);
  if (!node || node.op === 'Constant') {
    const stored = readWeights(model, [name]).get(name);
    if (stored) return stored;
    const { dims = [], values } = graph.constants.get(name) ?? {};
    return values && { dims, values: Float32Array.from(values) };
  }
  if (depth > 4) return undefined;
  const of = (place: number) => constantOf(node.inputs[place] ?? '', graph, model, depth + 1);
  const found = of(0);
  if (!found) return undefined;
  switch (node.op) {
    case 'Identity':
    case 'Cast':
      return found;
    case 'Transpose':
      return found.dims.length === 2 ? transposed(found) : undefined;
    case 'DequantizeLinear': {
      const scale = of(1)?.values;
      const zero = node.inputs[2] ? of(2)?.values : Float32Array.of(0);
      if (!scale || !zero) return undefined;
      const given = node.attributes.get('axis')?.int ?? 1;
      const axis = given < 0 ? given + found.dims.length : given;
      const inner = found.dims.slice(axis + 1).reduce((product, size) => product * size, 1);
      const length = found.dims[axis] ?? 1;
      const values = found.values.map((value, at) => {
        const slice = Math.floor(at / inner) % length;
        const own = scale.length === 1 ? 0 : slice;
        return (value - (zero[zero.length === 1 ? 0 : slice] ?? 0)) * (scale[own] ?? 0);
      });
      return { dims: found.dims, values };
    }
    default:
      return undefined;
  }
}

function transposed({ dims, values }: { dims: number[]; values: Float32Array }) {
  const [rows = 0, columns = 0] = dims;
  const turned = Float32Array.from(
    values,
    (_, at) => values[(at % rows) * columns + Math.floor(at / rows)] as number,
  );
  return { dims: [columns, rows], values: turned };
}

/**
 * What each place adds to the class's logit: the mean of the map and the class's bias are the logit.
 *
 * @returns `undefined` where the features do not fit the matrix.
 */
export function activationMap(
  features: Tensor,
  { weights, isChannelsLast }: ActivationHead,
  target: number,
): PlainMap | undefined {
  const [, one = 0, two = 0, three = 0] = features.dims;
  const [height, width, channels] = isChannelsLast ? [one, two, three] : [two, three, one];
  const plane = width * height;
  const numbers = numbersOf(features);
  const from = target * channels;
  const isThere = weights ? from + channels <= weights.length : target < channels;
  if (features.dims.length !== 4 || plane === 0 || !isThere) return undefined;
  const data = new Float32Array(plane);
  const [ofPlace, ofChannel] = isChannelsLast ? [channels, 1] : [1, plane];
  for (let at = 0; at < plane; at++) {
    let sum = 0;
    if (weights) {
      for (let channel = 0; channel < channels; channel++) {
        const feature = numbers[at * ofPlace + channel * ofChannel] as number;
        sum += feature * (weights[from + channel] as number);
      }
    } else sum = numbers[at * ofPlace + target * ofChannel] as number;
    data[at] = sum;
  }
  return { width, height, data };
}
