/** Whether a graph is the classifier that its manifest describes. */
import { inputDimensions } from '../../input/image/geometry.js';
import type { TaskModel } from '../../runtime/task.js';
import { checkInput, findTensor, misfit } from '../graph.js';
import type { ModelManifest } from './types.js';

/** @throws TabserveError `model-invalid` where names, types, sizes or the number of labels differ. */
export function checkGraph({
  manifest,
  inputs,
  outputs,
  where,
}: Pick<TaskModel<ModelManifest>, 'manifest' | 'inputs' | 'outputs' | 'where'>): void {
  const { input, output, labels } = manifest;
  checkInput(inputs, input, inputDimensions(input), where);
  const classes = findTensor(outputs, output.name, 'output.name', where).shape.at(-1);
  if (typeof classes === 'number' && Array.isArray(labels) && classes !== labels.length) {
    throw misfit(where, 'labels', `${labels.length} labels`, `${classes} classes`);
  }
}
