/** What a sound is: of a file, or of what the microphone hears. */
import { AudioClassifier, isTabserveError } from 'tabserve';
import { byId } from '../dom.js';
import { t } from '../language.js';
import type { Incoming } from '../sources/files.js';
import type { Alerts } from '../view/alerts.js';
import { showBars } from './bars.js';
import type { Kind } from './kinds.js';
import { ModelBox } from './model-box.js';

export class Sounds implements Kind {
  readonly #alerts: Alerts;
  readonly #box: ModelBox<AudioClassifier>;
  readonly #listen = byId('sound-listen', HTMLButtonElement);
  #file: File | undefined;
  #running: AbortController | undefined;
  #stream: MediaStream | undefined;

  constructor(alerts: Alerts) {
    this.#alerts = alerts;
    this.#box = new ModelBox(
      'sound',
      alerts,
      (model, signal, monitor) => AudioClassifier.create({ model, signal, monitor }),
      () => void this.#hear(),
    );
    const file = byId('sound-file', HTMLInputElement);
    byId('sound-choose', HTMLButtonElement).addEventListener('click', () => file.click());
    file.addEventListener('change', () => {
      const [chosen] = file.files ?? [];
      file.value = '';
      if (chosen) this.#take(chosen);
    });
    this.#listen.addEventListener('click', () => {
      if (this.#stream) this.#stop();
      else void this.#start();
    });
  }

  open(): void {}

  close(): void {
    this.#box.cancel();
    this.#running?.abort();
    this.#stop();
  }

  take(incoming: Incoming): void {
    if (incoming.kind === 'model') return void this.#box.load([...incoming.files]);
    const [file] = incoming.kind === 'pictures' ? incoming.files : [];
    if (file) this.#take(file);
    else
      this.#alerts.tell(
        t('Nothing to hear'),
        t('Drop a sound, or the files of a model of sounds.'),
      );
  }

  #take(file: File): void {
    this.#file = file;
    byId('sound-name', HTMLElement).textContent = file.name;
    void this.#hear();
  }

  async #hear(): Promise<void> {
    const { model } = this.#box;
    const file = this.#file;
    if (!file) return;
    if (!model) {
      byId('sound-summary', HTMLElement).textContent = t(
        'Load a model, and its answers appear here.',
      );
      return;
    }
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    try {
      this.#show(await model.classify(file, { topK: 5, signal: running.signal }));
    } catch (error) {
      if (running.signal.aborted || isTabserveError(error, 'destroyed')) return;
      this.#alerts.show(error, { title: t('No answer for “{1}”', file.name) });
    }
  }

  async #start(): Promise<void> {
    const { model } = this.#box;
    if (!model) {
      this.#alerts.tell(t('There is no model yet'), t('Load one, then let it listen.'));
      return;
    }
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      this.#alerts.tell(t('The microphone is not available'), String(error));
      return;
    }
    this.#stream = stream;
    this.#listen.textContent = t('Stop listening');
    byId('sound-name', HTMLElement).textContent = t('The microphone');
    try {
      for await (const { classifications } of model.watch(stream, { topK: 5 })) {
        this.#show(classifications);
      }
    } catch (error) {
      if (!isTabserveError(error, 'destroyed')) {
        this.#alerts.show(error, { title: t('Listening ended') });
      }
    } finally {
      if (this.#stream === stream) this.#stop();
    }
  }

  #stop(): void {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    this.#listen.textContent = t('Listen');
  }

  #show(answers: readonly { label: string; score: number }[]): void {
    showBars(byId('sound-list', HTMLOListElement), answers);
    byId('sound-summary', HTMLElement).textContent = answers[0]?.label ?? t('No answer.');
  }
}
