// Compiled, not run: the types as a strict project sees them.
import { type Classification, ImageClassifier, isTabserveError } from 'tabserve';
import type { TabserveClassifierElement } from 'tabserve/element';

export async function use(file: File): Promise<Classification | undefined> {
  try {
    const classifier = await ImageClassifier.create({ device: 'auto', cdn: false });
    const [best] = await classifier.classify(file, { topK: 1 });
    const lists: Classification[][] = await classifier.classify([file, file]);
    return best ?? lists[0]?.[0];
  } catch (error) {
    if (isTabserveError(error, 'worker-blocked')) console.error(error.details.url);
    return undefined;
  }
}

export function listen(): void {
  const element = document.createElement('tabserve-classifier');
  const same: TabserveClassifierElement = element;
  same.topK = 3;
  element.addEventListener('result', ({ detail }) => detail[0]?.label.toUpperCase());
  element.addEventListener('error', ({ error }) => isTabserveError(error));
  element.addEventListener('progress', ({ loaded, total }) => loaded / total);
  element.addEventListener('click', ({ clientX }) => clientX);
  // @ts-expect-error: a number
  same.topK = 'three';
}
