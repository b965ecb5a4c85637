/** Whether a folder is a model that pages can load. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inputDimensions } from '../input/image/geometry.js';
import { createPreprocessor } from '../input/image/preprocess.js';
import { parseLabels } from '../model/labels.js';
import { type ModelManifest, parseManifest } from '../model/manifest.js';
import { isOutside } from '../model/paths.js';
import { parseJson } from '../model/text.js';
import { openComplete } from './graph.js';

/**
 * Verifies the manifest, the labels, size and sha256 of every file, and that each graph fits and
 * runs.
 *
 * @throws Error naming the first thing that is wrong.
 */
export async function check(directory: string, say: (line: string) => void): Promise<void> {
  const where = join(directory, 'model.json');
  if (!existsSync(where)) throw new Error(`There is no ${where}.`);
  const manifest = parseManifest(parseJson(await readFile(where, 'utf8'), where), where);
  const labels = Array.isArray(manifest.labels)
    ? manifest.labels
    : parseLabels(await readFile(inside(directory, manifest.labels.url), 'utf8'));
  const complete: ModelManifest = { ...manifest, labels };
  for (const file of manifest.files) {
    const bytes = await verified(directory, file);
    const external = await Promise.all(
      (file.external ?? []).map(async (each) => ({
        path: each.path,
        data: await verified(directory, each),
      })),
    );
    const { session } = await openComplete({ bytes, external }, () => complete, file.url);
    const input = createPreprocessor(manifest.input, manifest.preprocess).allocate(1);
    const { name, dtype } = manifest.input;
    const feed = { type: dtype, dims: inputDimensions(manifest.input), data: input };
    const outputs = await session.run({ [name]: feed }, [manifest.output.name]);
    const { length } = Object.values(outputs)[0]?.data ?? [];
    await session.release();
    if (length !== labels.length) {
      throw new Error(`${file.url} answers ${length} classes; there are ${labels.length} labels.`);
    }
    say(
      `${file.url}: ${bytes.length} bytes, ${file.sha256 ? 'sha256 as promised' : 'no sha256'}, runs`,
    );
    if (!file.sha256)
      say('  Without a sha256, pages cannot keep the file. `tabserve manifest` writes it.');
  }
  say(`${manifest.name} ${manifest.version}: ${labels.length} classes, all well.`);
}

async function verified(
  directory: string,
  file: { url: string; bytes?: number | undefined; sha256?: string | undefined },
): Promise<Uint8Array> {
  const bytes = await readFile(inside(directory, file.url));
  if (file.bytes !== undefined && bytes.length !== file.bytes) {
    throw new Error(`${file.url} has ${bytes.length} bytes; model.json says ${file.bytes}.`);
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (file.sha256 !== undefined && sha256 !== file.sha256) {
    throw new Error(`${file.url} has the sha256 ${sha256}; model.json says ${file.sha256}.`);
  }
  return bytes;
}

/** A path within the folder. */
export function inside(directory: string, path: string): string {
  if (isOutside(path)) {
    throw new Error(`model.json names "${path}", which is not within its own folder.`);
  }
  return join(directory, path);
}
