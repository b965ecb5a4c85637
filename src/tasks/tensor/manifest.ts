/** What `model.json` says of a graph that no other task fits. */
import * as v from 'valibot';
import { coreFields, type ManifestCheck } from '../../model/manifest-check.js';
import type { TensorManifest } from './types.js';

/** Its part of the manifest, with the core's. */
export const manifestCheck: ManifestCheck<TensorManifest> = {
  task: 'tensor',
  schema: v.object({ ...coreFields, task: v.literal('tensor') }),
};
