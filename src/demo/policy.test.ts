/** Whether the page's policy allows the script that stands in the page. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('allows the script in index.html, and no other', () => {
  const html = readFileSync(join(import.meta.dirname, 'index.html'), 'utf8');
  const scripts = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(
    ([, text = '']) => `sha256-${createHash('sha256').update(text).digest('base64')}`,
  );
  const allowed = [...html.matchAll(/'(sha256-[^']+)'/g)].map(([, hash]) => hash);
  expect(scripts).toHaveLength(1);
  expect(allowed).toEqual(scripts);
});
