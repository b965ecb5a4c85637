/** What `create()` says where there is no browser. */
import { expect, it, vi } from 'vitest';
import { ImageClassifier } from './image-classifier.js';

it('rejects with a typed error where there are neither workers nor a navigator', async () => {
  vi.stubGlobal('navigator', undefined);
  await expect(ImageClassifier.create()).rejects.toMatchObject({ code: 'unsupported' });
  await expect(ImageClassifier.preload()).rejects.toMatchObject({ code: 'unsupported' });
  expect(await ImageClassifier.availability()).toBe('unavailable');
  vi.unstubAllGlobals();
});

it('rejects an address that is none before it starts anything', async () => {
  for (const option of ['wasmUrl', 'workerUrl', 'modelsUrl', 'hubUrl']) {
    await expect(ImageClassifier.create({ [option]: 'http://[' })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  }
});
