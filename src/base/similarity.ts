/** How alike two vectors are. */
import { TabserveError } from './errors.js';

/**
 * The cosine of the angle between two vectors: 1 for the same direction, 0 for nothing in common, −1
 * for opposite ones. A vector of zeros is alike to nothing: 0.
 *
 * @throws TabserveError `invalid-argument` for vectors of different lengths.
 */
export function similarity(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) {
    throw new TabserveError(
      'invalid-argument',
      `The vectors have ${a.length} and ${b.length} numbers. Only those of one model can be compared.`,
      { details: { lengths: [a.length, b.length].join() } },
    );
  }
  let [dot, one, other] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    dot += x * y;
    one += x * x;
    other += y * y;
  }
  return one === 0 || other === 0 ? 0 : dot / (Math.sqrt(one) * Math.sqrt(other));
}
