/** From a picture on its way to the worker to a tensor for a network: what every task of pictures does. */

import type { GpuTensor } from '../../base/gpu-tensor.js';
import type { Tensor } from '../../base/tensor.js';
import type { ImageRequest, ImageSettings } from './checks.js';
import { type DecodeOptions, decode, release } from './decode.js';
import { inputDimensions } from './dimensions.js';
import { type GeometryPlan, planGeometry } from './geometry.js';
import { hasExactPlanes } from './jpeg.js';
import type { ModelInput, Preprocess } from './manifest.js';
import { createPreprocessor, type Preprocessor } from './preprocess.js';
import type { TensorData } from './tensor.js';
import type { CapturedImage, PixelRect, PixelSource, PreprocessingReport } from './types.js';

/** Takes pictures to one model. Made by {@link ImageInput.open}. */
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
  /**
   * It was answered.
   *
   * @param milliseconds - From decoding to the network's outputs.
   */
  took?(milliseconds: number): void;
  /** After the run: another input to run instead, if the GPU failed to write the first one. */
  amend?(): Promise<Tensor | undefined>;
  /** Frees the picture. */
  close?(): void;
}

/** What a worker does with pictures, whatever they are for. */
export interface ImageInput {
  /** Begins to find out what this browser can do. */
  begin(): void;
  /** Opens preprocessing for a model. */
  open(manifest: ImageManifest, settings: ImageSettings, services: ImageServices): ImagePreparer;
  /** Frees a picture that nobody will prepare. */
  release(image: CapturedImage): void;
}

/** What a model says about its pictures. */
export interface ImageManifest {
  input: ModelInput;
  preprocess: Preprocess;
}

/** What {@link ImageInput.open} needs of the worker. */
export interface ImageServices {
  readonly gpu: { readonly device: GPUDevice; readonly isSoftware: boolean } | null;
  readonly rasteriseSvg: NonNullable<DecodeOptions['rasteriseSvg']>;
}

/** The part that the CPU and the GPU do each in their own way. */
export interface Resampling {
  readonly report: PreprocessingReport;
  /** What is to preprocess this picture, where that differs. @default this */
  of?(image: CapturedImage): Resampling;
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

/** See {@link ImageInput.begin}. */
export function begin(): void {
  void hasExactPlanes();
}

/** Preprocessing on the CPU. */
export const imagesOnCpu: ImageInput = {
  begin,
  open: (manifest, settings, services) => openWith(manifest, settings, services, cpuResampling),
  release,
};

/** @param choose - What is to do the resampling. */
export function openWith(
  { input, preprocess }: ImageManifest,
  { maxPixels }: ImageSettings,
  { rasteriseSvg }: ImageServices,
  choose: (target: ImageTarget) => Resampling,
): ImagePreparer {
  const preprocessor = createPreprocessor(input, preprocess);
  const resampling = choose({ input, preprocess, preprocessor, memory: preprocessor.allocate(1) });
  return {
    get report() {
      return resampling.report;
    },
    sample: () => ({
      type: input.dtype,
      dims: inputDimensions(input),
      data: preprocessor.allocate(1),
    }),
    async prepare(image, { crop, quality }, { signal, lap }) {
      const region = crop ?? undefined;
      const way = resampling.of?.(image) ?? resampling;
      const source = await decode(image, {
        ...(maxPixels !== undefined && { maxPixels }),
        signal,
        rasteriseSvg,
        // A picture that is reduced while it is decoded is too small to be worth a GPU's while.
        ...(quality === 'fast'
          ? { reduction: (size) => preprocessor.reduction(size, region) }
          : { native: way.report.device === 'gpu' }),
      });
      lap('decode');
      const { width, height } = source;
      const prepared = await way.begin(source, region, signal);
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
