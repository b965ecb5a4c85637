import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorCodes, TabserveError } from './errors.js';

const page = readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8');
const [before = '', codes = ''] = page.split('\n## The codes\n');
const entries = new Map(
  codes.split(/^### /m).flatMap((entry) => {
    const [heading = '', ...rest] = entry.trim().split('\n');
    return heading === '' ? [] : [[heading, rest.join('\n')] as const];
  }),
);

it('docs/errors.md has one entry for each code, in the order of the code', () => {
  expect([...entries.keys()]).toEqual([...errorCodes]);
});

it.each([...errorCodes])('the entry of %s has cause and cure, and its help leads there', (code) => {
  const entry = entries.get(code) ?? '';
  expect(entry).toMatch(/^\*\*Cause\.\*\* .{15,}/m);
  expect(entry).toMatch(/^\*\*Cure\.\*\* .{10,}/m);
  const { help, retryable } = new TabserveError(code, '');
  const [path, anchor] = help.split('#');
  expect(path).toBe('docs/errors.md');
  // GitHub's anchors, and the documentation's, are the heading.
  expect([...entries.keys()]).toContain(anchor);
  const list = /^`retryable` are (.*?)\.$/ms.exec(before)?.[1] ?? '';
  expect(list.includes(`\`${code}\``)).toBe(retryable);
});
