/** The pack of tasks that take texts. */
import type { Pack } from '../../tasks/pack.js';
import { textClassification } from '../../tasks/text-classification/worker.js';
import { textEmbedding } from '../../tasks/text-embedding/worker.js';

const pack: Pack = () => [textClassification, textEmbedding];
export default pack;
