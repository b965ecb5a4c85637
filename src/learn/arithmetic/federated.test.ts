import { describe, expect, it } from 'vitest';
import { finish } from '../finish.js';
import { readyFeatures } from './features.js';
import { averaged, localUpdate, secretNormals, type UpdateSettings } from './federated.js';
import { randomOf } from './random.js';
import { fitHead, restored } from './softmax.js';

const [classes, columns] = [3, 4];
const count = 120;

/** Points of three classes around centres of their own, off the origin. */
const random = randomOf(8);
const truth = Array.from({ length: count }, (_, row) => row % classes);
const data = Float32Array.from(
  { length: count * columns },
  (_, at) => 1 + random() + (at % columns === Math.floor(at / columns) % classes ? 0.7 : 0),
);
const settings: UpdateSettings = {
  epochs: 3,
  batchSize: 10,
  learningRate: 0.5,
  clip: null,
  noiseMultiplier: 0,
  seed: 4,
};
const noNoise = () => {
  throw new Error('There is no noise to be asked for.');
};

/** An update of the examples that a page has. */
function updateOf(
  rows: readonly number[],
  start: Float32Array,
  changed: Partial<UpdateSettings> = {},
  noise: () => number = noNoise,
): Float32Array {
  const own = Float32Array.from(
    rows.flatMap((row) => [...data.subarray(row * columns, (row + 1) * columns)]),
  );
  const examples = {
    data: own,
    rows: rows.length,
    columns,
    classes: rows.map((row) => truth[row] as number),
    count: classes,
  };
  return finish(localUpdate(examples, start, { ...settings, ...changed }, noise));
}

function right(head: ArrayLike<number>): number {
  return truth.filter((own, row) => {
    const scores = Array.from({ length: classes }, (_, c) => {
      let score = head[classes * columns + c] as number;
      for (let j = 0; j < columns; j++) {
        score += (head[c * columns + j] as number) * (data[row * columns + j] as number);
      }
      return score;
    });
    return scores.indexOf(Math.max(...scores)) === own;
  }).length;
}

const zero = new Float32Array(classes * (columns + 1));

describe('pages that learn a head together', () => {
  it('learn what one with all examples does, though each has two classes only', () => {
    const pages = Array.from({ length: 12 }, (_, page) =>
      truth.flatMap((own, row) =>
        Math.floor(row / 3) % 12 === page && own !== page % 3 ? [row] : [],
      ),
    );
    let head: Float32Array = zero;
    for (let round = 0; round < 60; round++) {
      const changes = pages.map((rows) => ({ change: updateOf(rows, head), weight: rows.length }));
      head = averaged(head, changes);
    }
    const features = finish(readyFeatures({ data, rows: count, columns }));
    const all = { features, rows: truth.map((_, row) => row), classes: truth, count: classes };
    const central = restored(
      finish(fitHead(all, { weightDecay: 1e-4, tolerance: 1e-8, mostSteps: 500 })),
      features,
    );
    const best = right([...central.weights.data, ...central.biases]);
    expect(best).toBeGreaterThan(100);
    expect(right(head)).toBeGreaterThan(best - 4);
  });

  it('count by their weights', () => {
    const [one, other] = [new Float32Array(3).fill(1), new Float32Array(3).fill(5)];
    const changes = [
      { change: one, weight: 3 },
      { change: other, weight: 1 },
    ];
    expect([...averaged(Float32Array.of(0, 1, 2), changes)]).toEqual([2, 3, 4]);
  });

  it('send the same for the same seed', () => {
    const rows = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    expect(updateOf(rows, zero)).toEqual(updateOf(rows, zero));
    expect(updateOf(rows, zero, { seed: 5 })).not.toEqual(updateOf(rows, zero));
  });

  it('send no more than the clip, in the same direction, and the noise on top', () => {
    const rows = [0, 1, 2, 3, 4, 5];
    const whole = updateOf(rows, zero);
    const clipped = updateOf(rows, zero, { clip: 0.01 });
    const length = Math.hypot(...whole);
    expect(length).toBeGreaterThan(0.01);
    expect(Math.hypot(...clipped)).toBeCloseTo(0.01, 6);
    for (const [i, value] of clipped.entries()) {
      expect(value).toBeCloseTo(((whole[i] as number) * 0.01) / length, 6);
    }
    const noisy = updateOf(rows, zero, { clip: 0.01, noiseMultiplier: 3 }, () => 2);
    for (const [i, value] of noisy.entries()) {
      expect(value - (clipped[i] as number)).toBeCloseTo(0.06, 6);
    }
  });

  it('add noise of a normal distribution, never the same', () => {
    const noise = secretNormals();
    const many = Array.from({ length: 100_000 }, noise);
    const mean = many.reduce((sum, each) => sum + each, 0) / many.length;
    const square = many.reduce((sum, each) => sum + each * each, 0) / many.length;
    const within = many.filter((each) => Math.abs(each) < 1).length / many.length;
    // Six standard errors.
    expect(Math.abs(mean)).toBeLessThan(0.019);
    expect(Math.abs(square - 1)).toBeLessThan(0.027);
    expect(Math.abs(within - 0.68269)).toBeLessThan(0.009);
    expect(new Set(many).size).toBe(many.length);
  });
});
