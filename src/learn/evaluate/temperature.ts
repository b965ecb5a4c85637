/** Brings scores to what they promise. */
import { TabserveError } from '../../base/errors.js';

/** The border of what is searched. */
const least = 0.05;
const most = 20;

/** ln of the temperature is found to so much. */
const precision = 1e-9;

/**
 * The temperature by which logits are divided so that the cross entropy on these examples is least:
 * above 1 where the scores were too sure. It is within 0.05…20, and 1 where there is nothing to fit on.
 *
 * Source: C. Guo et al., "On calibration of modern neural networks", 2017. The cross entropy is convex in
 * one through the temperature, so that bisection of its slope finds the one minimum.
 *
 * @param logits - Scores before softmax, a row for each example.
 * @param truth - The class number of each.
 * @throws TabserveError `invalid-argument` for scores that are not finite, and where lengths or class numbers do not fit
 *   together.
 */
export function fitTemperature(
  logits: readonly ArrayLike<number>[],
  truth: ArrayLike<number>,
): number {
  checkLogits(logits, truth);
  if (logits.length === 0) return 1;
  let low = Math.log(1 / most);
  let high = Math.log(1 / least);
  if (slope(logits, truth, Math.exp(low)) >= 0) return most;
  if (slope(logits, truth, Math.exp(high)) <= 0) return least;
  while (high - low > precision) {
    const middle = (low + high) / 2;
    if (slope(logits, truth, Math.exp(middle)) < 0) low = middle;
    else high = middle;
  }
  return 1 / Math.exp((low + high) / 2);
}

function checkLogits(logits: readonly ArrayLike<number>[], truth: ArrayLike<number>): void {
  const wrong = logits.findIndex(
    (row, i) => !(Array.from(row).every(Number.isFinite) && (truth[i] as number) in row),
  );
  if (wrong < 0 && logits.length === truth.length) return;
  throw new TabserveError(
    'invalid-argument',
    wrong < 0
      ? `There are scores of ${logits.length} examples, and ${truth.length} class numbers.`
      : `Example ${wrong} has the class number ${truth[wrong]}, and the scores ${Array.from(logits[wrong] ?? []).slice(0, 20)}; these have to be finite, with one for each class.`,
  );
}

/** The slope of the cross entropy over the factor that the logits are multiplied with. */
function slope(
  logits: readonly ArrayLike<number>[],
  truth: ArrayLike<number>,
  factor: number,
): number {
  let total = 0;
  for (const [i, row] of logits.entries()) {
    let greatest = -Infinity;
    for (let c = 0; c < row.length; c++) greatest = Math.max(greatest, row[c] as number);
    let sum = 0;
    let weighted = 0;
    for (let c = 0; c < row.length; c++) {
      const power = Math.exp(factor * ((row[c] as number) - greatest));
      sum += power;
      weighted += power * (row[c] as number);
    }
    total += weighted / sum - (row[truth[i] as number] as number);
  }
  return total;
}

/**
 * Probabilities of logits at a temperature.
 *
 * @param temperature - Above 0. @default 1
 * @throws TabserveError `invalid-argument` for another temperature.
 */
export function probabilitiesOf(logits: ArrayLike<number>, temperature = 1): Float64Array {
  if (!(temperature > 0 && temperature < Infinity)) {
    throw new TabserveError(
      'invalid-argument',
      `A temperature is a number above 0, not ${temperature}.`,
    );
  }
  let greatest = -Infinity;
  for (let c = 0; c < logits.length; c++) greatest = Math.max(greatest, logits[c] as number);
  const powers = Float64Array.from(logits, (each) => Math.exp((each - greatest) / temperature));
  const sum = powers.reduce((total, each) => total + each, 0);
  return powers.map((each) => each / sum);
}
