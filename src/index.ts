/**
 * tabserve: a model server that lives in the browser tab.
 *
 * @module tabserve
 * @packageDocumentation
 */
export { AudioClassifier, type AudioClassifierEventMap } from './api/audio-classifier.js';
export type * from './api/audio-types.js';
export type { CatalogEntry } from './api/catalog-entries.js';
export {
  EmbeddingIndex,
  type EmbeddingIndexOptions,
  type EmbeddingVector,
} from './api/embedding-index.js';
export { ImageClassifier, type ImageClassifierEventMap } from './api/image-classifier.js';
export {
  type EmbedOptions,
  ImageEmbedder,
  type ImageEmbedderOptions,
} from './api/image-embedder.js';
export type {
  ImageModelInfo,
  ImageModelOptions,
  ImageRequestOptions,
  ModelSourceOf,
} from './api/image-model.js';
export {
  ImageSegmenter,
  type ImageSegmenterOptions,
  type SegmentOptions,
} from './api/image-segmenter.js';
export type {
  CommonRequestOptions,
  InferOptions,
  ModelHandle,
  ModelHandleEventMap,
} from './api/model-handle.js';
export {
  type DetectOptions,
  ObjectDetector,
  type ObjectDetectorOptions,
} from './api/object-detector.js';
export {
  type PredictOptions,
  TabularModel,
  type TabularModelInfo,
  type TabularModelOptions,
} from './api/tabular-model.js';
export {
  TensorModel,
  type TensorModelInfo,
  type TensorModelOptions,
  type TensorRunOptions,
} from './api/tensor-model.js';
export {
  TextClassifier,
  type TextClassifierOptions,
  type TextClassifyOptions,
} from './api/text-classifier.js';
export {
  TextEmbedder,
  type TextEmbedderOptions,
  type TextEmbedOptions,
} from './api/text-embedder.js';
export type {
  TextModelEventMap,
  TextModelInfo,
  TextModelOptions,
  TextRequestOptions,
  TextRequestReport,
} from './api/text-model.js';
export type * from './api/types.js';
export { internals } from './api/worker-service.js';
export {
  type ErrorCode,
  type ErrorDetails,
  errorCodes,
  isTabserveError,
  TabserveError,
  type TabserveErrorOptions,
} from './base/errors.js';
export { similarity } from './base/similarity.js';
export type { Tensor, TensorData, TensorInfo, Tensors, TensorType } from './base/tensor.js';
export { version } from './base/version.js';
export type { AudioSamples, AudioSource } from './input/audio/capture.js';
export type { ImageSource } from './input/image/capture.js';
export type { CropRounding, ResizeReference } from './input/image/manifest.js';
export type { CellValue, TableColumn, TableInput, TableRow } from './input/table/types.js';
export type { TextInput, TextPreprocess, TextReport } from './input/text/types.js';
export { type LibraryOptions, type Models, models, type UpdateOptions } from './library/models.js';
export type {
  CoreManifest,
  ExternalFile,
  FileReference,
  SelfTest,
  TensorTest,
  TestInput,
  TestOutput,
} from './model/manifest-core.js';
export type { Neighbour, SimilarityMetric } from './search/types.js';
export type {
  EmbeddingManifest,
  EmbeddingOutput,
  WithEmbedding,
} from './tasks/image-embedding/types.js';
export type {
  MaskOutput,
  Segment,
  Segmentation,
  SegmentationManifest,
  SegmentationOutput,
  SemanticMap,
  SemanticOutput,
  SubjectMask,
} from './tasks/image-segmentation/types.js';
export type {
  Box,
  DetectedObject,
  DetectionManifest,
  DetectionOutput,
  DetrOutput,
  EndToEndOutput,
  SsdOutput,
  YoloOutput,
  YoloxOutput,
} from './tasks/object-detection/types.js';
export type {
  Prediction,
  TabularManifest,
  TabularOutput,
  TabularReport,
} from './tasks/tabular/types.js';
export type { TensorInput, TensorSource } from './tasks/tensor/page.js';
export type { TensorManifest, TensorReport } from './tasks/tensor/types.js';
export type { TextClassificationManifest } from './tasks/text-classification/types.js';
export type { TextEmbeddingManifest, TextEmbeddingOutput } from './tasks/text-embedding/types.js';
export type { TextSource } from './tasks/text-page.js';
export type { AssetOptions } from './wire/assets.js';
