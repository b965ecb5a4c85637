/** Named tensors, without any preprocessing. */
import type { Pack } from '../../tasks/pack.js';
import { tensorTask } from '../../tasks/tensor/worker.js';

const pack: Pack = () => [tensorTask];

export default pack;
