import { describe, expect, test } from 'vitest';
import { isTabserveError } from '../base/errors.js';
import { activate, classFacts, topK } from './scores.js';

const output = { name: 'logits', activation: 'softmax' } as const;

const all = { topK: 5, threshold: 0, thresholds: null, allow: null, deny: null };
const labels = ['a', 'b', 'c'];

describe('activate', () => {
  test('softmax adds up to 1 and survives huge logits', () => {
    const scores = activate([1000, 999, -1000], 'softmax');
    expect(scores[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 12);
    expect(scores.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect(scores[2]).toBe(0);
  });

  test('sigmoid and none', () => {
    expect([...activate([0, 2], 'sigmoid')]).toEqual([0.5, 1 / (1 + Math.exp(-2))]);
    expect([...activate([0.25, 0.75], 'none')]).toEqual([0.25, 0.75]);
  });
});

describe('topK', () => {
  test('sorts by score, ties by lowest index', () => {
    const answers = topK(Float64Array.of(0.3, 0.4, 0.3), labels, all);
    expect(answers).toEqual([
      { label: 'b', score: 0.4, index: 1 },
      { label: 'a', score: 0.3, index: 0 },
      { label: 'c', score: 0.3, index: 2 },
    ]);
  });

  test('says what is known of a class, in the language that was asked for', () => {
    const shown = {
      labels: ['Katze', 'Terrier', 'Birne'],
      labelDetails: [{ group: 'Katze' }, { short: 'Terr.', group: 'Hund' }, {}],
    };
    expect(topK(Float64Array.of(0.3, 0.4, 0.3), labels, all, { shown })).toEqual([
      { label: 'Terrier', score: 0.4, index: 1, short: 'Terr.', group: 'Hund' },
      { label: 'Katze', score: 0.3, index: 0, group: 'Katze' },
      { label: 'Birne', score: 0.3, index: 2 },
    ]);
  });

  test('takes the threshold of a class from the call, then from the model, then the plain one', () => {
    const scores = Float64Array.of(0.5, 0.3, 0.2);
    const found = (filter: object) =>
      topK(scores, labels, { ...all, ...filter }, { thresholds: { a: 0.6, b: 0.1 } }).map(
        ({ label }) => label,
      );
    expect(found({})).toEqual(['b', 'c']);
    expect(found({ threshold: 0.25 })).toEqual(['b']);
    expect(found({ threshold: 0.25, thresholds: { a: 0.5, c: 0 } })).toEqual(['a', 'b', 'c']);
  });

  test('names the nearest label where one is misspelt', () => {
    const names = ['constructor', 'golden retriever'];
    const wrong = () =>
      topK(Float64Array.of(0.5, 0.5), names, { ...all, thresholds: { 'golden retreiver': 0.5 } });
    expect(wrong).toThrow(/"thresholds" names the label "golden retreiver".*"golden retriever"\?$/);
    const own = (thresholds: Record<string, number>) => () =>
      classFacts({ labels: names, where: 'model.json' }, { ...output, thresholds });
    expect(own({ retriever: 0.5 })).toThrow(/output.thresholds/);
    expect(own({ constructor: 0.5 })).not.toThrow();
    expect(topK(Float64Array.of(0.5, 0.5), names, all)).toHaveLength(2);
  });

  test('filters by number, threshold, allow and deny', () => {
    const scores = Float64Array.of(0.5, 0.3, 0.2);
    const found = (filter: object) =>
      topK(scores, labels, { ...all, ...filter }).map(({ label }) => label);
    expect(found({ topK: 1 })).toEqual(['a']);
    expect(found({ threshold: 0.3 })).toEqual(['a', 'b']);
    expect(found({ allow: ['c', 'b'] })).toEqual(['b', 'c']);
    expect(found({ deny: ['a'] })).toEqual(['b', 'c']);
    expect(found({ allow: [] })).toEqual([]);
  });

  test('keeps every class of a model that names two alike', () => {
    const answers = topK(Float64Array.of(0.4, 0.6), ['crane', 'crane'], all);
    expect(answers.map(({ index }) => index)).toEqual([1, 0]);
  });

  test('refuses unknown labels and NaN', () => {
    const scores = Float64Array.of(1, 0, 0);
    expect(() => topK(scores, labels, { ...all, allow: ['d'] })).toThrow(/"allow".*"d"/);
    expect(() => topK(scores, labels, { ...all, deny: ['d'] })).toThrow(/"deny".*"d"/);
    try {
      topK(Float64Array.of(1, Number.NaN, 0), labels, all);
      expect.unreachable();
    } catch (error) {
      expect(isTabserveError(error, 'model-invalid')).toBe(true);
    }
  });
});
