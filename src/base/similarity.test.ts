import { expect, it } from 'vitest';
import { similarity } from './similarity.js';

it('is the cosine', () => {
  expect(similarity([1, 0], [1, 1])).toBeCloseTo(Math.SQRT1_2, 12);
  expect(similarity(Float32Array.of(2, 0), [4, 0])).toBe(1);
  expect(similarity([1, 2], [-1, -2])).toBeCloseTo(-1, 12);
  expect(similarity([0, 0], [1, 2])).toBe(0);
});

it('refuses vectors of different lengths', () => {
  expect(() => similarity([1], [1, 2])).toThrow(
    expect.objectContaining({ code: 'invalid-argument' }),
  );
});
