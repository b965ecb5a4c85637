/** Sends pictures to the classifier. The newest one wins: nobody waits for yesterday's answer. */
import { type ImageClassifier, isTabserveError } from 'tabserve';
import { t } from './language.js';
import type { Picture, State } from './state.js';
import type { Alerts } from './view/alerts.js';

export class Requests {
  readonly #state: State;
  readonly #alerts: Alerts;
  #running: { picture: Picture; abort: AbortController } | null = null;
  #waiting: Picture | null = null;

  constructor(state: State, alerts: Alerts) {
    this.#state = state;
    this.#alerts = alerts;
    state.load.subscribe((load) => {
      if (load.phase === 'ready') void this.#next();
    });
  }

  /** Whether nothing runs and nothing waits. */
  get idle(): boolean {
    return this.#waiting === null && (this.#running?.abort.signal.aborted ?? true);
  }

  classify(picture: Picture): void {
    this.#waiting = picture;
    // A stroke's next state comes before the answer to the last one, again and again; aborting
    // would starve the pad of answers. Anything else is something new.
    const live = picture.origin === 'pad' && this.#running?.picture.origin === 'pad';
    if (!live) {
      this.#running?.abort.abort();
      this.#state.answer.set({ kind: 'waiting', picture });
    }
    void this.#next();
  }

  /** Drops what runs and what waits. */
  forget(): void {
    this.#waiting = null;
    this.#running?.abort.abort();
    this.#state.answer.set({ kind: 'none' });
  }

  async #next(): Promise<void> {
    const classifier = this.#state.classifier.current;
    const picture = this.#waiting;
    const busy = this.#running !== null && !this.#running.abort.signal.aborted;
    if (!classifier || !picture || busy || this.#state.load.current.phase !== 'ready') return;
    this.#waiting = null;
    const running = { picture, abort: new AbortController() };
    this.#running = running;
    try {
      await this.#answer(classifier, picture, running.abort.signal);
    } finally {
      if (this.#running === running) this.#running = null;
      void this.#next();
    }
  }

  async #answer(classifier: ImageClassifier, picture: Picture, signal: AbortSignal): Promise<void> {
    try {
      const scores = await classifier.classify(picture.source, { topK: 5, signal });
      if (!signal.aborted) this.#state.answer.set({ kind: 'scores', picture, scores });
    } catch (error) {
      if (signal.aborted) return;
      // The model was changed meanwhile: ask the new one.
      if (isTabserveError(error, 'destroyed')) {
        this.#waiting ??= picture;
        return;
      }
      this.#alerts.show(error, { title: t('No answer for “{1}”', picture.name) });
      this.#state.answer.set({ kind: 'failed', picture });
    }
  }
}
