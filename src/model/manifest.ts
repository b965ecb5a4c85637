/**
 * What a model is: the manifest (`model.json`) in which a model's author writes down everything
 * that stands between a picture and an answer. tabserve's code knows no model; it obeys this.
 */
import * as v from 'valibot';
import { TabserveError } from '../base/errors.js';

/** Precision of a model file. `int8` stands for a quantised graph (QDQ or QLinear). */
export type ModelDtype = 'fp32' | 'fp16' | 'int8';

/** Resampling kernels, with the meaning that Pillow gives them. */
export type ResizeFilter = 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos';

/**
 * How an image of any size becomes one of a known size. Lengths are in pixels.
 *
 * - `none`: the image is taken as it is.
 * - `exact`: to `width` × `height`, without regard to its proportions.
 * - `shorter-side`: the shorter side to `size`, the longer one to `floor(size · long / short)`, as
 *   torchvision's and Transformers' `Resize` do. Where the longer side would pass `longest`, it is
 *   brought to that, as Transformers' `get_size_with_aspect_ratio` does.
 * - `fit`: as large as fits into `width` × `height`, with its proportions. `rounding` is that of the
 *   side that stays inside: `half-even` as timm's `ResizeKeepRatio`, `half-up` as Transformers does
 *   for SAM, `floor` as its `get_image_size_for_max_height_width`.
 * - `crop-fraction`: the shorter side such that the crop (see {@link Preprocess.crop}) is
 *   `fraction` of it, `floor(crop / fraction)`, as timm does.
 * - `letterbox`: as large as fits into `width` × `height`, centred, the rest in `background`.
 */
export type ResizePolicy =
  | { policy: 'none' }
  | ({ policy: 'exact'; width: number; height: number } & ResizeKernel)
  | ({
      policy: 'shorter-side';
      size: number;
      longest?: number | undefined;
      /** A picture whose shorter side is from `size` to this is taken as it is. @default `size` */
      asIsUpTo?: number | undefined;
    } & ResizeKernel)
  | ({
      policy: 'fit';
      width: number;
      height: number;
      /** @default 'half-even' */
      rounding?: 'half-even' | 'half-up' | 'floor' | undefined;
    } & ResizeKernel)
  | ({ policy: 'crop-fraction'; fraction: number } & ResizeKernel)
  | ({ policy: 'letterbox'; width: number; height: number } & ResizeKernel);

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
   * some sizes goes vertically first; both differ by single steps of a byte. `opencv`: without
   * antialias only, bicubic with a = −0.75, edges repeated, and `nearest` without half-pixel centres;
   * torch without antialias is the same. With `antialias: false`, `pillow-12` is Pillow's kernel, not
   * widened.
   * @default 'pillow-12'; without antialias 'opencv' for bicubic, 'pillow-12' for the others
   */
  reference?: 'pillow-12' | 'pillow-13' | 'opencv' | undefined;
}

/** A centre crop. Where the crop is larger than the image, a border surrounds the image. */
export interface CenterCrop {
  policy: 'center';
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /**
   * How the offset `(image − crop) / 2` becomes a whole number: `half-even` as torchvision's
   * `CenterCrop` (Python's `round`), `floor` as Transformers' `center_crop`.
   * @default 'half-even'
   */
  rounding?: 'half-even' | 'floor' | undefined;
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
}

/** The network's output tensor, `[batch, classes]`. */
export interface ModelOutput {
  /** The tensor's name in the graph. */
  name: string;
  /**
   * What turns the output into scores: `softmax` or `sigmoid` for logits, `none` for scores,
   * `log-softmax` for logits whose scores are to be logarithms, from −∞ to 0.
   */
  activation: 'softmax' | 'sigmoid' | 'none' | 'log-softmax';
  /** Of an output of quantised whole numbers: `(number − zeroPoint) · scale`. @default 1 */
  scale?: number | undefined;
  /** See `scale`. @default 0 */
  zeroPoint?: number | undefined;
}

/** One file of weights. */
export interface ModelFile {
  /** Relative to the manifest, or absolute. */
  url: string;
  dtype: ModelDtype;
  /** Size of the file. */
  bytes?: number | undefined;
  /**
   * Lower-case hex. A download that differs is refused; one that fits is kept in the store, from
   * which later loads take it without the network.
   */
  sha256?: string | undefined;
  /** Files that hold weights which the graph keeps outside, as models of more than 2 GB must. */
  external?: ExternalFile[] | undefined;
}

/** A file of external data. */
export interface ExternalFile {
  /** The `location` that the graph gives it. */
  path: string;
  /** Relative to the manifest, or absolute. */
  url: string;
  bytes?: number | undefined;
  /** Lower-case hex. */
  sha256?: string | undefined;
}

