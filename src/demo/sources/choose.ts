/** Pictures and models from the file dialogue. */
import { byId } from '../dom.js';
import { type Incoming, sortFiles } from './files.js';

export function acceptChoices(take: (incoming: Incoming) => void): void {
  connect('choose', 'file', (files) => take(sortFiles(files)));
  connect('choose-model', 'model-files', (files) => take({ kind: 'model', files }));
}

function connect(buttonId: string, inputId: string, chosen: (files: File[]) => void): void {
  const input = byId(inputId, HTMLInputElement);
  byId(buttonId, HTMLButtonElement).addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    // So that choosing the same file again is a change again.
    input.value = '';
    if (files.length > 0) chosen(files);
  });
}
