import { describe, expect, it } from 'vitest';
import { checkFeeds, tensorsCheck, zeros } from './tensors.js';

describe('tensors in a message', () => {
  it.each([
    { type: 'float32', dims: [2], data: new Float32Array(2) },
    { type: 'int64', dims: [1, 1], data: BigInt64Array.of(3n) },
    { type: 'string', dims: [2], data: ['a', 'b'] },
    { type: 'bool', dims: [], data: Uint8Array.of(1) },
    { type: 'float32', dims: [0, 3], data: new Float32Array(0) },
  ])('may be $type $dims', (tensor) => {
    expect(tensorsCheck({ x: tensor }, 'payload')).toBeUndefined();
  });

  it.each([
    { type: 'float32', dims: [3], data: new Float32Array(2) },
    { type: 'float32', dims: [2], data: new Float64Array(2) },
    { type: 'float32', dims: [-1], data: new Float32Array(0) },
    { type: 'string', dims: [1], data: [1] },
    { type: 'complex64', dims: [1], data: new Float32Array(1) },
    { type: 'float32', dims: [2 ** 20, 2 ** 20, 2 ** 20], data: new Float32Array(1) },
    null,
  ])('may not be %o', (tensor) => {
    expect(tensorsCheck({ x: tensor }, 'payload')).toMatch(/payload\.x/);
  });
});

const inputs = [
  { name: 'ids', type: 'int64', shape: ['batch', 4] },
  { name: 'text', type: 'string', shape: [1] },
];

it('fits a graph with its own zeros', () => {
  const feeds = zeros(inputs);
  expect(feeds.ids).toEqual({ type: 'int64', dims: [1, 4], data: new BigInt64Array(4) });
  expect(feeds.text).toEqual({ type: 'string', dims: [1], data: [''] });
  expect(() => checkFeeds(feeds, inputs)).not.toThrow();
});

it('names the input that does not fit, what was found and what was expected', () => {
  const feeds = zeros(inputs);
  const wrong = {
    ...feeds,
    ids: { type: 'int32', dims: [1, 4], data: new Int32Array(4) },
  } as const;
  expect(() => checkFeeds(wrong, inputs)).toThrow(/"ids" was given int32 \[1, 4\]; .* int64/);
  const cut = { ...feeds, text: { type: 'string', dims: [1], data: ['a\0b'] } } as const;
  expect(() => checkFeeds(cut, inputs)).toThrow(/"text" was given a text with U\+0000/);
  expect(() => checkFeeds({}, inputs)).toThrow(/"ids" was given nothing/);
  expect(() => checkFeeds({ ...feeds, more: feeds.ids as never }, inputs)).toThrow(/"more"/);
});
