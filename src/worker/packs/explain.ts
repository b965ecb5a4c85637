/** Why models answer as they do. */
import { explanation } from '../../tasks/explanation/worker.js';
import type { Pack } from '../../tasks/pack.js';

const pack: Pack = () => [explanation];

export default pack;
