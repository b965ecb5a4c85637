/** A model with its weights in fewer bits. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { unlistedData } from '../model/external-data.js';
import type { ModelFile } from '../model/manifest.js';
import { packWeights } from '../model/onnx/pack-weights.js';
import { skeletonOf } from '../model/onnx/skeleton.js';
import { parseJson } from '../model/text.js';
import { parseAnyManifest } from '../tasks/manifests.js';
import { inside } from './check.js';
import { openGraph } from './graph.js';

/** Options of {@link pack}. */
export interface PackOptions {
  /** What the weights are stored as: `int8`. */
  weights?: string | undefined;
  /** Replace what is there. @default false */
  force?: boolean | undefined;
}

/**
 * Writes `<name>.int8-weights.onnx` beside a model's fp32 file, tries it on the engine, and names it first in
 * `model.json` if there is one.
 *
 * @param path - A folder with a `model.json` of any task, or an `.onnx` file.
 * @throws Error or TabserveError; what is in the folder is only replaced once the new file has been
 *   opened by the engine.
 */
export async function pack(
  path: string,
  { weights, force = false }: PackOptions,
  say: (line: string) => void,
): Promise<void> {
  if (weights !== 'int8') {
    throw new Error(`Say what the weights are to be stored as: --weights int8.`);
  }
  if (!existsSync(path)) throw new Error(`There is no ${path}.`);
  if ((await stat(path)).isDirectory()) return packFolder(path, force, say);
  await packFile(dirname(path), { url: basename(path), dtype: 'fp32' }, force, say);
}

async function packFolder(
  folder: string,
  force: boolean,
  say: (line: string) => void,
): Promise<void> {
  const where = join(folder, 'model.json');
  if (!existsSync(where)) throw new Error(`There is no ${where}.`);
  // As it is, with fields that only its author knows.
  const written = parseJson(await readFile(where, 'utf8'), where) as { files: ModelFile[] };
  const { name, files } = parseAnyManifest(written, where);
  const source = files.find(({ dtype }) => dtype === 'fp32');
  if (!source) {
    const offered = files.map(({ dtype }) => dtype).join(', ');
    throw new Error(`"${name}" has no fp32 file to pack. It has ${offered}.`);
  }
  const packed = await packFile(folder, source, force, say);
  const others = written.files.filter(({ url }) => url !== packed.url);
  const changed = { ...written, files: [packed, ...others] };
  await writeWhole(where, `${JSON.stringify(changed, null, 2)}\n`);
  say(`${where}: pages take ${packed.url} now. Remove the files that none shall take by name.`);
}

async function packFile(
  folder: string,
  source: ModelFile,
  force: boolean,
  say: (line: string) => void,
): Promise<ModelFile> {
  const stem = source.url.replace(/([.-](fp32|float32))?\.onnx$/i, '');
  // Not `.int8`, which is what files are called that compute in int8.
  const url = `${stem}.int8-weights.onnx`;
  const target = inside(folder, url);
  if (existsSync(target) && !force) {
    throw new Error(`${target} is there already. Replace it by --force.`);
  }
  const bytes = await readFile(inside(folder, source.url));
  const listed = source.external ?? [];
  const unlisted = unlistedData(source, skeletonOf(bytes)?.locations ?? []);
  const external = new Map<string, Uint8Array>();
  let before = bytes.length;
  for (const file of [...listed, ...unlisted]) {
    const data = await readFile(inside(folder, file.url));
    external.set(file.path, data);
    before += data.length;
  }
  const { model, weights } = packWeights(bytes, external);
  const session = await openGraph({ bytes: model, external: [] }, url);
  await session.release();
  await writeWhole(target, model);

  const [worst] = weights.toSorted((one, other) => one.noise - other.noise);
  say(
    `${url}: ${model.length} bytes, ${Math.round((100 * model.length) / before)} % of ${before}.`,
  );
  if (worst) {
    say(
      `  ${weights.length} weights packed; signal to noise at least ${worst.noise.toFixed(1)} dB ("${worst.name}").`,
    );
  }
  say('  Measure its accuracy before it is published.');
  const sha256 = createHash('sha256').update(model).digest('hex');
  return { url, dtype: 'int8', weightsOnly: true, bytes: model.length, sha256 };
}

/** Whole or not at all. */
async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(`${path}.part`, content);
  await rename(`${path}.part`, path);
}
