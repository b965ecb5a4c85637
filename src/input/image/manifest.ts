/** What a manifest says about pictures: the network's input, and the way from a picture to it. */

/** Resampling kernels, with the meaning that Pillow gives them. */
export type ResizeFilter = 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos';

/**
 * How an image of any size becomes one of a known size. Lengths are in pixels.
 *
 * - `none`: the image is taken as it is.
 * - `exact`: to `width` × `height`, without regard to its proportions. With `centre`, only of the
 *   square in its middle, `floor(centre · shorter side)` wide, as Transformers does for Perceiver.
 * - `shorter-side`: the shorter side to `size`, the longer one to `floor(size · long / short)`, as
 *   torchvision's and Transformers' `Resize` do. Where the longer side would pass `longest`, it is
 *   brought to that, as Transformers' `get_size_with_aspect_ratio` does.
 * - `fit`: as large as fits into `width` × `height`, with its proportions. `rounding` is that of the
 *   side that stays inside: `half-even` as timm's `ResizeKeepRatio`, `half-up` as Transformers does
 *   for SAM, `floor` as its `get_image_size_for_max_height_width`.
 * - `crop-fraction`: the shorter side such that the crop (see {@link Preprocess.crop}) is
 *   `fraction` of it, `floor(crop / fraction)`, as timm does. Above 1 a border surrounds the picture.
 * - `letterbox`: as large as fits into `width` × `height`, the rest in `background`: centred and rounded
 *   as Ultralytics does, or with `align: 'top-left'` and `rounding: 'floor'` as YOLOX does.
 */
export type ResizePolicy =
  | { policy: 'none' }
  | ({
      policy: 'exact';
      width: number;
      height: number;
      /** Up to 1. @default the whole picture */
      centre?: number | undefined;
    } & ResizeKernel)
  | ({
      policy: 'shorter-side';
      size: number;
      longest?: number | undefined;
      /** A picture whose shorter side is from `size` to this is taken as it is. @default `size` */
      asIsUpTo?: number | undefined;
      /** How the longer side becomes a whole number: `half-even` as Transformers does for PP-LCNet. @default 'floor' */
      rounding?: 'floor' | 'half-even' | undefined;
      /** Both sides are then brought down to multiples of this, as Transformers does for YOLOS. @default 1 */
      multipleOf?: number | undefined;
    } & ResizeKernel)
  | ({
      policy: 'fit';
      width: number;
      height: number;
      /** @default 'half-even' */
      rounding?: 'half-even' | 'half-up' | 'floor' | undefined;
    } & ResizeKernel)
  | ({ policy: 'crop-fraction'; fraction: number } & ResizeKernel)
  | ({
      policy: 'letterbox';
      width: number;
      height: number;
      /** @default 'center' */
      align?: 'center' | 'top-left' | undefined;
      /** How the picture's sides become whole numbers. @default 'half-even' */
      rounding?: 'half-even' | 'floor' | undefined;
    } & ResizeKernel);

/** See {@link ResizeKernel.reference}. */
export type ResizeReference = 'pillow-12' | 'pillow-13' | 'torch' | 'opencv';

/** The kernel of a resize. */
export interface ResizeKernel {
  /** @default 'bilinear' */
  filter?: ResizeFilter | undefined;
  /**
   * Widen the kernel by the scale when shrinking, as Pillow always does. `false` gives OpenCV's and
   * torch's plain interpolation, which aliases.
   * @default true
   */
  antialias?: boolean | undefined;
  /**
   * Whose arithmetic: `pillow-12`, which most models were trained with, and `pillow-13`, which for
   * some sizes goes vertically first; both differ by single steps of a byte. `torch`: torchvision's
   * resize of tensors of bytes, as Transformers' fast processors do it: Pillow's kernels with coarser
   * weights, again single steps off. `opencv`: without antialias only; bicubic with a = −0.75, bilinear in its whole numbers, edges repeated, and `nearest`
   * without half-pixel centres. torch without antialias is the same but for bilinear's steps of a byte.
   * With `antialias: false`, `pillow-12` is Pillow's kernel, not widened.
   * @default 'pillow-12'; without antialias 'opencv' for bicubic, 'pillow-12' for the others
   */
  reference?: ResizeReference | undefined;
}

/** See {@link CenterCrop.rounding}. */
export type CropRounding = 'half-even' | 'floor' | 'toward-zero';

/** A centre crop. Where the crop is larger than the image, a border surrounds the image. */
export interface CenterCrop {
  policy: 'center';
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /**
   * How the offset `(image − crop) / 2` becomes a whole number: `half-even` as torchvision's
   * `CenterCrop` (Python's `round`), `floor` as Transformers' `center_crop`, `toward-zero` as its fast
   * processors, which differ where the crop is larger than the image.
   * @default 'half-even'
   */
  rounding?: CropRounding | undefined;
  /** The border, as RGB of 0…255. @default [0, 0, 0], as in torchvision */
  fill?: [number, number, number] | undefined;
}

/**
 * The picture at the top left of a larger input, the rest zeros. These are zeros of the tensor, after
 * `mean` and `std`, as Transformers pads (`do_pad`), and so no colour.
 */
export interface ZeroPadding {
  policy: 'bottom-right';
  /** Pixels of the result, at least the picture's. */
  width: number;
  /** Pixels of the result, at least the picture's. */
  height: number;
}

/** From pixels of 0…255 to the numbers the network was trained on. */
export interface Preprocess {
  /** @default { policy: 'none' } */
  resize?: ResizePolicy | undefined;
  /** @default no crop */
  crop?: CenterCrop | undefined;
  /** What is put around the result of the crop. @default no padding */
  pad?: ZeroPadding | undefined;
  /**
   * What every pixel value is multiplied with first.
   * @default 1 / 255; 1 for inputs of whole numbers
   */
  scale?: number | undefined;
  /** Subtracted after `scale`: one number, or one per channel in `colorOrder`. @default 0 */
  mean?: number | number[] | undefined;
  /** Divided by after `mean`: one number, or one per channel in `colorOrder`. @default 1 */
  std?: number | number[] | undefined;
  /** What transparent pixels and letterbox bars show, as RGB of 0…255. @default [255, 255, 255] */
  background?: [number, number, number] | undefined;
  /**
   * What becomes of transparency: `composite` puts the picture over `background`; `drop` takes the
   * colours that are stored, as Pillow's `convert('RGB')` and Transformers' pipelines do.
   * @default 'composite'
   */
  alpha?: 'composite' | 'drop' | undefined;
}

/** The network's input tensor. */
export interface ModelInput {
  /** The tensor's name in the graph. */
  name: string;
  /** Order of the dimensions: batch, channels, height, width. */
  layout: 'NCHW' | 'NHWC';
  /**
   * Element type. `uint8` takes the pixels as they are: no scale, mean or std. The other whole numbers
   * are rounded, and kept within their type.
   */
  dtype: 'float32' | 'float16' | 'float64' | 'uint8' | 'int8' | 'int32' | 'int64';
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** 3 for colour, 1 for `GRAY`. */
  channels: 1 | 3;
  /** `GRAY` is ITU-R 601 luma with Pillow's rounding. */
  colorOrder: 'RGB' | 'BGR' | 'GRAY';
  /**
   * The further input, `[1, height, width]`, that is 1 where the picture is and 0 where it is padded
   * (see {@link Preprocess.pad}), as DETR's `pixel_mask`.
   */
  mask?: string | undefined;
}
