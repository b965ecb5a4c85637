/** The pack of tasks that take sounds. */
import { audioClassification } from '../../tasks/audio-classification/worker.js';
import type { Pack } from '../../tasks/pack.js';

const pack: Pack = () => [audioClassification];
export default pack;
