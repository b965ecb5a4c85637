/** What a graph tells about itself, and what a manifest can leave to it. */
import { TabserveError } from '../base/errors.js';
import type { ModelInput, ModelManifest } from './manifest.js';
import type { TensorInfo } from './translation.js';

/** What a graph's only image input is. */
export function imageInput(inputs: readonly TensorInfo[], where: string): TensorInfo {
  const images = inputs.filter(({ shape }) => shape.length === 4);
  const [image] = images;
  if (image && images.length === 1) return image;
  const found = inputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join('; ');
  throw new TabserveError(
    'model-invalid',
    `${where} takes ${found || 'nothing'}; a classifier of images takes one tensor of 4 dimensions. Write a model.json that names the input.`,
    { details: { model: where, found } },
  );
}

/** The element type of an input, as a manifest writes it. */
export function inputDtype(input: TensorInfo, where: string): ModelInput['dtype'] {
  const { type } = input;
  if (type === 'float32' || type === 'float16' || type === 'uint8') return type;
  throw new TabserveError(
    'model-invalid',
    `${where} takes ${type} as "${input.name}"; float32, float16 and uint8 are possible.`,
    { details: { model: where, found: type } },
  );
}

/** The name of the output with the scores: the only one, or the one called `logits`. */
export function scoresOutput(outputs: readonly TensorInfo[], where: string): TensorInfo {
  const named = outputs.find(({ name }) => /^(logits|scores|prob\w*|output)$/i.test(name));
  const output = outputs.length === 1 ? outputs[0] : named;
  if (output) return output;
  throw new TabserveError(
    'model-invalid',
    `${where} has the outputs ${outputs.map(({ name }) => name).join(', ')}. Write a model.json that names the one with the scores.`,
    { details: { model: where } },
  );
}

/**
 * A hub's manifest with the names and types of the graph, which its files do not tell.
 *
 * @throws TabserveError `model-invalid`.
 */
export function withGraphNames(
  manifest: ModelManifest,
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
  where: string,
): ModelManifest {
  const input = imageInput(inputs, where);
  return {
    ...manifest,
    input: { ...manifest.input, name: input.name, dtype: inputDtype(input, where) },
    output: { ...manifest.output, name: scoresOutput(outputs, where).name },
  };
}
