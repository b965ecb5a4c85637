/** Anything dropped anywhere on the page. */
import { byId } from '../dom.js';
import { type Incoming, readTransfer } from './files.js';

export function acceptDrops(take: (incoming: Incoming) => void): void {
  const veil = byId('veil', HTMLElement);
  // Every element that the pointer crosses fires a pair of these.
  let depth = 0;
  const hide = (): void => {
    depth = 0;
    veil.hidden = true;
  };

  addEventListener('dragenter', (event) => {
    event.preventDefault();
    const types = event.dataTransfer?.types ?? [];
    if (!types.includes('Files') && !types.includes('text/uri-list')) return;
    depth++;
    veil.hidden = false;
  });
  addEventListener('dragleave', () => {
    if (--depth <= 0) hide();
  });
  addEventListener('dragover', (event) => {
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy';
  });
  addEventListener('drop', (event) => {
    event.preventDefault();
    hide();
    if (event.dataTransfer) void readTransfer(event.dataTransfer).then(take);
  });
}
