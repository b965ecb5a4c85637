/**
 * tabserve: a model server that lives in the browser tab.
 *
 * @packageDocumentation
 */
export { ImageClassifier, type ImageClassifierEventMap } from './classifier.js';
export {
  type ErrorCode,
  type ErrorDetails,
  errorCodes,
  isTabserveError,
  TabserveError,
  type TabserveErrorOptions,
} from './errors.js';
export type { ImageSource } from './image/capture.js';
export { type LibraryOptions, type Models, models, type UpdateOptions } from './models.js';
export type { CatalogEntry } from './options.js';
export type * from './types.js';
export { version } from './version.js';
