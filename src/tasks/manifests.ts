/** The manifests of all tasks. Page code, loaded on demand: `dist/parts/manifest.js`. */
import { checkManifest, type ManifestCheck } from '../model/manifest-check.js';
import type { CoreManifest } from '../model/manifest-core.js';
import { manifestCheck as audioClassification } from './audio-classification/manifest.js';
import { manifestCheck as imageClassification } from './image-classification/manifest.js';
import { manifestCheck as imageEmbedding } from './image-embedding/manifest.js';
import { manifestCheck as imageSegmentation } from './image-segmentation/manifest.js';
import { manifestCheck as objectDetection } from './object-detection/manifest.js';
import { manifestCheck as tabular } from './tabular/manifest.js';
import { manifestCheck as tensor } from './tensor/manifest.js';
import { manifestCheck as textClassification } from './text-classification/manifest.js';
import { manifestCheck as textEmbedding } from './text-embedding/manifest.js';

/** What `model.json` may say, by task. */
export const manifestChecks: readonly ManifestCheck[] = [
  imageClassification,
  imageEmbedding,
  objectDetection,
  imageSegmentation,
  audioClassification,
  textClassification,
  textEmbedding,
  tabular,
  tensor,
];

/**
 * Checks a manifest of any task. The default of `task` is filled in.
 *
 * @throws TabserveError `manifest-invalid` as `checkManifest()`.
 */
export function parseAnyManifest(value: unknown, where: string): CoreManifest {
  return checkManifest(value, where, manifestChecks);
}
