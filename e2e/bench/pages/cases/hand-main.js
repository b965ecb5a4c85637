// The usual page without a worker.
import * as ort from '/ort/ort.wasm.bundle.min.mjs';
import { followWith } from '../follow.js';
import { best, toTensor } from './hand-preprocess.js';

export async function start({ threads = 1 }) {
  ort.env.wasm.numThreads = threads;
  const session = await ort.InferenceSession.create(
    '/shared/models/mobilenet_v2_1.0_224.fp32.onnx',
  );
  const canvas = document.createElement('canvas');
  canvas.width = 224;
  canvas.height = 224;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const run = async (bitmap) => {
    const tensor = new ort.Tensor('float32', toTensor(bitmap, context), [1, 3, 224, 224]);
    bitmap.close();
    const { probabilities } = await session.run({ input: tensor });
    return { label: best(probabilities.data) };
  };
  return {
    classify: async (blob) => run(await createImageBitmap(blob)),
    watch: followWith(async (video) => run(await createImageBitmap(video))),
  };
}
