/** From the network's output to answers. */

import { TabserveError } from '../../base/errors.js';
import type { Classification, ModelOutput } from './types.js';

/** Which answers a caller wants to see. */
export interface AnswerFilter {
  /** At most so many. */
  topK: number;
  /** Least score, 0…1. */
  threshold: number;
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
  activation: ModelOutput['activation'],
): Float64Array {
  const scores = Float64Array.from(output);
  switch (activation) {
    case 'none':
      return scores;
    case 'sigmoid':
      return scores.map((logit) => 1 / (1 + Math.exp(-logit)));
    case 'softmax': {
      const greatest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      const powers = scores.map((logit) => Math.exp(logit - greatest));
      const sum = powers.reduce((a, b) => a + b, 0);
      return powers.map((power) => power / sum);
    }
  }
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
    if (score < filter.threshold || denied?.has(label) || allowed?.has(label) === false) return;
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
