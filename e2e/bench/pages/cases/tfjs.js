// TensorFlow.js comes as classic scripts.
import { best } from './hand-preprocess.js';

const script = (src) =>
  new Promise((resolve, reject) => {
    const element = document.createElement('script');
    element.src = src;
    element.onload = resolve;
    element.onerror = () => reject(new Error(`${src} could not be loaded`));
    document.head.append(element);
  });

export async function start() {
  await script('/peers/@tensorflow/tfjs/dist/tf.min.js');
  await script('/peers/@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js');
  const { tf } = globalThis;
  tf.wasm.setWasmPaths('/peers/@tensorflow/tfjs-backend-wasm/dist/');
  await tf.setBackend('wasm');
  const model = await tf.loadGraphModel('/material/tfjs/model.json');
  return {
    async classify(blob) {
      const bitmap = await createImageBitmap(blob);
      const scores = tf.tidy(() => {
        const side = Math.min(bitmap.width, bitmap.height);
        const size = (length) => Math.round((length * 256) / side);
        const pixels = tf.image.resizeBilinear(tf.browser.fromPixels(bitmap), [
          size(bitmap.height),
          size(bitmap.width),
        ]);
        const top = Math.floor((size(bitmap.height) - 224) / 2);
        const left = Math.floor((size(bitmap.width) - 224) / 2);
        const crop = tf.slice(pixels, [top, left, 0], [224, 224, 3]);
        return model.predict(tf.expandDims(tf.div(tf.sub(crop, 128), 128)));
      });
      bitmap.close();
      const label = best(await scores.data());
      scores.dispose();
      return { label };
    },
  };
}
