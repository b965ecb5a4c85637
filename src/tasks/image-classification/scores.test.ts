import { describe, expect, test } from 'vitest';
import { isTabserveError } from '../../base/errors.js';
import { activate, topK } from './scores.js';

const all = { topK: 5, threshold: 0, allow: null, deny: null };
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
