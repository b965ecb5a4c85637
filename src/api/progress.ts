/** The `downloadprogress` events of a load. */
import type { CreateMonitor, CreateOptions, DownloadProgressEvent } from './types.js';

/** What an event tells. */
type Told = Pick<
  DownloadProgressEvent,
  'loaded' | 'total' | 'cached' | 'lengthComputable' | 'progress'
>;

class ProgressEventOfBytes extends Event implements DownloadProgressEvent {
  declare readonly type: 'downloadprogress';
  readonly loaded: number;
  readonly total: number;
  readonly cached: number;
  readonly lengthComputable: boolean;
  readonly progress: number;

  constructor(told: Told) {
    super('downloadprogress');
    this.loaded = told.loaded;
    this.total = told.total;
    this.cached = told.cached;
    this.lengthComputable = told.lengthComputable;
    this.progress = told.progress;
  }
}

/** Hands a load's progress to the caller's monitor. */
export class DownloadMonitor {
  readonly #target = new EventTarget() as CreateMonitor;
  #told: Told = { loaded: -1, total: 0, cached: 0, lengthComputable: false, progress: 0 };

  constructor(monitor: NonNullable<CreateOptions['monitor']>) {
    monitor(this.#target);
  }

  /**
   * Fires an event, unless it would say nothing new.
   *
   * @param total - `Infinity` while it is not known.
   */
  report(loaded: number, total: number, cached: number): void {
    const last = this.#told;
    const lengthComputable = Number.isFinite(total);
    const isNew = loaded > last.loaded || (lengthComputable && !last.lengthComputable);
    if (!isNew && !(lengthComputable && total > last.total)) return;
    const most = Math.max(last.loaded, loaded);
    const all = Math.max(last.total, most, lengthComputable ? total : 0);
    // Where the end is not known, what is said to be done would have to be taken back.
    const share = !lengthComputable ? 0 : all === 0 ? 1 : most / all;
    this.#tell({
      loaded: most,
      total: all,
      cached: Math.min(Math.max(last.cached, cached), most),
      lengthComputable,
      progress: Math.max(last.progress, share),
    });
  }

  /** Says that all has arrived, if the last event did not. */
  finish(): void {
    const { loaded, total, cached, progress } = this.#told;
    if (progress === 1) return;
    const all = Math.max(loaded, total);
    this.#tell({ loaded: all, total: all, cached, lengthComputable: true, progress: 1 });
  }

  #tell(told: Told): void {
    this.#told = told;
    this.#target.dispatchEvent(new ProgressEventOfBytes(told));
  }
}
