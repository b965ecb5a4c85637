/** The page halves of tasks other than those of pictures; loaded with the first model of such a task. */
export { audioClassificationPage } from './audio-classification/page.js';
export { tabularPage } from './tabular/page.js';
export { tensorPage } from './tensor/page.js';
export { textPage } from './text-page.js';
