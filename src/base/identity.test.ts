import { expect, it } from 'vitest';
import { identityOf } from './identity.js';

it('is the same for the same content, whatever the order of its keys', () => {
  expect(identityOf({ a: 1, b: [2, { c: null }] })).toBe(identityOf({ b: [2, { c: null }], a: 1 }));
  expect(identityOf({ a: 1, b: undefined })).toBe(identityOf({ a: 1 }));
  expect(identityOf(new URL('https://a/b'))).toBe(identityOf('https://a/b'));
});

it('differs for what differs', () => {
  const values = [
    1,
    '1',
    null,
    undefined,
    true,
    'true',
    [],
    {},
    [1],
    { 0: 1 },
    [[1]],
    { a: {} },
    1n,
  ];
  expect(new Set(values.map(identityOf)).size).toBe(values.length);
});

it('tells files and folders apart by what they are, not by what JSON makes of them', () => {
  const [one, other] = [new Blob(['1']), new Blob(['2'])];
  expect(identityOf({ files: [one] })).toBe(identityOf({ files: [one] }));
  expect(identityOf({ files: [one] })).not.toBe(identityOf({ files: [other] }));
  expect(identityOf(new Uint8Array(2))).not.toBe(identityOf(new Uint8Array(2)));
});
