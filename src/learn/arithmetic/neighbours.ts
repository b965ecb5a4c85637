/** What the nearest examples say: an answer that needs no fitting. */

/**
 * The score of each class: the share of the `k` nearest examples that have it, each counting for one
 * through its distance. The distance is one minus the cosine; among examples at no distance at all only
 * those count.
 *
 * As scikit-learn's `KNeighborsClassifier(k, metric="cosine", weights="distance")`.
 *
 * @param rows - The features of each example.
 * @param classes - The class of each row.
 * @param count - How many classes there are.
 */
export function neighbourScores(
  rows: readonly ArrayLike<number>[],
  classes: ArrayLike<number>,
  count: number,
  query: ArrayLike<number>,
  k: number,
): Float64Array {
  const near: { distance: number; row: number }[] = [];
  const length = lengthOf(query);
  for (const [row, numbers] of rows.entries()) {
    let product = 0;
    for (let j = 0; j < query.length; j++) product += (numbers[j] as number) * (query[j] as number);
    const lengths = length * lengthOf(numbers);
    // A vector of zeros is as far from everything as one at a right angle.
    const distance = lengths > 0 ? Math.max(0, 1 - product / lengths) : 1;
    if (near.length === k && distance >= (near[k - 1]?.distance ?? 0)) continue;
    let at = near.length;
    while (at > 0 && (near[at - 1]?.distance ?? 0) > distance) at--;
    near.splice(at, 0, { distance, row });
    if (near.length > k) near.pop();
  }
  const isSame = near.some(({ distance }) => distance < same);
  const scores = new Float64Array(count);
  let sum = 0;
  for (const { distance, row } of near) {
    const vote = isSame ? (distance < same ? 1 : 0) : 1 / distance;
    const at = classes[row] as number;
    scores[at] = (scores[at] as number) + vote;
    sum += vote;
  }
  return scores.map((each) => each / sum);
}

/** Distances of vectors that are the same are not quite 0. */
const same = 1e-12;

function lengthOf(numbers: ArrayLike<number>): number {
  let square = 0;
  for (let i = 0; i < numbers.length; i++) square += (numbers[i] as number) ** 2;
  return Math.sqrt(square);
}
