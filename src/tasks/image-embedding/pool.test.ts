import { expect, it } from 'vitest';
import { normalized, pool } from './pool.js';

const counted = (...dims: number[]) => ({
  type: 'float32' as const,
  dims,
  data: Float32Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => i),
});

it.each([
  ['none', counted(1, 3), [0, 1, 2]],
  ['cls', counted(1, 2, 3), [0, 1, 2]],
  // Columns of [[0, 1, 2], [3, 4, 5]].
  ['mean', counted(1, 2, 3), [1.5, 2.5, 3.5]],
  // Planes [0, 1, 2, 3] and [4, 5, 6, 7].
  ['average', counted(1, 2, 2, 2), [1.5, 5.5]],
] as const)('pools by %s', (pooling, tensor, expected) => {
  expect([...pool(tensor, pooling)]).toEqual(expected);
});

it('refuses another shape, more than one picture, and NaN', () => {
  const invalid = expect.objectContaining({ code: 'model-invalid' });
  expect(() => pool(counted(1, 2, 3), 'none')).toThrow(invalid);
  expect(() => pool(counted(2, 3), 'none')).toThrow(invalid);
  const broken = { ...counted(1, 2), data: Float32Array.of(1, Number.NaN) };
  expect(() => pool(broken, 'none')).toThrow(invalid);
});

it('normalises to length 1, and leaves zeros', () => {
  expect([...normalized(Float32Array.of(3, 4))]).toEqual([...Float32Array.of(0.6, 0.8)]);
  expect([...normalized(Float32Array.of(0, 0))]).toEqual([0, 0]);
});
