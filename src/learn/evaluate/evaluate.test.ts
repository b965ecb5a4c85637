import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { binomialTail } from './binomial.js';
import { compare } from './compare.js';
import { argmax, calibrationError, evaluate, mistakesOf, wilsonInterval } from './report.js';
import { fitTemperature, probabilitiesOf } from './temperature.js';
import { checkWatermark } from './watermark.js';

interface Golden {
  name: string;
  labels: number;
  truth: number[];
  logits: number[][];
  accuracy: number;
  interval: [number, number];
  balancedAccuracy: number;
  confusion: number[][];
  precision: number[];
  recall: number[];
  f1: number[];
  support: number[];
  logLoss: number;
  calibrationError: number;
  temperature: number;
  other: number[];
  onlyFirst: number;
  onlySecond: number;
  pValue: number;
}

/** `heads.py` made them with scikit-learn and scipy. */
const { evaluations } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../golden/heads.json'), 'utf8'),
) as { evaluations: Golden[] };

describe.each(evaluations)('an evaluation: $name', (golden) => {
  const { truth, logits } = golden;
  const labels = Array.from({ length: golden.labels }, (_, at) => `class ${at}`);
  const probabilities = logits.map((row) => probabilitiesOf(row));

  it("is scikit-learn's", () => {
    const found = evaluate(truth, probabilities, labels);
    expect(found.confusion).toEqual(golden.confusion);
    expect(found.accuracy.value).toBeCloseTo(golden.accuracy, 12);
    expect(found.accuracy.low).toBeCloseTo(golden.interval[0], 9);
    expect(found.accuracy.high).toBeCloseTo(golden.interval[1], 9);
    expect(found.balancedAccuracy).toBeCloseTo(golden.balancedAccuracy, 12);
    expect(found.logLoss).toBeCloseTo(golden.logLoss, 9);
    expect(found.calibrationError).toBeCloseTo(golden.calibrationError, 9);
    for (const name of ['precision', 'recall', 'f1', 'support'] as const) {
      for (const [at, each] of found.classes.entries()) {
        expect(each[name], name).toBeCloseTo(golden[name][at] ?? Number.NaN, 12);
      }
    }
    const mean = golden.f1.reduce((sum, each) => sum + each, 0) / labels.length;
    expect(found.macro.f1).toBeCloseTo(mean, 12);
  });

  it("has scipy's temperature", () => {
    expect(fitTemperature(logits, truth)).toBeCloseTo(golden.temperature, 5);
  });

  it('lists as many mistakes as there are, the surest first', () => {
    const mistakes = mistakesOf(truth, probabilities, labels);
    expect(mistakes.length).toBe(Math.round((1 - golden.accuracy) * truth.length));
    const scores = mistakes.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    for (const { label, takenFor } of mistakes) expect(label).not.toBe(takenFor);
  });

  it("is compared with another as by scipy's exact test", () => {
    const taken = probabilities.map(argmax);
    const found = compare(truth, taken, golden.other);
    expect(found).toMatchObject({ onlyFirst: golden.onlyFirst, onlySecond: golden.onlySecond });
    expect(found.pValue).toBeCloseTo(golden.pValue, 9);
    const { bothRight, bothWrong, onlyFirst, onlySecond } = found;
    expect(bothRight + bothWrong + onlyFirst + onlySecond).toBe(truth.length);
  });
});

describe('the ends', () => {
  it('of an interval are exact', () => {
    expect(wilsonInterval(0, 10)).toMatchObject({ value: 0, low: 0 });
    expect(wilsonInterval(10, 10)).toMatchObject({ value: 1, high: 1 });
    expect(wilsonInterval(10, 10).low).toBeCloseTo(0.7224672001371107, 9);
    expect(wilsonInterval(0, 0)).toMatchObject({ value: 0, low: 0, high: 1 });
    expect(wilsonInterval(5, 10, 0.99).low).toBeLessThan(wilsonInterval(5, 10, 0.9).low);
  });

  it('of a temperature are bounded', () => {
    // Always right: the surer the better. Always wrong: the less sure the better.
    expect(fitTemperature([[1, 0]], [0])).toBe(0.05);
    expect(fitTemperature([[1, 0]], [1])).toBe(20);
    expect(fitTemperature([], [])).toBe(1);
  });

  it('of a comparison without a difference are 1', () => {
    expect(compare([0, 1], [0, 1], [0, 1]).pValue).toBe(1);
  });
});

