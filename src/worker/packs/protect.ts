/** Packages that are encrypted or signed. */
import { protection } from '../../model/protection/service.js';
import type { AnyService, Pack } from '../../tasks/pack.js';

const service: AnyService = {
  service: 'protection',
  // The worker itself asks; what it opens is nobody else's.
  check: () => 'it answers to no page',
  answer: protection,
};

const pack: Pack = () => [service];

export default pack;
