/** A circuit breaker: whoever fails again and again is left alone for a while. */

/** Where a breaker is. `half-open` lets one request try. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** When a model that fails is left alone, and for how long. */
export interface BreakerOptions {
  /** Failures in a row that open it. @default 5 */
  failures?: number;
  /** Milliseconds that it stays open, before one request may try. @default 30_000 */
  pause?: number;
}

/** Counts failures in a row. */
export class CircuitBreaker {
  readonly #most: number;
  readonly #pause: number;
  readonly #now: () => number;
  #failures = 0;
  #openedAt: number | null = null;
  #isTrying = false;

  constructor(
    { failures = 5, pause = 30_000 }: BreakerOptions = {},
    now = () => performance.now(),
  ) {
    this.#most = failures;
    this.#pause = pause;
    this.#now = now;
  }

  get state(): BreakerState {
    if (this.#openedAt === null) return 'closed';
    return this.#now() - this.#openedAt >= this.#pause ? 'half-open' : 'open';
  }

  /** Whether a request may try now. It has to tell what came of it. */
  enter(): boolean {
    const { state } = this;
    if (state === 'closed') return true;
    if (state === 'open' || this.#isTrying) return false;
    this.#isTrying = true;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openedAt = null;
    this.#isTrying = false;
  }

  failed(): void {
    this.#failures += 1;
    this.#isTrying = false;
    if (this.#openedAt !== null || this.#failures >= this.#most) this.#openedAt = this.#now();
  }

  /** The request that was let in ended without telling anything, such as by its caller's abort. */
  left(): void {
    this.#isTrying = false;
  }
}
