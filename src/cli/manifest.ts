/** A first manifest for an `.onnx` file. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { bareModel, completeBare } from '../model/bare.js';
import type { ModelManifest } from '../model/manifest.js';
import { openComplete } from './graph.js';

/** Writes `model.json` beside `path`, from what the graph says of itself. */
export async function writeManifest(
  path: string,
  options: { force?: boolean | undefined },
  say: (line: string) => void,
): Promise<void> {
  const target = join(dirname(path), 'model.json');
  if (existsSync(target) && !options.force) {
    throw new Error(`${target} is there already. Replace it by --force.`);
  }
  const bytes = await readFile(path);
  const name = basename(path);
  const { manifest, fallbacks } = bareModel(name);
  const { session, complete: filled } = await openComplete(
    { bytes, external: [] },
    ({ inputs, outputs }) => completeBare(manifest as ModelManifest, inputs, outputs, name),
    name,
  );
  const complete: ModelManifest = {
    ...filled,
    version: '1.0.0',
    files: filled.files.map((file) => ({
      ...file,
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })),
  };
  await session.release();
  await writeFile(target, `${JSON.stringify(complete, null, 2)}\n`);
  say(`Wrote ${target}. Correct what was only assumed:`);
  for (const { reason } of fallbacks) say(`  ${reason}`);
}
