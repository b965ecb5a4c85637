/** What the package that is published contains. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
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

test('a page that only classifies pictures loads no more than it did', async () => {
  const weight = (code: string | Buffer) => gzipSync(code, { level: 9 }).length;
  const fileWeight = (file: string) => weight(readFileSync(join(root, 'dist', file)));
  // As a bundler's page has it: what is imported on demand is not in the first script.
  const entry = join(root, 'dist/index.js');
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    publicDir: false,
    build: {
      write: false,
      minify: true,
      modulePreload: false,
      rolldownOptions: { input: 'app' },
    },
    plugins: [
      {
        name: 'app',
        resolveId: (id) => (id === 'app' ? '\0app' : null),
        load: (id) =>
          id === '\0app'
            ? `import { ImageClassifier } from ${JSON.stringify(entry)}; console.log(ImageClassifier);`
            : null,
      },
    ],
  });
  const outputs = [built].flat().flatMap((each) => ('output' in each ? each.output : []));
  const isChunk = (each: (typeof outputs)[number]): each is Rolldown.OutputChunk =>
    each.type === 'chunk';
  const chunks = new Map(outputs.filter(isChunk).map((each) => [each.fileName, each]));
  const needed = new Set([...chunks.values()].filter(({ isEntry }) => isEntry));
  for (const { imports } of needed) {
    for (const name of imports) needed.add(chunks.get(name) as Rolldown.OutputChunk);
  }
  const page = [...needed].reduce((sum, { code }) => sum + weight(code), 0);
  // Bytes, gzip. Whoever raises one of these says in the commit what for.
  expect(page).toBeLessThan(23_500);
  expect(fileWeight('worker-wasm.js')).toBeLessThan(62_100);
  expect(fileWeight('tabserve.global.js')).toBeLessThan(102_700);
});
