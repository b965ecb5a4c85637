import * as ort from '/ort/ort.wasm.bundle.min.mjs';

let session;
const tensor = new ort.Tensor('float32', new Float32Array(3 * 224 * 224), [1, 3, 224, 224]);

self.onmessage = async ({ data: { id, url, threads, blob } }) => {
  if (url) {
    ort.env.wasm.numThreads = threads;
    session = await ort.InferenceSession.create(url);
    self.postMessage({ id });
    return;
  }
  const asked = performance.now();
  const bitmap = await createImageBitmap(blob);
  const decoded = performance.now();
  bitmap.close();
  await session.run({ input: tensor });
  const ran = performance.now();
  self.postMessage({ id, time: ran - asked, decode: decoded - asked, run: ran - decoded });
};
