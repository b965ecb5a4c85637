/** From a classifier's output to answers, whatever it classifies. */

import { TabserveError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import type { LabelSet } from '../model/manifest-core.js';
import type { TaskModel } from '../runtime/task.js';

/** The network's output tensor, `[batch, classes]`. */
export interface ScoresOutput {
  /** The tensor's name in the graph. */
  name: string;
  /**
   * What turns the output into scores: `softmax` or `sigmoid` for logits, `none` for scores,
   * `log-softmax` for logits whose scores are to be logarithms, from −∞ to 0.
   */
  activation: 'softmax' | 'sigmoid' | 'none' | 'log-softmax';
  /** Of an output of quantised whole numbers: `(number − zeroPoint) · scale`. @default 1 */
  scale?: number | undefined;
  /** See `scale`. @default 0 */
  zeroPoint?: number | undefined;
  /** Least scores of single classes, by their labels: where a class says too much. @default none */
  thresholds?: Record<string, number> | undefined;
}

/** One answer. */
export interface Classification {
  /** The class, as the model's author calls it, or in the language of the option `lang`. */
  label: string;
  /** 0…1. With a softmax output, all classes' scores add up to 1. */
  score: number;
  /** The class's place in the model's output. */
  index: number;
  /** A shorter label, where the model has one. */
  short?: string | undefined;
  /** The coarse group of the class, where the model has groups: `dog` for `Irish terrier`. */
  group?: string | undefined;
}

/** What is known of a classifier's classes besides their labels. */
export interface ClassFacts {
  /** What answers call the classes. @default their labels */
  shown?: LabelSet | undefined;
  /** As in {@link ScoresOutput}. */
  thresholds?: Readonly<Record<string, number>> | undefined;
}

/** Which answers a caller wants to see. */
export interface AnswerFilter {
  /** At most so many. */
  topK: number;
  /** Least score, or `null` for none: scores need not be of 0…1. */
  threshold: number | null;
  /** Least scores of single classes, before those of the model, or `null`. */
  thresholds: Readonly<Record<string, number>> | null;
  /** Only these labels, or `null` for all. */
  allow: readonly string[] | null;
  /** Not these labels, or `null`. */
  deny: readonly string[] | null;
}

/**
 * Turns one image's output into scores of 0…1, in double precision.
 *
 * Softmax subtracts the greatest logit first, so that no logit, however large, overflows.
 *
 * @param output - One number per class.
 */
export function activate(
  output: ArrayLike<number>,
  activation: ScoresOutput['activation'],
): Float64Array {
  const scores = Float64Array.from(output);
  switch (activation) {
    case 'none':
      return scores;
    case 'sigmoid':
      return scores.map((logit) => 1 / (1 + Math.exp(-logit)));
    case 'softmax':
    case 'log-softmax': {
      const greatest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      const powers = scores.map((logit) => Math.exp(logit - greatest));
      const sum = powers.reduce((a, b) => a + b, 0);
      if (activation === 'softmax') return powers.map((power) => power / sum);
      return scores.map((logit) => logit - greatest - Math.log(sum));
    }
  }
}

/** What the whole numbers of a quantised output stand for. */
export function dequantised(
  output: ArrayLike<number>,
  { scale, zeroPoint = 0 }: Pick<ScoresOutput, 'scale' | 'zeroPoint'>,
): ArrayLike<number> {
  return scale === undefined ? output : Array.from(output, (each) => (each - zeroPoint) * scale);
}

/**
 * Scores for as many labels as there are: the one number of a yes-or-no model stands for the second of
 * two labels, and its complement for the first.
 */
export function withComplement(scores: Float64Array, labels: number): Float64Array {
  const [yes] = scores;
  return labels === 2 && scores.length === 1 && yes !== undefined
    ? Float64Array.of(1 - yes, yes)
    : scores;
}

/**
 * What answers of this model say besides labels and scores.
 *
 * @throws TabserveError `manifest-invalid` for a threshold of a label that the model lacks.
 */
export function classFacts(
  { labels, shown, where }: Pick<TaskModel, 'labels' | 'shown' | 'where'>,
  { thresholds = {} }: ScoresOutput,
): ClassFacts {
  const unknown = unknownLabel(Object.keys(thresholds), labels);
  if (!unknown) return { shown, thresholds };
  const field = 'output.thresholds';
  throw new TabserveError('manifest-invalid', `${where}: the field "${field}" ${unknown.message}`, {
    details: { manifest: where, field, ...unknown.details },
  });
}

/**
 * The best answers, by score, ties by lowest index.
 *
 * @param scores - One per class.
 * @param labels - One per class, as `filter` names them.
 * @throws TabserveError `invalid-argument` for a label in `allow`, `deny` or `thresholds` that the model
 *   lacks; `model-invalid` when the network gave no number (NaN).
 */
export function topK(
  scores: Float64Array,
  labels: readonly string[],
  filter: AnswerFilter,
  { shown, thresholds }: ClassFacts = {},
): Classification[] {
  if (scores.some(Number.isNaN)) {
    throw new TabserveError(
      'model-invalid',
      'The model answered NaN. Its weights are damaged, or its preprocessing does not fit it.',
    );
  }
  const allowed = filter.allow && labelSet(filter.allow, labels, 'allow');
  const denied = filter.deny && labelSet(filter.deny, labels, 'deny');
  const least = new Map(Object.entries({ ...thresholds, ...filter.thresholds }));
  if (filter.thresholds) labelSet(Object.keys(filter.thresholds), labels, 'thresholds');
  const answers: Classification[] = [];
  scores.forEach((score, index) => {
    const label = labels[index] ?? `class ${index}`;
    if (
      score < (least.get(label) ?? filter.threshold ?? -Infinity) ||
      denied?.has(label) ||
      allowed?.has(label) === false
    )
      return;
    const name = shown?.labels[index] ?? label;
    answers.push({ label: name, score, index, ...shown?.labelDetails?.[index] });
  });
  answers.sort((a, b) => b.score - a.score || a.index - b.index);
  return answers.slice(0, filter.topK);
}

function labelSet(
  wanted: readonly string[],
  labels: readonly string[],
  option: 'allow' | 'deny' | 'thresholds',
): ReadonlySet<string> {
  const unknown = unknownLabel(wanted, labels);
  if (unknown) {
    throw new TabserveError('invalid-argument', `"${option}" ${unknown.message}`, {
      details: { option, ...unknown.details },
    });
  }
  return new Set(wanted);
}

/** The first name that is no label, in words. */
function unknownLabel(wanted: readonly string[], labels: readonly string[]) {
  const label = wanted.find((each) => !labels.includes(each));
  if (label === undefined) return undefined;
  const near = nearest(label, labels);
  const hint = near === undefined ? `It has ${labels.length} others.` : `Did you mean "${near}"?`;
  return {
    message: `names the label "${label}", which the model does not have. ${hint}`,
    details: { label, ...(near !== undefined && { nearest: near }) },
  };
}
