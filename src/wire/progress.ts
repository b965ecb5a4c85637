/** Bytes of several downloads, added up. */

/**
 * Receives bytes so far, in all, and how many of them did not come over the network. In all it is
 * `Infinity` while neither the manifest nor the server says how large a file is.
 */
export type ProgressListener = (loaded: number, total: number, cached: number) => void;

/** Milliseconds between two reports: more often nobody can see, and each is a message to the page. */
const reportInterval = 40;

/** Passes on the first report and the last one at once, and in between the latest every now and then. */
export function paced(listener: ProgressListener): ProgressListener {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let latest: Parameters<ProgressListener> | undefined;
  const flush = () => {
    timer = undefined;
    if (latest) listener(...latest);
    latest = undefined;
  };
  return (loaded, total, cached) => {
    latest = [loaded, total, cached];
    if (timer !== undefined && loaded < total) return;
    clearTimeout(timer);
    flush();
    timer = setTimeout(flush, reportInterval);
  };
}

/**
 * Adds up the progress of several parts. It reports nothing before every part's size is known, so
 * that the total does not move, and what it reports never falls.
 */
export class ProgressTotal<Part extends string> {
  readonly #parts: Map<Part, { loaded: number; total: number; cached: number } | null>;
  readonly #listener: ProgressListener;
  #loaded = 0;

  constructor(parts: readonly Part[], listener: ProgressListener) {
    this.#parts = new Map(parts.map((part) => [part, null]));
    this.#listener = listener;
  }

  /** Notes a part's bytes so far, in all, and from the store. */
  set(part: Part, loaded: number, total: number, cached = 0): void {
    this.#parts.set(part, { loaded, total, cached });
    let allLoaded = 0;
    let allCached = 0;
    let allTotal = 0;
    for (const each of this.#parts.values()) {
      if (each === null) return;
      allLoaded += each.loaded;
      allTotal += each.total;
      allCached += each.cached;
    }
    this.#loaded = Math.max(this.#loaded, allLoaded);
    this.#listener(this.#loaded, Math.max(allTotal, this.#loaded), allCached);
  }
}
