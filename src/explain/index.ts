/**
 * Why models answer as they do: `tabserve/explain`.
 *
 * @module tabserve/explain
 * @packageDocumentation
 */
import type { ImageSource } from '../input/image/capture.js';
import type { TextSource } from '../tasks/text-page.js';
import {
  type ExplainableImages,
  explainImage,
  type ImageExplainOptions,
  type ImageExplanation,
} from './image.js';
import {
  type ExplainableTexts,
  explainText,
  type TextExplainOptions,
  type TextExplanation,
} from './text.js';

/**
 * Says which parts of a picture speak for a class.
 *
 * The work is the worker's, in the classifier's own queue: other requests have their turn in between.
 *
 * @param classifier - Created with `explanations: true`.
 * @throws TabserveError `unsupported` without `explanations: true`, for a model of another task, and for
 *   the method `cam` where the graph has no such map; `invalid-argument`; else as `classify()`.
 *
 * @example
 * ```ts
 * const classifier = await ImageClassifier.create({ explanations: true });
 * const explanation = await explain(classifier, photo, { class: 'tabby cat' });
 * context.drawImage(photo, 0, 0, width, height);
 * context.drawImage(await explanation.overlay(), 0, 0, width, height);
 * ```
 */
export async function explain(
  classifier: ExplainableImages,
  image: ImageSource,
  options?: ImageExplainOptions,
): Promise<ImageExplanation>;
/** Says which tokens of a text speak for a class: each is left out, once. */
export async function explain(
  classifier: ExplainableTexts,
  text: TextSource,
  options?: TextExplainOptions,
): Promise<TextExplanation>;
export async function explain(
  classifier: ExplainableImages | ExplainableTexts,
  source: ImageSource | TextSource,
  options: ImageExplainOptions | TextExplainOptions = {},
): Promise<ImageExplanation | TextExplanation> {
  if (classifier?.task === 'text-classification') {
    return explainText(
      classifier as ExplainableTexts,
      source as TextSource,
      options as TextExplainOptions,
    );
  }
  return explainImage(
    classifier as ExplainableImages,
    source as ImageSource,
    options as ImageExplainOptions,
  );
}

export type { Baseline } from '../tasks/explanation/types.js';
export { type Curve, type CurveOptions, deletionInsertion } from './curves.js';
export { type ExplainedQuestion, explainer } from './explainer.js';
export type { Heatmap, OverlayOptions, Region } from './heatmap.js';
export type {
  ExplainableImages,
  ImageExplainOptions,
  ImageExplanation,
  ImageMethod,
  ImageProgress,
} from './image.js';
export type { ClassName, Explainable, RequestTreatment } from './model.js';
export {
  type ColumnImportance,
  type LinearModel,
  linearCoefficients,
  type Metric,
  type PermutationOptions,
  type PredictingModel,
  permutationImportance,
} from './table.js';
export type {
  ExplainableTexts,
  TextExplainOptions,
  TextExplanation,
  TokenImportance,
} from './text.js';
