/** A valid manifest of each task, without its `task`. */
const core = { name: 'm', version: '1.0.0', files: [{ url: 'm.onnx', dtype: 'fp32' }] };
const picture = {
  input: {
    name: 'x',
    layout: 'NCHW',
    dtype: 'float32',
    width: 8,
    height: 8,
    channels: 3,
    colorOrder: 'RGB',
  },
  preprocess: { resize: { policy: 'exact', width: 8, height: 8 } },
};

/** By the task. */
export const validManifests = {
  'image-classification': {
    ...core,
    ...picture,
    labels: ['a'],
    output: { name: 'y', activation: 'softmax' },
  },
  'image-embedding': { ...core, ...picture, output: { name: 'y', pooling: 'cls' } },
  'object-detection': {
    ...core,
    ...picture,
    labels: ['a'],
    output: { format: 'ssd', boxes: 'b', scores: 's', classes: 'c', firstClass: 1, iou: null },
  },
  'image-segmentation': {
    ...core,
    ...picture,
    labels: ['a'],
    output: { kind: 'semantic', name: 'y' },
  },
  'audio-classification': {
    ...core,
    labels: ['a'],
    input: { name: 'x', dtype: 'float32' },
    preprocess: { kind: 'waveform', samplingRate: 16000 },
    output: { name: 'y', activation: 'softmax' },
  },
  'text-classification': {
    ...core,
    labels: ['a', 'b'],
    assets: { 'tokenizer.json': { url: 'tokenizer.json' } },
    input: { ids: 'input_ids', attentionMask: 'attention_mask' },
    preprocess: { maxTokens: 512, prefix: 'query: ' },
    output: { name: 'y', activation: 'softmax' },
  },
  'text-embedding': {
    ...core,
    assets: { 'tokenizer.json': { url: 'tokenizer.json' } },
    input: { ids: 'input_ids' },
    preprocess: { maxTokens: 128 },
    output: { name: 'y', pooling: 'mean', normalize: true },
  },
  tabular: {
    ...core,
    labels: ['a', 'b'],
    columns: [
      { name: 'age', kind: 'number', mean: 40, scale: 10, missing: 40 },
      { name: 'city', kind: 'category', categories: ['x', 1], unknown: 'zeros' },
    ],
    input: { kind: 'matrix', name: 'x' },
    output: { kind: 'class', label: 'l', scores: 'y', activation: 'none' },
  },
  tensor: {
    ...core,
    selfTest: [
      {
        file: 'm.onnx',
        inputs: { x: { type: 'float32', dims: [1, 3] }, m: { type: 'int64', dims: [1], data: 1 } },
        outputs: {
          y: { type: 'float32', dims: [1, 8], step: 3, numbers: [1, null, 2], parts: [1] },
        },
      },
      { inputs: ['in.pb'], outputs: ['out.pb'] },
    ],
  },
};
