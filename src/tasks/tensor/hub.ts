/** Graphs that are opened as they are, from an `.onnx` file alone. */
import { TabserveError } from '../../base/errors.js';
import { checkManifest } from '../../model/manifest-check.js';
import type { HubTask } from '../../model/translation.js';
import { manifestCheck } from './manifest.js';

/** Any graph, as named tensors. */
export const hubTask: HubTask = {
  name: 'tensor',
  // What a repository is for, another task says.
  recognises: () => false,
  describe({ where }) {
    throw new TabserveError('internal', `${where} was taken for tensors.`);
  },
  bare: (file) => ({ ...file, task: 'tensor' }),
  check: (manifest, where) => checkManifest(manifest, where, [manifestCheck]),
  complete: ({ manifest }) => manifest,
};
