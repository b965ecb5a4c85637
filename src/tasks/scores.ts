/** From a classifier's output to answers, whatever it classifies. */

import { TabserveError } from '../base/errors.js';

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
}

/** One answer. */
export interface Classification {
  /** The class, as the model's author calls it. */
  label: string;
  /** 0…1. With a softmax output, all classes' scores add up to 1. */
  score: number;
  /** The class's place in the model's output. */
  index: number;
}

/** Which answers a caller wants to see. */
export interface AnswerFilter {
  /** At most so many. */
  topK: number;
  /** Least score, or `null` for none: scores need not be of 0…1. */
  threshold: number | null;
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
 * The best answers, by score, ties by lowest index.
 *
 * @param scores - One per class.
 * @param labels - One per class.
 * @throws TabserveError `invalid-argument` for a label in `allow` or `deny` that the model lacks;
 *   `model-invalid` when the network gave no number (NaN).
 */
export function topK(
  scores: Float64Array,
  labels: readonly string[],
  filter: AnswerFilter,
): Classification[] {
  if (scores.some(Number.isNaN)) {
    throw new TabserveError(
      'model-invalid',
      'The model answered NaN. Its weights are damaged, or its preprocessing does not fit it.',
    );
  }
  const allowed = filter.allow && labelSet(filter.allow, labels, 'allow');
  const denied = filter.deny && labelSet(filter.deny, labels, 'deny');
  const answers: Classification[] = [];
  scores.forEach((score, index) => {
    const label = labels[index] ?? `class ${index}`;
    if (
      score < (filter.threshold ?? -Infinity) ||
      denied?.has(label) ||
      allowed?.has(label) === false
    )
      return;
    answers.push({ label, score, index });
  });
  answers.sort((a, b) => b.score - a.score || a.index - b.index);
  return answers.slice(0, filter.topK);
}

function labelSet(
  wanted: readonly string[],
  labels: readonly string[],
  option: 'allow' | 'deny',
): ReadonlySet<string> {
  const unknown = wanted.find((label) => !labels.includes(label));
  if (unknown !== undefined) {
    throw new TabserveError(
      'invalid-argument',
      `"${option}" names the label "${unknown}", which the model does not have. Its labels are in classifier.info.model.labels.`,
      { details: { option, label: unknown } },
    );
  }
  return new Set(wanted);
}
