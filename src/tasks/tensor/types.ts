/** What both halves of the task say to each other, and the model's author to both. */
import type { TensorInfo, Tensors } from '../../base/tensor.js';
import type { CoreManifest } from '../../model/manifest-core.js';

/** The contents of `model.json` for a graph that no other task fits. */
export interface TensorManifest extends CoreManifest {
  task: 'tensor';
}

/** What travels: a tensor for every input of the graph. */
export type TensorPayload = Tensors;

/** What a graph takes and gives. A size that is a text is open. */
export interface TensorReport {
  inputs: readonly TensorInfo[];
  outputs: readonly TensorInfo[];
}

/** The options of one request, complete. */
export interface TensorOptions {
  /** The outputs that are wanted, by name; `null` for all. */
  outputs: readonly string[] | null;
}
