import { describe, expect, test } from 'vitest';
import * as shape from './shape.js';

const person = shape.object({
  name: shape.string,
  age: shape.nullable(shape.whole(0, 150)),
  tags: shape.list(shape.string, 0, 2),
  sizes: shape.mapOf(shape.number),
});
const ann = { name: 'Ann', age: null, tags: ['a'], sizes: { shoe: 38.5 }, more: 'is allowed' };

test('what fits passes', () => {
  expect(person(ann, '')).toBeUndefined();
  expect(person({ ...ann, age: 150 }, '')).toBeUndefined();
});

describe('what does not fit is named with its place and value', () => {
  const cases: [object, string][] = [
    [{ name: 7 }, '"name" is 7 where it has to be a string'],
    [{ age: 1.5 }, '"age" is 1.5'],
    [{ age: -1 }, '"age" is -1'],
    [{ age: 151 }, '"age" is 151'],
    [{ age: undefined }, '"age" is undefined'],
    [{ tags: ['a', 'b', 'c'] }, '"tags" is [object Array]'],
    [{ tags: { length: 1, 0: 'a' } }, '"tags" is [object Object]'],
    [{ tags: ['a', null] }, '"tags.1" is null'],
    [{ sizes: null }, '"sizes" is null'],
    [{ sizes: { shoe: Number.NaN } }, '"sizes.shoe" is NaN'],
  ];
  for (const [change, problem] of cases) {
    test(problem, () => expect(person({ ...ann, ...change }, '')).toContain(problem));
  }
  test('all of it', () => {
    for (const value of [null, undefined, 'text', 5]) {
      expect(person(value, '')).toContain('"the argument" is ');
    }
  });
});

test('a kind says which fields there are', () => {
  const check = shape.byKind({ url: { url: shape.url }, name: { name: shape.string } });
  expect(check({ kind: 'url', url: 'https://a.example/' }, '')).toBeUndefined();
  expect(check({ kind: 'url', url: '/a' }, '')).toContain('"url" is "/a"');
  expect(check({ kind: 'name', url: 'https://a.example/' }, '')).toContain('"name" is undefined');
  for (const kind of ['toString', '__proto__', 'constructor', undefined]) {
    expect(check({ kind }, '')).toContain('"kind" is ');
  }
});

test('classes are told apart by their instances', () => {
  const check = shape.madeBy(Uint8Array, Uint8ClampedArray);
  expect(check(new Uint8ClampedArray(1), '')).toBeUndefined();
  expect(check([1], 'data')).toContain('"data" is [object Array]');
});
