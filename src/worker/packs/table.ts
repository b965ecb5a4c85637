/** The pack of tasks that take tables. */
import type { Pack } from '../../tasks/pack.js';
import { tabular } from '../../tasks/tabular/worker.js';

const pack: Pack = () => [tabular];
export default pack;
