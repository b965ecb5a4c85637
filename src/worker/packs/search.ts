/** The search for the nearest of many vectors. Needs no engine. */
import { searchService } from '../../search/service.js';
import type { Pack } from '../../tasks/pack.js';

const pack: Pack = () => [searchService()];

export default pack;
