/**
 * How far two samples are apart. The formulas are the textbooks'; golden values are SciPy's and NumPy's
 * (`golden/drift.py`).
 */

/** Bins of a reference, and the share of it in each. */
export interface Bins {
  /** Upper edges, rising; what is above the last one is the last bin. */
  readonly edges: readonly number[];
  readonly shares: readonly number[];
}

/**
 * Bins that each hold about as much of the reference: quantiles. Equal values share a bin.
 *
 * @param count - How many bins at most.
 */
export function quantileBins(reference: readonly number[], count = 10): Bins {
  const sorted = [...reference].sort((a, b) => a - b);
  const edges: number[] = [];
  for (let i = 1; i < count; i++) {
    const edge = sorted[Math.ceil((i * sorted.length) / count) - 1] as number;
    if (edge !== edges.at(-1) && edge !== sorted.at(-1)) edges.push(edge);
  }
  return { edges, shares: sharesOf(reference, edges) };
}

/** The share of values in each bin. */
export function sharesOf(values: readonly number[], edges: readonly number[]): number[] {
  const counts = new Array<number>(edges.length + 1).fill(0);
  for (const value of values) {
    let bin = 0;
    while (bin < edges.length && value > (edges[bin] as number)) bin += 1;
    counts[bin] = (counts[bin] as number) + 1;
  }
  return counts.map((each) => each / values.length);
}

/**
 * The population stability index: Σ (c − r) ln (c / r) over bins. 0 for equal shares; by the usual
 * rule 0.1 is a moderate change, 0.25 a significant one.
 *
 * @param floor - What an empty bin counts as, so that the logarithm exists.
 */
export function stabilityIndex(
  reference: readonly number[],
  current: readonly number[],
  floor = 1e-4,
): number {
  return reference.reduce((sum, share, index) => {
    const r = Math.max(share, floor);
    const c = Math.max(current[index] ?? 0, floor);
    return sum + (c - r) * Math.log(c / r);
  }, 0);
}

/**
 * The stability index that samples of the same distribution exceed with a chance of `significance`: it
 * is distributed as (1/n + 1/m) χ² with one degree less than there are bins (Yurdakul, "Statistical
 * Properties of Population Stability Index", 2018). χ² is Wilson's and Hilferty's approximation,
 * within 1 %.
 *
 * @param sizes - Of both samples.
 */
export function chanceStabilityIndex(
  bins: number,
  [n, m]: readonly [number, number],
  significance: number,
): number {
  const degrees = Math.max(1, bins - 1);
  // Abramowitz and Stegun, 26.2.23.
  const t = Math.sqrt(-2 * Math.log(significance));
  const z =
    t -
    (2.515517 + 0.802853 * t + 0.010328 * t * t) /
      (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3);
  const part = 2 / (9 * degrees);
  return (1 / n + 1 / m) * degrees * (1 - part + z * Math.sqrt(part)) ** 3;
}

/**
 * The two-sample Kolmogorov–Smirnov test.
 *
 * @returns `statistic`: the largest distance of the two empirical distributions, 0…1. `pValue`: by
 *   Kolmogorov's limiting distribution of √(nm / (n + m)) · statistic.
 */
export function kolmogorovSmirnov(
  one: readonly number[],
  other: readonly number[],
): { statistic: number; pValue: number } {
  const a = [...one].sort((x, y) => x - y);
  const b = [...other].sort((x, y) => x - y);
  let statistic = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const value = Math.min(a[i] as number, b[j] as number);
    while (i < a.length && (a[i] as number) <= value) i += 1;
    while (j < b.length && (b[j] as number) <= value) j += 1;
    statistic = Math.max(statistic, Math.abs(i / a.length - j / b.length));
  }
  const size = (a.length * b.length) / (a.length + b.length);
  return { statistic, pValue: kolmogorov(Math.sqrt(size) * statistic) };
}

/** The chance of more than `x`: 2 Σ (−1)^(k−1) exp(−2 k² x²); for small x its theta-transformed form. */
function kolmogorov(x: number): number {
  if (x < 0.05) return 1;
  if (x < 1.18) {
    const step = Math.exp(-(Math.PI ** 2) / (8 * x * x));
    let sum = 0;
    for (let k = 1; k <= 9; k += 2) sum += step ** (k * k);
    return 1 - (Math.sqrt(2 * Math.PI) / x) * sum;
  }
  let sum = 0;
  for (let k = 1; k <= 20; k++) sum += (-1) ** (k - 1) * Math.exp(-2 * k * k * x * x);
  return Math.min(1, Math.max(0, 2 * sum));
}

/**
 * The maximum mean discrepancy of two sets of vectors, squared and unbiased, with the Gaussian kernel
 * exp(−d² / 2σ²), σ the median distance of all pairs (Gretton et al., "A Kernel Two-Sample Test",
 * 2012).
 *
 * @param permutations - How often the vectors are dealt anew, to learn what chance does.
 * @param random - Numbers in [0, 1).
 * @returns `squared`; `deviations`: how many standard deviations that is above the mean of chance.
 */
export function meanDiscrepancy(
  one: readonly Float32Array[],
  other: readonly Float32Array[],
  permutations: number,
  random: () => number,
): { squared: number; deviations: number } {
  const all = [...one, ...other];
  const count = all.length;
  const kernel = new Float64Array(count * count);
  const distances: number[] = [];
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      const distance = squaredDistance(all[i] as Float32Array, all[j] as Float32Array);
      kernel[i * count + j] = distance;
      distances.push(distance);
    }
  }
  distances.sort((a, b) => a - b);
  const middle = distances.length >> 1;
  const median =
    distances.length % 2 === 1
      ? Math.sqrt(distances[middle] as number)
      : (Math.sqrt(distances[middle - 1] as number) + Math.sqrt(distances[middle] as number)) / 2;
  const scale = -1 / (2 * (median * median || 1));
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      const value = Math.exp((kernel[i * count + j] as number) * scale);
      kernel[i * count + j] = value;
      kernel[j * count + i] = value;
    }
  }
  const order = Array.from({ length: count }, (_, index) => index);
  const squared = discrepancy(kernel, order, one.length);
  const chance: number[] = [];
  for (let deal = 0; deal < permutations; deal++) {
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j] as number, order[i] as number];
    }
    chance.push(discrepancy(kernel, order, one.length));
  }
  const mean = chance.reduce((sum, each) => sum + each, 0) / permutations;
  const variance = chance.reduce((sum, each) => sum + (each - mean) ** 2, 0) / permutations;
  return { squared, deviations: (squared - mean) / (Math.sqrt(variance) || 1) };
}

/** Of the first `size` in the order against the rest. */
function discrepancy(kernel: Float64Array, order: readonly number[], size: number): number {
  const count = order.length;
  const rest = count - size;
  let own = 0;
  let others = 0;
  let between = 0;
  for (let i = 0; i < count; i++) {
    const row = (order[i] as number) * count;
    for (let j = 0; j < i; j++) {
      const value = kernel[row + (order[j] as number)] as number;
      if (i < size) own += value;
      else if (j >= size) others += value;
      else between += value;
    }
  }
  return (
    (2 * own) / (size * (size - 1)) +
    (2 * others) / (rest * (rest - 1)) -
    (2 * between) / (size * rest)
  );
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return sum;
}
