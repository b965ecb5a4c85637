/** The camera: its newest frame is classified, the others are let go. */
import { isTabserveError } from 'tabserve';
import { byId } from '../dom.js';
import { t } from '../language.js';
import type { State } from '../state.js';
import type { Alerts } from '../view/alerts.js';

/** What the browser's refusals mean to the person in front of it. */
const refusals: Readonly<Record<string, string>> = {
  NotAllowedError: t('The browser was told not to. Allow the camera for this page and try again.'),
  NotFoundError: t('There is no camera on this device.'),
  NotReadableError: t('Another program is using it.'),
  OverconstrainedError: t('It does not deliver a picture of a usable size.'),
};

export class Camera {
  readonly #state: State;
  readonly #alerts: Alerts;
  readonly #video = byId('video', HTMLVideoElement);
  readonly #start = byId('camera-start', HTMLButtonElement);
  readonly #stop = byId('camera-stop', HTMLButtonElement);
  readonly #rate = byId('camera-rate', HTMLElement);
  #stream: MediaStream | null = null;
  #watching: AbortController | null = null;

  constructor(state: State, alerts: Alerts) {
    this.#state = state;
    this.#alerts = alerts;
    this.#start.addEventListener('click', () => void this.start());
    this.#stop.addEventListener('click', () => {
      this.stop();
      this.#start.focus();
    });
    addEventListener('pagehide', () => this.stop());
    state.classifier.subscribe(() => {
      if (this.#stream) void this.#watch();
    });
  }

  async start(): Promise<void> {
    if (this.#stream) return;
    this.#start.disabled = true;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { facingMode: 'environment', width: { ideal: 1280 } },
      });
      this.#stream = stream;
      // Unplugging it, or taking the permission back, ends the track.
      for (const track of stream.getVideoTracks()) track.onended = () => this.stop();
      this.#video.srcObject = stream;
      await this.#video.play();
    } catch (error) {
      this.stop();
      const name = error instanceof Error || error instanceof DOMException ? error.name : '';
      this.#alerts.tell(
        t('The camera did not start'),
        refusals[name] ?? t('This page may not use a camera: it needs https or localhost.'),
      );
      return;
    }
    this.#stop.disabled = false;
    this.#show(true);
    this.#rate.textContent = t('Waiting for the model…');
    void this.#watch();
  }

  stop(): void {
    this.#watching?.abort();
    this.#watching = null;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#video.srcObject = null;
    this.#start.disabled = false;
    this.#stop.disabled = true;
    this.#rate.textContent = t('Camera off');
    this.#show(false);
  }

  async #watch(): Promise<void> {
    this.#watching?.abort();
    const classifier = this.#state.classifier.current;
    if (!classifier) return;
    const watching = new AbortController();
    const { signal } = watching;
    this.#watching = watching;
    const rate = new Rate();
    const picture = { name: t('Camera'), source: this.#video, origin: 'camera' } as const;
    try {
      for await (const frame of classifier.watch(this.#video, { topK: 5, signal })) {
        this.#state.answer.set({ kind: 'scores', picture, scores: frame.classifications });
        this.#rate.textContent = t(
          '{1} a second, {2} frames let go',
          rate.tick(),
          frame.skippedFrames,
        );
      }
    } catch (error) {
      if (signal.aborted || isTabserveError(error, 'destroyed')) return;
      this.#alerts.show(error, { title: t('The camera’s picture could not be classified') });
      this.stop();
    }
  }

  #show(on: boolean): void {
    this.#video.hidden = !on;
    byId('camera-empty', HTMLElement).hidden = on;
  }
}

/** Answers per second over the last second. */
class Rate {
  readonly #times: number[] = [];

  tick(): number {
    const now = performance.now();
    this.#times.push(now);
    while ((this.#times[0] ?? now) < now - 1000) this.#times.shift();
    return this.#times.length;
  }
}
