/** How good answers are, on examples whose class is known. Equal to scikit-learn's numbers. */
import { TabserveError } from '../../base/errors.js';

/** A number with the interval in which the true one lies. */
export interface Estimate {
  /** 0…1 */
  value: number;
  low: number;
  high: number;
  /** With this probability, 0…1. */
  confidence: number;
}

/** How one class is recognised. */
export interface ClassReport {
  label: string;
  /** Examples of the class. */
  support: number;
  /** Of what was taken for it, the part that is it; 0 where nothing was. */
  precision: number;
  /** Of what is it, the part that was taken for it; 0 where there is none. */
  recall: number;
  /** Their harmonic mean; 0 where both are. */
  f1: number;
}

/** What {@link evaluate} says. */
export interface Evaluation {
  examples: number;
  correct: number;
  /** The share of right answers, with Wilson's interval at 95 %. */
  accuracy: Estimate;
  /** The mean of the classes' recalls, over classes that have examples. */
  balancedAccuracy: number;
  /** The means over all classes, each counting the same. */
  macro: Pick<ClassReport, 'precision' | 'recall' | 'f1'>;
  classes: readonly ClassReport[];
  /** `confusion[is][taken for]`: how many examples. */
  confusion: readonly (readonly number[])[];
  /** The mean of −ln of the probability of the true class, which counts as at least 2.2e-16. */
  logLoss: number;
  /** See {@link calibrationError}. */
  calibrationError: number;
}

/** An example that was taken for something else. */
export interface Mistake {
  /** Its place in what was evaluated. */
  example: number;
  /** What it is. */
  label: string;
  /** What it was taken for. */
  takenFor: string;
  /** The probability of that. */
  score: number;
}

/**
 * Compares answers with what is true.
 *
 * @param truth - The class number of each example.
 * @param probabilities - For each example one number of 0…1 for each class, with a sum of 1.
 * @param labels - The name of each class.
 * @throws TabserveError `invalid-argument` where lengths or class numbers do not fit together.
 */
export function evaluate(
  truth: ArrayLike<number>,
  probabilities: readonly ArrayLike<number>[],
  labels: readonly string[],
): Evaluation {
  checkAnswers(truth, probabilities, labels.length);
  const count = labels.length;
  const confusion = labels.map(() => new Array<number>(count).fill(0));
  let correct = 0;
  let loss = 0;
  for (const [i, row] of probabilities.entries()) {
    const is = truth[i] as number;
    const taken = argmax(row);
    const line = confusion[is] as number[];
    line[taken] = (line[taken] as number) + 1;
    if (is === taken) correct += 1;
    const own = Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, row[is] as number));
    loss -= Math.log(own);
  }
  const classes = labels.map((label, at) => {
    const right = confusion[at]?.[at] as number;
    const support = sum(confusion[at] as number[]);
    const taken = sum(confusion.map((line) => line[at] as number));
    const precision = ratio(right, taken);
    const recall = ratio(right, support);
    return { label, support, precision, recall, f1: ratio(2 * right, support + taken) };
  });
  const present = classes.filter(({ support }) => support > 0);
  const mean = (name: 'precision' | 'recall' | 'f1', of = classes) =>
    ratio(sum(of.map((each) => each[name])), of.length);
  const examples = probabilities.length;
  return {
    examples,
    correct,
    accuracy: wilsonInterval(correct, examples),
    balancedAccuracy: mean('recall', present),
    macro: { precision: mean('precision'), recall: mean('recall'), f1: mean('f1') },
    classes,
    confusion,
    logLoss: loss / examples,
    calibrationError: calibrationError(truth, probabilities),
  };
}

/** The examples that were taken for something else, the surest first. */
export function mistakesOf(
  truth: ArrayLike<number>,
  probabilities: readonly ArrayLike<number>[],
  labels: readonly string[],
): Mistake[] {
  checkAnswers(truth, probabilities, labels.length);
  return probabilities
    .flatMap((row, example) => {
      const is = truth[example] as number;
      const taken = argmax(row);
      const [label = '', takenFor = ''] = [labels[is], labels[taken]];
      return is === taken ? [] : [{ example, label, takenFor, score: row[taken] as number }];
    })
    .sort((a, b) => b.score - a.score);
}

