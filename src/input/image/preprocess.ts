/**
 * From any captured image to the network's input, in three steps that are timed apart: decode,
 * resample, and write the tensor.
 */

import { type DecodeOptions, decode } from './decode.js';
import { defaultBackground, type GeometryPlan, planGeometry, type Size } from './geometry.js';
import type { Reduction } from './jpeg.js';
import type { ModelInput, Preprocess } from './manifest.js';
import { compositeOver, greyInPlace, luma } from './pixels.js';
import { createResampler } from './resample.js';
import { createTensorWriter, type TensorData } from './tensor.js';
import type { CapturedImage, PixelImage, PixelRect, PixelSource } from './types.js';

/** How much is read at a time: enough to make a call worth it, little enough for the cache. */
const bandBytes = 1 << 20;

/** Options of {@link Preprocessor.run}. */
export interface PreprocessOptions extends DecodeOptions {
  /** The part of the upright picture to look at. @default all of it */
  region?: PixelRect | undefined;
}

/** Milliseconds that each step took. */
export interface PreprocessTimes {
  decode: number;
  resample: number;
  tensor: number;
}

/** The preprocessing of one model. Made by {@link createPreprocessor}. */
export interface Preprocessor {
  /** Elements that one picture takes in the tensor. */
  readonly elements: number;
  /** An empty tensor for `batch` pictures, of the type that the network takes. */
  allocate(batch: number): TensorData;
  /**
   * All steps at once: `image` becomes picture `index` of the batch `into`.
   *
   * @throws what {@link decode} and {@link planGeometry} throw.
   */
  run(
    image: CapturedImage,
    into: TensorData,
    index: number,
    options?: PreprocessOptions,
  ): Promise<PreprocessTimes>;
  /**
   * By how much a picture of `size` may be reduced while it is decoded, so that twice the pixels
   * are left, along each axis, that the network's geometry asks for.
   *
   * @throws TabserveError `invalid-argument`, see {@link planGeometry}.
   */
  reduction(size: Size, region?: PixelRect): Reduction;
  /**
   * The second step alone: the picture resized and cropped as the network sees it, before
   * normalisation: RGB or grey bytes of the input's size.
   *
   * @throws TabserveError `invalid-argument`, see {@link planGeometry}.
   * @throws the reason of `signal` when it aborts.
   */
  crop(source: PixelSource, region?: PixelRect, signal?: AbortSignal): Promise<PixelImage>;
  /** The third step alone: writes a crop as picture `index` of the batch `into`. */
  write(crop: PixelImage, into: TensorData, index?: number): void;
}

/** Prepares preprocessing for a model, by its manifest. */
export function createPreprocessor(input: ModelInput, preprocess: Preprocess): Preprocessor {
  const tensor = createTensorWriter(input, preprocess);
  const crop: Preprocessor['crop'] = (source, region, signal) =>
    resample(
      source,
      planGeometry(source, input, preprocess, region),
      input.channels,
      preprocess.alpha === 'drop' ? null : (preprocess.background ?? defaultBackground),
      signal,
    );
  return {
    ...tensor,
    crop,
    reduction(size, region) {
      const plan = planGeometry(size, input, preprocess, region);
      if (!plan.antialias || plan.filter === 'nearest') return 1;
      const shrinking = Math.min(
        plan.region.width / plan.resized.width,
        plan.region.height / plan.resized.height,
      );
      return ([8, 4, 2] as const).find((by) => shrinking >= 2 * by) ?? 1;
    },
    async run(image, into, index, options = {}) {
      const started = performance.now();
      const source = await decode(image, options);
      try {
        const decoded = performance.now();
        const pixels = await crop(source, options.region, options.signal);
        const resampled = performance.now();
        tensor.write(pixels, into, index);
        return {
          decode: decoded - started,
          resample: resampled - decoded,
          tensor: performance.now() - resampled,
        };
      } finally {
        source.close();
      }
    },
  };
}

async function resample(
  source: PixelSource,
  plan: GeometryPlan,
  channels: 1 | 3,
  background: readonly [number, number, number] | null,
  signal: AbortSignal | undefined,
): Promise<PixelImage> {
  const { region, resized, window, filter, antialias, reference, output } = plan;
  if (window.width === 0 || window.height === 0) {
    return framed({ data: new Uint8Array(0), width: 0, height: 0, channels }, plan);
  }
  const { format, reducedBy = 1 } = source;
  const read = reduced(region, reducedBy);
  const resampler = createResampler({
    source: read,
    box: {
      x: region.x / reducedBy - read.x,
      y: region.y / reducedBy - read.y,
      width: region.width / reducedBy,
      height: region.height / reducedBy,
    },
    resized,
    window,
    filter,
    antialias,
    reference,
    channels,
    swap: format.startsWith('B'),
  });
  const { x, y, width, height } = resampler.needs;
  const bandRows = Math.max(1, Math.floor(bandBytes / (width * 4)));
  try {
    for (let row = 0; row < height; row += bandRows) {
      signal?.throwIfAborted();
      const rows = Math.min(bandRows, height - row);
      const rect = { x: read.x + x, y: read.y + y + row, width, height: rows };
      const band = resampler.band(rows);
      await source.read(rect, band);
      if (background && format.endsWith('A')) compositeOver(band, format, background);
      if (channels === 1) greyInPlace(band, format);
      resampler.push(rows);
    }
    const image = resampler.finish();
    const complete = image.width === output.width && image.height === output.height;
    return complete ? image : framed(image, plan);
  } finally {
    resampler.close();
  }
}

/** The pixels that hold `rect` in a picture of which one is left of `by × by`. */
function reduced(rect: PixelRect, by: number): PixelRect {
  const x = Math.floor(rect.x / by);
  const y = Math.floor(rect.y / by);
  return {
    x,
    y,
    width: Math.ceil((rect.x + rect.width) / by) - x,
    height: Math.ceil((rect.y + rect.height) / by) - y,
  };
}

/** `image` in its place on the output, surrounded by the border. */
function framed(image: PixelImage, { output, offset, border }: GeometryPlan): PixelImage {
  const { channels } = image;
  const colour = channels === 1 ? [luma(...border)] : border;
  const data = new Uint8Array(output.width * output.height * channels);
  for (let i = 0; i < data.length; i++) data[i] = colour[i % channels] as number;
  const stride = image.width * channels;
  for (let y = 0; y < image.height; y++) {
    const to = ((offset.y + y) * output.width + offset.x) * channels;
    data.set(image.data.subarray(y * stride, (y + 1) * stride), to);
  }
  return { data, width: output.width, height: output.height, channels };
}
