/** From a picture on its way to the worker to a tensor for a network: what every task of pictures does. */

import {
  all,
  byKind,
  type Check,
  is,
  madeBy,
  nullable,
  object,
  oneOf,
  optional,
  whole,
} from '../../base/shape.js';
import type { GpuTensor, Tensor } from '../../base/tensor.js';
import { type DecodeOptions, decode } from './decode.js';
import { type GeometryPlan, inputDimensions, planGeometry } from './geometry.js';
import type { ModelInput, Preprocess } from './manifest.js';
import { createPreprocessor, type Preprocessor } from './preprocess.js';
import type { TensorData } from './tensor.js';
import type {
  CapturedImage,
  PixelImage,
  PixelRect,
  PixelSource,
  PreprocessingChoice,
  PreprocessingReport,
} from './types.js';

/** Options of a load that concern pictures. */
export interface ImageSettings {
  /** What preprocesses. @default 'auto' */
  preprocessing?: PreprocessingChoice;
  /** Pictures with more pixels are refused. @default as `DecodeOptions.maxPixels` */
  maxPixels?: number;
}

/** Options of a request that concern the picture. */
export interface ImageRequest {
  /** The part of the upright picture to look at; `null` for all of it. */
  crop: PixelRect | null;
  /** Whether the picture may be reduced while it is decoded. */
  quality: 'exact' | 'fast';
}

const count = whole(1);
const coordinate = whole(0);

/** What {@link ImageSettings} look like in a message. */
export const imageSettingsCheck: Check = object({
  preprocessing: optional(oneOf('auto', 'cpu', 'gpu')),
  maxPixels: optional(count),
} satisfies Record<keyof ImageSettings, Check>);

/** What {@link ImageRequest} looks like in a message: fields for `object()`. */
export const imageRequestChecks = {
  crop: nullable(object({ x: coordinate, y: coordinate, width: coordinate, height: coordinate })),
  quality: oneOf('exact', 'fast'),
} satisfies Record<keyof ImageRequest, Check>;

const pixels = object({
  data: madeBy(Uint8Array, Uint8ClampedArray),
  width: count,
  height: count,
  channels: oneOf(4),
});

/** What a {@link CapturedImage} looks like in a message. */
export const imageCheck: Check = byKind({
  blob: { blob: madeBy(Blob) },
  url: { url: is('a string', (value) => typeof value === 'string') },
  bitmap: { bitmap: madeBy(ImageBitmap) },
  pixels: { pixels: all(pixels, is('as long as its size says', isComplete)) },
  // Not every browser has the class.
  frame: { frame: is('a VideoFrame', isFrame) },
} satisfies Record<CapturedImage['kind'], object>);

function isComplete(value: unknown): boolean {
  const { data, width, height } = value as PixelImage;
  return data.length === width * height * 4;
}

function isFrame(value: unknown): boolean {
  return typeof VideoFrame === 'function' && value instanceof VideoFrame;
}

/** Takes pictures to one model. Made by an {@link OpenImages}. */
export interface ImagePreparer {
  /** What is meant to preprocess, and why. */
  readonly report: PreprocessingReport;
  /** An input of zeros. */
  sample(): Tensor;
  /**
   * Decodes and resamples. The image belongs to the call, which frees it, whatever happens.
   *
   * @throws TabserveError `image-…`, `network`, `invalid-argument`; the signal's reason.
   */
  prepare(
    image: CapturedImage,
    request: ImageRequest,
    context: { readonly signal: AbortSignal; lap(stage: 'decode' | 'preprocess'): void },
  ): Promise<PreparedImage>;
  /** Frees what it holds. */
  close?(): void;
}

/** A picture on its way into the network. */
export interface PreparedImage {
  /** What preprocesses it. To be read after the run. */
  readonly report: PreprocessingReport;
  /** Where in the network's input which part of the picture is. */
  geometry(): GeometryPlan;
  /**
   * The network's input. All pictures of a model share the memory of it: to be called when the
   * engine is this picture's alone.
   */
  feed(): Promise<Tensor | GpuTensor>;
  /** After the run: another input to run instead, if the GPU failed to write the first one. */
  amend?(): Promise<Tensor | undefined>;
  /** Frees the picture. */
  close?(): void;
}

/** Opens preprocessing for a model. */
export type OpenImages = (
  manifest: { readonly input: ModelInput; readonly preprocess: Preprocess },
  settings: ImageSettings,
  services: ImageServices,
) => ImagePreparer;

/** What {@link OpenImages} needs of the worker. */
export interface ImageServices {
  readonly gpu: { readonly device: GPUDevice; readonly isSoftware: boolean } | null;
  readonly rasteriseSvg: NonNullable<DecodeOptions['rasteriseSvg']>;
}

/** The part that the CPU and the GPU do each in their own way. */
export interface Resampling {
  readonly report: PreprocessingReport;
  /** Begins preprocessing of `source`, which is closed with the result, or on failure. */
  begin(
    source: PixelSource,
    region: PixelRect | undefined,
    signal: AbortSignal,
  ): Promise<Omit<PreparedImage, 'geometry'>>;
  close?(): void;
}

/** What {@link Resampling} works with. */
export interface ImageTarget {
  readonly input: ModelInput;
  readonly preprocess: Preprocess;
  readonly preprocessor: Preprocessor;
  /** The network's input, written to and run by one request at a time. */
  readonly memory: TensorData;
}

/** Preprocessing on the CPU. */
export const openImages: OpenImages = (manifest, settings, services) =>
  openWith(manifest, settings, services, cpuResampling);

/** @param choose - What is to do the resampling. */
export function openWith(
  { input, preprocess }: Parameters<OpenImages>[0],
  { maxPixels }: ImageSettings,
  { rasteriseSvg }: ImageServices,
  choose: (target: ImageTarget) => Resampling,
): ImagePreparer {
  const preprocessor = createPreprocessor(input, preprocess);
  const resampling = choose({ input, preprocess, preprocessor, memory: preprocessor.allocate(1) });
  return {
    report: resampling.report,
    sample: () => ({
      type: input.dtype,
      dims: inputDimensions(input),
      data: preprocessor.allocate(1),
    }),
    async prepare(image, { crop, quality }, { signal, lap }) {
      const region = crop ?? undefined;
      const source = await decode(image, {
        ...(maxPixels !== undefined && { maxPixels }),
        signal,
        rasteriseSvg,
        // A picture that is reduced while it is decoded is too small to be worth a GPU's while.
        ...(quality === 'fast'
          ? { reduction: (size) => preprocessor.reduction(size, region) }
          : { native: resampling.report.device === 'gpu' }),
      });
      lap('decode');
      const { width, height } = source;
      const prepared = await resampling.begin(source, region, signal);
      lap('preprocess');
      return Object.assign(prepared, {
        geometry: () => planGeometry({ width, height }, input, preprocess, region),
      });
    },
    close: () => resampling.close?.(),
  };
}

/** @param report - Why the CPU does it. */
export function cpuResampling(
  { input, preprocessor, memory }: ImageTarget,
  report: PreprocessingReport = { device: 'cpu', reason: 'the model runs on WASM' },
): Resampling {
  return {
    report,
    async begin(source, region, signal) {
      try {
        const crop = await preprocessor.crop(source, region, signal);
        return {
          report,
          async feed() {
            preprocessor.write(crop, memory);
            return { type: input.dtype, dims: inputDimensions(input), data: memory };
          },
        };
      } finally {
        source.close();
      }
    },
  };
}
