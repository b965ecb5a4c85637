/** Whether what a model is asked, and what it answers, is still what it was. */
import {
  type Bins,
  chanceStabilityIndex,
  kolmogorovSmirnov,
  meanDiscrepancy,
  quantileBins,
  sharesOf,
  stabilityIndex,
} from './measures.js';

/** What is known of one request. Whatever is left out is not watched. */
export interface Observation {
  /** Numbers by what they are: `score`, `margin`, `brightness`, … */
  numbers?: Readonly<Record<string, number>>;
  /** The best class. */
  label?: string;
  /** A vector of the input, all of one length. */
  embedding?: Float32Array;
}

/** Options of a {@link DriftMonitor}. */
export interface DriftOptions {
  /** The first so many observations are what the later ones are compared with. @default 500 */
  reference?: number;
  /** So many of the latest are compared. @default 150 */
  window?: number;
  /** After how many observations they are compared again. @default 25 */
  every?: number;
  /**
   * A population stability index that is drift. Of few observations chance makes a larger one; then
   * what chance does not reach, by `significance`, is the threshold. @default 0.25
   */
  stabilityIndex?: number;
  /**
   * The chance at which a difference is drift. Every signal is tested over and over, so that the usual
   * 0.05 would be met all the time. @default 1e-6
   */
  significance?: number;
  /** Standard deviations of the mean discrepancy above chance that are drift. @default 8 */
  deviations?: number;
  /** Numbers in [0, 1), for dealing vectors anew. @default a generator with a fixed seed */
  random?: () => number;
}

/** How one thing that is watched has moved. */
export interface DriftFinding {
  /** A number's name, `label` or `embedding`. */
  signal: string;
  measure: 'stability-index' | 'kolmogorov-smirnov' | 'mean-discrepancy';
  /** The index; the p-value; the standard deviations above chance. */
  value: number;
  threshold: number;
  /** The value over the threshold, of chances their logarithms: above 1 is drift. */
  ratio: number;
  isDrift: boolean;
}

/** What a comparison has found. */
export interface DriftReport {
  isDrift: boolean;
  findings: readonly DriftFinding[];
  /** Observations since the reference was complete. */
  observed: number;
}

/** The events of a {@link DriftMonitor}. */
export interface DriftMonitorEventMap {
  /** Drift has begun; `detail` has the numbers. It fires again only after it has ended. */
  alert: CustomEvent<DriftReport>;
}

/** Groups of labels that are told apart. */
const maxGroups = 9;

/** Vectors of each side that are compared, and how often they are dealt anew. */
const maxVectors = 100;
const dealings = 100;

/** Compares the latest observations with the first ones. */
export class DriftMonitor extends EventTarget {
  readonly #options: Required<DriftOptions>;
  #reference: Observation[] = [];
  #window: Observation[] = [];
  #bins = new Map<string, Bins>();
  #groups: ReadonlyMap<string, number> = new Map();
  #observed = 0;
  #latest: DriftReport | null = null;

