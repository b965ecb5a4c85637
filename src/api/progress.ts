/** The `downloadprogress` events of a load. */
import type { CreateMonitor, CreateOptions, DownloadProgressEvent } from './types.js';

class ProgressEventOfBytes extends Event implements DownloadProgressEvent {
  declare readonly type: 'downloadprogress';
  readonly loaded: number;
  readonly total: number;
  readonly cached: number;

  constructor(loaded: number, total: number, cached: number) {
    super('downloadprogress');
    this.loaded = loaded;
    this.total = total;
    this.cached = cached;
  }
}

/** Hands a load's progress to the caller's monitor. */
export class DownloadMonitor {
  readonly #target = new EventTarget() as CreateMonitor;
  #loaded = -1;
  #total = 0;
  #cached = 0;

  constructor(monitor: NonNullable<CreateOptions['monitor']>) {
    monitor(this.#target);
  }

  /** Fires an event, unless it would say nothing new. */
  report(loaded: number, total: number, cached: number): void {
    if (loaded <= this.#loaded && total <= this.#total) return;
    this.#loaded = Math.max(this.#loaded, loaded);
    this.#total = Math.max(this.#total, total);
    this.#cached = Math.min(Math.max(this.#cached, cached), this.#loaded);
    this.#target.dispatchEvent(new ProgressEventOfBytes(this.#loaded, this.#total, this.#cached));
  }

  /** Says that all has arrived, if the last event did not. */
  finish(): void {
    this.report(this.#total, this.#total, this.#cached);
  }
}
