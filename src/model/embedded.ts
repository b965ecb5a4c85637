/**
 * The models that come with tabserve. Their manifests are part of the page's code, which loads them
 * when such a model is asked for. So are labels, unless they are long.
 */
import digitsLabels from '../../models/digits/labels.txt?raw';
import digits from '../../models/digits/model.json';
import everydayLabels from '../../models/everyday/labels.en.txt?raw';
import everyday from '../../models/everyday/model.json';
import photos from '../../models/photos/model.json';

import { parseColumns, parseLabels } from './labels.js';
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

/** What a worker needs of an embedded model to load it; `null` where there is none of that name. */
export function embeddedManifest(name: string): CoreManifest | null {
  const { manifest, labels } = embeddedModels[name] ?? {};
  if (!manifest) return null;
  if (typeof labels !== 'string') return manifest;
  return { ...manifest, ...(parseColumns(labels) ?? { labels: parseLabels(labels) }) };
}
