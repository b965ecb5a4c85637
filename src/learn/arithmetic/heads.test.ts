import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finish } from '../finish.js';
import { lastFit } from '../fit.js';
import { readyFeatures } from './features.js';
import { countsOf, stratifiedFolds, stratifiedHoldOut } from './folds.js';
import type { StopWhen } from './minimise.js';
import { neighbourScores } from './neighbours.js';
import { randomOf } from './random.js';
import {
  balancedImportance,
  fitHead,
  type Head,
  logitsOf,
  restored,
  softmaxInPlace,
} from './softmax.js';
import { crossValidate } from './weight-decay.js';

interface GoldenHead {
  name: string;
  classes: number[];
  dimensions: number;
  features: number[];
  c: number;
  balanced: boolean;
  weights: number[];
  biases: number[];
  probabilities: number[][];
  queries: number[][];
  neighbours: number[][];
}

/** `heads.py` made them with scikit-learn. */
const { heads } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../golden/heads.json'), 'utf8'),
) as { heads: GoldenHead[] };

function farthest(found: ArrayLike<number>, expected: readonly number[]): number {
  expect(found.length).toBe(expected.length);
  return Math.max(...expected.map((value, i) => Math.abs(value - (found[i] as number))));
}

/** Points of three classes around centres of their own. */
function threeClasses(each: number, columns: number, seed: number) {
  const random = randomOf(seed);
  const rows = 3 * each;
  const data = Float64Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    return random() + (column === row % 3 ? 0.8 : 0);
  });
  return { data, rows, columns, classes: Array.from({ length: rows }, (_, row) => row % 3) };
}

/** The head of a golden case, in the features as they came. */
function fitted(
  { features, dimensions, classes, biases, balanced, c }: GoldenHead,
  stop: StopWhen,
) {
  const ready = finish(
    readyFeatures({ data: features, rows: classes.length, columns: dimensions }),
  );
  const count = biases.length;
  const head = finish(
    fitHead(
      {
        features: ready,
        rows: classes.map((_, row) => row),
        classes,
        count,
        importance: balanced ? balancedImportance(classes, countsOf(classes, count)) : undefined,
      },
      { weightDecay: 1 / (c * classes.length * ready.meanSquare), ...stop },
    ),
  );
  return { ...restored(head, ready), minimum: head.minimum };
}

/** How far its probabilities are from scikit-learn's. */
function missed(head: Head, { features, dimensions, probabilities }: GoldenHead): number {
  const data = Float64Array.from(features);
  const rows = { data, rows: probabilities.length, columns: dimensions };
  return Math.max(
    ...probabilities.map((expected, row) => {
      const scores = logitsOf(head, rows, row);
      softmaxInPlace(scores);
      return farthest(scores, expected);
    }),
  );
}

describe('a softmax head', () => {
  it.each(heads)("has scikit-learn's weights: $name", (golden) => {
    const head = fitted(golden, { tolerance: 1e-10, mostSteps: 5000 });
    const { weights, biases } = head;
    expect(farthest(weights.data, golden.weights)).toBeLessThan(1e-3);
    const mean = biases.reduce((sum, each) => sum + each, 0) / biases.length;
    const free = biases.map((each) => each - mean);
    expect(farthest(free, golden.biases)).toBeLessThan(1e-2);
    expect(missed(head, golden)).toBeLessThan(1e-4);
  });

  it.each(heads)('arrives soon, as one that is kept is fitted: $name', (golden) => {
    const head = fitted(golden, lastFit);
    expect(head.minimum.converged).toBe(true);
    expect(head.minimum.steps).toBeLessThan(200);
    expect(missed(head, golden)).toBeLessThan(1e-4);
  });

  it('of features that are all the same knows nothing but how often a class comes', () => {
    const rows = [...Array(12).keys()];
    const classes = rows.map((row) => (row < 9 ? 0 : 1));
    // A twelfth of 0.1 is no number that floats have: no column may keep what rounding leaves.
    for (const columns of [10, 20]) {
      const data = new Float32Array(12 * columns).fill(0.1);
      const features = finish(readyFeatures({ data, rows: 12, columns }));
      expect(features.meanSquare).toBe(1);
      const head = finish(
        fitHead(
          { features, rows, classes, count: 2 },
          { weightDecay: 1e-3, tolerance: 1e-9, mostSteps: 500 },
        ),
      );
      const scores = logitsOf(head, features, 0);
      softmaxInPlace(scores);
      expect(farthest(scores, [0.75, 0.25])).toBeLessThan(1e-6);
    }
  });

  it('can be left in the middle', () => {
    const fitting = readyFeatures({ data: new Float32Array(40), rows: 4, columns: 10 });
    expect(fitting.next().done).toBe(false);
    expect(fitting.return(undefined as never).done).toBe(true);
  });
});