/** A picture and what the model must say of it, tried before an update is switched to. */
export interface SelfTest {
  /** Relative to the manifest, or absolute. */
  image: string;
  /** The class that must come first, by its place in the output. */
  index: number;
}

/** The contents of `model.json`. */
export interface ModelManifest {
  /** Identifies the model: letters, digits, `.`, `_`, `-`, and `/` between an owner and a name. */
  name: string;
  /** Semantic version of the weights and everything else here. */
  version: string;
  task: 'image-classification';
  /** For people. @default name */
  title?: string | undefined;
  description?: string | undefined;
  license?: string | undefined;
  /** Where the model comes from. */
  source?: string | undefined;
  /** One per class, in the order of the output: inline, or a text file with one per line. */
  labels: string[] | { url: string };
  input: ModelInput;
  preprocess: Preprocess;
  output: ModelOutput;
  /** Values of further inputs of the graph, by their names: one number for all elements, or all. */
  constants?: Record<string, number | number[]> | undefined;
  /** At least one; the runtime picks by `dtype`. */
  files: ModelFile[];
  /** What an update of this model must get right before it is used. */
  selfTest?: SelfTest[] | undefined;
  /** Whatever the author measured. */
  metrics?: Record<string, unknown> | undefined;
}

// Kept manifests are not checked again: see `manifest-format.ts` about changes from here on.
const positive = v.pipe(v.number(), v.finite(), v.minValue(Number.MIN_VALUE));
const pixels = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16384));
const byte = v.pipe(v.number(), v.minValue(0), v.maxValue(255));
const colour = v.tuple([byte, byte, byte]);
const text = v.pipe(v.string(), v.maxLength(10_000));
const perChannel = <T extends v.GenericSchema<unknown, number>>(item: T) =>
  v.union([item, v.pipe(v.array(item), v.minLength(1), v.maxLength(3))]);

const kernel = {
  filter: v.optional(
    v.picklist(['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'] as const),
  ),
  antialias: v.optional(v.boolean()),
  reference: v.optional(v.picklist(['pillow-12', 'pillow-13', 'opencv'] as const)),
};

const address = v.pipe(text, v.minLength(1));
const fileFields = {
  url: address,
  bytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 32))),
  sha256: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
};

const manifestSchema = v.object({
  name: v.pipe(v.string(), v.regex(/^\w[\w.-]{0,95}(\/\w[\w.-]{0,95})?$/)),
  version: v.pipe(v.string(), v.regex(/^\d+\.\d+\.\d+([-+][\w.+-]{1,64})?$/)),
  task: v.literal('image-classification'),
  title: v.optional(text),
  description: v.optional(text),
  license: v.optional(text),
  source: v.optional(text),
  labels: v.union([
    v.pipe(v.array(text), v.minLength(1), v.maxLength(1_000_000)),
    v.object({ url: address }),
  ]),
  input: v.object({
    name: v.pipe(text, v.minLength(1)),
    layout: v.picklist(['NCHW', 'NHWC'] as const),
    dtype: v.picklist([
      'float32',
      'float16',
      'float64',
      'uint8',
      'int8',
      'int32',
      'int64',
    ] as const),
    width: pixels,
    height: pixels,
    channels: v.picklist([1, 3] as const),
    colorOrder: v.picklist(['RGB', 'BGR', 'GRAY'] as const),
  }),
  preprocess: v.object({
    resize: v.optional(
      v.variant('policy', [
        v.object({ policy: v.literal('none') }),
        v.object({ policy: v.literal('exact'), width: pixels, height: pixels, ...kernel }),
        v.object({
          policy: v.literal('shorter-side'),
          size: pixels,
          longest: v.optional(pixels),
          asIsUpTo: v.optional(pixels),
          ...kernel,
        }),
        v.object({
          policy: v.literal('fit'),
          width: pixels,
          height: pixels,
          rounding: v.optional(v.picklist(['half-even', 'half-up', 'floor'] as const)),
          ...kernel,
        }),
        v.object({
          policy: v.literal('crop-fraction'),
          fraction: v.pipe(positive, v.maxValue(1)),
          ...kernel,
        }),
        v.object({ policy: v.literal('letterbox'), width: pixels, height: pixels, ...kernel }),
      ]),
    ),
    crop: v.optional(
      v.object({
        policy: v.literal('center'),
        width: pixels,
        height: pixels,
        rounding: v.optional(v.picklist(['half-even', 'floor'] as const)),
        fill: v.optional(colour),
      }),
    ),
    pad: v.optional(v.object({ policy: v.literal('bottom-right'), width: pixels, height: pixels })),
    scale: v.optional(positive),
    mean: v.optional(perChannel(v.pipe(v.number(), v.finite()))),
    std: v.optional(perChannel(positive)),
    background: v.optional(colour),
    alpha: v.optional(v.picklist(['composite', 'drop'] as const)),
  }),
  output: v.object({
    name: v.pipe(text, v.minLength(1)),
    activation: v.picklist(['softmax', 'sigmoid', 'none', 'log-softmax'] as const),
    scale: v.optional(positive),
    zeroPoint: v.optional(v.pipe(v.number(), v.integer())),
  }),
  constants: v.optional(
    v.record(
      v.string(),
      v.union([
        v.pipe(v.number(), v.finite()),
        v.pipe(v.array(v.pipe(v.number(), v.finite())), v.maxLength(1_000_000)),
      ]),
    ),
  ),
  files: v.pipe(
    v.array(
      v.object({
        ...fileFields,
        dtype: v.picklist(['fp32', 'fp16', 'int8'] as const),
        external: v.optional(
          v.pipe(v.array(v.object({ ...fileFields, path: address })), v.maxLength(64)),
        ),
      }),
    ),
    v.minLength(1),
    v.maxLength(16),
  ),
  selfTest: v.optional(
    v.pipe(
      v.array(v.object({ image: address, index: v.pipe(v.number(), v.integer(), v.minValue(0)) })),
      v.minLength(1),
      v.maxLength(100),
    ),
  ),
  metrics: v.optional(v.record(v.string(), v.unknown())),
}) satisfies v.GenericSchema<unknown, ModelManifest>;

