/** A request's payload: captured at the right moment, and sent again when its worker was lost. */
import { untilAborted } from '../base/abort.js';
import { TabserveError } from '../base/errors.js';
import type { PageTask } from '../tasks/task.js';

/** Bytes that waiting requests hold together. */
export class PayloadBudget {
  readonly limit: number;
  /** Bytes that are held, or about to be. */
  held = 0;
  /** Payloads that are not closed yet. */
  open = 0;

  constructor(limit: number) {
    this.limit = limit;
  }
}

/** What all models of the page may hold for waiting requests. */
export const pageBudget = new PayloadBudget(2 ** 28);

/**
 * The payload of one request.
 *
 * What lasts (a file, an address, an `<img>`) is captured each time that it is sent: ten thousand
 * waiting photos hold no pixels. What can change or vanish (a canvas, a video, pixels, bytes, a
 * bitmap) is captured once, and kept until the answer for a second attempt.
 */
export class HeldPayload<Source, Payload> {
  /** What captures it. */
  readonly task: PageTask<Source, Payload>;
  readonly #source: Source;
  readonly #isLasting: boolean;
  readonly #budget: PayloadBudget;
  /** Ends a capture when the request has ended. */
  readonly #life = new AbortController();
  #held: Promise<Payload> | undefined;
  #bytes = 0;
  #isSpent = false;

  /**
   * @param now - Captures what can change at once; otherwise everything is captured when it is
   *   first sent, and the source has to stay as it is until then.
   * @throws TabserveError `queue-full` when too much is held already.
   */
  constructor(
    task: PageTask<Source, Payload>,
    source: Source,
    now: boolean,
    budget: PayloadBudget = pageBudget,
  ) {
    this.task = task;
    this.#source = source;
    this.#isLasting = task.isLasting(source);
    this.#budget = budget;
    if (!now || this.#isLasting) {
      budget.open += 1;
      return;
    }
    const { held, limit } = budget;
    // What is under way counts from the call on: a loop may ask a thousand times in one tick.
    const expected = task.expectedBytes?.(source) ?? 0;
    if (held > 0 && held + expected > limit) {
      throw new TabserveError(
        'queue-full',
        `Waiting requests hold ${held} bytes already, and this one would add ${expected}. Await answers before asking more, or pass an array, of which few are held at a time.`,
        { details: { heldBytes: held, limit } },
      );
    }
    budget.open += 1;
    this.#count(expected);
    this.#hold();
  }

  /** Whether there is nothing left to send: the payload was handed over, and had no copy. */
  get isSpent(): boolean {
    return this.#isSpent;
  }

  /**
   * The payload, to be transferred to a worker; the caller's to close.
   *
   * @param again - Whether it may be needed once more.
   * @throws TabserveError as the task's `capture()`; the signal's reason, however long the capture
   *   takes.
   */
  async take(again: boolean, signal: AbortSignal): Promise<Payload> {
    if (this.#isLasting) {
      const ends = AbortSignal.any([signal, this.#life.signal]);
      return this.#owned(this.task.capture(this.#source, ends), ends);
    }
    const payload = await untilAborted(this.#held ?? this.#hold(), signal);
    signal.throwIfAborted();
    if (again) {
      const copy = this.task.copy(payload);
      const made = copy instanceof Promise ? await this.#owned(copy, signal) : copy;
      if (made !== null) return made;
    }
    this.#isSpent = true;
    this.#held = undefined;
    return payload;
  }

  /** Frees what is held, and ends a capture that is under way. */
  release(): void {
    if (this.#life.signal.aborted) return;
    this.#isSpent = true;
    this.#budget.open -= 1;
    this.#life.abort(new TabserveError('destroyed', 'The request has ended.'));
    this.#count(0);
    this.#held?.then(
      (payload) => this.task.close(payload),
      () => undefined,
    );
    this.#held = undefined;
  }

  #hold(): Promise<Payload> {
    const { signal } = this.#life;
    this.#held = this.#owned(this.task.capture(this.#source, signal), signal).then((payload) => {
      if (!signal.aborted) this.#count(this.task.bytes(payload));
      return payload;
    });
    // Reported when the payload is taken.
    this.#held.catch(() => undefined);
    return this.#held;
  }

  /** What comes after the signal belongs to nobody and is closed. */
  #owned<T extends Payload | null>(payload: Promise<T>, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason);
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
      payload.then(
        (value) => {
          signal.removeEventListener('abort', onAbort);
          if (!signal.aborted) resolve(value);
          else if (value !== null) this.task.close(value);
        },
        (error: unknown) => {
          signal.removeEventListener('abort', onAbort);
          reject(error);
        },
      );
    });
  }

  #count(bytes: number): void {
    this.#budget.held += bytes - this.#bytes;
    this.#bytes = bytes;
  }
}
