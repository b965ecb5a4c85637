/** The coefficients of linear models, as their graphs have them. */
import { type OnnxModel, type OnnxNode, readOnnx } from '../../model/onnx/graph.js';

/** A linear model: each output is its intercept and a sum of the inputs times their coefficients. */
export interface LinearModel {
  /** One for each number that the model predicts, or for each class. */
  outputs: {
    /** The class; `null` for a value. */
    label: string | null;
    intercept: number;
    /** One for each number of the network's input, in its order and units. */
    coefficients: number[];
  }[];
}

/** Scaling before the matrix: `(input − offset) · scale`. */
interface Scaling {
  offset: number[];
  scale: number[];
}

/**
 * Reads them.
 *
 * @param model - An `.onnx` file.
 * @returns Why it is not a linear one, where it is none.
 * @throws RangeError when it is no protobuf message.
 */
export function linearModel(model: Uint8Array): LinearModel | string {
  const graph = readOnnx(model);
  const found = graph.nodes.filter(({ op }) =>
    /^ai\.onnx\.ml\.Linear(Classifier|Regressor)$/.test(op),
  );
  const [node, ...others] = found;
  if (!node) return ofProduct(graph);
  if (others.length > 0) return 'it has several linear models';
  const scaling = scalingBefore(node.inputs[0] ?? '', graph);
  if (typeof scaling === 'string') return scaling;
  const { attributes } = node;
  const coefficients = attributes.get('coefficients')?.floats ?? [];
  const intercepts = attributes.get('intercepts')?.floats ?? [];
  const labels = labelsOf(node);
  const targets = attributes.get('targets')?.int ?? 1;
  const count = node.op.endsWith('Regressor') ? targets : Math.max(1, intercepts.length);
  const width = coefficients.length / count;
  if (!Number.isInteger(width) || width < 1) return 'its coefficients are incomplete';
  const { offset, scale } = scaling ?? { offset: [0], scale: [1] };
  const at = (values: number[], place: number) => values[values.length === 1 ? 0 : place] ?? 0;
  return {
    outputs: Array.from({ length: count }, (_, output) => {
      const row = coefficients.slice(output * width, (output + 1) * width);
      const inUnits = row.map((each, place) => each * at(scale, place));
      const shift = inUnits.reduce((sum, each, place) => sum + each * at(offset, place), 0);
      return {
        label: labels[output] ?? null,
        intercept: (intercepts[output] ?? 0) - shift,
        coefficients: inUnits,
      };
    }),
  };
}

/** A single product with constants, before nothing but what makes scores. */
function ofProduct({ nodes, constants, metadata }: OnnxModel): LinearModel | string {
  const none = 'it has no linear classifier or regressor';
  const [node, ...others] = nodes.filter(({ op }) => !/^(Identity|Sigmoid|Softmax)$/.test(op));
  const [, matrix, bias] = (node?.inputs ?? []).map((name) => constants.get(name));
  const isLinear =
    node?.op === 'Gemm' && others.length === 0 && node.attributes.get('transB')?.int === 1;
  if (!isLinear || !matrix || !bias) return none;
  const [count = 0, width = 0] = matrix.dims;
  const { values: weights } = matrix;
  const { values: intercepts } = bias;
  if (!weights || intercepts?.length !== count) return 'it has too many coefficients';
  const labels: unknown = JSON.parse(metadata.get('labels') ?? '[]');
  return {
    outputs: intercepts.map((intercept, output) => ({
      label: Array.isArray(labels) && labels.length === count ? String(labels[output]) : null,
      intercept,
      coefficients: weights.slice(output * width, (output + 1) * width),
    })),
  };
}

function labelsOf({ attributes }: OnnxNode): string[] {
  const { strings = [] } = attributes.get('classlabels_strings') ?? {};
  return strings.length > 0
    ? strings
    : (attributes.get('classlabels_ints')?.ints ?? []).map(String);
}

/** What stands between the graph's input and the matrix; `undefined` for nothing. */
function scalingBefore(name: string, { producers }: OnnxModel): Scaling | undefined | string {
  let value = name;
  let found: Scaling | undefined;
  for (let node = producers.get(value); node; node = producers.get(value)) {
    if (node.op === 'ai.onnx.ml.Scaler' && !found) {
      const floats = (attribute: string) => node?.attributes.get(attribute)?.floats ?? [];
      const [offset, scale] = [floats('offset'), floats('scale')];
      found = { offset: offset.length ? offset : [0], scale: scale.length ? scale : [1] };
    } else if (node.op !== 'Cast' && node.op !== 'Identity') {
      return `${node.op} stands before its coefficients`;
    }
    value = node.inputs[0] ?? '';
  }
  return found;
}
