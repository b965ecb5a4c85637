/**
 * The models that come with tabserve. Their manifests are part of the worker's script, where the
 * build leaves out what is for people only. So are labels, unless they are long.
 */
import digitsLabels from '../../models/digits/labels.txt?raw';
import digits from '../../models/digits/model.json';
import everydayLabels from '../../models/everyday/labels.en.txt?raw';
import everyday from '../../models/everyday/model.json';
import photos from '../../models/photos/model.json';

import type { CoreManifest } from './manifest-core.js';

/**
 * Manifest and label file of each embedded model, by name; `null` where the label file lies beside
 * the weights. `catalog.test.ts` checks them.
 */
export const embeddedModels: Readonly<
  Record<string, { manifest: CoreManifest; labels: string | null }>
> = {
  // JSON has no types as narrow as a manifest's.
  photos: { manifest: photos as unknown as CoreManifest, labels: null },
  everyday: { manifest: everyday as unknown as CoreManifest, labels: everydayLabels },
  digits: { manifest: digits as unknown as CoreManifest, labels: digitsLabels },
};
