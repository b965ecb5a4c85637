/**
 * What transformers' image processors do where a `preprocessor_config.json` says nothing, and which one
 * is meant where it names none.
 *
 * Source: transformers 5, `image_processing_pil_*.py`, `image_processing_*.py` where there is no such
 * file, and `image_processing_auto.py`.
 */
import { TabserveError } from '../base/errors.js';
import { type AnySize, type Fields, type Size, square } from './hub-fields.js';

/** Defaults of one class of image processors, from its source. */
export interface ProcessorClass {
  resample: number;
  mean: readonly number[];
  std: readonly number[];
  size: AnySize;
  crop: Size;
  doCrop: boolean;
  /** Whether `do_center_crop` does anything; `fast`: on torchvision alone. */
  crops: boolean | 'fast';
  doNormalize: boolean;
  flip: boolean;
  /** `size` is what remains after a crop of this fraction; `null`: there is no such thing. */
  cropPct: number | null;
  /**
   * Whose way to make room for that crop: ConvNeXt's crops to `size` by itself; PoolFormer's resizes the
   * shorter side to `size / cropPct`, LeViT's to 256/224 of `size`, and both leave the crop to
   * `crop_size`.
   */
  margin: 'ConvNext' | 'PoolFormer' | 'LeViT';
  rescaleOffset: boolean;
  includeTop: boolean;
  /** A bare number as `size` is the shorter side. */
  shortest: boolean;
  /** Whether `do_pad` does anything. */
  pads: boolean;
  doPad: boolean;
  /** There is none on Pillow: torchvision's arithmetic, whatever was asked for. */
  fastOnly: boolean;
  /** The resize is of fractions, after rescaling, and its result is not rounded to bytes. */
  resizesFractions: boolean;
  /**
   * What is unlike the others in geometry: Perceiver crops the middle before it resizes, to `size` of
   * `crop` of the shorter side; PP-LCNet has its shorter side in `resize_short`, and rounds the longer;
   * DPT brings both sides to multiples of `ensure_multiple_of`.
   */
  geometry: 'usual' | 'Perceiver' | 'PP-LCNet' | 'DPT';
}

const standard = [0.5, 0.5, 0.5];
export const imageNetMean = [0.485, 0.456, 0.406];
export const imageNetStd = [0.229, 0.224, 0.225];
const clipMean = [0.48145466, 0.4578275, 0.40821073];
const clipStd = [0.26862954, 0.26130258, 0.27577711];

