import * as ort from '/ort/ort.wasm.bundle.min.mjs';
import { best, toTensor } from './hand-preprocess.js';

const context = new OffscreenCanvas(224, 224).getContext('2d', { willReadFrequently: true });
let session;

self.onmessage = async ({ data: { id, url, threads, image } }) => {
  if (url) {
    ort.env.wasm.numThreads = threads;
    session = await ort.InferenceSession.create(url);
    self.postMessage({ id });
    return;
  }
  const bitmap = image instanceof Blob ? await createImageBitmap(image) : image;
  const tensor = new ort.Tensor('float32', toTensor(bitmap, context), [1, 3, 224, 224]);
  bitmap.close();
  const { probabilities } = await session.run({ input: tensor });
  self.postMessage({ id, label: best(probabilities.data) });
};
