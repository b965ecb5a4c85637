/** What is compared. */

/** One way to classify. */
export interface BenchCase {
  name: string;
  title: string;
  /** The module in `pages/cases/` that does it. */
  page: string;
  /** What that module is given. */
  options: Readonly<Record<string, string | number>>;
  /** On a cross-origin isolated page. */
  isolated: boolean;
  precision: 'fp32' | 'fp16' | 'int8';
  /** The npm package that must be installed. */
  needs?: string;
  /** Only on a GPU adapter that is not a software one. */
  needsGpu?: boolean;
}

const plain = { isolated: false, precision: 'fp32', options: {} } as const;

/** All cases; the two groups that share an engine and its settings stand together. */
export const benchCases: readonly BenchCase[] = [
  { ...plain, name: 'tabserve', title: 'tabserve, 1 thread', page: 'tabserve' },
  { ...plain, name: 'bare', title: 'limit: bare decode + session.run, 1 thread', page: 'bare' },
  {
    ...plain,
    name: 'hand-worker',
    title: 'onnxruntime-web by hand, in a worker',
    page: 'hand-worker',
  },
  { ...plain, name: 'hand-main', title: 'onnxruntime-web by hand, main thread', page: 'hand-main' },
  {
    ...plain,
    name: 'transformers',
    title: 'transformers.js',
    page: 'transformers',
    needs: '@huggingface/transformers',
  },
  {
    ...plain,
    name: 'tfjs',
    title: 'TensorFlow.js (wasm)',
    page: 'tfjs',
    needs: '@tensorflow/tfjs',
  },
  {
    ...plain,
    name: 'mediapipe',
    title: 'MediaPipe ImageClassifier (CPU)',
    page: 'mediapipe',
    precision: 'int8',
    needs: '@mediapipe/tasks-vision',
  },
  {
    ...plain,
    name: 'litert',
    title: 'LiteRT.js (wasm)',
    page: 'litert',
    precision: 'int8',
    needs: '@litertjs/core',
  },
  {
    name: 'tabserve-threads',
    title: 'tabserve, isolated page',
    page: 'tabserve',
    options: {},
    isolated: true,
    precision: 'fp32',
  },
  {
    name: 'bare-threads',
    title: 'limit: bare decode + session.run, 2 threads',
    page: 'bare',
    options: { threads: 2 },
    isolated: true,
    precision: 'fp32',
  },
  {
    ...plain,
    name: 'tabserve-fp16',
    title: 'tabserve fp16 (dtype auto), 1 thread',
    page: 'tabserve',
    options: { dtype: 'fp16' },
    precision: 'fp16',
  },
  {
    ...plain,
    name: 'tabserve-int8',
    title: 'tabserve int8, 1 thread',
    page: 'tabserve',
    options: { dtype: 'int8' },
    precision: 'int8',
  },
  {
    ...plain,
    name: 'tabserve-int8-weights',
    title: 'tabserve, weights in int8, 1 thread',
    page: 'tabserve',
    options: { model: '/material/mobilenet-int8-weights/model.json', dtype: 'auto' },
    precision: 'int8',
  },
  {
    name: 'tabserve-int8-weights-threads',
    title: 'tabserve, weights in int8, isolated page',
    page: 'tabserve',
    options: { model: '/material/mobilenet-int8-weights/model.json', dtype: 'auto' },
    isolated: true,
    precision: 'int8',
  },
  {
    ...plain,
    name: 'litert-threads',
    title: 'LiteRT.js (wasm), isolated page',
    page: 'litert',
    options: { threads: 2 },
    isolated: true,
    precision: 'int8',
    needs: '@litertjs/core',
  },
  {
    ...plain,
    name: 'tabserve-photos',
    title: 'tabserve, its default model, 1 thread',
    page: 'tabserve',
    options: { model: 'photos', dtype: 'auto' },
    precision: 'int8',
  },
  {
    ...plain,
    name: 'tabserve-webgpu',
    title: 'tabserve, WebGPU, preprocessing on the GPU',
    page: 'tabserve',
    options: { device: 'webgpu', preprocessing: 'gpu' },
    needsGpu: true,
  },
  {
    ...plain,
    name: 'tabserve-webgpu-cpu',
    title: 'tabserve, WebGPU, preprocessing on the CPU',
    page: 'tabserve',
    options: { device: 'webgpu', preprocessing: 'cpu' },
    needsGpu: true,
  },
  {
    ...plain,
    name: 'bare-webgpu',
    title: 'limit: bare decode + session.run, WebGPU, tensor on the GPU',
    page: 'bare',
    options: { device: 'webgpu' },
    needsGpu: true,
  },
];
