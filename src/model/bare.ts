/** An `.onnx` file alone: what it does not say is assumed, and the assumptions are stated. */
import { TabserveError } from '../base/errors.js';
import { activationOf, imageInput, mostClasses, refuseConstant, scoresOutput } from './complete.js';
import type { ModelInput, ModelManifest, Preprocess } from './manifest.js';
import type { OnnxModel } from './onnx/graph.js';
import { type ModelFacts, readMetadata } from './onnx/metadata.js';
import { rangeOf, startOf } from './onnx/normalisation.js';
import type {
  CompleteRequest,
  Completion,
  LabelFile,
  TensorInfo,
  Translation,
} from './translation.js';

/** Size of the input where the graph leaves it open. */
const usualSize = 224;

/** The largest side of a picture that a graph may ask for. */
const mostPixels = 16384;

const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** The labels of a description that has none yet. */
const unknownLabels = ['0'];

/**
 * Describes a graph by itself, as far as that goes without it.
 *
 * @param where - The file's address or name.
 * @param labels - The name of a label file that was given with it.
 */
export function bareModel(where: string, labels?: string): Translation {
  const file = where.split(/[?#]/, 1)[0] ?? where;
  const stem = file.slice(file.lastIndexOf('/') + 1).replace(/\.onnx$/i, '');
  const manifest: ModelManifest = {
    name:
      stem
        .replace(/[^\w.-]+/g, '-')
        .replace(/^\W+/, '')
        .slice(0, 96) || 'model',
    version: '0.0.0',
    task: 'image-classification',
    labels: labels === undefined ? unknownLabels : { url: labels },
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
    fallbacks: [],
  };
}

/** The precision that a file's name tells. */
export function dtypeOf(name: string): 'fp32' | 'fp16' | 'int8' {
  if (/fp16|float16/i.test(name)) return 'fp16';
  return /int8|uint8|quant|qdq|[-_]q8/i.test(name) ? 'int8' : 'fp32';
}

/**
 * Fills the gaps of {@link bareModel}: by the graph's metadata, by its operators, and what neither says
 * by what is usual.
 *
 * @throws TabserveError `model-invalid` when the graph is not a classifier of images.
 */
export function completeBare(
  { manifest, inputs, outputs, where, beside = [] }: CompleteRequest & { manifest: ModelManifest },
  model: OnnxModel | null,
): Completion {
  const facts = readMetadata(model?.metadata ?? new Map());
  refuseOtherTask(facts, where);
  const { input: tensor, dtype } = imageInput(inputs, where);
  const notes = { assumed: [] as string[], found: [] as string[] };
  const shape = pictureShape(tensor, facts, where, notes);
  const given =
    manifest.labels === unknownLabels || isUnknown(manifest.labels) ? null : manifest.labels;
  const fromGraph = facts.labels ?? mapLabels(outputs, model);
  const known = Array.isArray(given) ? given : fromGraph?.labels;
  const scores = scoresOutput(outputs, model, known?.length ?? null, where);
  refuseConstant(scores, where);
  const classes = scores.classes ?? known?.length ?? beside[0]?.labels.length ?? null;
  if (classes === null || classes > mostClasses) {
    throw new TabserveError(
      'model-invalid',
      `${where} does not say how many classes its output "${scores.output.name}" has. Write a model.json with the labels, or put a labels.txt beside it.`,
      { details: { model: where } },
    );
  }
  const labels = labelsFor(classes, given, fromGraph, beside, notes);
  const { preprocess, colorOrder } = preprocessing(tensor, dtype, shape, facts, model, notes);
  const { meaning } = scores;
  const activation = activationOf(meaning, classes);
  if (meaning.kind === 'logits') {
    notes.assumed.push(
      `${activation} turns the output into scores, because the graph ends in ${meaning.by}, which gives logits`,
    );
  } else notes[meaning.isGuess ? 'assumed' : 'found'].push(`scores by ${meaning.by} in the graph`);
  const complete: ModelManifest = {
    ...manifest,
    labels,
    input: { name: tensor.name, dtype, ...shape, colorOrder },
    preprocess,
    output: { name: scores.output.name, activation, ...meaning.quantised },
  };
  return {
    manifest: complete,
    found: notes.found,
    assumed: notes.assumed,
    fallbacks: [
      {
        from: 'manifest',
        to: 'usual preprocessing',
        reason: `${where} comes without a model.json. Assumed: ${notes.assumed.join('; ')}.${notes.found.length > 0 ? ` Found in the file: ${notes.found.join('; ')}.` : ''} If the answers are wrong, write a model.json that says these things.`,
      },
    ],
  };
}

interface Notes {
  assumed: string[];
  found: string[];
}

function isUnknown(labels: ModelManifest['labels']): boolean {
  // It may have crossed to another thread meanwhile.
  return Array.isArray(labels) && labels.length === 1 && labels[0] === unknownLabels[0];
}

function refuseOtherTask({ ultralytics }: ModelFacts, where: string): void {
  if (!ultralytics || ultralytics.task === 'classify') return;
  throw new TabserveError(
    'model-invalid',
    `${where} is made for the task "${ultralytics.task}" (its metadata says so); this class takes image classifiers. Export one with "task=classify".`,
    { details: { model: where, found: ultralytics.task } },
  );
}

type PictureShape = Pick<ModelInput, 'layout' | 'width' | 'height' | 'channels'>;

/** Where channels, height and width stand in an input. */
function pictureShape(
  { name, shape }: TensorInfo,
  facts: ModelFacts,
  where: string,
  notes: Notes,
): PictureShape {
  const sizeOf = (size: number | string | undefined, axis: 0 | 1): number => {
    if (size === 0) {
      throw new TabserveError(
        'model-invalid',
        `${where} takes [${shape.join(', ')}] as "${name}", which no picture fits. Export it with the size of its pictures, or with a name for it.`,
        { details: { model: where, found: shape.join(', ') } },
      );
    }
    if (typeof size === 'number') {
      if (size <= mostPixels) return size;
      throw new TabserveError(
        'model-invalid',
        `${where} takes [${shape.join(', ')}] as "${name}"; a side of ${size} is more than the ${mostPixels} that are possible.`,
        { details: { model: where, found: shape.join(', ') } },
      );
    }
    const told = facts.size?.[axis];
    if (told !== undefined) notes.found.push(`${axis === 0 ? 'height' : 'width'} ${told}`);
    else
      notes.assumed.push(
        `${axis === 0 ? 'height' : 'width'} ${usualSize}, which the graph leaves open`,
      );
    return told ?? usualSize;
  };
  const at = (
    layout: 'NCHW' | 'NHWC',
    channels: 1 | 3,
    height: number | string | undefined,
    width: number | string | undefined,
  ): PictureShape => ({
    layout,
    height: sizeOf(height, 0),
    width: sizeOf(width, 1),
    channels,
  });
  const [first, second, third, fourth] = shape;
  if (shape.length === 4) {
    if (isChannels(second)) return at('NCHW', second, third, fourth);
    if (isChannels(fourth)) return at('NHWC', fourth, second, third);
    // Exporters leave channels open together with the size; a picture has three.
    if (typeof second === 'string' && typeof third === 'string' && typeof fourth === 'string') {
      notes.assumed.push('three channels before height and width, which the graph leaves open');
      return at('NCHW', 3, third, fourth);
    }
  }
  if (shape.length === 3) {
    if (first === 3) return at('NCHW', 3, second, third);
    if (third === 3) return at('NHWC', 3, first, second);
    return at('NCHW', 1, second, third);
  }
  if (shape.length === 2 && !isSquare(second)) {
    throw new TabserveError(
      'model-invalid',
      `${where} takes [${shape.join(', ')}], a row of numbers that is no square grey picture; a classifier of images takes 4 dimensions. Write a model.json that says what it takes.`,
      { details: { model: where, found: shape.join(', ') } },
    );
  }
  if (shape.length === 2) {
    const side = Math.sqrt(second as number);
    notes.assumed.push(`a grey picture of ${side} × ${side} in one row of ${second} numbers`);
    return at('NCHW', 1, side, side);
  }
  throw new TabserveError(
    'model-invalid',
    `${where} takes [${shape.join(', ')}], in which neither the second nor the last dimension is 1 or 3 channels. Write a model.json that says what it takes.`,
    { details: { model: where, found: shape.join(', ') } },
  );
}

function isSquare(size: number | string | undefined): boolean {
  return typeof size === 'number' && size >= 16 && Number.isInteger(Math.sqrt(size));
}

function isChannels(size: number | string | undefined): size is 1 | 3 {
  return size === 1 || size === 3;
}

/** Labels of a `ZipMap`, whose own output is no tensor, but which names the classes of the others. */
function mapLabels(outputs: readonly TensorInfo[], model: OnnxModel | null): ModelFacts['labels'] {
  for (const { name } of outputs) {
    const node = model?.producers.get(name);
    const labels = node?.attributes.get('classlabels_strings')?.strings ?? [];
    if (labels.length > 0) return { labels, from: `the graph's ${node?.op}` };
  }
  return undefined;
}

function labelsFor(
  classes: number,
  given: ModelManifest['labels'] | null,
  fromGraph: ModelFacts['labels'],
  beside: readonly LabelFile[],
  notes: Notes,
): string[] {
  if (Array.isArray(given)) {
    notes.found.push(`${given.length} labels in the label file`);
    return given;
  }
  const fits = ({ labels }: { labels: string[] }) =>
    labels.length === classes || (classes === 1 && labels.length === 2);
  if (fromGraph && fits(fromGraph)) {
    notes.found.push(`${fromGraph.labels.length} labels in ${fromGraph.from}`);
    return fromGraph.labels;
  }
  const file = beside.find(fits);
  if (file) {
    notes.found.push(`${file.labels.length} labels in ${file.name}, which is next to it`);
    return file.labels;
  }
  const others = [
    ...(fromGraph ? [{ from: fromGraph.from, labels: fromGraph.labels }] : []),
    ...beside.map(({ name, labels }) => ({ from: name, labels })),
  ].map(({ from, labels }) => `${from} names ${labels.length} labels for ${classes} classes`);
  const why = others.length > 0 ? `, because ${others.join(' and ')}` : '';
  notes.assumed.push(`classes named by their numbers${why}`);
  return Array.from({ length: classes }, (_, index) => `${index}`);
}

/** What is done to pictures: as the file says, else as its exporter's models usually want it. */
function preprocessing(
  { name, shape: dims }: TensorInfo,
  dtype: ModelInput['dtype'],
  { width, height, channels }: PictureShape,
  facts: ModelFacts,
  model: OnnxModel | null,
  notes: Notes,
): { preprocess: Preprocess; colorOrder: ModelInput['colorOrder'] } {
  const isGrey = channels === 1;
  const start = model ? startOf(model, name) : { resizes: false };
  const isKeras =
    /tf2onnx|keras|tensorflow|tflite/i.test(model?.producer ?? '') ||
    dims.some((size) => /^unk__/.test(`${size}`));
  const side = Math.min(width, height);
  const colorOrder = isGrey ? 'GRAY' : facts.colorOrder === 'BGR' ? 'BGR' : 'RGB';
  if (facts.colorOrder) notes.found.push(`${facts.colorOrder} in Image.BitmapPixelFormat`);
  else notes.assumed.push(isGrey ? 'grey' : 'RGB');
  if (facts.isLinear) {
    notes.assumed.push(
      'colours as they are stored, though Image.ColorSpaceGamma says that they should be linear',
    );
  }
  let geometry: Pick<Preprocess, 'resize' | 'crop'>;
  if (facts.ultralytics) {
    geometry = {
      resize: { policy: 'shorter-side', size: side, filter: 'bilinear' },
      crop: { policy: 'center', width, height },
    };
    notes.found.push(
      "Ultralytics' preprocessing: the shorter side to the input's size, the centre cropped, 0…1",
    );
  } else if (
    facts.range !== undefined ||
    facts.colorOrder !== undefined ||
    isKeras ||
    start.resizes
  ) {
    geometry = { resize: { policy: 'exact', width, height, filter: 'bilinear' } };
    notes.assumed.push("the whole picture resized to the input's size, whatever its proportions");
  } else if (isGrey) {
    geometry = {
      resize: {
        policy: 'shorter-side',
        size: side,
        asIsUpTo: Math.floor(side / 0.875),
        filter: 'bilinear',
      },
      crop: { policy: 'center', width, height },
    };
    notes.assumed.push(
      "the shorter side resized to the input's size, unless it is hardly larger, and the centre cropped",
    );
  } else {
    geometry = {
      resize: { policy: 'crop-fraction', fraction: 0.875, filter: 'bilinear' },
      crop: { policy: 'center', width, height },
    };
    notes.assumed.push("the shorter side resized to the input's size / 0.875, the centre cropped");
  }
  return {
    preprocess: { ...geometry, ...numbers(dtype, isGrey, isKeras, facts, start.affine, notes) },
    colorOrder,
  };
}

const spans = {
  bytes: { scale: 1 },
  video: { scale: 219 / 255, mean: -16 },
  unit: {},
  'signed-unit': { scale: 1 / 127.5, mean: 1 },
} as const;

function numbers(
  dtype: ModelInput['dtype'],
  isGrey: boolean,
  isKeras: boolean,
  facts: ModelFacts,
  affine: ReturnType<typeof startOf>['affine'],
  notes: Notes,
): Pick<Preprocess, 'scale' | 'mean' | 'std'> {
  if (dtype === 'int8') {
    notes.assumed.push('bytes less 128');
    return { scale: 1, mean: 128 };
  }
  if (!dtype.startsWith('float')) {
    notes.found.push(`bytes as they are, because the input is ${dtype}`);
    return {};
  }
  if (facts.range) {
    notes.found.push(`${facts.range} in Image.NominalPixelRange`);
    return { ...spans[facts.range] };
  }
  if (facts.colorOrder) {
    notes.assumed.push('0…255, which Image.BitmapPixelFormat without a range means');
    return { scale: 1 };
  }
  if (facts.ultralytics) return {};
  const range = affine && rangeOf(affine);
  if (range !== undefined) {
    notes.found.push(`0…${range}, because the graph normalises by itself`);
    return range === 255 ? { scale: 1 } : {};
  }
  const perChannel = (list: readonly number[]) =>
    isGrey ? (list[0] as number) : list.length === 1 ? (list[0] as number) : [...list];
  if (facts.mean && facts.std?.every((each) => each > 0)) {
    notes.found.push('mean and deviation in the metadata');
    const isBytes = Math.max(...facts.mean, ...facts.std) > 2;
    return {
      ...(isBytes && { scale: 1 }),
      mean: perChannel(facts.mean),
      std: perChannel(facts.std),
    };
  }
  if (isGrey) {
    notes.assumed.push('0…1');
    return {};
  }
  if (isKeras) {
    notes.assumed.push('−1…1, as most Keras models take it');
    return { ...spans['signed-unit'] };
  }
  notes.assumed.push("ImageNet's mean and deviation");
  return { mean: [...imageNet.mean], std: [...imageNet.std] };
}
