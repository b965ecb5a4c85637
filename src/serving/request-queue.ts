/** Whose turn it is: the requests of several models on their way to the workers that serve them. */
import type { RequestPriority } from '../api/types.js';

/** Ranks of a queue, the most urgent first. `again` is for requests that have had a turn before. */
const ranks: readonly ('again' | RequestPriority)[] = ['again', 'high', 'normal', 'low'];

/**
 * The slots of one worker: how many requests may be with it at a time.
 *
 * A free slot goes to the most urgent waiting request; among queues whose best requests are equally
 * urgent to the one that has waited longest for a turn, so that a model with a thousand requests
 * does not starve another with one. Urgency is strict: `low` waits as long as `normal` has requests.
 */
export class Slots {
  readonly #queues = new Set<RequestQueue>();
  #capacity: number;
  #free: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#free = capacity;
  }

  /** How many requests may be with the worker. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Lets so many be with the worker, if that is more than so far. */
  widen(capacity: number): void {
    if (capacity <= this.#capacity) return;
    this.#free += capacity - this.#capacity;
    this.#capacity = capacity;
    this.fill();
  }

  /** How many requests more may be with the worker now. */
  get free(): number {
    return this.#free;
  }

  /** Lets a queue take part. It takes its turn after the others. */
  add(queue: RequestQueue): void {
    this.#queues.add(queue);
    this.fill();
  }

  remove(queue: RequestQueue): void {
    this.#queues.delete(queue);
  }

  /** Gives free slots away. */
  fill(): void {
    while (this.#free > 0) {
      let next: RequestQueue | undefined;
      for (const queue of this.#queues) {
        if (queue.rank < (next?.rank ?? ranks.length)) next = queue;
      }
      if (!next) return;
      // To the end of the order of turns.
      this.#queues.delete(next);
      this.#queues.add(next);
      this.#free -= 1;
      let isBack = false;
      const leave = () => {
        if (isBack) return;
        isBack = true;
        this.#free += 1;
        this.fill();
      };
      next.admit({ slots: this, leave });
    }
  }
}

/** A request's slot with a worker. */
export interface Slot {
  /** Whose it is. */
  slots: Slots;
  /** Gives it back; further calls do nothing. */
  leave(): void;
}

interface Waiting {
  admit(slot: Slot): void;
  refuse(error: unknown): void;
}

/** The waiting requests of one model. They go to whichever of its workers has the most room. */
export class RequestQueue {
  readonly #waiting = ranks.map(() => new Set<Waiting>());
  readonly #slots = new Set<Slots>();

  /** The urgency of the best waiting request, 0 the highest; their number when none waits. */
  get rank(): number {
    const rank = this.#waiting.findIndex((each) => each.size > 0);
    return rank < 0 ? ranks.length : rank;
  }

  /** How many requests wait. */
  get length(): number {
    return this.#waiting.reduce((sum, each) => sum + each.size, 0);
  }

  /** Sends requests to this worker too from now on. */
  open(slots: Slots): void {
    this.#slots.add(slots);
    slots.add(this);
  }

  /** Sends this worker no more requests. While there is no worker, they wait. */
  close(slots: Slots): void {
    this.#slots.delete(slots);
    slots.remove(this);
  }

  /**
   * Waits for a slot.
   *
   * @param signal - Gives up waiting; the promise rejects with its reason.
   */
  enter(urgency: (typeof ranks)[number], signal: AbortSignal): Promise<Slot> {
    return new Promise<Slot>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const rank = this.#waiting[ranks.indexOf(urgency)] as Set<Waiting>;
      // Gone from the queue before anything else can happen: a slot that is given to a request which
      // has given up would be lost.
      const forget = () => {
        signal.removeEventListener('abort', giveUp);
        rank.delete(waiting);
      };
      const waiting: Waiting = {
        admit(slot) {
          forget();
          resolve(slot);
        },
        refuse(error) {
          forget();
          reject(error);
        },
      };
      const giveUp = () => waiting.refuse(signal.reason);
      signal.addEventListener('abort', giveUp, { once: true });
      rank.add(waiting);
      for (const slots of this.#byRoom()) slots.fill();
    });
  }

  /** Admits the request at the head of the most urgent rank. */
  admit(slot: Slot): void {
    const [waiting] = this.#waiting[this.rank] ?? [];
    if (waiting) waiting.admit(slot);
    else slot.leave();
  }

  /** Rejects all that wait. */
  refuse(error: unknown): void {
    for (const rank of this.#waiting) for (const waiting of [...rank]) waiting.refuse(error);
  }

  #byRoom(): Slots[] {
    return [...this.#slots].sort((a, b) => b.free - a.free);
  }
}
