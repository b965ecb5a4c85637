/** From a network's output to one vector. */
import { TabserveError } from '../../base/errors.js';
import { numbersOf, type Tensor } from '../../base/tensor.js';
import type { EmbeddingOutput } from './types.js';

const dimensions = { none: 2, mean: 3, cls: 3, average: 4 } as const;

/**
 * Pools the output of one picture. Sums are in double precision.
 *
 * @param tensor - `[1, D]`, `[1, T, D]` or `[1, D, h, w]`, as `pooling` wants it.
 * @returns D numbers.
 * @throws TabserveError `model-invalid` for another shape, and where the network gave no number.
 */
export function pool(
  tensor: Tensor,
  pooling: NonNullable<EmbeddingOutput['pooling']>,
): Float32Array {
  const { dims } = tensor;
  if (dims.length !== dimensions[pooling] || dims.some((size) => size < 1) || dims[0] !== 1) {
    throw new TabserveError(
      'model-invalid',
      `The model answered [${dims.join(', ')}]; pooling "${pooling}" takes ${dimensions[pooling]} dimensions for one picture. See "output.pooling" in its manifest.`,
      { details: { pooling, found: dims.join() } },
    );
  }
  const [, second = 1, third = 1, fourth = 1] = dims;
  const values = numbersOf(tensor);
  const vector = {
    none: () => Float32Array.from(values),
    cls: () => Float32Array.from({ length: third }, (_, i) => values[i] as number),
    mean: () => means(values, third, second, (d, t) => t * third + d),
    average: () => means(values, second, third * fourth, (d, p) => d * third * fourth + p),
  }[pooling]();
  if (vector.some(Number.isNaN)) {
    throw new TabserveError(
      'model-invalid',
      'The model answered NaN. Its weights are damaged, or its preprocessing does not fit it.',
    );
  }
  return vector;
}

/**
 * The vector divided by its Euclidean length; zeros stay as they are.
 *
 * The length is at least 1e-12, as in `torch.nn.functional.normalize`.
 */
export function normalized(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / Math.max(length, 1e-12));
}

function means(
  values: ArrayLike<number>,
  length: number,
  count: number,
  at: (i: number, n: number) => number,
): Float32Array {
  return Float32Array.from({ length }, (_, i) => {
    let sum = 0;
    for (let n = 0; n < count; n++) sum += values[at(i, n)] as number;
    return sum / count;
  });
}
