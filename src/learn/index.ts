/**
 * tabserve/learn: teaches a model from a few pictures, says how good it is, and hands it over.
 *
 * @module tabserve/learn
 * @packageDocumentation
 */
export type { ModelAbout } from './carry/card.js';
export type { Example, LabelCount } from './dataset.js';
export { type Comparison, compare } from './evaluate/compare.js';
export {
  type ClassReport,
  calibrationError,
  type Estimate,
  type Evaluation,
  evaluate,
  type Mistake,
  mistakesOf,
  wilsonInterval,
} from './evaluate/report.js';
export { fitTemperature, probabilitiesOf } from './evaluate/temperature.js';
export {
  checkWatermark,
  type SecretPicture,
  type WatermarkCheck,
  type WatermarkedModel,
  type WatermarkOptions,
} from './evaluate/watermark.js';
export {
  fitLinear,
  LinearFit,
  type LinearOptions,
} from './linear.js';
export type { TrainerAssets } from './link.js';
export type { Layer } from './network/spec.js';
export type { PixelSize } from './pixels.js';
export { type PrivacyOptions, type PrivacySpent, privacySpent } from './privacy.js';
export type { HeadUpdate, SharedHead, UpdateOptions } from './shared-head.js';
export { type ModelFiles, type TaughtEvaluation, TaughtModel } from './taught-model.js';
export {
  type Added,
  type AddOptions,
  type NetworkOptions,
  Trainer,
  type TrainerInfo,
  type TrainerOptions,
  type TrainOptions,
} from './trainer.js';
export type { Epoch, JobProgress, LinearKind, SavedSet } from './types.js';
