import { env, pipeline, RawImage } from '/peers/@huggingface/transformers/dist/transformers.min.js';

export async function start() {
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = '/material/hf/';
  env.backends.onnx.wasm.wasmPaths = new URL('/peers/onnxruntime-web/dist/', location.href).href;
  const classifier = await pipeline('image-classification', 'mobilenet', {
    device: 'wasm',
    dtype: 'fp32',
  });
  return {
    async classify(blob) {
      const [best] = await classifier(await RawImage.fromBlob(blob));
      return { label: best.label };
    },
  };
}
