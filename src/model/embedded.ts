/** The models that come with tabserve. Their manifests and labels are part of the worker's script. */
import digitsLabels from '../../models/digits/labels.txt?raw';
import digits from '../../models/digits/model.json';

/** Manifest (unchecked) and label file of each embedded model, by name. */
export const embeddedModels: Readonly<Record<string, { manifest: unknown; labels: string }>> = {
  digits: { manifest: digits, labels: digitsLabels },
};
