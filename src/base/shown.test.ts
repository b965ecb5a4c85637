import { expect, it } from 'vitest';
import { shown } from './shown.js';

it.each<[unknown, string]>([
  [Number.NaN, 'NaN'],
  [-Infinity, '-Infinity'],
  [5n, '5n'],
  [0, '0'],
  ['a "b"', '"a \\"b\\""'],
  [undefined, 'undefined'],
  [null, 'null'],
  [[1, Number.NaN], '[1,"NaN"]'],
  [{ a: 2n }, '{"a":"2n"}'],
  [Symbol('s'), 'Symbol(s)'],
])('%o is shown', (value, text) => {
  expect(shown(value)).toBe(text);
});

it('what goes round in a circle, and what is long', () => {
  const circle: Record<string, unknown> = {};
  circle.circle = circle;
  expect(shown(circle)).toBe('[object Object]');
  expect(shown('x'.repeat(1000), 10)).toHaveLength(10);
});