describe('what cannot be evaluated is refused:', () => {
  it.each<[string, number[], number[][]]>([
    ['nothing', [], []],
    ['a length that differs', [0], []],
    ['a class that is not there', [2], [[0.5, 0.5]]],
    ['half a class', [0.5], [[0.5, 0.5]]],
    ['too few numbers', [0], [[1]]],
    ['NaN', [0], [[Number.NaN, 1]]],
    ['logits', [0], [[-3, 4]]],
  ])('%s', (_name, truth, probabilities) => {
    const error = { code: 'invalid-argument' };
    expect(() => evaluate(truth, probabilities, ['a', 'b'])).toThrow(
      expect.objectContaining(error),
    );
  });

  it.each<[string, () => unknown]>([
    ['more successes than trials', () => wilsonInterval(5, 3)],
    ['a success of none', () => wilsonInterval(1, 0)],
    ['another confidence', () => wilsonInterval(1, 3, 0.8 as never)],
    ['no bins', () => calibrationError([0], [[0.4, 0.6]], 0)],
    ['half a bin', () => calibrationError([0], [[0.4, 0.6]], 1.5)],
    ['a score that is none', () => calibrationError([0], [[Number.NaN, 0.6]])],
    ['a truth that is missing', () => calibrationError([], [[0.4, 0.6]])],
    ['a temperature of another class', () => fitTemperature([[1, 2]], [2])],
    ['a temperature of half a class', () => fitTemperature([[1, 2]], [0.5])],
    ['a temperature of too few classes', () => fitTemperature([[1, 2]], [])],
    ['a temperature of infinite scores', () => fitTemperature([[1, -Infinity]], [0])],
    ['no temperature', () => probabilitiesOf([1, 2], 0)],
  ])('%s', (_name, ask) => {
    expect(ask).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  });

  it('versions with other examples', () => {
    expect(() => compare([0, 1], [0], [0, 1])).toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
  });
});

const { tails } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../golden/heads.json'), 'utf8'),
) as { tails: { least: number; tries: number; chance: number; tail: number }[] };

describe('chance', () => {
  it.each(tails)("has scipy's tail: $least of $tries at $chance", (golden) => {
    const tail = binomialTail(golden.least, golden.tries, golden.chance);
    expect(Math.abs(tail / golden.tail - 1)).toBeLessThan(1e-9);
  });
});

describe('a watermark', () => {
  const labels = Array.from({ length: 10 }, (_, at) => `class ${at}`);
  const secrets = Array.from({ length: 20 }, (_, at) => ({
    image: `${at}`,
    label: labels[(at * 7) % 10] as string,
  }));
  /** Gives the agreed answer to so many. */
  const modelOf = (right: number) => ({
    info: { model: { labels } },
    classify: async (images: readonly unknown[]) =>
      images.map((_, at) => {
        const agreed = (at * 7) % 10;
        const index = at < right ? agreed : (agreed + 1) % 10;
        return [{ label: labels[index] as string, score: 1, index }];
      }),
  });

  it('is found where chance is no explanation', async () => {
    expect(await checkWatermark(modelOf(20), secrets)).toEqual({
      pictures: 20,
      matches: 20,
      falseAlarmRate: expect.closeTo(1e-20, 25),
    });
    const { matches, falseAlarmRate } = await checkWatermark(modelOf(2), secrets);
    expect(matches).toBe(2);
    expect(falseAlarmRate).toBeCloseTo(0.6083, 4);
    const seldom = await checkWatermark(modelOf(2), secrets, { chance: 0.001 });
    expect(seldom.falseAlarmRate).toBeLessThan(2e-4);
  });

  it.each([
    ['nothing', [], {}],
    ['a chance of nothing', secrets, { chance: 0 }],
    ['certainty', secrets, { chance: 1 }],
  ])('is not looked for with %s', async (_name, some, options) => {
    await expect(checkWatermark(modelOf(1), some, options)).rejects.toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
  });
});
