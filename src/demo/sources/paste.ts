/** Pictures and addresses from the clipboard: with the keyboard's paste, and with a button. */
import { byId } from '../dom.js';
import { t } from '../language.js';
import { type Incoming, readTransfer } from './files.js';

export function acceptPastes(
  take: (incoming: Incoming) => void,
  refuse: (title: string, message: string) => void,
): void {
  addEventListener('paste', (event) => {
    const inField = event.target instanceof HTMLInputElement;
    if (inField || !event.clipboardData) return;
    void readTransfer(event.clipboardData).then((incoming) => {
      if (incoming.kind !== 'nothing') take(incoming);
      else
        refuse(
          t('Nothing to classify'),
          t('The clipboard holds neither a picture nor its address.'),
        );
    });
  });

  const button = byId('paste', HTMLButtonElement);
  // Firefox had no reading of pictures for long; without it the keyboard still works.
  button.hidden = navigator.clipboard?.read === undefined;
  button.addEventListener('click', async () => {
    try {
      const picture = await pictureOnClipboard();
      if (picture) take({ kind: 'pictures', files: [picture] });
      else refuse(t('Nothing to classify'), t('The clipboard holds no picture.'));
    } catch {
      refuse(
        t('The clipboard stays closed'),
        t('The browser did not allow reading it. Press Ctrl+V.'),
      );
    }
  });
}

async function pictureOnClipboard(): Promise<File | null> {
  for (const item of await navigator.clipboard.read()) {
    const type = item.types.find((found) => found.startsWith('image/'));
    if (type === undefined) continue;
    return new File([await item.getType(type)], t('Pasted picture'), { type });
  }
  return null;
}
