import { expect, it } from 'vitest';
import { agreedGroup } from './unsure.js';

const dog = (label: string, score: number) => ({ label, score, group: 'dog' });

it('says the group where answers agree on it, and none is likely by itself', () => {
  expect(agreedGroup([dog('terrier', 0.3), dog('beagle', 0.25)])).toBe('dog');
  expect(agreedGroup([dog('terrier', 0.5), dog('beagle', 0.25)])).toBeUndefined();
  expect(agreedGroup([dog('terrier', 0.3), dog('beagle', 0.1)])).toBeUndefined();
  expect(agreedGroup([dog('terrier', 0.3), { label: 'cat', score: 0.3, group: 'cat' }])).toBe(
    undefined,
  );
  expect(agreedGroup([dog('dog', 0.3), dog('beagle', 0.25)])).toBeUndefined();
  expect(
    agreedGroup([
      { label: 'a', score: 0.3 },
      { label: 'b', score: 0.3 },
    ]),
  ).toBeUndefined();
  expect(agreedGroup([])).toBeUndefined();
});
