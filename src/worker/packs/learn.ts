/** Learning: features to heads, and heads to models. */
import { learnService } from '../../learn/service.js';
import type { Pack } from '../../tasks/pack.js';

const pack: Pack = () => [learnService()];

export default pack;
