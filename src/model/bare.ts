/** An `.onnx` file alone: what it does not say is assumed, and the assumptions are stated. */
import { TabserveError } from '../base/errors.js';
import { imageInput, inputDtype, scoresOutput } from './complete.js';
import type { ModelManifest } from './manifest.js';
import type { TensorInfo, Translation } from './translation.js';

/** Size of the input where the graph leaves it open. */
const usualSize = 224;

/**
 * Describes a graph by itself: the input's name, layout, size and type and the number of classes
 * come from its metadata; preprocessing is ImageNet's usual one.
 *
 * @param where - The file's address or name.
 */
export function bareModel(where: string): Translation {
  const file = where.split(/[?#]/, 1)[0] ?? where;
  const stem = file.slice(file.lastIndexOf('/') + 1).replace(/\.onnx$/, '');
  const manifest: ModelManifest = {
    name: stem.replace(/[^\w.-]+/g, '-').slice(0, 96) || 'model',
    version: '0.0.0',
    task: 'image-classification',
    labels: ['0'],
    input: {
      name: 'input',
      layout: 'NCHW',
      dtype: 'float32',
      width: usualSize,
      height: usualSize,
      channels: 3,
      colorOrder: 'RGB',
    },
    preprocess: {},
    output: { name: 'output', activation: 'softmax' },
    files: [{ url: where, dtype: dtypeOf(stem) }],
  };
  return {
    manifest,
    open: 'everything',
    baseUrl: null,
    otherOrigin: false,
    keep: false,
    fallbacks: [
      {
        from: 'manifest',
        to: 'usual preprocessing',
        reason: `${where} comes without a model.json. Assumed: RGB, the shorter side resized to the input's size / 0.875, the centre cropped, ImageNet's mean and deviation (grey: 0…1), classes by their number, softmax unless the output is named for probabilities. If the answers are wrong, this is why: write a model.json.`,
      },
    ],
  };
}

/** The precision that a file's name tells. */
export function dtypeOf(name: string): 'fp32' | 'fp16' | 'int8' {
  if (/fp16|float16/i.test(name)) return 'fp16';
  return /int8|uint8|quant|qdq|[-_]q8/i.test(name) ? 'int8' : 'fp32';
}

/**
 * Fills the gaps of {@link bareModel}.
 *
 * @throws TabserveError `model-invalid` when the graph is not a classifier of images.
 */
export function completeBare(
  manifest: ModelManifest,
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
  where: string,
): ModelManifest {
  const input = imageInput(inputs, where);
  const output = scoresOutput(outputs, where);
  const dtype = inputDtype(input, where);
  const [, second, third, fourth] = input.shape;
  const isLast = isChannels(fourth) && !isChannels(second);
  const channels = isLast ? fourth : second;
  if (!isChannels(channels)) {
    throw new TabserveError(
      'model-invalid',
      `${where} takes [${input.shape.join(', ')}], in which neither the second nor the last dimension is 1 or 3 channels. Write a model.json that says what it takes.`,
      { details: { model: where, found: input.shape.join(', ') } },
    );
  }
  const [height, width] = (isLast ? [second, third] : [third, fourth]).map((size) =>
    typeof size === 'number' && size > 0 ? size : usualSize,
  ) as [number, number];
  const classes = output.shape.at(-1);
  if (typeof classes !== 'number' || classes < 1) {
    throw new TabserveError(
      'model-invalid',
      `${where} does not say how many classes its output "${output.name}" has. Write a model.json with the labels.`,
      { details: { model: where } },
    );
  }
  const isGrey = channels === 1;
  return {
    ...manifest,
    labels: Array.from({ length: classes }, (_, index) => `${index}`),
    input: {
      name: input.name,
      layout: isLast ? 'NHWC' : 'NCHW',
      dtype,
      width,
      height,
      channels,
      colorOrder: isGrey ? 'GRAY' : 'RGB',
    },
    preprocess: {
      resize: { policy: 'crop-fraction', fraction: 0.875, filter: 'bilinear' },
      crop: { policy: 'center', width, height },
      ...(!isGrey &&
        dtype !== 'uint8' && { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }),
    },
    output: {
      name: output.name,
      activation: /prob|softmax/i.test(output.name) ? 'none' : 'softmax',
    },
  };
}

function isChannels(size: number | string | undefined): size is 1 | 3 {
  return size === 1 || size === 3;
}