/** What most classes share; ViT's own. */
const vit: ProcessorClass = {
  resample: 2,
  mean: standard,
  std: standard,
  size: square(224),
  crop: square(224),
  doCrop: false,
  crops: true,
  doNormalize: true,
  flip: false,
  cropPct: null,
  margin: 'ConvNext',
  rescaleOffset: false,
  includeTop: false,
  shortest: false,
  pads: true,
  doPad: false,
  fastOnly: false,
  resizesFractions: false,
  geometry: 'usual',
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

/** Shorter side, then a crop, with ImageNet's numbers. */
const imageNetCrop: ProcessorClass = { ...clip, mean: imageNetMean, std: imageNetStd };

/** As DETR's: the shorter side, but for pictures that would become too long. */
const detr: ProcessorClass = {
  ...vit,
  mean: imageNetMean,
  std: imageNetStd,
  size: { shortest: 800, longest: 1333 },
  crops: false,
  shortest: true,
  doPad: true,
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
  Levit: { ...imageNetCrop, margin: 'LeViT' },
  PoolFormer: { ...imageNetCrop, cropPct: 0.9, margin: 'PoolFormer' },
  Segformer: {
    ...vit,
    mean: imageNetMean,
    std: imageNetStd,
    size: square(512),
    crops: false,
    pads: false,
  },
  DPT: {
    ...vit,
    resample: 3,
    size: square(384),
    crops: 'fast',
    pads: false,
    geometry: 'DPT',
  },
  EfficientFormer: {
    ...vit,
    resample: 3,
    mean: imageNetMean,
    std: imageNetStd,
    doCrop: true,
  },
  DINOv3ViT: {
    ...vit,
    mean: imageNetMean,
    std: imageNetStd,
    fastOnly: true,
    resizesFractions: true,
  },
  Perceiver: {
    ...vit,
    resample: 3,
    mean: imageNetMean,
    std: imageNetStd,
    crop: square(256),
    doCrop: true,
    pads: false,
    geometry: 'Perceiver',
  },
  // Its mean and deviation are of channels that it turns round last.
  PPLCNet: {
    ...vit,
    mean: [...imageNetMean].reverse(),
    std: [...imageNetStd].reverse(),
    size: square(256),
    doCrop: true,
    pads: false,
    fastOnly: true,
    geometry: 'PP-LCNet',
  },
  Siglip: { ...vit, resample: 3, shortest: true },
  Detr: detr,
  RTDetr: { ...detr, size: square(640), doNormalize: false, doPad: false },
};

/** Processors whose result no manifest can describe, by what they do. */
const impossible: Readonly<Record<string, string>> = {
  ImageGPT: 'turns a picture into numbers of colour clusters',
  Siglip2: 'turns a picture into a list of patches whose length depends on its proportions',
  TextNet:
    'keeps the proportions of a picture, so that the size of the input would depend on the picture',
  Donut: 'turns and frames pages',
};

/** Class names that stand for another one's processor. */
const sameProcessor: Readonly<Record<string, string>> = {
  Swin: 'ViT',
  ResNet: 'ConvNext',
  Cvt: 'ConvNext',
  VitMatte: 'ViT',
  BlipImage: 'CLIP',
  SegFormer: 'Segformer',
  ConditionalDetr: 'Detr',
  DeformableDetr: 'Detr',
  Yolos: 'Detr',
};

/** The processor of each `model_type`, where a repository names none. */
const byModelType: Readonly<Record<string, string>> = {
  beit: 'Beit',
  bit: 'Bit',
  clip: 'CLIP',
  clip_vision_model: 'CLIP',
  conditional_detr: 'Detr',
  convnext: 'ConvNext',
  convnextv2: 'ConvNext',
  cvt: 'ConvNext',
  'data2vec-vision': 'Beit',
  d_fine: 'RTDetr',
  'dab-detr': 'Detr',
  deformable_detr: 'Detr',
  deit: 'DeiT',
  detr: 'Detr',
  dinat: 'ViT',
  'donut-swin': 'Donut',
  dpt: 'DPT',
  dinov2: 'Bit',
  dinov2_with_registers: 'Bit',
  dinov3_vit: 'DINOv3ViT',
  dinov3_convnext: 'DINOv3ViT',
  efficientformer: 'EfficientFormer',
  efficientnet: 'EfficientNet',
  focalnet: 'Bit',
  hiera: 'Bit',
  ijepa: 'ViT',
  imagegpt: 'ImageGPT',
  levit: 'Levit',
  metaclip_2: 'CLIP',
  mobilenet_v1: 'MobileNetV1',
  mobilenet_v2: 'MobileNetV2',
  mobilevit: 'MobileViT',
  mobilevitv2: 'MobileViT',
  poolformer: 'PoolFormer',
  perceiver: 'Perceiver',
  pp_lcnet: 'PPLCNet',
  pvt: 'Pvt',
  pvt_v2: 'Pvt',
  regnet: 'ConvNext',
  resnet: 'ConvNext',
  rt_detr: 'RTDetr',
  rt_detr_v2: 'RTDetr',
  segformer: 'Segformer',
  siglip: 'Siglip',
  siglip2: 'Siglip2',
  siglip_vision_model: 'Siglip',
  swiftformer: 'ViT',
  swin: 'ViT',
  swinv2: 'ViT',
  'table-transformer': 'Detr',
  textnet: 'TextNet',
  upernet: 'Segformer',
  van: 'ConvNext',
  vit: 'ViT',
  vit_hybrid: 'Bit',
  vit_mae: 'ViT',
  vit_msn: 'ViT',
  yolos: 'Detr',
};

/**
 * The processor that a repository means.
 *
 * @param fields - Of `preprocessor_config.json`.
 * @param modelType - `model_type` of `config.json`.
 * @param warnings - Is told what was assumed.
 * @throws TabserveError `manifest-invalid` for one that does what cannot be done here.
 */
export function processorOf(
  fields: Fields,
  modelType: unknown,
  where: string,
  warnings: string[],
): ProcessorClass {
  const type = nameIn(fields);
  const typed = typeof modelType === 'string' && Object.hasOwn(byModelType, modelType);
  const name =
    type === undefined && typed
      ? (byModelType[modelType] as string)
      : (typeof type === 'string' ? type : '').replace(
          /(ImageProcessor|FeatureExtractor)(Fast|Pil)?$/,
          '',
        );
  const key = Object.hasOwn(sameProcessor, name) ? (sameProcessor[name] as string) : name;
  if (Object.hasOwn(impossible, key)) {
    throw new TabserveError(
      'manifest-invalid',
      `${where}: the image processor of ${key} ${impossible[key]}, which cannot be done here. Take a model of another family.`,
      { details: { manifest: where, field: 'image_processor_type', found: key } },
    );
  }
  const processor = Object.hasOwn(processors, key) ? processors[key] : undefined;
  if (processor) return processor;
  warnings.push(
    type === undefined
      ? "preprocessor_config.json names no processor; ViT's defaults were assumed for missing fields."
      : `The processor ${JSON.stringify(type)} is not known; its fields were read as ViT's. Check the answers.`,
  );
  return vit;
}

/** The class that a preprocessor names. */
export function nameIn(fields: Fields): unknown {
  return fields.image_processor_type ?? fields.feature_extractor_type;
}
