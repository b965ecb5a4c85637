/** Frames of a video, one after the other, at the pace of whoever asks for them. */
import { TabserveError } from '../../base/errors.js';

/** A frame that a video shows. */
export interface ShownFrame {
  /** Seconds from the start of the video. */
  mediaTime: number;
  /** Frames shown so far. */
  presentedFrames: number;
}

/**
 * Follows which frame a video shows.
 *
 * Nothing is ever queued: {@link next} waits until the video shows a frame that was not returned
 * before, and frames that pass while nobody waits are gone. One that has been shown for a while is passed
 * over for the one that is about to come: an answer about it would be old already. A hidden tab shows none, so following
 * pauses there by itself.
 */
export class FrameFollower {
  readonly #video: HTMLVideoElement;
  readonly #signal: AbortSignal;
  #shown: ShownFrame;
  #taken = -1;
  /** When the frame came, and milliseconds between frames; 0 while unknown. */
  #shownAt = performance.now();
  #interval = 0;
  #wake: () => void = () => undefined;
  #handle: number | undefined;

  constructor(video: HTMLVideoElement, signal: AbortSignal) {
    this.#video = video;
    this.#signal = signal;
    const hasFrame = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    this.#shown = { mediaTime: video.currentTime, presentedFrames: hasFrame ? 0 : -1 };
    for (const type of ['ended', 'error'] as const) {
      video.addEventListener(type, () => this.#wake(), { signal });
    }
    // A paused video presents no frames, but shows another one after a seek.
    video.addEventListener('seeked', () => this.#present(video.currentTime), { signal });
    video.addEventListener('loadeddata', () => this.#present(video.currentTime), { signal });
    signal.addEventListener('abort', () => {
      this.#wake();
      if (this.#handle !== undefined) video.cancelVideoFrameCallback?.(this.#handle);
    });
    // A stream that ends, or loses its last track, need not say so by the video's `ended`.
    for (const target of streamOf(video)) {
      for (const type of ['ended', 'inactive', 'removetrack'] as const) {
        target.addEventListener(type, () => this.#wake(), { signal });
      }
    }
    this.#follow();
  }

  /**
   * The newest frame not returned yet; `undefined` when the video has ended.
   *
   * @throws TabserveError `image-undecodable` when the video fails; the signal's reason.
   */
  async next(): Promise<ShownFrame | undefined> {
    let isPatient = true;
    for (;;) {
      this.#signal.throwIfAborted();
      if (this.#video.error) {
        throw new TabserveError(
          'image-undecodable',
          `The video cannot be played: ${this.#video.error.message}`,
        );
      }
      // A video that seeks, as one that loops does at its end, has no frame to give meanwhile.
      const hasFrame = this.#video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
      if (hasFrame && this.#shown.presentedFrames > this.#taken) {
        const wait = isPatient ? this.#untilFresher() : 0;
        isPatient = false;
        if (wait > 0) {
          const timer = setTimeout(() => this.#wake(), wait);
          await this.#something();
          clearTimeout(timer);
          continue;
        }
        this.#taken = this.#shown.presentedFrames;
        return this.#shown;
      }
      if (this.#video.ended || isStreamOver(this.#video)) return undefined;
      await this.#something();
    }
  }

  /** Milliseconds that are worth waiting for the frame after the one that is shown; 0 where none are. */
  #untilFresher(): number {
    const interval = this.#interval;
    const age = performance.now() - this.#shownAt;
    // Of a video that stands still no other one comes.
    if (this.#video.paused !== false || age <= interval / 2 || age >= 2 * interval) return 0;
    // On a busy machine a frame is often shown a refresh of the screen or two late.
    return 2 * interval - age;
  }

  /** Settles when something has happened. */
  #something(): Promise<void> {
    return new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Waits, unless `milliseconds` is not positive or the signal ends it. */
  async pause(milliseconds: number): Promise<void> {
    if (milliseconds <= 0 || this.#signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.#signal.addEventListener('abort', end);
    });
  }

  #present(mediaTime: number): void {
    const now = performance.now();
    const latest = now - this.#shownAt;
    this.#interval = this.#interval === 0 ? latest : (3 * this.#interval + latest) / 4;
    this.#shownAt = now;
    this.#shown = { mediaTime, presentedFrames: this.#shown.presentedFrames + 1 };
    this.#wake();
  }

  #follow(): void {
    if (this.#signal.aborted) return;
    if ('requestVideoFrameCallback' in this.#video) {
      this.#handle = this.#video.requestVideoFrameCallback((_now, { mediaTime }) => {
        this.#present(mediaTime);
        this.#follow();
      });
      return;
    }
    requestAnimationFrame(() => {
      const { currentTime, readyState } = this.#video;
      const hasFrame = readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
      if (hasFrame && currentTime !== this.#shown.mediaTime) this.#present(currentTime);
      this.#follow();
    });
  }
}

/** The stream that a video shows, such as a camera's, with its tracks. */
function streamOf({ srcObject }: HTMLVideoElement): EventTarget[] {
  if (!isStream(srcObject)) return [];
  return [srcObject, ...srcObject.getVideoTracks()];
}

/** Whether it shows a stream of which no picture will come any more. */
function isStreamOver({ srcObject }: HTMLVideoElement): boolean {
  return (
    isStream(srcObject) &&
    srcObject.getVideoTracks().every(({ readyState }) => readyState === 'ended')
  );
}

function isStream(source: MediaProvider | null): source is MediaStream {
  return typeof source === 'object' && source !== null && 'getVideoTracks' in source;
}
