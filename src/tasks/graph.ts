/** Whether a graph is what its manifest says. */
import { TabserveError } from '../base/errors.js';
import type { TensorInfo } from '../base/tensor.js';

/**
 * The input or output called `name`.
 *
 * @param field - Where the manifest gives that name.
 * @param where - What the message calls the graph.
 * @throws TabserveError `model-invalid` where there is none.
 */
export function findTensor(
  tensors: readonly TensorInfo[],
  name: string,
  field: string,
  where: string,
): TensorInfo {
  const found = tensors.find((tensor) => tensor.name === name);
  if (found) return found;
  throw misfit(where, field, `"${name}"`, tensors.map((each) => `"${each.name}"`).join(', '));
}

/**
 * Checks an input's type and shape.
 *
 * @param dims - As the manifest has them. Sizes that the graph leaves open fit.
 * @throws TabserveError `model-invalid` where they differ.
 */
export function checkInput(
  inputs: readonly TensorInfo[],
  { name, dtype }: { name: string; dtype: string },
  dims: readonly number[],
  where: string,
): void {
  const { type, shape } = findTensor(inputs, name, 'input.name', where);
  if (type !== dtype) throw misfit(where, 'input.dtype', dtype, type);
  const fits =
    shape.length === dims.length &&
    shape.every((size, axis) => typeof size === 'string' || size === dims[axis]);
  if (!fits) throw misfit(where, 'input', `[${dims.join(', ')}]`, `[${shape.join(', ')}]`);
}

/** The error for a graph that differs from its manifest. */
export function misfit(
  where: string,
  field: string,
  manifest: string,
  model: string,
): TabserveError {
  return new TabserveError(
    'model-invalid',
    `${where} does not fit its manifest: "${field}" says ${manifest}, the model has ${model}.`,
    { details: { model: where, field, manifest, found: model } },
  );
}
