import { FilesetResolver, ImageClassifier } from '/peers/@mediapipe/tasks-vision/vision_bundle.mjs';
import { followWith } from '../follow.js';

export async function start() {
  const files = await FilesetResolver.forVisionTasks('/peers/@mediapipe/tasks-vision/wasm');
  const classifier = await ImageClassifier.createFromOptions(files, {
    baseOptions: {
      modelAssetPath: '/shared/models/mobilenet_v2_1.0_224_quant.tflite',
      delegate: 'CPU',
    },
    maxResults: 5,
  });
  const run = (bitmap) => {
    const { classifications } = classifier.classify(bitmap);
    bitmap.close();
    return { label: classifications[0].categories[0].index };
  };
  return {
    classify: async (blob) => run(await createImageBitmap(blob)),
    watch: followWith(async (video) => run(await createImageBitmap(video))),
  };
}
