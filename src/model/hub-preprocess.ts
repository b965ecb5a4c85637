/** A `preprocessor_config.json` as a manifest's preprocessing. */
import {
  type AnySize,
  asExact,
  boolean,
  channelValues,
  contradiction,
  type Fields,
  filterOf,
  invalid,
  isFields,
  number,
  readSize,
  roundHalfEven,
  type Size,
  shown,
  square,
} from './hub-fields.js';
import { nameIn, type ProcessorClass, processorOf } from './hub-processors.js';
import type {
  CenterCrop,
  CropRounding,
  Preprocess,
  ResizeFilter,
  ResizeKernel,
  ResizePolicy,
  ZeroPadding,
} from './manifest.js';
import type { HubProcessor } from './request.js';

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
  'ensure_multiple_of',
  'format',
  'do_center_crop',
  'do_convert_annotations',
  'do_convert_rgb',
  'do_flip_channel_order',
  'do_normalize',
  'do_pad',
  'do_reduce_labels',
  'do_rescale',
  'do_resize',
  'do_resize_and_center_crop',
  'image_mean',
  'image_seq_length',
  'image_std',
  'include_top',
  'input_data_format',
  'keep_aspect_ratio',
  'pad_and_return_pixel_mask',
  'pad_size',
  'reduce_labels',
  'resample',
  'resize_short',
  'rescale_factor',
  'rescale_offset',
  'return_tensors',
  'size',
  'size_divisor',
  'use_square_size',
]);

/**
 * Translates a processor's fields. Errors as `describeHubModel()`.
 *
 * @param wanted - Which of transformers' two.
 */
