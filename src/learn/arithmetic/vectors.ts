/** The two loops in which fitting spends its time. Numbers are those of typed arrays, by their places. */

/** The sum of the products of `count` numbers of each. */
export function dot(
  a: Float64Array,
  from: number,
  b: Float64Array,
  at: number,
  count: number,
): number {
  // Four sums do not wait for each other.
  let s = 0;
  let t = 0;
  let u = 0;
  let v = 0;
  let i = 0;
  for (; i + 3 < count; i += 4) {
    s += (a[from + i] as number) * (b[at + i] as number);
    t += (a[from + i + 1] as number) * (b[at + i + 1] as number);
    u += (a[from + i + 2] as number) * (b[at + i + 2] as number);
    v += (a[from + i + 3] as number) * (b[at + i + 3] as number);
  }
  for (; i < count; i++) s += (a[from + i] as number) * (b[at + i] as number);
  return s + t + (u + v);
}

/** Adds `factor` times `count` numbers of `a` to those of `b`. */
export function addTimes(
  factor: number,
  a: Float64Array,
  from: number,
  b: Float64Array,
  at: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    b[at + i] = (b[at + i] as number) + factor * (a[from + i] as number);
  }
}
