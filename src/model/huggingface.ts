/**
 * Models of the Hugging Face hub, described by `config.json` and `preprocessor_config.json`, as
 * manifests.
 *
 * The reference is transformers 5's image processors on Pillow and numpy
 * (`image_processing_pil_*.py`) and timm's `create_transform`. Their steps are linear in the pixels
 * once resized and cropped, so that all of rescaling, its offset, normalisation and EfficientNet's
 * second normalisation fold into one `(byte · scale − mean) / std`.
 */
import { TabserveError } from '../base/errors.js';
import { asFields, type Fields, isFields, isPixels, type Size } from './hub-fields.js';
import { labelsOf } from './hub-labels.js';
import { processorPreprocess } from './hub-preprocess.js';
import { timmPreprocess } from './hub-timm.js';
import type { ModelInput, ModelManifest, Preprocess } from './manifest.js';
import type { HubProcessor } from './request.js';

/** The JSON files of a repository, parsed and not yet trusted. */
export interface HubFiles {
  /** What messages call the repository. */
  where: string;
  config: unknown;
  /** `preprocessor_config.json`, or `processor_config.json`; timm's models have neither. */
  preprocessor: unknown;
  /** Which of transformers' processors. @default 'slow' */
  processor?: HubProcessor | undefined;
}

/** What the files say, without the graphs. */
export interface HubDescription {
  labels: string[];
  input: ModelInput;
  preprocess: Preprocess;
  output: ModelManifest['output'];
  license: string | undefined;
  /** Fields that were not understood, and what was assumed. */
  warnings: string[];
}

/**
 * Translates a repository's files.
 *
 * @throws TabserveError `manifest-invalid` naming the field, what was found and what was expected;
 *   for fields that contradict each other, both.
 */
export function describeHubModel(files: HubFiles): HubDescription {
  const { where, config } = files;
  const fields = asFields(config, where, 'config.json');
  const warnings: string[] = [];
  const labels = labelsOf(fields, where, warnings);
  return {
    labels,
    ...describeHubPicture(files, warnings),
    output: { name: 'logits', activation: activationOf(fields.problem_type, labels.length) },
    license: typeof fields.license === 'string' ? fields.license : undefined,
    warnings,
  };
}

/**
 * The way from a picture to the network, of a repository for any task.
 *
 * @param finish - Ends what the processor does where a single picture's size would depend on it.
 * @throws TabserveError as {@link describeHubModel}.
 */
export function describeHubPicture(
  { where, config, preprocessor, processor }: HubFiles,
  warnings: string[],
  finish: (preprocess: Preprocess) => Preprocess = (preprocess) => preprocess,
): { input: ModelInput; preprocess: Preprocess } {
  const fields = asFields(config, where, 'config.json');
  const timm = timmConfig(fields);
  const { preprocess: described, colorOrder } =
    preprocessor === undefined && timm
      ? { preprocess: timmPreprocess(timm, where), colorOrder: 'RGB' as const }
      : processorPreprocess(
          asFields(preprocessor, where, 'preprocessor_config.json'),
          fields.model_type,
          where,
          warnings,
          processor,
        );
  const preprocess = finish(described);
  const { width, height } = producedSize(preprocess, where);
  return {
    input: {
      name: 'pixel_values',
      layout: 'NCHW',
      dtype: 'float32',
      width,
      height,
      channels: 3,
      colorOrder,
    },
    preprocess,
  };
}

/** timm's description: under `pretrained_cfg`, or, in old repositories, beside everything else. */
function timmConfig(fields: Fields): Fields | undefined {
  if (isFields(fields.pretrained_cfg)) return fields.pretrained_cfg;
  const { architecture, input_size: size } = fields;
  const isFlat = architecture !== undefined && Array.isArray(size) && size.every(isPixels);
  return isFlat ? fields : undefined;
}

/** As transformers' image classification pipeline chooses. */
function activationOf(problem: unknown, labels: number): 'softmax' | 'sigmoid' | 'none' {
  if (problem === 'regression') return 'none';
  return problem === 'multi_label_classification' || labels === 1 ? 'sigmoid' : 'softmax';
}

function producedSize({ resize, crop, pad }: Preprocess, where: string): Size {
  if (pad ?? crop) return pad ?? (crop as Size);
  if (resize?.policy === 'exact') return resize;
  throw new TabserveError(
    'manifest-invalid',
    `${where}: preprocessor_config.json keeps the picture's proportions ("size") and neither crops ("do_center_crop") nor pads ("do_pad", "pad_size"), so that the size of the input would depend on the picture. Expected a crop, a "pad_size", or a "size" of height and width.`,
    { details: { manifest: where, field: 'do_center_crop' } },
  );
}