/**
 * Wilson's interval for a share, which stays within 0…1 and is right for few examples too.
 *
 * Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
 *
 * @param trials - 0 tells nothing: the interval is then all of 0…1.
 * @param confidence - 0.9, 0.95 or 0.99.
 * @throws TabserveError `invalid-argument` for another confidence, and for successes that are not among the trials.
 */
export function wilsonInterval(
  successes: number,
  trials: number,
  confidence: 0.9 | 0.95 | 0.99 = 0.95,
): Estimate {
  if (!(confidence in quantiles && successes >= 0 && successes <= trials && trials < Infinity)) {
    throw refused(`there is no interval of ${confidence} for ${successes} of ${trials}`);
  }
  if (trials === 0) return { value: 0, low: 0, high: 1, confidence };
  const z = quantiles[confidence];
  const value = successes / trials;
  const scale = 1 / (1 + z ** 2 / trials);
  const middle = scale * (value + z ** 2 / (2 * trials));
  const half = scale * z * Math.sqrt((value * (1 - value)) / trials + z ** 2 / (4 * trials ** 2));
  // At the ends rounding would leave a trace.
  const low = successes === 0 ? 0 : Math.max(0, middle - half);
  const high = successes === trials ? 1 : Math.min(1, middle + half);
  return { value, low, high, confidence };
}

/** Of the normal distribution, on both sides. */
const quantiles = { 0.9: 1.6448536269514722, 0.95: 1.959963984540054, 0.99: 2.5758293035489004 };

const mostBins = 10_000;

/**
 * The expected calibration error: how far the score of the best answer is from how often it is right,
 * as the mean over bins of equal width, each counting as often as it has examples.
 *
 * Source: C. Guo et al., "On calibration of modern neural networks", 2017. A score on the border of two
 * bins belongs to the lower one.
 *
 * @param bins - 1 to 10,000. @default 15, as there
 * @returns 0 for no examples.
 * @throws TabserveError `invalid-argument` as {@link evaluate}, or for another number of bins.
 */
export function calibrationError(
  truth: ArrayLike<number>,
  probabilities: readonly ArrayLike<number>[],
  bins = 15,
): number {
  if (!(Number.isInteger(bins) && bins >= 1 && bins <= mostBins)) {
    throw refused(`there are ${bins} bins; it takes 1 to ${mostBins}`);
  }
  if (truth.length + probabilities.length === 0) return 0;
  checkAnswers(truth, probabilities, probabilities[0]?.length ?? 0);
  const gaps = new Float64Array(bins);
  for (const [i, row] of probabilities.entries()) {
    const taken = argmax(row);
    const score = row[taken] as number;
    const at = Math.min(bins - 1, Math.max(0, Math.ceil(score * bins) - 1));
    gaps[at] = (gaps[at] as number) + (truth[i] === taken ? 1 : 0) - score;
  }
  return ratio(sum([...gaps].map(Math.abs)), probabilities.length);
}

/** The place of the greatest number, the first of several. */
export function argmax(numbers: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < numbers.length; i++) {
    if ((numbers[i] as number) > (numbers[best] as number)) best = i;
  }
  return best;
}

function checkAnswers(
  truth: ArrayLike<number>,
  probabilities: readonly ArrayLike<number>[],
  count: number,
): void {
  const problem =
    truth.length !== probabilities.length
      ? `there are ${probabilities.length} answers for ${truth.length} examples`
      : probabilities.length === 0
        ? 'there are no examples'
        : problemOf(truth, probabilities, count);
  if (problem !== undefined) throw refused(problem);
}

function refused(problem: string): TabserveError {
  return new TabserveError('invalid-argument', `This cannot be evaluated: ${problem}.`);
}

function problemOf(
  truth: ArrayLike<number>,
  probabilities: readonly ArrayLike<number>[],
  count: number,
): string | undefined {
  for (const [i, row] of probabilities.entries()) {
    const is = truth[i] as number;
    if (!(Number.isInteger(is) && is >= 0 && is < count)) {
      return `example ${i} has the class number ${is}, and there are ${count} classes`;
    }
    if (row.length !== count) return `answer ${i} has ${row.length} numbers for ${count} classes`;
    for (let c = 0; c < count; c++) {
      const score = row[c] as number;
      if (!(score >= 0 && score <= 1 + 1e-6)) return `answer ${i} has the probability ${score}`;
    }
  }
  return undefined;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
