import { loadAndCompile, loadLiteRt, Tensor } from '/peers/@litertjs/core/dist/index.js';
import { followWith } from '../follow.js';
import { best } from './hand-preprocess.js';

export async function start({ threads = 1 }) {
  await loadLiteRt('/peers/@litertjs/core/wasm/', { threads: threads > 1 });
  const model = await loadAndCompile('/shared/models/mobilenet_v2_1.0_224_quant.tflite', {
    accelerator: 'wasm',
  });
  const canvas = document.createElement('canvas');
  canvas.width = 224;
  canvas.height = 224;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const run = async (image) => {
    const scale = 256 / Math.min(image.width, image.height);
    const width = image.width * scale;
    const height = image.height * scale;
    context.drawImage(image, (224 - width) / 2, (224 - height) / 2, width, height);
    image.close();
    const { data } = context.getImageData(0, 0, 224, 224);
    const pixels = new Uint8Array(224 * 224 * 3);
    for (let from = 0, to = 0; from < data.length; from += 4) {
      pixels[to++] = data[from];
      pixels[to++] = data[from + 1];
      pixels[to++] = data[from + 2];
    }
    const input = new Tensor(pixels, [1, 224, 224, 3]);
    const [output] = await model.run([input]);
    const scores = Array.from(await output.data());
    input.delete();
    output.delete();
    return { label: best(scores) };
  };
  return {
    classify: async (blob) => run(await createImageBitmap(blob)),
    watch: followWith(async (video) => run(await createImageBitmap(video))),
  };
}
