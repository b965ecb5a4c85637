/** Every entry of the package in a bare Node: importing works, a model is refused with what to do. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './fixtures.js';

const root = join(import.meta.dirname, '..');
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { default?: string }>;
};

function node(program: string): Promise<{ code: number; out: string; said: string }> {
  return new Promise((resolve) => {
    const args = ['--input-type=module', '-e', program];
    const child = execFile(process.execPath, args, { cwd: root }, (_error, out, said) =>
      resolve({ code: child.exitCode ?? -1, out, said }),
    );
  });
}

// A service worker's file listens for its events as it starts; hooks need React.
const entries = Object.entries(exports).flatMap(([name, target]) =>
  name !== './react' &&
  typeof target === 'object' &&
  target.default?.endsWith('.js') &&
  !/(^|-)sw\.js$/.test(target.default)
    ? [name]
    : [],
);

test('every entry can be imported', async () => {
  expect(entries).toContain('.');
  const names = entries.map((name) => `tabserve${name.slice(1)}`);
  const program = `for (const name of ${JSON.stringify(names)}) await import(name);`;
  expect(await node(program)).toEqual({ code: 0, out: '', said: '' });
});

test('a model is refused, typed, with what to do', async () => {
  const { out, said } = await node(`
    import { ImageClassifier } from 'tabserve';
    const error = await ImageClassifier.create({ signal: AbortSignal.timeout(20000) }).catch((error) => error);
    console.log(JSON.stringify({ code: error.code, message: error.message }));
  `);
  expect(said).toBe('');
  expect(JSON.parse(out)).toEqual({
    code: 'unsupported',
    message: expect.stringContaining('call it in the browser only'),
  });
});
