/** What the numbers of an output are, by the operators that make them. */
import type { OnnxModel, OnnxNode } from './graph.js';

/** What {@link meaningOf} finds. */
export interface Meaning {
  /**
   * `logits`: nothing that ends in scores was found. `probabilities`: softmax or sigmoid was applied.
   * `log-probabilities`: their logarithm. `class-number`: which class, not how sure. `text`, `map`:
   * no numbers. `ranking`: the best few, without their places.
   */
  kind:
    | 'logits'
    | 'probabilities'
    | 'log-probabilities'
    | 'class-number'
    | 'text'
    | 'map'
    | 'ranking';
  /** The operator that tells. */
  by: string;
  /** Whether something stands between that operator and the output, so that this is a guess. */
  isGuess: boolean;
  /** Labels that stand in the graph, of `ZipMap`. */
  labels?: string[];
  /** How integers become numbers: `(integer − zeroPoint) · scale`. */
  quantised?: { scale: number; zeroPoint: number };
}

/** Operators that leave numbers what they are. */
const carriers: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'CastLike',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Transpose',
  'Dropout',
  'DequantizeLinear',
  'QuantizeLinear',
  'Expand',
  'com.microsoft.DequantizeLinear',
  'com.microsoft.QuantizeLinear',
]);

/** Operators that leave scores scores, though not the same ones. */
const mixers: ReadonlySet<string> = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Sum',
  'Mean',
  'Max',
  'Min',
  'Concat',
  'Slice',
  'Gather',
  'Split',
  'Where',
  'Clip',
  'ReduceMean',
  'ReduceMax',
  'Pad',
  'Pow',
  'Sqrt',
  'Round',
]);

/** Operators that give scores. */
const ends: Readonly<Record<string, Meaning['kind']>> = {
  Softmax: 'probabilities',
  Sigmoid: 'probabilities',
  HardSigmoid: 'probabilities',
  Hardmax: 'class-number',
  LogSoftmax: 'log-probabilities',
  'com.microsoft.QLinearSoftmax': 'probabilities',
  'com.microsoft.QLinearSigmoid': 'probabilities',
  'com.microsoft.BiasSoftmax': 'probabilities',
  'ai.onnx.ml.Normalizer': 'probabilities',
  ArgMax: 'class-number',
  ArgMin: 'class-number',
  Greater: 'class-number',
  GreaterOrEqual: 'class-number',
  Less: 'class-number',
  LessOrEqual: 'class-number',
  Equal: 'class-number',
  TopK: 'ranking',
  'ai.onnx.ml.ZipMap': 'map',
  'ai.onnx.ml.LabelEncoder': 'text',
};

/** Where operators keep the scale of a quantised result; the zero point comes next. */
const scaleInputs: Readonly<Record<string, number>> = {
  QuantizeLinear: 1,
  'com.microsoft.QuantizeLinear': 1,
  QLinearConv: 6,
  QLinearMatMul: 6,
  'com.microsoft.QLinearAdd': 6,
  'com.microsoft.QLinearMul': 6,
  'com.microsoft.QGemm': 7,
  'com.microsoft.QLinearSoftmax': 3,
  'com.microsoft.QLinearSigmoid': 3,
  'com.microsoft.QLinearGlobalAveragePool': 3,
};

/** How far back an output is followed. */
const mostSteps = 64;

/** What the output `name` of a graph is. */
export function meaningOf(model: OnnxModel, name: string): Meaning {
  const quantised = quantisationOf(model, name);
  const found = follow(model, model.producers, name, mostSteps);
  return quantised ? { ...found, quantised } : found;
}

type Producers = OnnxModel['producers'];

function follow(model: OnnxModel, producers: Producers, name: string, left: number): Meaning {
  const node = producers.get(name);
  const nothing: Meaning = { kind: 'logits', by: node?.op ?? 'its input', isGuess: false };
  if (!node || left === 0) return nothing;
  const back = (value: string | undefined) => follow(model, producers, value ?? '', left - 1);
  const spelt = spelledOut(model, producers, node);
  if (spelt) return spelt;
  const end = ends[node.op];
  if (end === 'map') {
    const labels = node.attributes.get('classlabels_strings')?.strings ?? [];
    return { kind: 'map', by: node.op, isGuess: false, labels };
  }
  if (end) return { kind: end, by: node.op, isGuess: false };
  if (node.op === 'Log') {
    const inner = back(node.inputs[0]);
    return inner.kind === 'probabilities'
      ? { ...inner, kind: 'log-probabilities', by: `Log of ${inner.by}` }
      : nothing;
  }
  if (node.op === 'Exp') {
    const inner = back(node.inputs[0]);
    return inner.kind === 'log-probabilities'
      ? { ...inner, kind: 'probabilities', by: `Exp of ${inner.by}` }
      : nothing;
  }
  if (/^ai\.onnx\.ml\..*Classifier$/.test(node.op)) return ofClassifier(node, name);
  if (carriers.has(node.op)) return back(node.inputs[0]);
  const body = model.functions.get(node.op);
  if (body) {
    const output = body.outputs[node.outputs.indexOf(name)];
    const inner = follow(model, body.producers, output ?? '', left - 1);
    return inner.kind === 'logits' ? nothing : inner;
  }
  if (mixers.has(node.op)) return mixed(model, producers, node, back) ?? nothing;
  return nothing;
}

