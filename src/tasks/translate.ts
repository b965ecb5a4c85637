/** The translator of all tasks' models. Page code, loaded on demand: `dist/parts/translate.js`. */
import { complete as completeBy, translate as translateBy } from '../model/translate.js';
import type {
  CompleteRequest,
  Completion,
  HubTask,
  TranslateRequest,
  Translation,
} from '../model/translation.js';
import { hubTask as audioClassification } from './audio-classification/hub.js';
import { hubTask as imageEmbedding } from './image-embedding/hub.js';
import { hubTask as imageSegmentation } from './image-segmentation/hub.js';
import { hubTask as objectDetection } from './object-detection/hub.js';
import { hubTask as tabular } from './tabular/hub.js';
import { hubTask as tensor } from './tensor/hub.js';
import { hubTask as textClassification } from './text-classification/hub.js';
import { hubTask as textEmbedding } from './text-embedding/hub.js';

export { explainEngineError } from '../model/translate.js';

const tasks: readonly HubTask[] = [
  audioClassification,
  objectDetection,
  imageSegmentation,
  imageEmbedding,
  textClassification,
  textEmbedding,
  tabular,
  tensor,
];

/** See `translate()` of the model room. */
export function translate(request: TranslateRequest): Promise<Translation> {
  return translateBy(request, tasks);
}

/** See `complete()` of the model room. */
export function complete(request: CompleteRequest): Completion {
  return completeBy(request, tasks);
}
