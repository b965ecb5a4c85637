/** What repositories of models of pictures have in common, whatever their task. */

import type { ModelInput, Preprocess } from '../input/image/manifest.js';
import { imageInput } from '../model/complete.js';
import { isFields } from '../model/hub-fields.js';
import type { CompleteRequest } from '../model/translation.js';

/** What a manifest says of pictures. */
interface PictureFields {
  input: ModelInput;
  preprocess: Preprocess;
}

/** The classes in `architectures` of `config.json`, `''` where there are none. */
export function architectureOf(config: unknown): string {
  const { architectures } = isFields(config) ? config : {};
  return Array.isArray(architectures) ? text(architectures[0]) : '';
}

/** `model_type` of `config.json`, or `''`. */
export function modelTypeOf(config: unknown): string {
  return isFields(config) ? text(config.model_type) : '';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/**
 * The input as the graph has it: its name and type, a mask, and a fixed size that padding reaches.
 *
 * @throws TabserveError `model-invalid`.
 */
export function completeInput(
  { input, preprocess }: PictureFields,
  { inputs, where }: Pick<CompleteRequest, 'inputs' | 'where'>,
): PictureFields {
  const mask = inputs.find(({ name, shape }) => /mask/i.test(name) && shape.length === 3);
  const { input: info, dtype } = imageInput(
    inputs.filter((each) => each !== mask),
    where,
  );
  const [height, width] = info.shape.slice(-2);
  const isFixed = preprocess.pad && typeof height === 'number' && typeof width === 'number';
  return {
    input: {
      ...input,
      name: info.name,
      dtype,
      ...(mask && { mask: mask.name }),
      ...(isFixed && { width, height }),
    },
    preprocess: isFixed
      ? { ...preprocess, pad: { policy: 'bottom-right', width, height } }
      : preprocess,
  };
}
