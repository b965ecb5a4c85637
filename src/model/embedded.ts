/** The models that come with tabserve. Their manifests and labels are part of the worker's script. */
import digitsLabels from '../../models/digits/labels.txt?raw';
import digits from '../../models/digits/model.json';
import everydayLabels from '../../models/everyday/labels.txt?raw';
import everyday from '../../models/everyday/model.json';

/** Manifest (unchecked) and label file of each embedded model, by name. */
export const embeddedModels: Readonly<Record<string, { manifest: unknown; labels: string }>> = {
  everyday: { manifest: everyday, labels: everydayLabels },
  digits: { manifest: digits, labels: digitsLabels },
};