  constructor(options: DriftOptions = {}) {
    super();
    this.#options = {
      reference: 500,
      window: 150,
      every: 25,
      stabilityIndex: 0.25,
      significance: 1e-6,
      deviations: 8,
      random: seeded(1),
      ...options,
    };
  }

  /** What the latest comparison has found; `null` before there was one. */
  get report(): DriftReport | null {
    return this.#latest;
  }

  /** Notes a request. */
  observe(observation: Observation): void {
    const { reference, window, every } = this.#options;
    if (this.#reference.length < reference) {
      this.#reference.push(observation);
      if (this.#reference.length === reference) this.#learn();
      return;
    }
    this.#observed += 1;
    this.#window.push(observation);
    if (this.#window.length > window) this.#window.shift();
    if (this.#window.length < window || this.#observed % every !== 0) return;
    const was = this.#latest?.isDrift ?? false;
    const findings = this.#compare();
    const isDrift = findings.some((each) => each.isDrift);
    this.#latest = { isDrift, findings, observed: this.#observed };
    if (isDrift && !was) this.dispatchEvent(new CustomEvent('alert', { detail: this.#latest }));
  }

  /** Forgets everything: what comes next is the reference. */
  reset(): void {
    this.#reference = [];
    this.#window = [];
    this.#bins.clear();
    this.#groups = new Map();
    this.#observed = 0;
    this.#latest = null;
  }

  /** Listens to the events of this class, with their types. */
  override addEventListener<Type extends keyof DriftMonitorEventMap>(
    type: Type,
    listener: (this: this, event: DriftMonitorEventMap[Type]) => void,
    options?: AddEventListenerOptions | boolean,
  ): void;
  /** Listens to any event. */
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    super.addEventListener(type, listener, options);
  }

  #learn(): void {
    const names = new Set(this.#reference.flatMap(({ numbers = {} }) => Object.keys(numbers)));
    for (const name of names) {
      const values = numbersOf(this.#reference, name);
      if (values.length >= this.#options.reference / 2) this.#bins.set(name, quantileBins(values));
    }
    this.#groups = grouped(this.#reference.slice(0, this.#reference.length >> 1));
  }

  #compare(): DriftFinding[] {
    const { significance, deviations, random } = this.#options;
    const findings: DriftFinding[] = [];
    const add = (finding: Omit<DriftFinding, 'isDrift' | 'ratio'>, isDrift: boolean) =>
      findings.push({ ...finding, ratio: ratioOf(finding), isDrift });
    const addIndex = (signal: string, value: number, bins: number, sizes: [number, number]) => {
      const chance = chanceStabilityIndex(bins, sizes, significance);
      const threshold = Math.max(this.#options.stabilityIndex, chance);
      add({ signal, measure: 'stability-index', value, threshold }, value > threshold);
    };
    for (const [signal, { edges, shares }] of this.#bins) {
      const current = numbersOf(this.#window, signal);
      if (current.length < this.#window.length / 2) continue;
      const before = numbersOf(this.#reference, signal);
      const index = stabilityIndex(shares, sharesOf(current, edges), 0.5 / current.length);
      addIndex(signal, index, shares.length, [before.length, current.length]);
      const { pValue } = kolmogorovSmirnov(before, current);
      const measure = 'kolmogorov-smirnov';
      const threshold = significance;
      add({ signal, measure, value: pValue, threshold }, pValue < threshold);
    }
    if (this.#groups.size > 0) {
      // The first half has made the groups, and fits them too well.
      const others = this.#reference.slice(this.#reference.length >> 1);
      const [before, now] = [this.#shares(others), this.#shares(this.#window)];
      const index = stabilityIndex(before, now, 0.5 / this.#window.length);
      addIndex('label', index, before.length, [others.length, this.#window.length]);
    }
    const [one, other] = [this.#reference, this.#window].map((each) =>
      each.slice(-maxVectors).flatMap(({ embedding }) => (embedding ? [embedding] : [])),
    ) as [Float32Array[], Float32Array[]];
    if (one.length > 1 && other.length > 1) {
      const found = meanDiscrepancy(one, other, dealings, random);
      const measure = 'mean-discrepancy';
      const value = found.deviations;
      add({ signal: 'embedding', measure, value, threshold: deviations }, value > deviations);
    }
    return findings;
  }

  /** The shares of the groups of labels, and of labels that were not there. */
  #shares(observations: readonly Observation[]): number[] {
    const counts = new Array<number>(maxGroups + 1).fill(0);
    for (const { label } of observations) {
      if (label === undefined) continue;
      const place = this.#groups.get(label) ?? maxGroups;
      counts[place] = (counts[place] as number) + 1;
    }
    const all = counts.reduce((sum, each) => sum + each, 0) || 1;
    return counts.map((each) => each / all);
  }
}

/** Labels in groups of about equal shares: of single ones of many, few observations know nothing. */
function grouped(observations: readonly Observation[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { label } of observations)
    if (label !== undefined) counts.set(label, (counts.get(label) ?? 0) + 1);
  const sizes = new Array<number>(maxGroups).fill(0);
  const groups = new Map<string, number>();
  for (const [label, count] of [...counts].sort(([, a], [, b]) => b - a)) {
    const smallest = sizes.indexOf(Math.min(...sizes));
    groups.set(label, smallest);
    sizes[smallest] = (sizes[smallest] as number) + count;
  }
  return groups;
}

function ratioOf({ measure, value, threshold }: Omit<DriftFinding, 'isDrift' | 'ratio'>): number {
  if (measure !== 'kolmogorov-smirnov') return value / threshold;
  // Of a chance the smaller one is more.
  return Math.log(Math.max(value, Number.MIN_VALUE)) / Math.log(threshold);
}

function numbersOf(observations: readonly Observation[], name: string): number[] {
  return observations.flatMap(({ numbers }) => {
    const value = numbers?.[name];
    return value !== undefined && Number.isFinite(value) ? [value] : [];
  });
}

/** Marsaglia's xorshift, 32 bits. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
