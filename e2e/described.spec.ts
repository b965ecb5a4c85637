/** Models from elsewhere, each of which was once described wrongly: what is right stands beside them. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../src/testing/folder.js';
import { expect, needsShared, test } from './fixtures.js';

const folder = join(import.meta.dirname, '../../shared/cases/reports');
const dist = join(import.meta.dirname, '../dist');

interface Outcome {
  id: string;
  ok: boolean;
  got: string;
}

test('all cases give what native onnxruntime gives, or are refused in words', async () => {
  needsShared('cases/reports');
  test.setTimeout(600_000);
  const report = join(temporaryFolder(), 'outcomes.json');
  // The cases bring their own server and browser, since each wants a page of its own.
  const args = ['try.mjs', dist, '--json', report, '--drop-alpha', '{"alpha":"drop"}'];
  await new Promise((done) => {
    spawn(process.execPath, args, { cwd: folder, stdio: 'inherit' }).on('close', done);
  });
  const outcomes = JSON.parse(await readFile(report, 'utf8')) as Outcome[];
  expect(outcomes.length).toBeGreaterThan(50);
  expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
});
