import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An empty folder of the system's temporary ones, which is gone with the process. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tabserve-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
