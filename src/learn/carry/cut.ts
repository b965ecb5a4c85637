/** Where a classifier can be cut so that its features come out, when its author has not said. */
import { TabserveError } from '../../base/errors.js';
import { type OnnxModel, type OnnxNode, readOnnx } from '../../model/onnx/graph.js';
import {
  edit,
  messageOf,
  type NewField,
  readAll,
  readFields,
  written,
} from '../../model/onnx/wire.js';
import type { EmbeddingOutput } from '../../tasks/image-embedding/types.js';
import { textField } from '../onnx/fields.js';
import { textOf } from './prune.js';

/** Products of features and weights, and how their features become one vector. */
const products: Readonly<Record<string, NonNullable<EmbeddingOutput['pooling']>>> = {
  Gemm: 'none',
  MatMul: 'none',
  MatMulInteger: 'none',
  QLinearMatMul: 'none',
  'com.microsoft.QGemm': 'none',
  'com.microsoft.MatMulNBits': 'none',
  'com.microsoft.FusedGemm': 'none',
  'com.microsoft.FusedMatMul': 'none',
  Conv: 'average',
  'com.microsoft.FusedConv': 'average',
  QLinearConv: 'average',
};

/** Nodes whose first input is the number that a whole one was made of. */
const quantisers = ['QuantizeLinear', 'DynamicQuantizeLinear'];

/** How many nodes back from the scores are looked at. */
const mostSteps = 64;

/**
 * The input of the last product before an output: what a classifier knows of a picture before it names
 * a class.
 *
 * @param scores - The output's name.
 * @throws TabserveError `unsupported` where there is none.
 */
export function featuresOf(graph: Uint8Array, scores: string, where: string): EmbeddingOutput {
  const model = readOnnx(graph);
  let name = scores;
  for (let step = 0; step < mostSteps; step++) {
    const node = model.producers.get(name);
    if (!node) break;
    const data = dataOf(node, model);
    if (data === undefined) break;
    const pooling = products[node.op];
    if (pooling !== undefined) {
      const features = unquantised(data, model);
      // A product of the picture itself is the graph's first, not its last: what is behind it has no product.
      if (features === undefined || !model.producers.has(features)) break;
      return { name: features, pooling };
    }
    name = data;
  }
  throw new TabserveError(
    'unsupported',
    `${where} names no embedding, and before its output "${scores}" there is no product of features and weights at which it could be cut. Name the features in its model.json, as "output.embedding".`,
    { details: { model: where } },
  );
}

/** The one input that is no constant. */
function dataOf({ inputs }: OnnxNode, { constants, producers }: OnnxModel): string | undefined {
  const isConstant = (name: string): boolean => {
    if (name === '' || constants.has(name)) return true;
    const node = producers.get(name);
    return node?.op === 'DequantizeLinear' && node.inputs.every((each) => constants.has(each));
  };
  return inputs.find((name) => !isConstant(name));
}

/** The features as they were before they became whole numbers. */
function unquantised(name: string, { producers }: OnnxModel): string | undefined {
  const node = producers.get(name);
  if (node && quantisers.includes(node.op)) return node.inputs[0];
  // A whole number that no quantiser made has no value in itself.
  return node && /^(QLinear|com\.microsoft\.QLinear|com\.microsoft\.QGemm)/.test(node.op)
    ? undefined
    : name;
}

/** The file with one more output. Its type and shape are for the engine to find. */
export function withOutput(graph: Uint8Array, name: string): Uint8Array<ArrayBuffer> {
  const changed = edit(graph, {
    7: (bytes) => {
      const fields: NewField[] = readFields(bytes);
      const isOutput = readAll(readFields(bytes), 12).some(
        (each) => textOf(readAll(readFields(each), 1)[0]) === name,
      );
      if (isOutput) return bytes;
      const output = { number: 12, type: 2, bytes: messageOf([textField(1, name)]) };
      return messageOf([...fields, output]);
    },
  });
  return changed instanceof Uint8Array ? changed.slice() : written(changed);
}
