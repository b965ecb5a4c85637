/** Where a request's time went. */

/** Adds the time since the last lap, in milliseconds, to a named stage. */
export class Laps<Stage extends string> {
  readonly #durations = new Map<Stage, number>();
  #last = performance.now();

  lap(stage: Stage): void {
    const now = performance.now();
    this.#durations.set(stage, this.read(stage) + now - this.#last);
    this.#last = now;
  }

  /** Milliseconds so far; 0 for a stage that never ran. */
  read(stage: Stage): number {
    return this.#durations.get(stage) ?? 0;
  }
}
