import { describe, expect, it } from 'vitest';
import { encodeTable } from './encode.js';
import type { TableColumn, TableRow } from './types.js';

const columns: TableColumn[] = [
  { name: 'age', kind: 'number', mean: 40, scale: 10, missing: 40 },
  { name: 'city', kind: 'category', categories: ['Bonn', 'Rome'] },
  { name: 'size', kind: 'category', categories: ['S', 'M', 7], encoding: 'ordinal', unknown: -1 },
];

function matrix(rows: TableRow[], type = 'float32') {
  const info = [{ name: 'x', type, shape: ['N', 4] }];
  return encodeTable({ rows, first: 10 }, columns, { kind: 'matrix', name: 'x' }, info).x;
}

describe('a matrix', () => {
  it('has numbers scaled, categories as they are encoded, and gaps filled', () => {
    const rows = [
      { age: 60, city: 'Rome', size: 'M' },
      { age: null, city: 'Bonn', size: '7' },
      [50, 'Rome', 'XL'],
      { age: Number.NaN, city: 'Bonn', size: 7 },
    ];
    expect(matrix(rows)).toEqual({
      type: 'float32',
      dims: [4, 4],
      data: Float32Array.of(2, 0, 1, 1, 0, 1, 0, 2, 1, 0, 1, -1, 0, 1, 0, 2),
    });
  });

  it.each([
    ['float64', Float64Array.of(2, 1, 0, 0)],
    ['int64', BigInt64Array.of(2n, 1n, 0n, 0n)],
    ['int32', Int32Array.of(2, 1, 0, 0)],
  ])('is of the type that the graph takes: %s', (type, data) => {
    expect(matrix([[60, 'Bonn', 'S']], type)?.data).toEqual(data);
  });

  it.each<[string, TableRow, RegExp]>([
    [
      'an unknown category',
      [1, 'Oslo', 'S'],
      /Row 10, column "city": found "Oslo".*"Bonn", "Rome"/,
    ],
    ['a text for a number', ['old', 'Bonn', 'S'], /column "age": found "old"/],
    ['an infinite number', [Number.POSITIVE_INFINITY, 'Bonn', 'S'], /column "age": found Infinity/],
    ['a missing category', { age: 1, size: 'S' }, /column "city": found nothing/],
    ['a further column', { age: 1, city: 'Bonn', size: 'S', tax: 1 }, /"tax".*no such column/],
    ['a value too few', [1, 'Bonn'], /2 values, expected 3/],
  ])('has no room for %s', (_name, row, message) => {
    expect(() => matrix([row])).toThrow(message);
  });

  it('takes whole numbers only, where the graph does', () => {
    expect(() => matrix([[45, 'Bonn', 'S']], 'int64')).toThrow(/whole numbers.*0\.5/);
  });
});

it('gives each column an input of its own, texts as they are', () => {
  const own: TableColumn[] = [
    { name: 'a', kind: 'number' },
    { name: 't', kind: 'text', missing: '' },
  ];
  const inputs = [
    { name: 'a', type: 'float32', shape: ['N', 1] },
    { name: 't', type: 'string', shape: ['N', 1] },
  ];
  const rows = [
    { a: 1, t: 'x' },
    { a: true, t: null },
  ];
  expect(encodeTable({ rows, first: 0 }, own, { kind: 'columns' }, inputs)).toEqual({
    a: { type: 'float32', dims: [2, 1], data: Float32Array.of(1, 1) },
    t: { type: 'string', dims: [2, 1], data: ['x', ''] },
  });
});