/**
 * Checks that `value` (parsed JSON) describes a model, and that its parts fit together.
 *
 * @param value - Anything.
 * @param where - What the message calls the manifest: its URL or file name.
 * @throws TabserveError `manifest-invalid`, naming the field, what was found and what was expected.
 */
export function parseManifest(value: unknown, where: string): ModelManifest {
  const result = v.safeParse(manifestSchema, value, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    const field = v.getDotPath(issue) ?? '(the whole file)';
    throw invalid(where, field, issue.received, issue.expected ?? requirementOf(issue));
  }
  const manifest: ModelManifest = result.output;
  const { channels, colorOrder, width, height, dtype } = manifest.input;
  const { resize, crop, mean, std } = manifest.preprocess;

  const channelsOfOrder = colorOrder === 'GRAY' ? 1 : 3;
  if (channels !== channelsOfOrder) {
    throw invalid(where, 'input.channels', channels, `${channelsOfOrder} for ${colorOrder}`);
  }
  for (const [field, list] of Object.entries({ mean, std })) {
    if (Array.isArray(list) && list.length !== channels) {
      throw invalid(
        where,
        `preprocess.${field}`,
        `${list.length} numbers`,
        `${channels}, one per channel`,
      );
    }
  }
  if (dtype === 'uint8' && (mean !== undefined || std !== undefined)) {
    throw invalid(
      where,
      'preprocess.mean',
      'a value',
      'none, because a uint8 input takes the pixels as they are',
    );
  }
  if (resize?.policy === 'crop-fraction' && crop === undefined) {
    throw invalid(where, 'preprocess.crop', 'nothing', 'a crop, which "crop-fraction" refers to');
  }
  const { pad } = manifest.preprocess;
  const cropped = sizeBeforePadding(manifest.preprocess);
  if (pad && cropped && (cropped.width > pad.width || cropped.height > pad.height)) {
    throw invalid(
      where,
      'preprocess.pad',
      `${pad.width} × ${pad.height}`,
      `at least the ${cropped.width} × ${cropped.height} that "crop" or "resize" produces`,
    );
  }
  const produced = pad ?? cropped;
  if (produced && (produced.width !== width || produced.height !== height)) {
    throw invalid(
      where,
      'input.width × input.height',
      `${width} × ${height}`,
      `${produced.width} × ${produced.height}, which is what "preprocess" produces`,
    );
  }
  return manifest;
}

/** The size that resize and crop end in, or `undefined` where it depends on the picture. */
function sizeBeforePadding(preprocess: Preprocess): { width: number; height: number } | undefined {
  if (preprocess.crop) return preprocess.crop;
  const { resize } = preprocess;
  return resize?.policy === 'exact' || resize?.policy === 'letterbox' ? resize : undefined;
}

function requirementOf(issue: v.BaseIssue<unknown>): string {
  return issue.requirement instanceof RegExp || typeof issue.requirement === 'string'
    ? String(issue.requirement)
    : issue.message;
}

function invalid(where: string, field: string, found: unknown, expected: string): TabserveError {
  return new TabserveError(
    'manifest-invalid',
    `${where}: the field "${field}" is wrong: found ${found}, expected ${expected}.`,
    { details: { manifest: where, field, found: String(found), expected } },
  );
}
