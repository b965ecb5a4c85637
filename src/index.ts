/**
 * tabserve: a model server that lives in the browser tab.
 *
 * @packageDocumentation
 */
export { ImageClassifier, type ImageClassifierEventMap } from './api/image-classifier.js';
export { type EmbedOptions, ImageEmbedder } from './api/image-embedder.js';
export type { CatalogEntry } from './api/options.js';
export type * from './api/types.js';
export {
  type ErrorCode,
  type ErrorDetails,
  errorCodes,
  isTabserveError,
  TabserveError,
  type TabserveErrorOptions,
} from './base/errors.js';
export { version } from './base/version.js';
export type { ImageSource } from './input/image/capture.js';
export { type LibraryOptions, type Models, models, type UpdateOptions } from './library/models.js';
