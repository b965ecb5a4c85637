/** The order of work in a worker: one thing at a time in the engine, few requests in memory. */

/**
 * Runs asynchronous tasks one after the other, in the order of {@link run}.
 *
 * ONNX Runtime needs it around every create, run and release: two concurrent runs on WebGPU block
 * the thread for good, and a release during a run reads freed memory. A failed task does not affect
 * the next.
 */
export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(task);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

/**
 * Lets at most `capacity` holders in at a time, first come, first served.
 *
 * It bounds how much prepared input exists: those of the holders.
 */
export class Gate {
  #capacity: number;
  readonly #waiting: Array<() => void> = [];
  #inside = 0;

  /** How many are in. */
  get inside(): number {
    return this.#inside;
  }

  /** How many wait for a place. */
  get waiting(): number {
    return this.#waiting.length;
  }

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Lets so many in at a time, if that is more than so far. */
  widen(capacity: number): void {
    for (; this.#capacity < capacity; this.#capacity += 1) {
      const next = this.#waiting.shift();
      if (!next) continue;
      this.#inside += 1;
      next();
    }
  }

  /**
   * Waits for a place.
   *
   * @param signal - Gives up waiting; the promise rejects with its reason.
   * @returns A function that gives the place back; further calls do nothing.
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#inside < this.#capacity) {
      this.#inside += 1;
    } else {
      await this.#wait(signal);
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const next = this.#waiting.shift();
      if (next) next();
      else this.#inside -= 1;
    };
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const admit = () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(admit), 1);
        reject(signal.reason);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(admit);
    });
  }
}
