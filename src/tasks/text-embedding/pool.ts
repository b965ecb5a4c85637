/**
 * From what a network says of each token to one vector.
 *
 * Source: sentence-transformers 5, `models/Pooling.py`.
 */
import { TabserveError } from '../../base/errors.js';
import { numbersOf, type Tensor } from '../../base/tensor.js';
import type { TextEmbeddingOutput } from './types.js';

/**
 * Pools the output of one text. Sums are in double precision.
 *
 * @param tensor - `[1, tokens, D]`, or `[1, D]` for `none`.
 * @param mask - Per token, whether it is one of the text.
 * @returns D numbers.
 * @throws TabserveError `model-invalid` for another shape, and where the network gave no number.
 */
export function poolTokens(
  tensor: Tensor,
  pooling: NonNullable<TextEmbeddingOutput['pooling']>,
  mask: readonly boolean[],
): Float32Array {
  const { dims } = tensor;
  const rank = pooling === 'none' ? 2 : 3;
  const fits = dims.length === rank && dims[0] === 1 && (rank === 2 || dims[1] === mask.length);
  if (!fits) {
    throw new TabserveError(
      'model-invalid',
      `The model answered [${dims.join(', ')}] for ${mask.length} tokens; pooling "${pooling}" takes ${rank === 2 ? '[1, D]' : '[1, tokens, D]'}. See "output.pooling" in its manifest.`,
      { details: { pooling, found: dims.join() } },
    );
  }
  const values = numbersOf(tensor);
  const length = dims.at(-1) ?? 0;
  const tokens = mask.flatMap((isText, at) => (isText ? [at] : []));
  const at = (token: number, i: number) => values[token * length + i] as number;
  const sums = (divisor: number) => (i: number) =>
    tokens.reduce((sum, token) => sum + at(token, i), 0) / divisor;
  const count = Math.max(1e-9, tokens.length);
  const number = {
    none: (i: number) => values[i] as number,
    mean: sums(count),
    'mean-sqrt': sums(Math.sqrt(count)),
    max: (i: number) => tokens.reduce((most, token) => Math.max(most, at(token, i)), -1e9),
    cls: (i: number) => at(mask.indexOf(true) < 0 ? 0 : mask.indexOf(true), i),
    'last-token': (i: number) => at(tokens.at(-1) ?? 0, i),
  }[pooling];
  const vector = Float32Array.from({ length }, (_, i) => number(i));
  if (!vector.some(Number.isNaN)) return vector;
  throw new TabserveError(
    'model-invalid',
    'The model answered NaN. Its weights are damaged, or its preprocessing does not fit it.',
  );
}
