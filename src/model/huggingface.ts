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
import type {
  CenterCrop,
  ModelInput,
  ModelManifest,
  Preprocess,
  ResizeFilter,
  ResizePolicy,
  ZeroPadding,
} from './manifest.js';

/** The JSON files of a repository, parsed and not yet trusted. */
export interface HubFiles {
  /** What messages call the repository. */
  where: string;
  config: unknown;
  /** `preprocessor_config.json`, or `processor_config.json`; timm's models have neither. */
  preprocessor: unknown;
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

type Fields = Readonly<Record<string, unknown>>;

interface Size {
  width: number;
  height: number;
}

/** `size` as transformers' `SizeDict` has it, after its three spellings. */
type AnySize =
  | Size
  | { shortest: number; longest?: number }
  /** `longest_edge` alone, or `max_height` and `max_width`. */
  | { fit: Size; rounding: 'half-up' | 'floor' };

/** Defaults of one class of image processors, from its source. */
interface ProcessorClass {
  resample: number;
  mean: readonly number[];
  std: readonly number[];
  size: AnySize;
  crop: Size;
  doCrop: boolean;
  doNormalize: boolean;
  flip: boolean;
  /** `size` is what remains after a crop of this fraction, as ConvNeXt's. */
  cropPct: number | null;
  rescaleOffset: boolean;
  includeTop: boolean;
  /** A bare number as `size` is the shorter side. */
  shortest: boolean;
  /** Whether `do_pad` does anything. */
  pads: boolean;
}

const standard = [0.5, 0.5, 0.5];
const imageNetMean = [0.485, 0.456, 0.406];
const imageNetStd = [0.229, 0.224, 0.225];
const clipMean = [0.48145466, 0.4578275, 0.40821073];
const clipStd = [0.26862954, 0.26130258, 0.27577711];

const square = (side: number): Size => ({ width: side, height: side });

/** What most classes share; ViT's own. */
const vit: ProcessorClass = {
  resample: 2,
  mean: standard,
  std: standard,
  size: square(224),
  crop: square(224),
  doCrop: false,
  doNormalize: true,
  flip: false,
  cropPct: null,
  rescaleOffset: false,
  includeTop: false,
  shortest: false,
  pads: true,
};

const mobileNet: ProcessorClass = {
  ...vit,
  size: { shortest: 256 },
  doCrop: true,
  shortest: true,
};

const convNext: ProcessorClass = {
  ...vit,
  resample: 3,
  size: { shortest: 384 },
  cropPct: 224 / 256,
  shortest: true,
  pads: false,
};

const clip: ProcessorClass = {
  ...vit,
  resample: 3,
  mean: clipMean,
  std: clipStd,
  size: { shortest: 224 },
  doCrop: true,
  shortest: true,
};

/** By class name, without `ImageProcessor` and its variants. */
const processors: Readonly<Record<string, ProcessorClass>> = {
  ViT: vit,
  DeiT: { ...vit, resample: 3, size: square(256), doCrop: true },
  Beit: { ...vit, resample: 3, pads: false },
  ConvNext: convNext,
  EfficientNet: {
    ...vit,
    resample: 3,
    size: square(346),
    crop: square(289),
    includeTop: true,
    pads: false,
  },
  MobileViT: {
    ...vit,
    resample: 3,
    size: { shortest: 224 },
    crop: square(256),
    doCrop: true,
    doNormalize: false,
    flip: true,
    shortest: true,
    pads: false,
  },
  MobileNetV1: mobileNet,
  MobileNetV2: { ...mobileNet, pads: false },
  Pvt: { ...vit, resample: 3, mean: imageNetMean, std: imageNetStd },
  Bit: clip,
  CLIP: clip,
  Siglip: { ...vit, resample: 3, shortest: true },
};

/** Class names that stand for another one's processor. */
const sameProcessor: Readonly<Record<string, string>> = { Swin: 'ViT', ResNet: 'ConvNext' };

/** Pillow's `Resampling` codes. */
const filters: readonly ResizeFilter[] = [
  'nearest',
  'lanczos',
  'bilinear',
  'bicubic',
  'box',
  'hamming',
];

/** Fields of a preprocessor that mean nothing to the pixels of one picture. */
const inertFields: ReadonlySet<string> = new Set([
  'image_processor_type',
  'feature_extractor_type',
  'processor_class',
  'auto_map',
  '_valid_processor_keys',
  '_processor_class',
  'crop_size',
  'crop_pct',
  'data_format',
  'default_to_square',
  'device',
  'disable_grouping',
  'do_center_crop',
  'do_convert_rgb',
  'do_flip_channel_order',
  'do_normalize',
  'do_pad',
  'do_reduce_labels',
  'do_rescale',
  'do_resize',
  'image_mean',
  'image_seq_length',
  'image_std',
  'include_top',
  'input_data_format',
  'pad_size',
  'reduce_labels',
  'resample',
  'rescale_factor',
  'rescale_offset',
  'return_tensors',
  'size',
  'size_divisor',
  'use_square_size',
]);

/**
 * Translates a repository's files.
 *
 * @throws TabserveError `manifest-invalid` naming the field, what was found and what was expected;
 *   for fields that contradict each other, both.
 */
export function describeHubModel({ where, config, preprocessor }: HubFiles): HubDescription {
  const fields = asFields(config, where, 'config.json');
  const warnings: string[] = [];
  const labels = labelsOf(fields, where, warnings);
  const timm = fields.pretrained_cfg;
  const { preprocess, colorOrder } =
    preprocessor === undefined && isFields(timm)
      ? { preprocess: timmPreprocess(timm, where), colorOrder: 'RGB' as const }
      : processorPreprocess(
          asFields(preprocessor, where, 'preprocessor_config.json'),
          where,
          warnings,
        );
  const { width, height } = producedSize(preprocess, where);
  return {
    labels,
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
    output: { name: 'logits', activation: activationOf(fields.problem_type, labels.length) },
    license: typeof fields.license === 'string' ? fields.license : undefined,
    warnings,
  };
}

/** As transformers' image classification pipeline chooses. */
function activationOf(problem: unknown, labels: number): 'softmax' | 'sigmoid' | 'none' {
  if (problem === 'regression') return 'none';
  return problem === 'multi_label_classification' || labels === 1 ? 'sigmoid' : 'softmax';
}

function processorPreprocess(
  given: Fields,
  where: string,
  warnings: string[],
): { preprocess: Preprocess; colorOrder: 'RGB' | 'BGR' } {
  const file = 'preprocessor_config.json';
  // processor_config.json wraps the image processor among others.
  const fields = isFields(given.image_processor) ? given.image_processor : given;
  const processor = classOf(fields, warnings);
  for (const name of Object.keys(fields)) {
    if (!inertFields.has(name))
      warnings.push(`The field "${name}" of ${file} is not known; it was ignored.`);
  }
  const flag = (name: string, fallback: boolean) => boolean(fields, name, fallback, where, file);
  const doPad = flag('do_pad', false);
  if (doPad && !processor.pads) {
    warnings.push(`${String(nameIn(fields))} does not pad, whatever "do_pad" says.`);
  }
  const doResize = flag('do_resize', true);
  const doCrop = flag('do_center_crop', processor.doCrop);
  const shortest = flag('default_to_square', !processor.shortest) === false;
  const size = readSize(fields.size, 'size', shortest, where, file) ?? processor.size;
  // Without a size, a batch is padded to its largest picture, which means nothing to a single one.
  const padSize =
    doPad && processor.pads ? readSize(fields.pad_size, 'pad_size', false, where, file) : undefined;
  const cropSize = asExact(
    readSize(fields.crop_size, 'crop_size', false, where, file) ?? processor.crop,
    'crop_size',
    where,
    file,
  );
  const pct =
    processor.cropPct === null && fields.crop_pct === undefined
      ? null
      : number(fields, 'crop_pct', processor.cropPct ?? 1, where, file, 1e-3, 1);
  const filter = filterOf(fields.resample ?? processor.resample, where, file);

  const geometry: Pick<Preprocess, 'resize' | 'crop' | 'pad'> = {};
  if (doResize && pct !== null && 'shortest' in size) {
    Object.assign(geometry, convNextGeometry(size.shortest, pct, filter));
  } else if (
    doResize &&
    pct !== null &&
    fields.crop_pct !== undefined &&
    fields.crop_pct !== null
  ) {
    throw contradiction(where, file, 'crop_pct', fields.crop_pct, 'size', fields.size);
  } else if (doResize) {
    geometry.resize = resizeOf(size, filter);
    if ('fit' in size && size.rounding === 'half-up') {
      warnings.push('"longest_edge" alone is rounded as Transformers does for SAM.');
    }
  }
  if (doCrop) {
    const { crop } = geometry;
    if (crop && (crop.width !== cropSize.width || crop.height !== cropSize.height)) {
      const found = `${cropSize.height} × ${cropSize.width}`;
      throw contradiction(
        where,
        file,
        'crop_pct',
        `a crop of ${crop.height} × ${crop.width}`,
        'crop_size',
        found,
      );
    }
    geometry.crop = centre(cropSize, 'floor');
  }
  if (padSize) geometry.pad = padding(asExact(padSize, 'pad_size', where, file), geometry, where);

  const doRescale = flag('do_rescale', true);
  const scale = doRescale ? number(fields, 'rescale_factor', 1 / 255, where, file, 0, 1e6) : 1;
  const offset = doRescale && flag('rescale_offset', processor.rescaleOffset) ? 1 : 0;
  // MobileViT's processor has the switch but no such step.
  const doNormalize = processor.flip ? false : flag('do_normalize', processor.doNormalize);
  if (processor.flip && fields.do_normalize === true) {
    warnings.push('MobileViT does not normalise, whatever "do_normalize" says.');
  }
  const mean = channelValues(fields, 'image_mean', processor.mean, where, file);
  const std = channelValues(fields, 'image_std', processor.std, where, file);
  const twice = flag('include_top', processor.includeTop);
  const flip = flag('do_flip_channel_order', processor.flip);
  return {
    preprocess: {
      ...geometry,
      // The pipeline's load_image() converts to RGB by itself.
      alpha: 'drop',
      scale,
      mean: mean.map((each) => (doNormalize ? each : 0) + offset),
      std: std.map((each) => (doNormalize ? each : 1) * (twice ? each : 1)),
    },
    colorOrder: flip ? 'BGR' : 'RGB',
  };
}

/** The class that a preprocessor names. */
function nameIn(fields: Fields): unknown {
  return fields.image_processor_type ?? fields.feature_extractor_type;
}

function classOf(fields: Fields, warnings: string[]): ProcessorClass {
  const type = nameIn(fields);
  const name = String(type ?? '').replace(/(ImageProcessor|FeatureExtractor)(Fast|Pil)?$/, '');
  const processor = processors[sameProcessor[name] ?? name];
  if (processor) return processor;
  warnings.push(
    type === undefined
      ? "preprocessor_config.json names no processor; ViT's defaults were assumed for missing fields."
      : `The processor ${JSON.stringify(type)} is not known; its fields were read as ViT's. Check the answers.`,
  );
  return vit;
}

/** ConvNeXt's resize: below 384 a crop of the fraction, from there on a warp to the square. */
function convNextGeometry(
  side: number,
  fraction: number,
  filter: ResizeFilter,
): Pick<Preprocess, 'resize' | 'crop'> {
  if (side >= 384) return { resize: { policy: 'exact', ...square(side), filter } };
  return {
    resize: { policy: 'crop-fraction', fraction, filter },
    crop: centre(square(side), 'floor'),
  };
}

function resizeOf(size: AnySize, filter: ResizeFilter): ResizePolicy {
  if ('fit' in size) return { policy: 'fit', ...size.fit, rounding: size.rounding, filter };
  if (!('shortest' in size)) return { policy: 'exact', ...size, filter };
  const { shortest, longest } = size;
  return {
    policy: 'shorter-side',
    size: shortest,
    ...(longest !== undefined && { longest }),
    filter,
  };
}

/** What `do_pad` adds after a resize and a crop, which must not produce more. */
function padding(
  size: Size,
  { resize, crop }: Pick<Preprocess, 'resize' | 'crop'>,
  where: string,
): ZeroPadding {
  const before = crop ?? (resize?.policy === 'exact' ? resize : undefined);
  if (before && (before.width > size.width || before.height > size.height)) {
    throw contradiction(
      where,
      'preprocessor_config.json',
      'pad_size',
      `${size.height} × ${size.width}`,
      crop ? 'crop_size' : 'size',
      `${before.height} × ${before.width}`,
    );
  }
  return { policy: 'bottom-right', ...size };
}

function centre(size: Size, rounding: CenterCrop['rounding']): CenterCrop {
  return { policy: 'center', width: size.width, height: size.height, rounding };
}

/** timm's `resolve_data_config` and `transforms_imagenet_eval`. */
function timmPreprocess(cfg: Fields, where: string): Preprocess {
  const file = 'config.json: pretrained_cfg';
  const input = cfg.input_size;
  if (!Array.isArray(input) || input.length !== 3 || !input.every(isPixels) || input[0] !== 3) {
    throw invalid(where, file, 'input_size', input, '[3, height, width]');
  }
  const [, height, width] = input as [number, number, number];
  const interpolation = cfg.interpolation ?? 'bilinear';
  const filter = filters.find((each) => each === interpolation);
  if (!filter) throw invalid(where, file, 'interpolation', interpolation, filters.join(', '));
  const fraction = number(cfg, 'crop_pct', 0.875, where, file, 1e-3, 1);
  const mode = cfg.crop_mode ?? 'center';
  const crop = centre({ width, height }, 'half-even');
  const scaled = { width: Math.floor(width / fraction), height: Math.floor(height / fraction) };
  const numbers = {
    mean: channelValues(cfg, 'mean', imageNetMean, where, file),
    std: channelValues(cfg, 'std', imageNetStd, where, file),
  };
  if (mode === 'squash')
    return { resize: { policy: 'exact', ...scaled, filter }, crop, ...numbers };
  if (mode === 'border') {
    const fill = numbers.mean.map((mean) => roundHalfEven(255 * mean)) as [number, number, number];
    return { resize: { policy: 'fit', ...scaled, filter }, crop: { ...crop, fill }, ...numbers };
  }
  if (mode === 'center')
    return { resize: { policy: 'crop-fraction', fraction, filter }, crop, ...numbers };
  throw invalid(where, file, 'crop_mode', mode, '"center", "squash" or "border"');
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

function labelsOf(config: Fields, where: string, warnings: string[]): string[] {
  const file = 'config.json';
  const { id2label, num_labels: declared, num_classes: classes, label_names: names } = config;
  if (isFields(id2label)) {
    const labels: string[] = [];
    for (const [id, label] of Object.entries(id2label)) {
      if (!/^\d{1,7}$/.test(id) || typeof label !== 'string') {
        throw invalid(where, file, `id2label.${id.slice(0, 40)}`, label, 'a number and its label');
      }
      labels[Number(id)] = label;
    }
    // A length beyond the count of entries means gaps; counting first, a hostile index costs nothing.
    if (labels.length !== Object.keys(id2label).length) {
      throw invalid(
        where,
        file,
        'id2label',
        `${Object.keys(id2label).length} labels up to number ${labels.length - 1}`,
        'one label for each number from 0 on',
      );
    }
    if (typeof declared === 'number' && declared !== labels.length) {
      throw contradiction(
        where,
        file,
        'num_labels',
        declared,
        'id2label',
        `${labels.length} labels`,
      );
    }
    if (labels.length > 0) return labels;
  }
  if (Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string')) {
    return names;
  }
  const count = declared ?? classes;
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > 1_000_000) {
    throw invalid(where, file, 'id2label', id2label, 'the labels by their number');
  }
  warnings.push(`config.json has no labels; the ${count} classes are called by their number.`);
  return Array.from({ length: count }, (_, index) => `${index}`);
}

/** Keys of a size, in groups that exclude each other. */
const sizeKeys = [
  ['height', 'width'],
  ['shortest_edge', 'longest_edge'],
  ['max_height', 'max_width'],
] as const;

/** The three spellings of a size: a number, `[height, width]`, or an object. */
function readSize(
  value: unknown,
  field: string,
  shortest: boolean,
  where: string,
  file: string,
): AnySize | undefined {
  if (value === undefined || value === null) return undefined;
  if (isPixels(value)) return shortest ? { shortest: value } : square(value);
  if (Array.isArray(value) && value.length === 2 && value.every(isPixels)) {
    return { height: value[0] as number, width: value[1] as number };
  }
  if (isFields(value)) {
    const used = sizeKeys.flatMap((keys) => keys.find((key) => value[key] != null) ?? []);
    const [one, other] = used;
    if (one !== undefined && other !== undefined) {
      const named = [`${field}.${other}`, value[other], `${field}.${one}`, value[one]] as const;
      throw contradiction(where, file, ...named);
    }
    const { height, width, shortest_edge: shortest, longest_edge: longest } = value;
    const { max_height: maxHeight, max_width: maxWidth } = value;
    if (isPixels(height) && isPixels(width)) return { height, width };
    if (isPixels(maxHeight) && isPixels(maxWidth)) {
      return { fit: { height: maxHeight, width: maxWidth }, rounding: 'floor' };
    }
    if (isPixels(shortest) && isPixels(longest)) return { shortest, longest };
    if (isPixels(shortest) && longest == null) return { shortest };
    if (isPixels(longest) && shortest == null) return { fit: square(longest), rounding: 'half-up' };
  }
  throw invalid(
    where,
    file,
    field,
    value,
    'a number, [height, width], {height, width}, {shortest_edge}, {shortest_edge, longest_edge}, {longest_edge} or {max_height, max_width}',
  );
}

function asExact(size: AnySize, field: string, where: string, file: string): Size {
  if ('height' in size) return size;
  throw invalid(where, file, field, size, 'a height and a width');
}

function filterOf(code: unknown, where: string, file: string): ResizeFilter {
  const filter = typeof code === 'number' ? filters[code] : undefined;
  if (filter) return filter;
  throw invalid(where, file, 'resample', code, `one of Pillow's codes, 0 to ${filters.length - 1}`);
}

function channelValues(
  fields: Fields,
  name: string,
  fallback: readonly number[],
  where: string,
  file: string,
): number[] {
  const value = fields[name] ?? fallback;
  if (isNumber(value)) return [value, value, value];
  if (Array.isArray(value) && value.length === 3 && value.every(isNumber)) return [...value];
  throw invalid(where, file, name, value, 'a number, or three, one per channel');
}

function boolean(
  fields: Fields,
  name: string,
  fallback: boolean,
  where: string,
  file: string,
): boolean {
  const value = fields[name] ?? fallback;
  if (typeof value === 'boolean') return value;
  throw invalid(where, file, name, value, 'true or false');
}

function number(
  fields: Fields,
  name: string,
  fallback: number,
  where: string,
  file: string,
  least: number,
  most: number,
): number {
  const value = fields[name] ?? fallback;
  if (isNumber(value) && value >= least && value <= most) return value;
  throw invalid(where, file, name, value, `a number from ${least} to ${most}`);
}

function asFields(value: unknown, where: string, file: string): Fields {
  if (isFields(value)) return value;
  throw invalid(where, file, '(the whole file)', value, 'an object');
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Python's `round`. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function isPixels(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 16384;
}

function invalid(
  where: string,
  file: string,
  field: string,
  found: unknown,
  expected: string,
): TabserveError {
  return new TabserveError(
    'manifest-invalid',
    `${where}: ${file}: the field "${field}" is wrong: found ${shown(found)}, expected ${expected}.`,
    { details: { manifest: where, field, found: shown(found), expected } },
  );
}

function contradiction(
  where: string,
  file: string,
  field: string,
  found: unknown,
  other: string,
  otherFound: unknown,
): TabserveError {
  return new TabserveError(
    'manifest-invalid',
    `${where}: ${file}: the fields "${field}" (${shown(found)}) and "${other}" (${shown(otherFound)}) contradict each other.`,
    { details: { manifest: where, field, other } },
  );
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing').slice(0, 120);
}
