/** The manifests of all tasks. Page code, loaded on demand: `dist/parts/manifest.js`. */
import { checkManifest, type ManifestCheck } from '../model/manifest-check.js';
import type { CoreManifest } from '../model/manifest-core.js';
import { manifestCheck as imageClassification } from './image-classification/manifest.js';

const checks: readonly ManifestCheck[] = [imageClassification];

/**
 * Checks a manifest of any task. The default of `task` is filled in.
 *
 * @throws TabserveError `manifest-invalid` as `checkManifest()`.
 */
export function parseAnyManifest(value: unknown, where: string): CoreManifest {
  return checkManifest(value, where, checks);
}
