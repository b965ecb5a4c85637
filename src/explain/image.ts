/** Which parts of a picture speak for a class. */

import { isTabserveError, TabserveError } from '../base/errors.js';
import { shown } from '../base/shown.js';
import type { ImageSource } from '../input/image/capture.js';
import type { ImageOrigin } from '../input/image/inverse.js';
import type { PixelRect } from '../input/image/types.js';
import { occlusionCover, occlusionPlaces } from '../tasks/explanation/masks.js';
import type { Baseline, Begun, Variants } from '../tasks/explanation/types.js';
import {
  type Heatmap,
  normalised,
  type OverlayOptions,
  overlay,
  type Region,
  regionOf,
} from './heatmap.js';
import {
  ask,
  type ClassName,
  type Explainable,
  inRange,
  placeOf,
  type RequestTreatment,
  tryAll,
} from './model.js';

/** A classifier of pictures that was created with `explanations: true`. */
export interface ExplainableImages extends Explainable {
  readonly info: {
    readonly model: {
      readonly labels?: readonly string[];
      /** The input's size in pixels. */
      readonly width: number;
      readonly height: number;
    };
  };
}

/** How a picture is explained: see {@link ImageExplainOptions.method}. */
export type ImageMethod = 'cam' | 'occlusion' | 'rise';

/** How far an explanation has come. */
export interface ImageProgress {
  /** Parts of the work that are done, and all of them. */
  done: number;
  total: number;
  /** What is known by now; it gets finer. Made when it is read. */
  readonly explanation: ImageExplanation;
}

/** Options of `explain()` for a picture. */
export interface ImageExplainOptions extends RequestTreatment {
  /**
   * - `cam`: the class activation map. Exact, and one run; it takes a graph that ends in a global mean
   *   and a matrix. Numbers are what each place adds to the logit.
   * - `occlusion`: a square is moved over the picture; numbers are the score that it costs.
   * - `rise`: random masks; numbers are the mean score of those that show the place. Finer than
   *   `occlusion` and slower.
   * - `auto`: `cam` where the graph has it, else `occlusion`; the explanation says which.
   *
   * @default 'auto'
   */
  method?: 'auto' | ImageMethod;
  /** The class, by its label or its place. @default the one that the model finds first */
  class?: ClassName;
  /** What is shown where something is hidden. @default 'zero': 0 in the network's own units, often grey */
  baseline?: Baseline;
  /** Of `occlusion`: the square's side, in pixels of the network's input. @default a sixth of the shorter side */
  window?: number;
  /** Of `occlusion`: how far it is moved each time. @default half of `window` */
  stride?: number;
  /** Of `rise`: how many masks, 1 to 1,000,000. @default 1000 */
  masks?: number;
  /** Of `rise`: cells of a mask, along each side, 1 to 64. @default 7 */
  grid?: number;
  /** Of `rise`: with which probability a cell is shown. @default 0.5 */
  probability?: number;
  /** Of `rise`: the same number gives the same masks. @default 1 */
  seed?: number;
  /** How many parts one run is about, 1 to 64. @default 'auto': 4, or what the graph takes */
  batch?: number;
  /** The region of interest, in pixels of the upright picture. @default the whole picture */
  crop?: PixelRect;
  /** Hears of it while it gets finer. */
  onprogress?: (progress: ImageProgress) => void;
}

/** Why a picture was taken for a class. */
export interface ImageExplanation {
  readonly method: ImageMethod;
  /** The class that is explained. */
  readonly label: string;
  readonly index: number;
  /** What the model gives it for the whole picture. */
  readonly score: number;
  /**
   * The map: of the size of the network's input; of `cam` as large as the network's last features, which
   * is exact. See {@link ImageExplainOptions.method} for what its numbers are.
   */
  readonly heatmap: Heatmap;
  /** The part of the picture that the map is of. */
  readonly region: Region;
  /** Variants of the picture that the model was asked about. */
  readonly variants: number;
  /** What was given up for it; empty where all was as it should be. */
  readonly fallbacks: readonly { from: string; to: string; reason: string }[];
  /**
   * The map's colours, to be drawn over the whole picture (or the whole `crop`), whatever its size:
   * `context.drawImage(overlay, 0, 0, canvas.width, canvas.height)`. The caller's to close.
   */
  overlay(options?: OverlayOptions): Promise<ImageBitmap>;
}

