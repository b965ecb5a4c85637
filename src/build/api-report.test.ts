import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('the reviewed reports of the public API are current', { timeout: 120_000 }, () => {
  const script = join(import.meta.dirname, '../../tools/api/report.mjs');
  const said = execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect(said).toMatch(/^\d+ reports of the API are current/m);
});
