/**
 * The models that come with tabserve. Their manifests and labels are part of the worker's script,
 * where the build leaves out what is for people only.
 */
import digitsLabels from '../../models/digits/labels.txt?raw';
import digits from '../../models/digits/model.json';
import everydayLabels from '../../models/everyday/labels.txt?raw';
import everyday from '../../models/everyday/model.json';

import type { CoreManifest } from './manifest-core.js';

/** Manifest and label file of each embedded model, by name. `catalog.test.ts` checks them. */
export const embeddedModels: Readonly<Record<string, { manifest: CoreManifest; labels: string }>> =
  {
    // JSON has no types as narrow as a manifest's.
    everyday: { manifest: everyday as unknown as CoreManifest, labels: everydayLabels },
    digits: { manifest: digits as unknown as CoreManifest, labels: digitsLabels },
  };
