/** Small models whose answers can be foretold, for tests that need no weights. */
import { createHash } from 'node:crypto';
import type { ModelManifest } from '../src/index.js';
import { writeOnnx } from './onnx.js';
import type { TestServer } from './server.js';

/** Serves a manifest at `path` with its model beside it. Returns the manifest's URL. */
export function serveModel(
  server: TestServer,
  path: string,
  manifest: ModelManifest,
  model: Buffer,
): string {
  server.route(`${path}/model.json`, manifest);
  for (const { url } of manifest.files) server.route(`${path}/${url}`, model);
  return `${server.origin}${path}/model.json`;
}

/** The sha256 of bytes, as manifests write it. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Answers the mean red, green and blue of an 8 × 8 picture, 0…1. */
export const meanColour = {
  model: writeOnnx({
    input: { name: 'input', type: 'float32', shape: ['N', 3, 8, 8] },
    nodes: [{ op: 'GlobalAveragePool' }, { op: 'Flatten', attributes: { axis: 1 } }],
    output: { name: 'mean', shape: ['N', 3] },
  }),
  manifest: {
    name: 'mean-colour',
    version: '1.0.0',
    task: 'image-classification',
    labels: ['red', 'green', 'blue'],
    input: {
      name: 'input',
      layout: 'NCHW',
      dtype: 'float32',
      width: 8,
      height: 8,
      channels: 3,
      colorOrder: 'RGB',
    },
    preprocess: { resize: { policy: 'exact', width: 8, height: 8 } },
    output: { name: 'mean', activation: 'none' },
    files: [{ url: 'mean.onnx', dtype: 'fp32' }],
  } satisfies ModelManifest,
};

/**
 * Answers red, green and blue as {@link meanColour}, by way of two matrices that make it large.
 *
 * @param width - Columns of the first matrix, rows of the second: 24 bytes of weights each, or 12.
 */
export function wideModel(width: number, type: 'float32' | 'float16' = 'float32'): Buffer {
  const one = type === 'float32' ? 1 : 0x3c00;
  const matrix = () => new (type === 'float32' ? Float32Array : Uint16Array)(3 * width);
  const [to, from] = [matrix(), matrix()];
  // The first three columns are the unit matrix, and so are the first three rows.
  for (let i = 0; i < 3; i++) {
    to[i * width + i] = one;
    from[i * 3 + i] = one;
  }
  const bytes = ({ buffer }: Float32Array | Uint16Array) => new Uint8Array(buffer);
  return writeOnnx({
    input: { name: 'input', type: 'float32', shape: ['N', 3, 8, 8] },
    nodes: [
      { op: 'GlobalAveragePool' },
      { op: 'Flatten', attributes: { axis: 1 } },
      { op: 'MatMul', weights: { name: 'to', shape: [3, width], type, data: bytes(to) } },
      { op: 'MatMul', weights: { name: 'from', shape: [width, 3], type, data: bytes(from) } },
    ],
    output: { name: 'mean', shape: ['N', 3] },
  });
}

/**
 * Answers its own input: every byte of the preprocessed crop, as 224 · 224 · 3 "classes". It shows
 * preprocessing bit for bit through the public API.
 */
export const cropProbe = {
  model: writeOnnx({
    input: { name: 'pixels', type: 'uint8', shape: ['N', 224, 224, 3] },
    nodes: [
      { op: 'Cast', attributes: { to: 1 } },
      { op: 'Flatten', attributes: { axis: 1 } },
    ],
    output: { name: 'bytes', shape: ['N', 224 * 224 * 3] },
  }),
  manifest: {
    name: 'crop-probe',
    version: '1.0.0',
    task: 'image-classification',
    labels: Array.from({ length: 224 * 224 * 3 }, (_, index) => `${index}`),
    input: {
      name: 'pixels',
      layout: 'NHWC',
      dtype: 'uint8',
      width: 224,
      height: 224,
      channels: 3,
      colorOrder: 'RGB',
    },
    preprocess: {
      resize: { policy: 'shorter-side', size: 256, filter: 'bilinear' },
      crop: { policy: 'center', width: 224, height: 224 },
    },
    output: { name: 'bytes', activation: 'none' },
    files: [{ url: 'probe.onnx', dtype: 'fp32' }],
  } satisfies ModelManifest,
};

/** A manifest for one of the ImageNet models in `../shared/models`, by precision. */
export function mobileNetManifest(
  dtype: 'fp32' | 'fp16' | 'int8',
  labels: string[],
): ModelManifest {
  return {
    name: 'mobilenet-v2',
    version: '1.0.0',
    task: 'image-classification',
    license: 'Apache-2.0',
    labels,
    input: {
      name: 'input',
      layout: 'NCHW',
      dtype: 'float32',
      width: 224,
      height: 224,
      channels: 3,
      colorOrder: 'RGB',
    },
    preprocess: {
      resize: { policy: 'shorter-side', size: 256, filter: 'bilinear' },
      crop: { policy: 'center', width: 224, height: 224 },
      scale: 1,
      mean: 128,
      std: 128,
    },
    output: { name: 'probabilities', activation: 'none' },
    files: [{ url: `/shared/models/mobilenet_v2_1.0_224.${dtype}.onnx`, dtype }],
  };
}
