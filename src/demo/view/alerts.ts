/** Failures, in words that help. They lie over the page, so nothing moves when one appears. */
import { type ErrorCode, isTabserveError } from 'tabserve';
import { element } from '../dom.js';
import { t } from '../language.js';

export interface AlertOptions {
  /** What could not be done. */
  title: string;
  /** Offered where the same thing can work the second time. */
  retry?: () => void;
}

/** What a reader can do about it; the error's own message says what happened. */
const advice: Partial<Record<ErrorCode, string>> = {
  'image-tainted': t('Save the picture and drop the file in here instead.'),
  'image-undecodable': t('A JPEG, PNG, WebP, GIF, AVIF, BMP or SVG picture will do.'),
  'image-too-large': t('A smaller copy of the picture will do.'),
  network: t('If you are offline, use a picture or a model that is on this device.'),
  'queue-full': t('Wait a moment, then try again.'),
  'out-of-memory': t('Close other tabs, or choose a smaller model.'),
  'manifest-invalid': t('Correct the field in model.json, then drop the files again.'),
  'model-invalid': t('Check that the .onnx file and its model.json belong together.'),
  unsupported: t('Choose “Auto” as the device.'),
};

const shownAtMost = 3;

export class Alerts {
  readonly #region: HTMLElement;

  constructor(region: HTMLElement) {
    this.#region = region;
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#region.lastElementChild?.remove();
    });
  }

  show(error: unknown, options: AlertOptions): void {
    const known = isTabserveError(error) ? error : null;
    const message = error instanceof Error ? error.message : String(error);
    const alert = this.#build(options.title, message, known?.code ?? null);
    const help = known && advice[known.code];
    if (help !== undefined && help !== null) {
      alert
        .querySelector('.alert-message')
        ?.after(element('p', { class: 'alert-help', text: help }));
    }
    const { retry } = options;
    if (retry && (known?.retryable ?? false)) {
      const button = element('button', { class: 'button', text: t('Try again') });
      button.type = 'button';
      button.addEventListener('click', () => {
        alert.remove();
        retry();
      });
      alert.append(button);
    }
    this.#add(alert);
  }

  /** A refusal of the page itself, which is no error of the library's. */
  tell(title: string, message: string): void {
    this.#add(this.#build(title, message, null));
  }

  clear(): void {
    this.#region.replaceChildren();
  }

  #build(title: string, message: string, code: ErrorCode | null): HTMLElement {
    const heading = element('p', { class: 'alert-title', text: title });
    if (code) heading.append(' ', element('code', { text: code }));
    const close = element('button', { class: 'alert-close', text: '×' });
    close.type = 'button';
    close.setAttribute('aria-label', t('Dismiss: {1}', title));
    const alert = element(
      'div',
      { class: 'alert' },
      heading,
      element('p', { class: 'alert-message', text: message }),
      close,
    );
    alert.setAttribute('role', 'alert');
    close.addEventListener('click', () => alert.remove());
    return alert;
  }

  #add(alert: HTMLElement): void {
    while (this.#region.childElementCount >= shownAtMost) this.#region.firstElementChild?.remove();
    this.#region.append(alert);
  }
}
