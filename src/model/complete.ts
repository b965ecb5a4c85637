/** What a graph tells about itself, and what a manifest can leave to it. */
import { TabserveError } from '../base/errors.js';
import { classCount } from './fit.js';
import type { ModelInput } from './manifest.js';
import type { OnnxModel } from './onnx/graph.js';
import { isMadeFrom, type Meaning, meaningOf } from './onnx/scores.js';
import type { TensorInfo } from './translation.js';

/** An input that pictures go into. */
export interface ImageInput {
  input: TensorInfo;
  dtype: ModelInput['dtype'];
}

/** An output with scores. */
export interface ScoresOutput {
  output: TensorInfo;
  meaning: Meaning;
  /** `null`: the graph does not tell. */
  classes: number | null;
}

/** Most classes that a graph may say it has. */
export const mostClasses = 1_000_000;

const inputTypes: readonly ModelInput['dtype'][] = [
  'float32',
  'float16',
  'float64',
  'uint8',
  'int8',
  'int32',
  'int64',
];

/**
 * The input that takes the picture: the only one, or the only one of 4 dimensions, then of 3.
 *
 * @throws TabserveError `model-invalid` listing what there is.
 */
export function imageInput(inputs: readonly TensorInfo[], where: string): ImageInput {
  const of = (rank: number) => inputs.filter(({ shape }) => shape.length === rank);
  const candidates = [inputs, of(4), of(3)].find((each) => each.length === 1);
  const [input] = candidates ?? [];
  const found = inputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join('; ');
  if (input && input.shape.length > 4) {
    throw new TabserveError(
      'model-invalid',
      `${where} takes ${found}: ${input.shape.length} dimensions are a sequence of pictures or a volume, not one picture. Export a model that takes [N, 3, height, width].`,
      { details: { model: where, found } },
    );
  }
  if (!input || input.shape.length < 2) {
    throw new TabserveError(
      'model-invalid',
      `${where} takes ${found || 'nothing'}; a classifier of images takes one tensor of 4 dimensions. Write a model.json that names the input.`,
      { details: { model: where, found } },
    );
  }
  const dtype = inputTypes.find((each) => each === input.type);
  if (dtype) return { input, dtype };
  throw new TabserveError(
    'model-invalid',
    `${where} takes ${input.type} as "${input.name}"; ${inputTypes.join(', ')} are possible.`,
    { details: { model: where, found: input.type } },
  );
}

/**
 * The output that holds scores: by its type, its shape, and what makes it.
 *
 * @param labels - How many labels are known, if any.
 * @throws TabserveError `model-invalid` saying of each output why it is not the one, or why it could be.
 */
export function scoresOutput(
  outputs: readonly TensorInfo[],
  model: OnnxModel | null,
  labels: number | null,
  where: string,
): ScoresOutput {
  const all = outputs.map((output) => {
    const meaning: Meaning = model
      ? meaningOf(model, output.name)
      : { kind: 'logits', by: 'unknown', isGuess: true };
    const classes = classCount(output.shape);
    return { output, meaning, classes, obstacle: obstacleOf(output, meaning, classes) };
  });
  let left = all.filter(({ obstacle }) => obstacle === undefined);
  if (left.length === 0) throw noScores(all, where);
  const narrow = (keep: (each: (typeof all)[number]) => boolean) => {
    const kept = left.filter(keep);
    if (left.length > 1 && kept.length > 0) left = kept;
  };
  narrow(({ classes }) => labels !== null && classes === labels);
  // What another output is made from is features, or logits of which that one is the softmax.
  narrow(
    ({ output }) =>
      !model ||
      !left.some(
        (other) => other.output !== output && isMadeFrom(model, other.output.name, output.name),
      ),
  );
  narrow(
    ({ output }) => !/aux|hidden|feature|embed|pool|attention|intermediate/i.test(output.name),
  );
  narrow(({ meaning }) => meaning.kind === 'probabilities');
  narrow(({ meaning }) => meaning.kind !== 'logits');
  narrow(({ output }) => /^(logits|scores?|prob\w*|predictions?)$/i.test(output.name));
  if (!model) narrow(({ output }) => /^output\w*$/i.test(output.name));
  const [chosen] = left;
  if (chosen && left.length === 1) return chosen;
  const list = left.map(
    ({ output, meaning }) =>
      `"${output.name}" ([${output.shape.join(', ')}], made by ${meaning.by})`,
  );
  throw new TabserveError(
    'model-invalid',
    `${where} has several outputs that could be scores: ${list.join('; ')}. Write a model.json that names the right one.`,
    { details: { model: where } },
  );
}

function obstacleOf(
  { type, shape }: TensorInfo,
  { kind, by, quantised }: Meaning,
  classes: number | null,
): string | undefined {
  if (type === 'map' || kind === 'map')
    return 'a map of labels and scores (ZipMap), which only Python programs can read';
  if (type === 'string' || kind === 'text') return 'text (string): the label, not its score';
  if (kind === 'class-number') return `${type}, a class number or a verdict (${by}), not scores`;
  if (kind === 'ranking') return `the best few (${by}), without a score for each class`;
  if (!type.startsWith('float') && !quantised) {
    return `${type} without a scale: class numbers or counts, not scores`;
  }
  if (
    shape.length > 1 &&
    shape.slice(1).filter((size) => typeof size === 'number' && size > 1).length > 1
  ) {
    return `[${shape.join(', ')}], more than one number for each class`;
  }
  if (classes === 0) return 'empty';
  if (classes !== null && classes > mostClasses)
    return `${classes} numbers, more than ${mostClasses} classes`;
  return undefined;
}

function noScores(
  all: readonly { output: TensorInfo; obstacle: string | undefined }[],
  where: string,
): TabserveError {
  const list = all.map(({ output, obstacle }) => `"${output.name}" is ${obstacle}`);
  return new TabserveError(
    'model-invalid',
    `${where} has no output with scores: ${list.join('; ')}. Export the model with a tensor of scores or logits as its output, one number for each class (in sklearn-onnx: zipmap=False; before ArgMax, TopK or a label lookup).`,
    { details: { model: where } },
  );
}

/**
 * What turns an output into scores, once: nothing where the graph has done it.
 *
 * Softmax of logarithms of probabilities gives the probabilities.
 */
export function activationOf({ kind }: Meaning, classes: number): 'softmax' | 'sigmoid' | 'none' {
  if (kind === 'probabilities') return 'none';
  return classes === 1 ? 'sigmoid' : 'softmax';
}

/**
 * @throws TabserveError `model-invalid` for a graph whose only number is 1 for every picture.
 */
export function refuseConstant({ output, meaning, classes }: ScoresOutput, where: string): void {
  const isSoftmax = /softmax/i.test(meaning.by) && !meaning.isGuess;
  if (classes !== 1 || !isSoftmax) return;
  throw new TabserveError(
    'model-invalid',
    `${where}: the output "${output.name}" is the softmax of one number, which is 1 for every picture. Export the model with a sigmoid there, or without.`,
    { details: { model: where } },
  );
}
