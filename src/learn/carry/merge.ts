/** A backbone and a head as one graph. */
import { TabserveError } from '../../base/errors.js';
import { readOnnx } from '../../model/onnx/graph.js';
import {
  messageOf,
  type NewField,
  readAll,
  readFields,
  readIntegers,
  written,
} from '../../model/onnx/wire.js';
import type { EmbeddingOutput } from '../../tasks/image-embedding/types.js';
import type { Head } from '../arithmetic/softmax.js';
import {
  type AttributeValue,
  initializerField,
  messageField,
  nodeField,
  textField,
  typedValueField,
  wholeField,
} from '../onnx/fields.js';
import { needed, textOf } from './prune.js';

/** What the output with a probability for each class is called, unless the backbone calls something so. */
const scoresName = 'scores';

/** What {@link merge} puts together. */
export interface MergeParts {
  /** The backbone's `.onnx` file, its weights inside. */
  graph: Uint8Array;
  /** The input that takes the picture. */
  input: string;
  /** Where its features are. */
  embedding: EmbeddingOutput;
  /** As it applies to them. */
  head: Head;
  /** What the scores before softmax are divided by. */
  temperature: number;
  /** One for each row of the head. They are written into the file's metadata. */
  labels: readonly string[];
  /** What messages call the backbone. */
  where: string;
}

/** The least version of ONNX's operators whose Gemm adds a row to each row. */
const leastOpset = 7;

/** The version of which `ReduceMean` takes its axes as an input. */
const axesAsInput = 18;

/**
 * Appends pooling, a product with the head's weights, and softmax. What made the former outputs alone is
 * left out; features that were an output stay one.
 *
 * @returns The `.onnx` file, and the name of its output `[N, classes]` of float32, for the pictures that the
 *   backbone takes.
 * @throws TabserveError `unsupported` for weights in other files, and for graphs of before 2017.
 */
export function merge(parts: MergeParts): { file: Uint8Array<ArrayBuffer>; scores: string } {
  const { embedding, labels, where } = parts;
  const refuse = (why: string) =>
    new TabserveError('unsupported', `A head cannot be put on ${where}: ${why}.`, {
      details: { model: where },
    });
  const model = readFields(parts.graph);
  const { opsets } = readOnnx(parts.graph);
  const opset = opsets.get('') ?? 0;
  if (opset < leastOpset) {
    throw refuse(`it is written in version ${opset} of ONNX's operators; ${leastOpset} is needed`);
  }
  const graph = readFields(readAll(model, 7)[0] ?? new Uint8Array(0));
  const nodes = readAll(graph, 1);
  const kept = needed(nodes, [embedding.name]);
  const initializers = readAll(graph, 5).filter((each) => kept.names.has(nameIn(each, 8)));
  // TensorProto: data_location = 14, 1 for a file of its own.
  if (initializers.some((each) => readIntegers(readFields(each), 14)[0] === 1)) {
    throw refuse('its weights are in other files');
  }
  const taken = new Set([
    ...kept.names,
    // Outputs, and the nodes' own names.
    ...[...kept.nodes].flatMap((node) =>
      [2, 3].flatMap((field) => readAll(readFields(node), field).map(textOf)),
    ),
    ...readAll(graph, 11).map((each) => nameIn(each, 1)),
  ]);
  const fresh = (name: string): string => {
    let free = name;
    for (let n = 2; taken.has(free); n++) free = `${name}_${n}`;
    taken.add(free);
    return free;
  };
  const scores = kept.names.has(scoresName) ? fresh(scoresName) : scoresName;
  const head = headFields(parts, opset, scores, fresh);
  const isKept = ({ number, bytes }: NewField) => {
    if (!(bytes instanceof Uint8Array)) return true;
    if (number === 1) return kept.nodes.has(bytes);
    if (number === 5) return initializers.includes(bytes);
    // What is known of values (13) and of quantised ones (14) may be of values that are gone.
    if (number === 13) return kept.names.has(nameIn(bytes, 1));
    return number !== 12 && number !== 14;
  };
  const inputs = readAll(graph, 11);
  const features = readAll(graph, 12).find((each) => nameIn(each, 1) === embedding.name);
  const fields: NewField[] = [
    ...graph.filter(isKept),
    ...head.nodes,
    ...head.initializers,
    scoresField(parts, scores, inputs),
    ...(features ? [{ number: 12, type: 2, bytes: features }] : []),
  ];
  const metadata = readAll(model, 14).filter((each) => !/^(labels|names)$/.test(nameIn(each, 1)));
  const file = written(
    messageOf([
      // Since version 4 of the file's format constants need not be inputs too.
      wholeField(1, Math.max(4, readIntegers(model, 1)[0] ?? 0)),
      ...model.filter(({ number }) => number !== 1 && number !== 7 && number !== 14),
      messageField(7, fields),
      ...metadata.map((bytes) => ({ number: 14, type: 2, bytes })),
      messageField(14, [textField(1, 'labels'), textField(2, JSON.stringify(labels))]),
    ]),
  );
  return { file, scores };
}