export function processorPreprocess(
  given: Fields,
  modelType: unknown,
  where: string,
  warnings: string[],
  wanted: HubProcessor = 'slow',
): { preprocess: Preprocess; colorOrder: 'RGB' | 'BGR' } {
  const file = 'preprocessor_config.json';
  // processor_config.json wraps the image processor among others.
  const fields = isFields(given.image_processor) ? given.image_processor : given;
  const processor = processorOf(fields, modelType, where, warnings);
  const isFast = wanted === 'fast' || processor.fastOnly;
  for (const name of Object.keys(fields)) {
    if (!inertFields.has(name))
      warnings.push(`The field "${name}" of ${file} is not known; it was ignored.`);
  }
  const flag = (name: string, fallback: boolean) => boolean(fields, name, fallback, where, file);
  const does = (field: string, isDone: boolean, isAble: boolean, what: string) => {
    if (isDone && !isAble) {
      warnings.push(
        `${shown(nameIn(fields) ?? modelType)} does not ${what}, whatever "${field}" says.`,
      );
    }
    return isDone && isAble;
  };
  // Another name for it, for those alone that pad by themselves: DETR's.
  const pads = flag('pad_and_return_pixel_mask', true) && processor.doPad;
  const wantsPad = flag('do_pad', pads);
  const doPad = does('do_pad', wantsPad, processor.pads, 'pad');
  const doResize = flag('do_resize', true);
  const wantsCrop = flag('do_center_crop', processor.doCrop);
  const crops = processor.crops === 'fast' ? isFast : processor.crops;
  const doCrop = does('do_center_crop', wantsCrop, crops, 'crop');
  const shortest = flag('default_to_square', !processor.shortest) === false;
  const size = readSize(fields.size, 'size', shortest, where, file) ?? processor.size;
  // Without a size, a batch is padded to its largest picture, which means nothing to a single one.
  const padSize = doPad ? readSize(fields.pad_size, 'pad_size', false, where, file) : undefined;
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
  const kernel = kernelOf(
    filterOf(fields.resample ?? processor.resample, where, file),
    isFast,
    warnings,
  );
  const rounding = isFast ? 'toward-zero' : 'floor';

  const geometry: Pick<Preprocess, 'resize' | 'crop' | 'pad'> = {};
  const roomy = doResize
    ? specialResize(processor, size, cropSize, pct, doCrop, fields, kernel, where, warnings)
    : undefined;
  if (roomy) {
    geometry.resize = roomy;
  } else if (doResize && pct !== null && 'shortest' in size) {
    Object.assign(geometry, convNextGeometry(size.shortest, pct, kernel, rounding));
  } else if (
    doResize &&
    pct !== null &&
    fields.crop_pct !== undefined &&
    fields.crop_pct !== null
  ) {
    throw contradiction(where, file, 'crop_pct', fields.crop_pct, 'size', fields.size);
  } else if (doResize) {
    geometry.resize = resizeOf(size, kernel);
    if ('fit' in size && size.rounding === 'half-up') {
      warnings.push('"longest_edge" alone is rounded as Transformers does for SAM.');
    }
  }
  if (doCrop && processor.geometry !== 'Perceiver') {
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
    geometry.crop = centre(cropSize, rounding);
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
  const isLCNet = processor.geometry === 'PP-LCNet';
  const wantsFlip = flag('do_flip_channel_order', processor.flip);
  const flip = isLCNet || does('do_flip_channel_order', wantsFlip, processor.flip, 'turn channels');
  if (isLCNet) for (const list of [mean, std]) list.reverse();
  if (processor.resizesFractions && doRescale) {
    warnings.push(
      `${shown(nameIn(fields) ?? modelType)} resizes fractions and does not round them to bytes; here they are, which moves a number by up to one step of 255.`,
    );
  }
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

/** Which pixels make one: torchvision's tensors know fewer kernels than Pillow. */
function kernelOf(filter: ResizeFilter, isFast: boolean, warnings: string[]): ResizeKernel {
  if (!isFast) return { filter };
  if (filter !== 'box' && filter !== 'hamming') return { filter, reference: 'torch' };
  warnings.push(
    `torchvision does not resize tensors by "${filter}"; Pillow's arithmetic was taken.`,
  );
  return { filter };
}

/** The resize of those whose geometry is their own; of LeViT and PoolFormer, whose crop is `crop_size`. */
function specialResize(
  { margin, geometry }: ProcessorClass,
  size: AnySize,
  crop: Size,
  fraction: number | null,
  doCrop: boolean,
  fields: Fields,
  kernel: ResizeKernel,
  where: string,
  warnings: string[],
): ResizePolicy | undefined {
  const file = 'preprocessor_config.json';
  if (geometry === 'PP-LCNet') {
    if (fields.resize_short === null) return undefined;
    const short = number(fields, 'resize_short', 256, where, file, 1, 16384);
    const multipleOf = number(fields, 'size_divisor', 1, where, file, 1, 16384);
    if (multipleOf !== 1) throw invalid(where, file, 'size_divisor', multipleOf, '1');
    return { policy: 'shorter-side', size: short, rounding: 'half-even', ...kernel };
  }
  if (geometry === 'DPT') {
    const whole = asExact(size, 'size', where, file);
    const of = number(fields, 'ensure_multiple_of', 1, where, file, 1, 16384);
    const multiple = (length: number) => Math.max(of, roundHalfEven(length / of) * of);
    const [width, height] = [multiple(whole.width), multiple(whole.height)];
    if (boolean(fields, 'keep_aspect_ratio', false, where, file)) {
      warnings.push(
        `"keep_aspect_ratio" of ${file} lets the size of the input depend on the picture; here each is brought to ${width} × ${height}.`,
      );
    }
    const by = boolean(fields, 'do_pad', false, where, file) ? (fields.size_divisor ?? 1) : 1;
    if (width % (by as number) !== 0 || height % (by as number) !== 0) {
      throw invalid(where, file, 'size_divisor', by, `a divisor of ${width} and ${height}`);
    }
    return { policy: 'exact', width, height, ...kernel };
  }
  if (geometry === 'Perceiver') {
    if (!doCrop) return undefined;
    const whole = asExact(size, 'size', where, file);
    const part = whole.height / crop.height;
    if (part !== whole.width / crop.width || part > 1) {
      throw invalid(where, file, 'crop_size', crop, 'at least "size", with its proportions');
    }
    return { policy: 'exact', ...whole, centre: part, ...kernel };
  }
  const shorter = (length: number): ResizePolicy => ({
    policy: 'shorter-side',
    size: Math.floor(length),
    ...kernel,
  });
  if (margin === 'LeViT') {
    return 'shortest' in size ? shorter((256 / 224) * size.shortest) : undefined;
  }
  if (margin !== 'PoolFormer' || fraction === null) return undefined;
  if ('shortest' in size) return shorter(size.shortest / fraction);
  if (!('height' in size)) return undefined;
  const { width, height } = size;
  if (width === height) return shorter(width / fraction);
  return {
    policy: 'exact',
    width: Math.floor(width / fraction),
    height: Math.floor(height / fraction),
    ...kernel,
  };
}

/** ConvNeXt's resize: below 384 a crop of the fraction, from there on a warp to the square. */
function convNextGeometry(
  side: number,
  fraction: number,
  kernel: ResizeKernel,
  rounding: CropRounding,
): Pick<Preprocess, 'resize' | 'crop'> {
  if (side >= 384) return { resize: { policy: 'exact', ...square(side), ...kernel } };
  return {
    resize: { policy: 'crop-fraction', fraction, ...kernel },
    crop: centre(square(side), rounding),
  };
}

function resizeOf(size: AnySize, kernel: ResizeKernel): ResizePolicy {
  if ('fit' in size) return { policy: 'fit', ...size.fit, rounding: size.rounding, ...kernel };
  if (!('shortest' in size)) return { policy: 'exact', ...size, ...kernel };
  const { shortest, longest } = size;
  return {
    policy: 'shorter-side',
    size: shortest,
    ...(longest !== undefined && { longest }),
    ...kernel,
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

export function centre(size: Size, rounding: CenterCrop['rounding']): CenterCrop {
  return { policy: 'center', width: size.width, height: size.height, rounding };
}
