import { expect, it } from 'vitest';
import { float16Bits } from './float16.js';

it.each([
  [0, 0x0000],
  [-0, 0x8000],
  [1, 0x3c00],
  [-2, 0xc000],
  [65504, 0x7bff],
  [65519.99, 0x7bff],
  [65520, 0x7c00],
  [-Infinity, 0xfc00],
  [2 ** -14, 0x0400],
  [2 ** -24, 0x0001],
  [2 ** -25, 0x0000],
  [2 ** -25 * 1.5, 0x0001],
  [1 + 2 ** -11, 0x3c00],
  [1 + 3 * 2 ** -11, 0x3c02],
  [1 + 2 ** -11 + 2 ** -30, 0x3c01],
  [2 - 2 ** -11, 0x4000],
  [1 / 3, 0x3555],
])('%d is %i', (value, bits) => {
  expect(float16Bits(value)).toBe(bits);
});

it('gives every float16 back', () => {
  const changed: number[] = [];
  for (let bits = 0; bits < 0x7c00; bits++) {
    const exponent = bits >> 10;
    const fraction = bits & 0x3ff;
    const value = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
    if (float16Bits(value) !== bits || float16Bits(-value) !== (bits | 0x8000)) changed.push(bits);
  }
  expect(changed).toEqual([]);
});

it('knows NaN', () => {
  expect(float16Bits(Number.NaN)).toBe(0x7e00);
});
