/** The camera of the teaching panel. */
import { t } from '../language.js';

const refusals: Readonly<Record<string, string>> = {
  NotAllowedError: t('The browser was told not to. Allow the camera for this page and try again.'),
  NotFoundError: t('There is no camera on this device.'),
  NotReadableError: t('Another program is using it.'),
};

export class Recorder {
  readonly #video: HTMLVideoElement;
  #stream: MediaStream | undefined;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    addEventListener('pagehide', () => this.stop());
  }

  /** What a refusal means to the person in front of it. */
  static reason(error: unknown): string {
    const name = error instanceof Error || error instanceof DOMException ? error.name : '';
    return refusals[name] ?? t('This page may not use a camera: it needs https or localhost.');
  }

  /** The running camera; it stays on until {@link stop}, for the next class. */
  async start(): Promise<HTMLVideoElement> {
    if (!this.#stream) {
      this.#stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { facingMode: 'environment', width: { ideal: 640 } },
      });
      for (const track of this.#stream.getVideoTracks()) track.onended = () => this.stop();
      this.#video.srcObject = this.#stream;
      this.#video.hidden = false;
      await this.#video.play();
    }
    return this.#video;
  }

  stop(): void {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    this.#video.srcObject = null;
    this.#video.hidden = true;
  }
}
