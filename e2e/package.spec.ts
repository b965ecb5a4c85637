/** What the package that is published contains. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './fixtures.js';

const root = join(import.meta.dirname, '..');

test('the package carries the licences of what it contains of others, and no pictures', () => {
  const listing = execFileSync('npm', ['pack', '--dry-run', '--json'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ files }] = JSON.parse(listing) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  expect(paths).toEqual(
    expect.arrayContaining(['LICENSE', 'dist/index.js', 'dist/THIRD-PARTY-LICENSES.txt']),
  );
  // Pages of the documentation, but not their pictures.
  expect(paths).toContain('docs/tasks/texts.md');
  expect(paths.filter((path) => path.startsWith('docs/images'))).toEqual([]);
  const text = readFileSync(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
  for (const [name, words] of [
    ['onnxruntime-web', 'Microsoft Corporation'],
    ['comlink', 'Apache License'],
    ['valibot', 'Fabian Hiller'],
    ['@noble/hashes', 'Paul Miller'],
    ['fflate', 'Arjun Barrett'],
    ['@huggingface/tokenizers', 'Apache License'],
  ]) {
    expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'));
    expect(text).toContain(words);
  }
});
