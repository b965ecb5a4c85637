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
  'GatherElements',
  'GatherND',
  'ScatterElements',
  'ScatterND',
  'Tile',
  'ReduceMean',
  'ReduceMax',
  'ReduceMin',
  'ReduceSum',
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
  if (node.op === 'If') return ofBranches(model, producers, node, name, left - 1) ?? nothing;
  // Graphs that ONNX Runtime has optimised keep the function in the product before it.
  const fused = node.attributes.get('activation')?.text;
  if (/^com\.microsoft\.Fused/.test(node.op) && fused !== undefined && ends[fused]) {
    return { kind: ends[fused], by: fused, isGuess: false };
  }
  const body = model.functions.get(node.op);
  if (body) {
    const output = body.outputs[node.outputs.indexOf(name)];
    const inner = follow(model, body.producers, output ?? '', left - 1);
    return inner.kind === 'logits' ? nothing : inner;
  }
  const isProduct = node.op === 'MatMul' && isOfShares(model, node);
  if (mixers.has(node.op) || isProduct) return mixed(model, producers, node, back) ?? nothing;
  return nothing;
}

/** What both branches of an `If` agree on. They see the values around them too. */
function ofBranches(
  model: OnnxModel,
  producers: Producers,
  { attributes, outputs }: OnnxNode,
  name: string,
  left: number,
): Meaning | undefined {
  const meanings = ['then_branch', 'else_branch'].map((branch) => {
    const body = attributes.get(branch)?.graph;
    const output = body?.outputs[outputs.indexOf(name)];
    if (!body || output === undefined) return undefined;
    return follow(model, new Map([...producers, ...body.producers]), output, left);
  });
  const [one, other] = meanings;
  if (!one || !other) return undefined;
  if (one.kind === other.kind) return one;
  // Scores in one case and logits in the other have no description.
  return undefined;
}

/** Which inputs of an operator are numbers that its output is made of, where not all are: from, to. */
const dataInputs: Readonly<Record<string, readonly [number, number?]>> = {
  ...Object.fromEntries(
    ['Slice', 'Gather', 'GatherElements', 'GatherND', 'Split', 'Clip', 'Tile', 'Pad', 'Pow']
      .concat('ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceSum')
      .map((op) => [op, [0, 1] as const]),
  ),
  ScatterElements: [2, 3],
  ScatterND: [2, 3],
  Where: [1],
};

/** Of sums, averages and parts: scores if all that is not constant is. */
function mixed(
  model: OnnxModel,
  producers: Producers,
  node: OnnxNode,
  back: (value: string | undefined) => Meaning,
): Meaning | undefined {
  const [from, to] = dataInputs[node.op] ?? [0, undefined];
  const values = node.inputs
    .slice(from, to)
    .filter(
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

/** Whether a matrix is of 0…1, as those that put scores of classes together are, and no layer's weights. */
function isOfShares(model: OnnxModel, { inputs }: OnnxNode): boolean {
  const values = model.constants.get(inputs[1] ?? '')?.values;
  return (
    values !== undefined && values.length > 0 && values.every((each) => each >= 0 && each <= 1)
  );
}

function isUnit(model: OnnxModel, { inputs, attributes }: OnnxNode): boolean {
  const bound = (index: number, name: string) =>
    model.constants.get(inputs[index] ?? '')?.values?.[0] ?? attributes.get(name)?.float;
  return bound(1, 'min') === 0 && bound(2, 'max') === 1;
}

const softmax: Meaning = { kind: 'probabilities', by: 'Softmax', isGuess: false };
const sigmoid: Meaning = { kind: 'probabilities', by: 'Sigmoid', isGuess: false };
const logSoftmax: Meaning = { kind: 'log-probabilities', by: 'LogSoftmax', isGuess: false };

/** Operators whose results are not negative. */
const positive: ReadonlySet<string> = new Set([
  'Exp',
  'Sigmoid',
  'HardSigmoid',
  'Softplus',
  'Relu',
  'Abs',
]);

/**
 * Softmax as `Exp / ReduceSum(Exp)`, and whatever else is not negative divided by its sum; sigmoid as
 * `1 / (1 + Exp)` and by way of `Tanh`; log-softmax as `x − log Σ exp`.
 */
function spelledOut(
  model: OnnxModel,
  producers: Producers,
  { op, inputs, attributes }: OnnxNode,
): Meaning | undefined {
  const [first = '', second = ''] = inputs;
  const made = (value: string) => producers.get(value);
  const isExp = (value: string) => made(value)?.op === 'Exp';
  const isPositive = (value: string) => positive.has(made(value)?.op ?? '');
  const isSumOf = (value: string, part: string): boolean => {
    const node = made(value);
    if (!node) return false;
    // Some add a little, not to divide by zero.
    if (['Add', 'Max', 'Clip', 'Expand'].includes(node.op)) {
      return node.inputs.some((each) => isSumOf(each, part));
    }
    return ['ReduceSum', 'ReduceL1'].includes(node.op) && node.inputs[0] === part;
  };
  if (op === 'Div' && isPositive(first)) {
    if (isSumOf(second, first)) return softmax;
    if (isExp(first) && isOnePlus(made(second))) return sigmoid;
  }
  if (op === 'Mul') {
    for (const [part, factor] of [
      [first, second],
      [second, first],
    ] as const) {
      const reciprocal = made(factor);
      const sum = reciprocal?.op === 'Reciprocal' ? (reciprocal.inputs[0] ?? '') : '';
      if (isPositive(part) && isSumOf(sum, part)) return softmax;
    }
  }
  if (op === 'LpNormalization' && attributes.get('p')?.int === 1 && isPositive(first)) {
    return softmax;
  }
  // 0.5 · tanh + 0.5, and 0.5 · (tanh + 1)
  if (op === 'Add' || op === 'Mul') {
    const inner = [first, second]
      .map(made)
      .find((node) => node?.op === (op === 'Add' ? 'Mul' : 'Add'));
    const isTanh = inner?.inputs.some((value) => made(value)?.op === 'Tanh');
    const [outer, within] = [valueIn(inputs), valueIn(inner?.inputs ?? [])];
    if (isTanh && outer === 0.5 && within === (op === 'Add' ? 0.5 : 1)) return sigmoid;
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

  function valueIn(values: readonly string[]): number | undefined {
    const [constant] = values.flatMap((value) => model.constants.get(value)?.values ?? []);
    return constant;
  }

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
