/**
 * The manifest of a classifier of pictures, under the names by which the translators of other
 * descriptions know it.
 */
import { TabserveError } from '../base/errors.js';
import type { ModelManifest } from '../tasks/image-classification/types.js';
import { parseAnyManifest } from '../tasks/manifests.js';

export type {
  CenterCrop,
  CropRounding,
  ModelInput,
  Preprocess,
  ResizeFilter,
  ResizeKernel,
  ResizePolicy,
  ZeroPadding,
} from '../input/image/manifest.js';
export type { ModelManifest, ModelOutput } from '../tasks/image-classification/types.js';
export type {
  CoreManifest,
  ExternalFile,
  LabelDetails,
  ModelDtype,
  ModelFile,
} from './manifest-core.js';

/**
 * Checks the manifest of a classifier of pictures.
 *
 * @throws TabserveError `manifest-invalid`, naming the field, what was found and what was expected.
 */
export function parseManifest(value: unknown, where: string): ModelManifest {
  const manifest = parseAnyManifest(value, where);
  if (isClassifier(manifest)) return manifest;
  throw new TabserveError(
    'manifest-invalid',
    `${where}: the field "task" is wrong: found "${manifest.task}", expected "image-classification".`,
    { details: { manifest: where, field: 'task', found: manifest.task } },
  );
}

/** Whether it is the manifest of a classifier of pictures. */
export function isClassifier(manifest: { task: string }): manifest is ModelManifest {
  return manifest.task === 'image-classification';
}
