/** What a misspelt word probably stands for. */

/** The name that a misspelt one is nearest to; `undefined` where it is like none. */
export function nearest(found: string, names: readonly string[]): string | undefined {
  const distances = names.map((name) => distance(found.toLowerCase(), name.toLowerCase()));
  const least = Math.min(...distances);
  return least <= Math.max(found.length < 3 ? 1 : 2, found.length / 3)
    ? names[distances.indexOf(least)]
    : undefined;
}

/** How many characters have to be put in, taken out or changed. Source: V. Levenshtein, 1966. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [i, char] of [...one.slice(0, 40)].entries()) {
    const next = [i + 1];
    for (let j = 0; j < other.length; j++) {
      const changed = (row[j] as number) + (char === other[j] ? 0 : 1);
      next.push(Math.min((next[j] as number) + 1, (row[j + 1] as number) + 1, changed));
    }
    row = next;
  }
  return row.at(-1) as number;
}
