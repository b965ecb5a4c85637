/** Chance, counted. */

/**
 * The probability of at least `least` hits in `tries`, each of which hits with the probability `chance`, between
 * 0 and 1.
 */
export function binomialTail(least: number, tries: number, chance: number): number {
  let logTerm = tries * Math.log1p(-chance);
  const odds = Math.log(chance) - Math.log1p(-chance);
  let sum = 0;
  for (let hits = 0; hits <= tries; hits++) {
    if (hits >= least) sum += Math.exp(logTerm);
    logTerm += Math.log((tries - hits) / (hits + 1)) + odds;
  }
  return Math.min(1, sum);
}
