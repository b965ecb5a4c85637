/** A model with its weights in fewer bits, or with a record of what it computes. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { unlistedData } from '../model/external-data.js';
import type { ModelFile } from '../model/manifest.js';
import type { CoreManifest } from '../model/manifest-core.js';
import { packWeights } from '../model/onnx/pack-weights.js';
import { skeletonOf } from '../model/onnx/skeleton.js';
import { parseJson } from '../model/text.js';
import { parseAnyManifest } from '../tasks/manifests.js';
import { inside } from './check.js';
import { openGraph } from './graph.js';
import { withTest } from './self-test.js';

/** Options of {@link pack}. */
export interface PackOptions {
  /** What the weights are stored as: `int8`. */
  weights?: string | undefined;
  /** Records what the files of a folder compute. @default only what the packed one does */
  'self-test'?: boolean | undefined;
  /** Replace what is there. @default false */
  force?: boolean | undefined;
}

/**
 * Writes `<name>.int8-weights.onnx` beside a model's fp32 file, tries it on the engine, and names it first in
 * `model.json` if there is one, with a self-test. Or records self-tests of the files that there are.
 *
 * @param path - A folder with a `model.json` of any task, or an `.onnx` file.
 * @throws Error or TabserveError; what is in the folder is only replaced once the new file has been
 *   opened by the engine.
 */
export async function pack(
  path: string,
  { weights, force = false, 'self-test': records = false }: PackOptions,
  say: (line: string) => void,
): Promise<void> {
  if (weights !== 'int8' && (weights !== undefined || !records)) {
    throw new Error(
      'Say what the weights are to be stored as, --weights int8, or ask for --self-test.',
    );
  }
  if (!existsSync(path)) throw new Error(`There is no ${path}.`);
  if ((await stat(path)).isDirectory()) {
    if (weights !== undefined) await packFolder(path, force, say);
    if (records) await recordFolder(path, say);
    return;
  }
  if (records) throw new Error('--self-test takes a folder with a model.json.');
  await packFile(dirname(path), { url: basename(path), dtype: 'fp32' }, null, force, say);
}

/** Records a self-test of every file, into the manifest. */
async function recordFolder(folder: string, say: (line: string) => void): Promise<void> {
  const { where, written, manifest } = await readFolder(folder);
  if (manifest.encryption)
    throw new Error(`${where} is encrypted. Record the self-test before you encrypt the model.`);
  let { selfTest } = manifest;
  for (const file of manifest.files) {
    const { bytes, external } = await readGraph(folder, file);
    const files = [...external].map(([path, data]) => ({ path, data }));
    const session = await openGraph({ bytes, external: files }, file.url);
    say(`${file.url}:`);
    selfTest = await withTest({ ...manifest, selfTest }, file, session, say);
    await session.release();
  }
  await writeWhole(where, `${JSON.stringify({ ...written, selfTest }, null, 2)}\n`);
}

async function readFolder(folder: string) {
  const where = join(folder, 'model.json');
  if (!existsSync(where)) throw new Error(`There is no ${where}.`);
  // As it is, with fields that only its author knows.
  const written = parseJson(await readFile(where, 'utf8'), where) as { files: ModelFile[] };
  return { where, written, manifest: parseAnyManifest(written, where) };
}

/** A file and its external data, also what only the graph itself names. */
async function readGraph(folder: string, file: ModelFile) {
  const bytes = new Uint8Array(await readFile(inside(folder, file.url)));
  const unlisted = unlistedData(file, skeletonOf(bytes)?.locations ?? []);
  const external = new Map<string, Uint8Array>();
  for (const each of [...(file.external ?? []), ...unlisted]) {
    external.set(each.path, await readFile(inside(folder, each.url)));
  }
  return { bytes, external };
}

async function packFolder(
  folder: string,
  force: boolean,
  say: (line: string) => void,
): Promise<void> {
  const { where, written, manifest } = await readFolder(folder);
  const { name, files } = manifest;
  const source = files.find(({ dtype }) => dtype === 'fp32');
  if (!source) {
    const offered = files.map(({ dtype }) => dtype).join(', ');
    throw new Error(`"${name}" has no fp32 file to pack. It has ${offered}.`);
  }
  const { packed, selfTest } = await packFile(folder, source, manifest, force, say);
  const others = written.files.filter(({ url }) => url !== packed.url);
  const changed = { ...written, files: [packed, ...others], ...(selfTest && { selfTest }) };
  await writeWhole(where, `${JSON.stringify(changed, null, 2)}\n`);
  say(
    `${where}: pages load ${packed.url} now. Remove other files from "files" if no page asks for them.`,
  );
}

async function packFile(
  folder: string,
  source: ModelFile,
  manifest: CoreManifest | null,
  force: boolean,
  say: (line: string) => void,
) {
  const stem = source.url.replace(/([.-](fp32|float32))?\.onnx$/i, '');
  // Not `.int8`, which is what files are called that compute in int8.
  const url = `${stem}.int8-weights.onnx`;
  const target = inside(folder, url);
  if (existsSync(target) && !force) {
    throw new Error(`${target} is there already. --force replaces it.`);
  }
  const { bytes, external } = await readGraph(folder, source);
  const before = [...external.values()].reduce((sum, { length }) => sum + length, bytes.length);
  const { model, weights } = packWeights(bytes, external);
  const sha256 = createHash('sha256').update(model).digest('hex');
  const packed: ModelFile = { url, dtype: 'int8', weightsOnly: true, bytes: model.length, sha256 };
  const session = await openGraph({ bytes: model, external: [] }, url);
  const told: string[] = [];
  const selfTest =
    manifest && (await withTest(manifest, packed, session, (line) => told.push(line)));
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
  for (const line of told) say(line);
  say('  Measure its accuracy before you publish it.');
  return { packed, selfTest };
}

/** Whole or not at all. */
async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(`${path}.part`, content);
  await rename(`${path}.part`, path);
}
