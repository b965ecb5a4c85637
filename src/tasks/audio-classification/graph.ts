/** Whether a graph is the classifier of sounds that its manifest describes. */
import type { TensorInfo } from '../../base/tensor.js';
import type { TaskModel } from '../../runtime/task.js';
import { findTensor, misfit } from '../graph.js';
import type { AudioManifest } from './types.js';

/**
 * @param dims - Of some input. A waveform without a fixed length fits any.
 * @throws TabserveError `model-invalid` where names, types, sizes or the number of labels differ.
 */
export function checkGraph(
  { manifest, inputs, outputs, labels, where }: TaskModel<AudioManifest>,
  dims: readonly number[],
): void {
  const { input, output, preprocess } = manifest;
  const { type, shape } = findTensor(inputs, input.name, 'input.name', where);
  if (type !== input.dtype) throw misfit(where, 'input.dtype', input.dtype, type);
  const isOpen = preprocess.kind === 'waveform' && preprocess.samples === undefined;
  const wanted = dims.map((size, axis) => (isOpen && axis === dims.length - 1 ? 'any' : size));
  const fits =
    shape.length === wanted.length &&
    shape.every((size, axis) => typeof size === 'string' || size === wanted[axis]);
  if (!fits) throw misfit(where, 'preprocess', `[${wanted.join(', ')}]`, `[${shape.join(', ')}]`);
  if (input.attentionMask !== undefined) maskType(inputs, input.attentionMask, where);
  const classes = findTensor(outputs, output.name, 'output.name', where).shape.at(-1);
  if (typeof classes === 'number' && labels.length > 0 && classes !== labels.length) {
    throw misfit(where, 'labels', `${labels.length} labels`, `${classes} classes`);
  }
}

/**
 * The element type of an attention mask.
 *
 * @throws TabserveError `model-invalid` for one that is none.
 */
export function maskType(
  inputs: readonly TensorInfo[],
  name: string,
  where: string,
): 'int64' | 'int32' {
  const { type } = findTensor(inputs, name, 'input.attentionMask', where);
  if (type === 'int64' || type === 'int32') return type;
  throw misfit(where, 'input.attentionMask', 'int64 or int32', type);
}