/** Explains a picture. See `explain()`. */
export async function explainImage(
  classifier: ExplainableImages,
  image: ImageSource,
  options: ImageExplainOptions = {},
): Promise<ImageExplanation> {
  const { method: wanted = 'auto', onprogress } = options;
  checkOptions(options);
  const fallbacks: { from: string; to: string; reason: string }[] = [];
  let method: ImageMethod = wanted === 'auto' ? 'cam' : wanted;
  let begun: Begun;
  try {
    begun = await begin(classifier, image, options, method === 'cam');
  } catch (error) {
    if (wanted !== 'auto' || !isTabserveError(error, 'unsupported')) throw error;
    if (error.details.method !== 'cam') throw error;
    fallbacks.push({ from: 'cam', to: 'occlusion', reason: error.message });
    method = 'occlusion';
    begun = await begin(classifier, image, options, false);
  }
  const parts = { classifier, begun, method, fallbacks };
  if (method === 'cam') {
    const done = explanationOf(parts, begun.activation as Heatmap, 1);
    onprogress?.({ done: 1, total: 1, explanation: done });
    return done;
  }
  const { width, height } = classifier.info.model;
  const size = { width, height };
  const { variants, total } = variantsOf(method, size, options);
  const sum = new Float64Array(width * height);
  let done = 0;
  const cover =
    variants.kind === 'occlusion' ? occlusionCover(size, variants.window, variants.stride) : null;
  const map = (): Heatmap => {
    const share = 1 / Math.max(1, done * (variants.kind === 'rise' ? variants.probability : 1));
    const at = (pixel: number) => (cover ? 1 / Math.max(1, cover[pixel] as number) : share);
    return { ...size, data: Float32Array.from(sum, (value, pixel) => value * at(pixel)) };
  };
  const { isBatched } = await tryAll(classifier, {
    begun,
    variants,
    total,
    baseline: options.baseline ?? 'zero',
    batch: options.batch,
    treatment: options,
    onPart(part) {
      for (const [pixel, value] of part.sum.entries()) sum[pixel] = (sum[pixel] as number) + value;
      done += part.scores.length;
      const variants = done;
      onprogress?.({
        done,
        total,
        get explanation() {
          return explanationOf(parts, map(), variants);
        },
      });
    },
  });
  if (!isBatched) {
    const reason = 'the graph did not take several pictures at a time';
    fallbacks.push({ from: 'several pictures a run', to: 'one', reason });
  }
  return explanationOf(parts, map(), total);
}

/** Runs the whole picture. */
export function begin(
  classifier: ExplainableImages,
  image: ImageSource,
  options: Pick<ImageExplainOptions, 'class' | 'crop' | keyof RequestTreatment>,
  activation: boolean,
): Promise<Begun> {
  if (classifier?.task !== 'image-classification') {
    throw new TabserveError(
      'unsupported',
      `Pictures are explained for classifiers; this model is for ${classifier?.task}.`,
      { details: { task: classifier?.task ?? null } },
    );
  }
  const own = {
    crop: options.crop ?? null,
    quality: 'exact',
    topK: 1,
    threshold: null,
    thresholds: null,
    allow: null,
    deny: null,
  };
  const target = placeOf(classifier, options.class);
  const question = { kind: 'begin', own, target, activation } as const;
  return ask<Begun>(classifier, { kind: 'begin', source: image }, question, options);
}

function checkOptions(options: ImageExplainOptions): void {
  const { method = 'auto', baseline = 'zero', seed, window, stride } = options;
  for (const [option, value, possible] of [
    ['method', method, ['auto', 'cam', 'occlusion', 'rise']],
    ['baseline', baseline, ['zero', 'mean', 'blur']],
  ] as const) {
    if ((possible as readonly string[]).includes(value)) continue;
    throw new TabserveError(
      'invalid-argument',
      `"${option}" is ${shown(value)}; expected ${possible.join(', ')}.`,
      { details: { option } },
    );
  }
  inRange(options.masks, 'masks', 1, 1_000_000);
  inRange(options.grid, 'grid', 1, 64);
  inRange(options.probability, 'probability', 0.001, 1, false);
  inRange(options.batch, 'batch', 1, 64);
  inRange(seed, 'seed', 0, 2 ** 32 - 1);
  inRange(window, 'window', 1, 1_000_000);
  inRange(stride, 'stride', 1, 1_000_000);
}

function variantsOf(
  method: 'occlusion' | 'rise',
  size: { width: number; height: number },
  { window, stride, masks = 1000, grid = 7, probability = 0.5, seed = 1 }: ImageExplainOptions,
): { variants: Variants; total: number } {
  if (method === 'rise') {
    return { variants: { kind: 'rise', grid, probability, seed }, total: masks };
  }
  const shorter = Math.min(size.width, size.height);
  const side = Math.min(window ?? Math.max(1, Math.round(shorter / 6)), shorter);
  const step = stride ?? Math.max(1, Math.round(side / 2));
  const total = occlusionPlaces(size, side, step).length;
  return { variants: { kind: 'occlusion', window: side, stride: step }, total };
}

function explanationOf(
  {
    classifier,
    begun,
    method,
    fallbacks,
  }: {
    classifier: ExplainableImages;
    begun: Begun;
    method: ImageMethod;
    fallbacks: ImageExplanation['fallbacks'];
  },
  heatmap: Heatmap,
  variants: number,
): ImageExplanation {
  const { target, scores } = begun;
  const origin = begun.origin as ImageOrigin;
  const { model } = classifier.info;
  const region = regionOf(origin, model);
  return {
    method,
    label: model.labels?.[target] ?? `class ${target}`,
    index: target,
    score: scores[target] as number,
    heatmap,
    region,
    variants,
    fallbacks,
    overlay: (options) =>
      overlay(normalised(heatmap, method !== 'rise'), region, origin.region, options),
  };
}
