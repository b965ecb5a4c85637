/** Whether tensors are what they say, and what a graph takes. */
import { TabserveError } from '../../base/errors.js';
import { all, type Check, is, list, mapOf, object, oneOf, whole } from '../../base/shape.js';
import {
  arrayClasses as classes,
  type Tensor,
  type TensorData,
  type TensorInfo,
  type Tensors,
  type TensorType,
} from '../../base/tensor.js';

/** Most elements of a tensor: as many as WebAssembly's memory has bytes. */
const most = 2 ** 32;

/** What {@link Tensors} look like in a message. */
export const tensorsCheck: Check = mapOf(
  all(
    object({
      type: oneOf(...Object.keys(classes), 'string'),
      dims: list(whole(0, most), 0, 16),
    }),
    is('a tensor whose data fit its type and dims', isComplete),
  ),
);

function isComplete(value: unknown): boolean {
  const { type, dims, data } = value as Tensor;
  const fits =
    type === 'string'
      ? Array.isArray(data) && data.every((each) => typeof each === 'string')
      : data instanceof classes[type];
  return fits && (data as TensorData).length === elements(dims);
}

function elements(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}

/**
 * Checks that the tensors are those that the graph takes.
 *
 * @throws TabserveError `invalid-argument`, naming the input, what was found and what was expected.
 */
export function checkFeeds(feeds: Tensors, inputs: readonly TensorInfo[]): void {
  const names = inputs.map(({ name }) => name);
  for (const name of Object.keys(feeds)) {
    if (!names.includes(name))
      throw unfit(name, 'a tensor', `none; its inputs are ${names.join(', ')}`);
  }
  for (const { name, type, shape } of inputs) {
    const feed = feeds[name];
    const expected = `${type} [${shape.join(', ')}]`;
    if (!feed) throw unfit(name, 'nothing', expected);
    const fits =
      feed.type === type &&
      feed.dims.length === shape.length &&
      shape.every((size, axis) => typeof size === 'string' || size === feed.dims[axis]);
    if (!fits) throw unfit(name, `${feed.type} [${feed.dims.join(', ')}]`, expected);
    const isCut = (text: string | number | bigint) =>
      typeof text === 'string' && text.includes('\0');
    if (type === 'string' && Array.from<string | number | bigint>(feed.data).some(isCut))
      throw unfit(name, 'a text with U+0000, where the engine ends it', expected);
  }
}

/**
 * Tensors of zeros, or empty strings, that the graph takes. A size that it leaves open is 1.
 *
 * @throws TabserveError `unsupported` for a type that tensors cannot have here, and for more
 *   elements than memory has bytes.
 */
export function zeros(inputs: readonly TensorInfo[]): Tensors {
  return Object.fromEntries(
    inputs.map(({ name, type, shape }) => {
      const dims = shape.map((size) => (typeof size === 'number' ? size : 1));
      const length = elements(dims);
      if (length > most || !(type in classes || type === 'string')) {
        throw new TabserveError(
          'unsupported',
          `The model takes ${type} [${shape.join(', ')}] as "${name}", which is not possible here.`,
          { details: { input: name, type } },
        );
      }
      const data =
        type === 'string'
          ? new Array<string>(length).fill('')
          : new classes[type as keyof typeof classes](length);
      return [name, { type: type as TensorType, dims, data }];
    }),
  );
}

function unfit(input: string, found: string, expected: string): TabserveError {
  return new TabserveError(
    'invalid-argument',
    `The input "${input}" was given ${found}; the model takes ${expected}.`,
    { details: { input, found, expected } },
  );
}
