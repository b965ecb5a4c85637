/** The page about embedding against the tests: every row names one, and the policies are tested ones. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@playwright/test';

const root = join(import.meta.dirname, '..');
const html = readFileSync(join(root, 'public/embedding.html'), 'utf8');
const decoded = (text: string) =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

test('every situation is an existing test', async () => {
  const rows = [...html.matchAll(/<tr([^>]*)><td>/g)].map(([, attributes = '']) =>
    decoded(/data-test="([^"]+)"/.exec(attributes)?.[1] ?? ''),
  );
  expect(rows.length).toBeGreaterThan(20);
  const { stdout } = await promisify(execFile)('npx', ['playwright', 'test', '--list'], {
    cwd: root,
    maxBuffer: 1 << 26,
  });
  const tests = stdout.split('\n');
  for (const row of rows) {
    const [file = '', ...titles] = row.split(' › ');
    const title = titles.join(' › ');
    const found = tests.some(
      (line) =>
        line.includes(`${file}:`) &&
        (line.endsWith(` › ${title}`) || line.includes(` › ${title} @`)),
    );
    expect(found, `${row} is a test`).toBe(true);
  }
});

test('the policies are those that are tested', () => {
  const tested = readFileSync(join(import.meta.dirname, 'csp.spec.ts'), 'utf8').replaceAll(
    /\$\{cdn\.origin\}/g,
    'CDN',
  );
  const policies = [...html.matchAll(/<code data-policy>([^<]+)</g)].map(
    ([, policy = '']) => policy,
  );
  expect(policies).toHaveLength(2);
  for (const policy of policies) expect(tested).toContain(policy);
});
