/** What a text is, while it is written. */
import { isTabserveError, TextClassifier } from 'tabserve';
import { byId } from '../dom.js';
import { t } from '../language.js';
import type { Incoming } from '../sources/files.js';
import type { Alerts } from '../view/alerts.js';
import { showBars } from './bars.js';
import type { Kind } from './kinds.js';
import { ModelBox } from './model-box.js';

export class Texts implements Kind {
  readonly #alerts: Alerts;
  readonly #box: ModelBox<TextClassifier>;
  readonly #text = byId('text-input', HTMLTextAreaElement);
  #running: AbortController | undefined;

  constructor(alerts: Alerts) {
    this.#alerts = alerts;
    this.#box = new ModelBox(
      'text',
      alerts,
      (model, signal, monitor) => TextClassifier.create({ model, signal, monitor }),
      (model) => {
        model.addEventListener('request', ({ detail }) => {
          const { tokens, isTruncated } = detail.preprocessing;
          byId('text-tokens', HTMLElement).textContent = isTruncated
            ? t('{1} tokens were read, and no more of it.', tokens)
            : t('{1} tokens were read.', tokens);
        });
        void this.#read();
      },
    );
    this.#text.addEventListener('input', () => void this.#read());
  }

  open(): void {}

  close(): void {
    this.#box.cancel();
    this.#running?.abort();
  }

  take(incoming: Incoming): void {
    if (incoming.kind === 'model') void this.#box.load([...incoming.files]);
    else
      this.#alerts.tell(
        t('Nothing to read'),
        t('Type a text, or drop the files of a model of texts.'),
      );
  }

  async #read(): Promise<void> {
    const { model } = this.#box;
    const text = this.#text.value;
    if (!model || text.trim() === '') return;
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    try {
      const answers = await model.classify(text, { topK: 5, signal: running.signal });
      showBars(byId('text-list', HTMLOListElement), answers);
      byId('text-summary', HTMLElement).textContent = answers[0]?.label ?? t('No answer.');
    } catch (error) {
      if (running.signal.aborted || isTabserveError(error, 'destroyed')) return;
      this.#alerts.show(error, { title: t('No answer for this text') });
    }
  }
}
