import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  chanceStabilityIndex,
  kolmogorovSmirnov,
  meanDiscrepancy,
  quantileBins,
  sharesOf,
  stabilityIndex,
} from './measures.js';
import { DriftMonitor, type Observation } from './monitor.js';

const golden = JSON.parse(readFileSync(join(import.meta.dirname, 'golden/drift.json'), 'utf8')) as {
  numbers: {
    one: number[];
    other: number[];
    psi: number;
    statistic: number;
    pValue: number;
    scipyPValue: number;
  }[];
  chance: { bins: number; sizes: [number, number]; significance: number; index: number }[];
  vectors: { one: number[][]; other: number[][]; squared: number }[];
};

describe('measures', () => {
  it.each(golden.numbers.map((each, index) => [index, each] as const))(
    'are SciPy’s: sample %i',
    (_index, { one, other, ...expected }) => {
      const { edges, shares } = quantileBins(one);
      expect(stabilityIndex(shares, sharesOf(other, edges))).toBeCloseTo(expected.psi, 10);
      const { statistic, pValue } = kolmogorovSmirnov(one, other);
      expect(statistic).toBeCloseTo(expected.statistic, 12);
      expect(Math.abs(pValue / expected.pValue - 1)).toBeLessThan(1e-9);
      // The distribution of the limit is near that of samples of this size, and above it.
      if (expected.scipyPValue > 1e-6) {
        expect(pValue / expected.scipyPValue).toBeGreaterThan(0.95);
        expect(pValue / expected.scipyPValue).toBeLessThan(2.5);
      }
    },
  );

  it.each(golden.vectors.map((each, index) => [index, each] as const))(
    'of vectors are NumPy’s: sample %i',
    (_index, { one, other, squared }) => {
      const vectors = (rows: number[][]) => rows.map((row) => Float32Array.from(row));
      const found = meanDiscrepancy(vectors(one), vectors(other), 50, random(3));
      expect(found.squared).toBeCloseTo(squared, 6);
    },
  );

  it.each(golden.chance)('know what chance does: $bins bins, $significance', (given) => {
    const found = chanceStabilityIndex(given.bins, given.sizes, given.significance);
    expect(Math.abs(found / given.index - 1)).toBeLessThan(0.04);
  });

  it('are 0 for the same', () => {
    const values = Array.from({ length: 100 }, (_, index) => index % 37);
    const { edges, shares } = quantileBins(values);
    expect(stabilityIndex(shares, sharesOf(values, edges))).toBe(0);
    expect(kolmogorovSmirnov(values, values)).toEqual({ statistic: 0, pValue: 1 });
  });

  it('take samples of one value', () => {
    const same = new Array<number>(50).fill(3);
    expect(quantileBins(same)).toEqual({ edges: [], shares: [1] });
    expect(kolmogorovSmirnov(same, [4]).statistic).toBe(1);
  });
});

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** Observations with a mean; normal numbers by Box and Muller. */
function source(seed: number) {
  const next = random(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return (mean: number): Observation => ({
    numbers: { score: 1 / (1 + Math.exp(-(normal() + mean))) },
    label: `class ${Math.floor(next() * (mean === 0 ? 100 : 5))}`,
    embedding: Float32Array.from({ length: 4 }, () => normal() + mean),
  });
}

describe('a monitor', () => {
  it('is silent over 5,000 that are alike, and speaks within 200 that are not', {
    timeout: 60_000,
  }, () => {
    for (const seed of [1, 2, 3]) {
      const monitor = new DriftMonitor();
      const alerts: number[] = [];
      let count = 0;
      monitor.addEventListener('alert', () => alerts.push(count));
      const complete = source(seed);
      // Vectors take the most time.
      const observe = (mean: number) => {
        const { embedding, ...rest } = complete(mean);
        return seed === 1 && embedding ? { ...rest, embedding } : rest;
      };
      for (; count < 5500; count++) monitor.observe(observe(0));
      expect(alerts).toEqual([]);
      expect(monitor.report).toMatchObject({ isDrift: false, observed: 5000 });
      for (; count < 5700; count++) monitor.observe(observe(1));
      expect(alerts).toHaveLength(1);
      const { findings } = monitor.report ?? {};
      expect(findings?.filter(({ isDrift }) => isDrift).map(({ signal }) => signal)).toEqual(
        expect.arrayContaining(['score', 'label', ...(seed === 1 ? ['embedding'] : [])]),
      );
    }
  });

  it('speaks again only after it was over', () => {
    const monitor = new DriftMonitor({ reference: 200, window: 100 });
    let alerts = 0;
    monitor.addEventListener('alert', () => {
      alerts += 1;
    });
    const observe = source(5);
    for (const [count, mean] of [
      [400, 0],
      [600, 2],
      [600, 0],
      [300, 2],
    ] as const)
      for (let i = 0; i < count; i++) monitor.observe(observe(mean));
    expect(alerts).toBe(2);
    monitor.reset();
    expect(monitor.report).toBeNull();
  });
});