/** Of sums, averages and parts: scores if all that is not constant is. */
function mixed(
  model: OnnxModel,
  producers: Producers,
  node: OnnxNode,
  back: (value: string | undefined) => Meaning,
): Meaning | undefined {
  const takesOne = ['Slice', 'Gather', 'Split', 'Clip', 'ReduceMean', 'ReduceMax', 'Pad', 'Pow'];
  const values = (takesOne.includes(node.op) ? node.inputs.slice(0, 1) : node.inputs).filter(
    (value) =>
      value !== '' && !model.constants.has(value) && producers.get(value)?.op !== 'Constant',
  );
  if (values.length === 0 || values.length > 16) return undefined;
  if (node.op === 'Clip' && isUnit(model, node)) {
    const inner = back(values[0]);
    // The ReLU6 of a network is no such end: this one keeps to 0…1.
    return inner.kind === 'logits'
      ? { kind: 'probabilities', by: 'Clip to 0…1', isGuess: true }
      : inner;
  }
  const meanings = values.map(back);
  const [first] = meanings;
  if (!first || first.kind === 'logits' || meanings.some(({ kind }) => kind !== first.kind)) {
    return undefined;
  }
  return { ...first, isGuess: true };
}

function isUnit(model: OnnxModel, { inputs, attributes }: OnnxNode): boolean {
  const bound = (index: number, name: string) =>
    model.constants.get(inputs[index] ?? '')?.values?.[0] ?? attributes.get(name)?.float;
  return bound(1, 'min') === 0 && bound(2, 'max') === 1;
}

const softmax: Meaning = { kind: 'probabilities', by: 'Softmax', isGuess: false };
const sigmoid: Meaning = { kind: 'probabilities', by: 'Sigmoid', isGuess: false };
const logSoftmax: Meaning = { kind: 'log-probabilities', by: 'LogSoftmax', isGuess: false };

/** Softmax as `Exp / ReduceSum(Exp)`, sigmoid as `1 / (1 + Exp)`, log-softmax as `x − log Σ exp`. */
function spelledOut(
  model: OnnxModel,
  producers: Producers,
  { op, inputs }: OnnxNode,
): Meaning | undefined {
  const [first = '', second = ''] = inputs;
  const made = (value: string) => producers.get(value);
  const isExp = (value: string) => made(value)?.op === 'Exp';
  if (op === 'Div' && isExp(first)) {
    const sum = made(second);
    if (sum?.op === 'ReduceSum' && sum.inputs[0] === first) return softmax;
    if (isOnePlus(sum)) return sigmoid;
  }
  const divisor = op === 'Div' ? second : op === 'Reciprocal' ? first : undefined;
  const isOne =
    op === 'Reciprocal' || model.constants.get(first)?.values?.every((each) => each === 1);
  if (divisor !== undefined && isOne && isOnePlus(made(divisor))) return sigmoid;
  if (op === 'Sub') {
    const log = made(second);
    if (log?.op === 'ReduceLogSumExp') return logSoftmax;
    const sum = log?.op === 'Log' ? made(log.inputs[0] ?? '') : undefined;
    if (sum?.op === 'ReduceSum' && isExp(sum.inputs[0] ?? '')) return logSoftmax;
  }
  return undefined;

  function isOnePlus(node: OnnxNode | undefined): boolean {
    if (node?.op !== 'Add') return false;
    return (
      node.inputs.some((value) => isExp(value)) &&
      node.inputs.some((value) => model.constants.get(value)?.values?.every((each) => each === 1))
    );
  }
}

/** Classifiers of ONNX-ML answer the label first and the scores second. */
function ofClassifier(node: OnnxNode, name: string): Meaning {
  if (node.outputs.indexOf(name) === 0)
    return { kind: 'class-number', by: node.op, isGuess: false };
  const transform = node.attributes.get('post_transform')?.text ?? 'NONE';
  const isScore = transform === 'SOFTMAX' || transform === 'LOGISTIC' || node.op.includes('Tree');
  return { kind: isScore ? 'probabilities' : 'logits', by: node.op, isGuess: transform === 'NONE' };
}

/** The scale of a quantised output, through what leaves its integers as they are. */
function quantisationOf(model: OnnxModel, name: string): Meaning['quantised'] {
  let value = name;
  for (let step = 0; step < mostSteps; step++) {
    const node = model.producers.get(value);
    if (!node) return undefined;
    const at = scaleInputs[node.op];
    if (at !== undefined) {
      const scale = model.constants.get(node.inputs[at] ?? '')?.values;
      const zero = model.constants.get(node.inputs[at + 1] ?? '')?.values ?? [0];
      return scale?.length === 1 && zero.length === 1
        ? { scale: scale[0] as number, zeroPoint: zero[0] as number }
        : undefined;
    }
    if (
      !['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose'].includes(node.op)
    ) {
      return undefined;
    }
    value = node.inputs[0] ?? '';
  }
  return undefined;
}

/** Whether `output` is made from the value `name`. */
export function isMadeFrom(model: OnnxModel, output: string, name: string): boolean {
  const seen = new Set<string>();
  const left = [output];
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    for (const input of model.producers.get(value)?.inputs ?? []) {
      if (input === name) return true;
      if (seen.has(input)) continue;
      seen.add(input);
      left.push(input);
    }
  }
  return false;
}
