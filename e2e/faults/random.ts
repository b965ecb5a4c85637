/**
 * Random choices that can be repeated. `npm test` makes the same ones at each run;
 * `TABSERVE_SEED=random` makes others and prints which, `TABSERVE_SEED=<number>` repeats them.
 */

/** What `TABSERVE_SEED` asks for. */
export function givenSeed(): number {
  const { TABSERVE_SEED: given } = process.env;
  return given === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(given ?? 1);
}

/** A stream of random numbers. */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed = givenSeed()) {
    this.seed = seed;
    this.#state = seed;
  }

  /** From 0 to below 1. Algorithm: mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)] as T;
  }
}
