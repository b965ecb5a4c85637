import { describe, expect, it } from 'vitest';
import type { ModelInput } from './manifest.js';
import { axisTaps } from './taps.js';
import { planes, tensorSize } from './webgpu-passes.js';

describe('taps for the shaders', () => {
  it('lie plane by plane: first pixels, numbers, then one weight of each output', () => {
    const taps = axisTaps(9, 4, 1, 2, 'bilinear', true);
    const { first, count, size, weights } = taps;
    const stored = planes(taps);
    expect(stored).toHaveLength(2 * (2 + size));
    expect(Array.from(stored.subarray(0, 4))).toEqual([...first, ...count]);
    for (const i of [0, 1]) {
      const own = Array.from({ length: size }, (_, t) => stored[(2 + t) * 2 + i]);
      expect(own).toEqual(Array.from(weights.subarray(i * size, (i + 1) * size)));
    }
  });
});

describe('the size of a tensor', () => {
  const input: ModelInput = {
    name: 'input',
    layout: 'NCHW',
    dtype: 'float32',
    width: 5,
    height: 3,
    channels: 3,
    colorOrder: 'RGB',
  };
  it.each([
    ['float32', 1, 192],
    ['float16', 2, 96],
    ['uint8', 4, 48],
  ] as const)('%s: %i elements in a word, %i bytes', (dtype, perWord, bytes) => {
    expect(tensorSize({ ...input, dtype })).toEqual({ elements: 45, perWord, bytes });
  });
});
