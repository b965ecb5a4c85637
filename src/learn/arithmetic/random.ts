/** Random numbers that are the same for the same seed, in every browser. */

/** Gives numbers of 0…1, without 1. */
export type Random = () => number;

/**
 * A generator of 32 bits of state.
 *
 * Source: "mulberry32" of T. Ettinger, a Weyl sequence with a mixing function; its period is 2³².
 */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Puts the numbers into a random order, in place (Fisher–Yates). */
export function shuffle<Numbers extends Uint32Array | number[]>(
  numbers: Numbers,
  random: Random,
): Numbers {
  for (let i = numbers.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const one = numbers[i] as number;
    numbers[i] = numbers[j] as number;
    numbers[j] = one;
  }
  return numbers;
}
