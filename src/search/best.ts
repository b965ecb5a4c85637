/** The greatest of many scores, kept in a binary heap whose root is the least of them. */

/** A score and what has it. */
export interface Scored {
  score: number;
  place: number;
}

/** Keeps the `count` greatest scores of those that are offered, ties by the lower place. */
export class Best {
  readonly #count: number;
  readonly #heap: Scored[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  offer(score: number, place: number): void {
    const heap = this.#heap;
    if (heap.length < this.#count) {
      heap.push({ score, place });
      this.#up(heap.length - 1);
      return;
    }
    const least = heap[0];
    if (!least || score < least.score || (score === least.score && place > least.place)) return;
    heap[0] = { score, place };
    this.#down();
  }

  /** What was kept, the greatest first. */
  sorted(): Scored[] {
    return [...this.#heap].sort((a, b) => b.score - a.score || a.place - b.place);
  }

  #up(from: number): void {
    const heap = this.#heap;
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!isLess(heap[at], heap[parent])) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(): void {
    const heap = this.#heap;
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && isLess(heap[child], heap[least])) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    const one = heap[a] as Scored;
    heap[a] = heap[b] as Scored;
    heap[b] = one;
  }
}

function isLess(a: Scored | undefined, b: Scored | undefined): boolean {
  if (!a || !b) return false;
  return a.score < b.score || (a.score === b.score && a.place > b.place);
}