describe('cross-validation', () => {
  const { classes, ...raw } = threeClasses(12, 30, 3);
  const features = finish(readyFeatures(raw));
  const examples = { features, rows: classes.map((_, row) => row), classes, count: 3 };

  it('takes the decay with the least held-out loss', () => {
    const done: number[] = [];
    const found = finish(
      crossValidate(examples, { folds: 4, seed: 1, onProgress: (part) => done.push(part) }),
    );
    const losses = found.tried.map(({ loss }) => loss);
    expect(losses.length).toBeGreaterThan(4);
    expect(found.tried.find(({ loss }) => loss === Math.min(...losses))?.weightDecay).toBe(
      found.weightDecay,
    );
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(Math.max(...done)).toBeLessThan(1);
  });

  it('asks each example only heads that have not seen it', () => {
    // Noise that is learnt by heart: on what was seen it would be right each time.
    const random = randomOf(5);
    const noise = {
      data: Float64Array.from({ length: 60 * 80 }, random),
      rows: 60,
      columns: 80,
    };
    const given = Array.from({ length: 60 }, (_, row) => row % 2);
    const ready = finish(readyFeatures(noise));
    const found = finish(
      crossValidate(
        { features: ready, rows: given.map((_, row) => row), classes: given, count: 2 },
        { folds: 5, seed: 2, weightDecay: 1e-4 },
      ),
    );
    const right = found.logits.filter(([a = 0, b = 0], row) => (b > a ? 1 : 0) === given[row]);
    expect(right.length).toBeLessThan(45);
  });

  it('is the same for the same seed', () => {
    const once = () => finish(crossValidate(examples, { folds: 3, seed: 9, weightDecay: 0.01 }));
    expect(once()).toEqual(once());
  });
});

describe('neighbours', () => {
  it.each(heads.filter(({ queries }) => queries.length > 0))(
    "score as scikit-learn's: $name",
    ({ features, classes, dimensions, queries, neighbours, biases }) => {
      const rows = classes.map((_, row) =>
        features.slice(row * dimensions, (row + 1) * dimensions),
      );
      for (const [i, query] of queries.entries()) {
        const scores = neighbourScores(rows, classes, biases.length, query, 5);
        expect(farthest(scores, neighbours[i] as number[])).toBeLessThan(1e-6);
      }
    },
  );

  it('at no distance are the only ones that count', () => {
    const rows = [
      [1, 0],
      [0, 1],
      [1, 0.1],
    ];
    expect([...neighbourScores(rows, [0, 1, 2], 3, [2, 0], 3)]).toEqual([1, 0, 0]);
  });
});

describe('folds', () => {
  const classes = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 200 });

  it('have their share of every class', () => {
    fc.assert(
      fc.property(classes, fc.integer({ min: 2, max: 7 }), fc.nat(), (given, folds, seed) => {
        const part = stratifiedFolds(given, folds, seed);
        for (const wanted of new Set(given)) {
          const sizes = countsOf(
            [...part].filter((_, i) => given[i] === wanted),
            folds,
          );
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        }
        const all = countsOf(part, folds);
        expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('that are held out leave every class something, and have something of each that can spare it', () => {
    fc.assert(
      fc.property(
        classes,
        fc.double({ min: 0.05, max: 0.9, noNaN: true }),
        fc.nat(),
        (given, fraction, seed) => {
          const isOut = stratifiedHoldOut(given, fraction, seed);
          for (const wanted of new Set(given)) {
            const members = given.flatMap((each, i) => (each === wanted ? [isOut[i]] : []));
            expect(members).toContain(false);
            expect(members.includes(true)).toBe(members.length > 1);
          }
        },
      ),
    );
  });
});
