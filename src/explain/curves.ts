/** How good a heat map is: what becomes of the score while the picture goes or comes in its order. */
import { TabserveError } from '../base/errors.js';
import type { ImageSource } from '../input/image/capture.js';
import type { Baseline, Begun } from '../tasks/explanation/types.js';
import { type Heatmap, resized } from './heatmap.js';
import { begin, type ExplainableImages, type ImageExplainOptions } from './image.js';
import { inRange, type RequestTreatment, tryAll } from './model.js';

/** A score by the share of the picture that is gone, or there. */
export interface Curve {
  /** From 0 to 1. */
  fractions: number[];
  scores: number[];
  /** The area under it, by trapezoids. */
  area: number;
}

/** Options of {@link deletionInsertion}. */
export interface CurveOptions
  extends RequestTreatment,
    Pick<ImageExplainOptions, 'class' | 'crop' | 'batch'> {
  /** Steps of each curve, 1 to 1000. @default 20 */
  steps?: number;
  /** What is shown where the picture is gone. @default 'zero' */
  deletionBaseline?: Baseline;
  /** What is shown where the picture has not come yet. @default 'blur' */
  insertionBaseline?: Baseline;
}

/**
 * The deletion and the insertion curve of a map. Of a good one the first falls early, so that its area is
 * small, and the second rises early, so that its area is large.
 *
 * Source: Petsiuk, Das, Saenko, "RISE", BMVC 2018.
 *
 * @param map - Of any size; it is enlarged bilinearly to the network's input.
 * @throws TabserveError as `explain()`.
 */
export async function deletionInsertion(
  classifier: ExplainableImages,
  image: ImageSource,
  map: Heatmap,
  options: CurveOptions = {},
): Promise<{ deletion: Curve; insertion: Curve }> {
  const { steps = 20, deletionBaseline = 'zero', insertionBaseline = 'blur' } = options;
  inRange(steps, 'steps', 1, 1000);
  if (!(map?.data instanceof Float32Array) || map.data.length !== map.width * map.height) {
    throw new TabserveError(
      'invalid-argument',
      'The number of values in the map does not match its width and height.',
    );
  }
  const begun = await begin(classifier, image, options, false);
  const whole = resized(map, classifier.info.model).data;
  const fractions = Array.from({ length: steps + 1 }, (_, step) => step / steps);
  const curve = (hide: 'first' | 'rest', baseline: Baseline) =>
    curveOf(classifier, begun, whole, fractions, hide, baseline, options);
  return {
    deletion: await curve('first', deletionBaseline),
    insertion: await curve('rest', insertionBaseline),
  };
}

async function curveOf(
  classifier: ExplainableImages,
  begun: Begun,
  map: Float32Array,
  fractions: number[],
  hide: 'first' | 'rest',
  baseline: Baseline,
  { batch, ...treatment }: CurveOptions,
): Promise<Curve> {
  const scores: number[] = [];
  await tryAll(classifier, {
    begun,
    variants: { kind: 'order', map, fractions, hide },
    total: fractions.length,
    baseline,
    batch,
    treatment,
    onPart(part, from) {
      for (const [at, score] of part.scores.entries()) scores[from + at] = score;
    },
  });
  return { fractions, scores, area: areaUnder(fractions, scores) };
}

/** By trapezoids. */
export function areaUnder(places: readonly number[], values: readonly number[]): number {
  let area = 0;
  for (let at = 1; at < places.length; at++) {
    const width = (places[at] as number) - (places[at - 1] as number);
    area += (width * ((values[at] as number) + (values[at - 1] as number))) / 2;
  }
  return area;
}
