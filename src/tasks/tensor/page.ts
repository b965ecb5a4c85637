/** What does this graph make of these tensors? The page's half. */
import type { Tensor, Tensors } from '../../base/tensor.js';
import type { PageTask } from '../task.js';

/** Named tensors, which stay the caller's: what travels is a copy. */
export const tensorPage: PageTask<Tensors, Tensors> = {
  name: 'tensor',
  pack: 'tensor',
  isLasting: () => false,
  capture: async (tensors) => copyOf(tensors),
  expectedBytes: bytesOf,
  transfer: (tensors) =>
    Object.values(tensors).flatMap(({ data }) => ('buffer' in data ? [data.buffer] : [])),
  bytes: bytesOf,
  copy: copyOf,
  close: () => undefined,
};

function copyOf(tensors: Tensors): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { type, dims, data }]): [string, Tensor] => [
      name,
      { type, dims: [...dims], data: data.slice() as Tensor['data'] },
    ]),
  );
}

function bytesOf(tensors: Tensors): number {
  return Object.values(tensors).reduce(
    (sum, { data }) => sum + ('byteLength' in data ? data.byteLength : 2 * textLength(data)),
    0,
  );
}

function textLength(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}
