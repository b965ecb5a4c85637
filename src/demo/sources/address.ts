/** A picture's address, typed. */
import { byId } from '../dom.js';
import type { Incoming } from './files.js';

export function acceptAddresses(take: (incoming: Incoming) => void): void {
  const field = byId('url', HTMLInputElement);
  byId('url-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const url = field.value.trim();
    if (url !== '') take({ kind: 'address', url });
  });
}
