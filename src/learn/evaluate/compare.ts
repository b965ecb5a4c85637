/** Whether one of two versions is better, on the same examples. */
import { TabserveError } from '../../base/errors.js';
import { binomialTail } from './binomial.js';

/** What {@link compare} says. */
export interface Comparison {
  examples: number;
  /** Examples that only the first one, only the second one has right. */
  onlyFirst: number;
  onlySecond: number;
  bothRight: number;
  bothWrong: number;
  /**
   * How likely a difference as large as this one is where there is none: below 0.05 the better one is
   * better with some certainty.
   */
  pValue: number;
}

/**
 * McNemar's test, exact: only examples on which the two differ count, and without a difference each is
 * as likely for the one as for the other. As statsmodels' `mcnemar(exact=True)`.
 *
 * Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
 * percentages", 1947.
 *
 * @param truth - The class number of each example.
 * @param first - What the first version takes each for.
 * @param second - What the second one does.
 * @throws TabserveError `invalid-argument` where the lengths differ.
 */
export function compare(
  truth: ArrayLike<number>,
  first: ArrayLike<number>,
  second: ArrayLike<number>,
): Comparison {
  const { length: examples } = truth;
  if (examples === 0 || first.length !== examples || second.length !== examples) {
    throw new TabserveError(
      'invalid-argument',
      `Two versions are compared on the same examples: there are ${first.length} and ${second.length} answers for ${examples}.`,
    );
  }
  let onlyFirst = 0;
  let onlySecond = 0;
  let bothRight = 0;
  for (let i = 0; i < examples; i++) {
    const one = first[i] === truth[i];
    const other = second[i] === truth[i];
    if (one && other) bothRight += 1;
    else if (one) onlyFirst += 1;
    else if (other) onlySecond += 1;
  }
  return {
    examples,
    onlyFirst,
    onlySecond,
    bothRight,
    bothWrong: examples - bothRight - onlyFirst - onlySecond,
    pValue: Math.min(
      1,
      2 * binomialTail(Math.max(onlyFirst, onlySecond), onlyFirst + onlySecond, 0.5),
    ),
  };
}
