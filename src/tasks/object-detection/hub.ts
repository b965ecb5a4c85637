/**
 * Detectors of the Hugging Face hub as manifests: DETR and its kin.
 *
 * The reference is transformers 5.23: `post_process_object_detection` of each processor.
 */
import { TabserveError } from '../../base/errors.js';
import type { TensorInfo } from '../../base/tensor.js';
import type { Preprocess } from '../../input/image/manifest.js';
import { asFields, isFields, square } from '../../model/hub-fields.js';
import { labelsOf } from '../../model/hub-labels.js';
import { describeHubPicture } from '../../model/huggingface.js';
import { checkManifest } from '../../model/manifest-check.js';
import type { CompleteRequest, HubTask } from '../../model/translation.js';
import { architectureOf, completeInput, modelTypeOf } from '../hub-pictures.js';
import { manifestCheck } from './manifest.js';
import type { DetectionManifest } from './types.js';

/** Values of `model_type` whose last class is "no object". */
const withNoObject = ['detr', 'yolos', 'table-transformer'];
/** Those whose scores are each for itself. */
const withoutNoObject = [
  'conditional_detr',
  'd_fine',
  'dab-detr',
  'deformable_detr',
  'rt_detr',
  'rt_detr_v2',
];

/** Of the latter, those that answer their best hundred, however many queries there are. */
const ofHundred = ['conditional_detr', 'dab-detr', 'deformable_detr'];

/** Repositories of detectors. */
export const hubTask: HubTask = {
  name: 'object-detection',
  recognises({ config }) {
    const architecture = architectureOf(config);
    if (architecture) return /ForObjectDetection$/.test(architecture);
    return [...withNoObject, ...withoutNoObject].includes(modelTypeOf(config));
  },
  describe({ where, config, preprocessor, processor }) {
    const warnings: string[] = [];
    const fields = asFields(config, where, 'config.json');
    const type = modelTypeOf(config);
    if (![...withNoObject, ...withoutNoObject].includes(type)) {
      throw new TabserveError(
        'unsupported',
        `${where} is a detector of the type "${type}". Those of the hub that can be read are ${[...withNoObject, ...withoutNoObject].join(', ')}; for another one write a model.json whose "output" says how its outputs become boxes.`,
        { details: { model: where, found: type } },
      );
    }
    const labels = labelsOf(fields, where, warnings);
    const files = {
      where,
      config,
      preprocessor: /^(d_fine|rt_detr)/.test(type) ? preprocessor : withLongest(preprocessor),
      processor,
    };
    const picture = describeHubPicture(files, warnings, (preprocess) =>
      padded(type === 'yolos' ? inPatches(preprocess) : preprocess, warnings),
    );
    const { license } = fields;
    return {
      fields: {
        task: 'object-detection',
        ...(typeof license === 'string' && { license }),
        labels,
        ...picture,
        output: {
          format: 'detr',
          logits: 'logits',
          boxes: 'pred_boxes',
          activation: withNoObject.includes(type) ? 'softmax' : 'sigmoid',
          ...(ofHundred.includes(type) && { best: 100 }),
        },
      },
      warnings,
    };
  },
  check: (manifest, where) => checkManifest(manifest, where, [manifestCheck]),
  complete,
};

/** Old files of DETR and its kin have a number as `size` and `max_size` beside it. */
function withLongest(preprocessor: unknown): unknown {
  if (!isFields(preprocessor) || typeof preprocessor.size !== 'number') return preprocessor;
  const { size, max_size: longest = 1333, ...rest } = preprocessor;
  return { ...rest, size: { shortest_edge: size, longest_edge: longest } };
}

/** YOLOS takes whole patches. */
function inPatches(preprocess: Preprocess): Preprocess {
  const { resize } = preprocess;
  return resize?.policy === 'shorter-side'
    ? { ...preprocess, resize: { ...resize, multipleOf: 16 } }
    : preprocess;
}

/**
 * What keeps its proportions is padded to a size into which every picture fits: the engine's input has
 * one size.
 */
function padded(preprocess: Preprocess, warnings: string[]): Preprocess {
  const { resize, crop, pad } = preprocess;
  if (pad || crop) return preprocess;
  const most =
    resize?.policy === 'shorter-side' && resize.longest !== undefined
      ? square(resize.longest)
      : resize?.policy === 'fit'
        ? resize
        : undefined;
  if (!most) return preprocess;
  const { width, height } = most;
  warnings.push(
    `preprocessor_config.json pads a picture only to others of its batch; each is padded to ${width} × ${height}.`,
  );
  return { ...preprocess, pad: { policy: 'bottom-right', width, height } };
}

/** Names, types, and a fixed size, which only the graph tells. */
function complete(request: CompleteRequest): DetectionManifest {
  const { outputs, where } = request;
  const { input, preprocess, output, ...rest } = request.manifest as DetectionManifest;
  const isBoxes = ({ name, shape }: TensorInfo) =>
    shape.length === 3 && (shape[2] === 4 || /box/i.test(name));
  const boxes = outputs.find(({ name }) => name === 'pred_boxes') ?? outputs.find(isBoxes);
  const logits =
    outputs.find(({ name }) => name === 'logits') ??
    outputs.find((each) => each.shape.length === 3 && !isBoxes(each));
  if (!boxes || !logits || output.format !== 'detr') {
    const found = outputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join('; ');
    throw new TabserveError(
      'model-invalid',
      `${where} answers ${found || 'nothing'}; a detector of its kind answers logits and boxes of one row per query.`,
      { details: { model: where, found } },
    );
  }
  return {
    ...rest,
    ...completeInput({ input, preprocess }, request),
    output: { ...output, logits: logits.name, boxes: boxes.name },
  };
}