/** The nodes and constants from the features to the scores. */
function headFields(
  { embedding, head, temperature }: MergeParts,
  opset: number,
  scores: string,
  fresh: (name: string) => string,
): { nodes: NewField[]; initializers: NewField[] } {
  const { weights, biases } = head;
  const nodes: NewField[] = [];
  const initializers: NewField[] = [];
  let value = embedding.name;
  const then = (
    op: string,
    further: readonly string[] = [],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    name = fresh(`head_${op.toLowerCase()}`),
  ) => {
    nodes.push(nodeField(op, fresh(`head_${op}_node`), [value, ...further], [name], attributes));
    value = name;
  };
  const constant = (
    name: string,
    type: 'float32' | 'int64',
    dims: readonly number[],
    data: ArrayBufferView,
  ) => {
    const free = fresh(name);
    initializers.push(initializerField(free, type, dims, data));
    return free;
  };
  // A backbone may give numbers of 16 bits; others the engine leaves as they are.
  then('Cast', [], { to: 1 });
  const one = (name: string, at: number) =>
    constant(name, 'int64', [1], BigInt64Array.of(BigInt(at)));
  switch (embedding.pooling) {
    case 'mean':
      if (opset >= axesAsInput) then('ReduceMean', [one('head_axes', 1)], { keepdims: 0 });
      else then('ReduceMean', [], { axes: [1], keepdims: 0 });
      break;
    case 'cls':
      then('Gather', [constant('head_first', 'int64', [], BigInt64Array.of(0n))], { axis: 1 });
      break;
    case 'average':
      then('GlobalAveragePool');
      then('Flatten', [], { axis: 1 });
      break;
  }
  const divided = (numbers: Float64Array) =>
    Float32Array.from(numbers, (each) => each / temperature);
  const { rows, columns } = weights;
  then(
    'Gemm',
    [
      constant('head_weights', 'float32', [rows, columns], divided(weights.data)),
      constant('head_biases', 'float32', [rows], divided(biases)),
    ],
    { transB: 1 },
  );
  then('Softmax', [], { axis: 1 }, scores);
  return { nodes, initializers };
}

/** As many rows as there are pictures. */
function scoresField(
  { input, head }: MergeParts,
  scores: string,
  inputs: readonly Uint8Array[],
): NewField {
  const own = inputs.find((each) => nameIn(each, 1) === input);
  const inside = (bytes: Uint8Array | undefined, number: number) =>
    bytes && readAll(readFields(bytes), number)[0];
  // ValueInfoProto.type = 2, TypeProto.tensor_type = 1, Tensor.shape = 2, TensorShapeProto.dim = 1.
  const pictures = [2, 1, 2, 1].reduce<Uint8Array | undefined>(inside, own);
  return typedValueField(12, scores, 'float32', [
    pictures ? readFields(pictures) : [textField(2, 'N')],
    [wholeField(1, head.weights.rows)],
  ]);
}

function nameIn(message: Uint8Array, number: number): string {
  return textOf(readAll(readFields(message), number)[0]);
}
