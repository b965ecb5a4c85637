/** Which class opens a model that the one at hand does not. Loaded when that has failed. */
import { TabserveError } from '../base/errors.js';

/** The class that opens models of a task. */
const classes: Readonly<Record<string, string>> = {
  'image-classification': 'ImageClassifier',
  'image-embedding': 'ImageEmbedder',
  'object-detection': 'ObjectDetector',
  'image-segmentation': 'ImageSegmenter',
  'audio-classification': 'AudioClassifier',
  'text-classification': 'TextClassifier',
  'text-embedding': 'TextEmbedder',
  tabular: 'TabularModel',
  tensor: 'TensorModel',
};

/** The error with the class that would open the model, where it is for another task. */
export function withClass(error: TabserveError): TabserveError {
  const name = classes[String(error.details.task)];
  if (name === undefined) return error;
  const { message, details, cause } = error;
  return new TabserveError('unsupported', `${message} Use ${name} for it.`, { details, cause });
}
