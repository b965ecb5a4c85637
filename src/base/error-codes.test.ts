import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorCodes, TabserveError } from './errors.js';

const rows = new Map(
  readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8')
    .split('\n')
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .flatMap(([, code = '', ...rest]) => {
      const [, name] = /^`([\w-]+)`$/.exec(code) ?? [];
      return name === undefined ? [] : [[name, rest] as const];
    }),
);

it('docs/errors.md has one row for each code, in the order of the code', () => {
  expect([...rows.keys()]).toEqual([...errorCodes]);
});

it.each([...errorCodes])(
  'the row of %s has cause and cure, and says whether to try again',
  (code) => {
    const [cause = '', cure = '', retryable] = rows.get(code) ?? [];
    expect(cause.length).toBeGreaterThan(15);
    expect(cure.length).toBeGreaterThan(10);
    expect(retryable).toBe(new TabserveError(code, '').retryable ? 'yes' : 'no');
  },
);
