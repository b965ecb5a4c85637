/** Whose turn it is: the requests of several models on their way to the workers that serve them. */
import type { RequestPriority } from '../api/types.js';

/** Queues of a lane, the most urgent first. `again` is for requests that lost their worker. */
const ranks: readonly ('again' | RequestPriority)[] = ['again', 'high', 'normal', 'low'];

/**
 * The places of one worker: how many requests may be with it at a time.
 *
 * A free place goes to the most urgent waiting request; among lanes whose best requests are equally
 * urgent to the one that has waited longest for a turn, so that a model with a thousand requests
 * does not starve another with one. Urgency is strict: `low` waits as long as `normal` has requests.
 */
export class Places {
  readonly #lanes = new Set<Lane>();
  #free: number;

  constructor(capacity: number) {
    this.#free = capacity;
  }

  /** How many requests more may be with the worker now. */
  get free(): number {
    return this.#free;
  }

  /** Lets a lane take part. It takes its turn after the others. */
  add(lane: Lane): void {
    this.#lanes.add(lane);
    this.fill();
  }

  remove(lane: Lane): void {
    this.#lanes.delete(lane);
  }

  /** Gives free places away. */
  fill(): void {
    while (this.#free > 0) {
      let next: Lane | undefined;
      for (const lane of this.#lanes) {
        if (lane.rank < (next?.rank ?? ranks.length)) next = lane;
      }
      if (!next) return;
      // To the end of the order of turns.
      this.#lanes.delete(next);
      this.#lanes.add(next);
      this.#free -= 1;
      let isBack = false;
      const leave = () => {
        if (isBack) return;
        isBack = true;
        this.#free += 1;
        this.fill();
      };
      next.admit({ places: this, leave });
    }
  }
}

/** A request's place with a worker. */
export interface Place {
  /** Whose it is. */
  places: Places;
  /** Gives it back; further calls do nothing. */
  leave(): void;
}

interface Waiting {
  admit(place: Place): void;
  refuse(error: unknown): void;
}

/** The waiting requests of one model. They go to whichever of its workers has the most room. */
export class Lane {
  readonly #queues = ranks.map(() => new Set<Waiting>());
  readonly #places = new Set<Places>();

  /** The urgency of the best waiting request, 0 the highest; their number when none waits. */
  get rank(): number {
    const rank = this.#queues.findIndex((queue) => queue.size > 0);
    return rank < 0 ? ranks.length : rank;
  }

  /** Sends requests to this worker too from now on. */
  open(places: Places): void {
    this.#places.add(places);
    places.add(this);
  }

  /** Sends this worker no more requests. While there is no worker, they wait. */
  close(places: Places): void {
    this.#places.delete(places);
    places.remove(this);
  }

  /**
   * Waits for a place.
   *
   * @param signal - Gives up waiting; the promise rejects with its reason.
   */
  async enter(urgency: (typeof ranks)[number], signal: AbortSignal): Promise<Place> {
    signal.throwIfAborted();
    const queue = this.#queues[ranks.indexOf(urgency)] as Set<Waiting>;
    let forget: () => void = () => undefined;
    try {
      return await new Promise<Place>((admit, refuse) => {
        const waiting = { admit, refuse };
        const giveUp = () => refuse(signal.reason);
        forget = () => {
          signal.removeEventListener('abort', giveUp);
          queue.delete(waiting);
        };
        signal.addEventListener('abort', giveUp, { once: true });
        queue.add(waiting);
        for (const places of this.#byRoom()) places.fill();
      });
    } finally {
      forget();
    }
  }

  /** Admits the request at the head of the most urgent queue. */
  admit(place: Place): void {
    const queue = this.#queues[this.rank] ?? new Set();
    const [waiting] = queue;
    if (!waiting) {
      place.leave();
      return;
    }
    queue.delete(waiting);
    waiting.admit(place);
  }

  /** Rejects all that wait. */
  refuse(error: unknown): void {
    for (const queue of this.#queues) for (const waiting of queue) waiting.refuse(error);
  }

  #byRoom(): Places[] {
    return [...this.#places].sort((a, b) => b.free - a.free);
  }
}
