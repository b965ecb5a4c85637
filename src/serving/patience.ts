/** How long a worker may be silent: so many times the longest stretch that it was seen to take. */

/**
 * Milliseconds of silence that a run is given: so many times the longest one so far, since a busy
 * machine is slower than it was, and at least as many.
 */
const limits = { factor: 20, least: 3_000, first: 60_000 } as const;

/** What a model's worker is seen to do. */
export class Patience {
  /** Milliseconds of the longest stretch that a worker was seen to spend on loading or running. */
  readonly #longest: { load?: number; run?: number } = {};

  /** The patience with a backend of which nothing is known. */
  static readonly first = limits.first;

  /** Milliseconds that the worker may be silent over this model's load or run. */
  of(stage: 'load' | 'run'): number {
    const longest = this.#longest[stage];
    return longest === undefined ? limits.first : Math.max(limits.least, limits.factor * longest);
  }

  /** A long stretch counts for less with every shorter one after it. */
  note(stage: 'load' | 'run', duration: number): void {
    this.#longest[stage] = Math.max(duration, 0.8 * (this.#longest[stage] ?? 0));
  }

  /** A worker was ended for its silence. It may have worked after all: the next gets more time. */
  noteSilence(silence: unknown): void {
    if (typeof silence !== 'number') return;
    for (const stage of ['load', 'run'] as const) {
      if (this.#longest[stage] !== undefined) this.note(stage, (2 * silence) / limits.factor);
    }
  }
}
