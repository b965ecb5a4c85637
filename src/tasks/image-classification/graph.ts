/** Whether a graph is the classifier that its manifest describes. */
import { classCount, fitsLabels } from '../../model/fit.js';
import type { TaskModel } from '../../runtime/task.js';
import { findTensor, misfit } from '../graph.js';
import type { ModelManifest } from './types.js';

/**
 * Checks the output; the input is checked by whoever feeds it.
 *
 * @throws TabserveError `model-invalid` where its name, type or the number of labels differ, or where
 *   its scores would be the same for every picture.
 */
export function checkGraph({
  manifest,
  outputs,
  where,
}: Pick<TaskModel<ModelManifest>, 'manifest' | 'outputs' | 'where'>): void {
  const { output, labels } = manifest;
  const { type, shape } = findTensor(outputs, output.name, 'output.name', where);
  if (type === 'string' || type === 'map') {
    throw misfit(where, 'output.name', `"${output.name}"`, `text there (${type}), not scores`);
  }
  const classes = classCount(shape);
  if (classes !== null && Array.isArray(labels) && !fitsLabels(classes, labels.length)) {
    throw misfit(where, 'labels', `${labels.length} labels`, `${classes} classes`);
  }
  if (classes === 1 && output.activation === 'softmax') {
    throw misfit(
      where,
      'output.activation',
      'softmax, which is 1 for a single number ("sigmoid" is meant, or "none" where the graph ends in it)',
      'one number',
    );
  }
}
