/** Whether a folder is a model that pages can load. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { createPreprocessor } from '../input/image/preprocess.js';
import { fitsLabels } from '../model/fit.js';
import { readLabels } from '../model/label-file.js';
import { isClassifier } from '../model/manifest.js';
import type { CoreManifest, FileReference, ModelFile } from '../model/manifest-core.js';
import { readOnnx } from '../model/onnx/graph.js';
import { skeletonOf } from '../model/onnx/skeleton.js';
import { isOutside } from '../model/paths.js';
import { decryptFile } from '../model/protection/encryption.js';
import type { ManifestEncryption } from '../model/protection/types.js';
import { parseJson } from '../model/text.js';
import { parseAnyManifest } from '../tasks/manifests.js';
import { doubtsOf } from './doubts.js';
import { type GraphFiles, openComplete } from './graph.js';
import { keyBytes } from './keys.js';
import { pythonFor } from './python.js';
import { tellReference } from './reference.js';
import { runTests } from './self-test.js';
import { isTable, tryTable } from './table.js';
import { unknownFields } from './unknown.js';

/** Options of {@link check}. */
interface CheckOptions {
  /** A file with the key of an encrypted model; without it only its files are verified. */
  key?: string | undefined;
  /** Only print the same model as a program in Python. */
  python?: boolean | undefined;
  /** A picture, of which is told what the page would answer. */
  reference?: string | undefined;
}

/** As {@link check}, of a zip too, with the model at its top. */
export async function checkGiven(
  path: string,
  say: (line: string) => void,
  options: CheckOptions = {},
): Promise<void> {
  if (!path.toLowerCase().endsWith('.zip')) return check(path, say, options);
  const directory = await mkdtemp(join(tmpdir(), 'tabserve-check-'));
  try {
    const files = unzipSync(await readFile(path), { filter: ({ name }) => !name.endsWith('/') });
    for (const [name, content] of Object.entries(files)) {
      const file = inside(directory, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    await check(directory, say, options);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/**
 * Verifies the manifest, the labels, size and sha256 of every file, and that each graph fits and
 * runs.
 *
 * @throws Error naming the first thing that is wrong.
 */
export async function check(
  directory: string,
  say: (line: string) => void,
  { key, python = false, reference }: CheckOptions = {},
): Promise<void> {
  const where = join(directory, 'model.json');
  if (!existsSync(where)) throw new Error(`There is no ${where}.`);
  const given = parseJson(await readFile(where, 'utf8'), where);
  const manifest = parseAnyManifest(given, where);
  const labels = await labelsOf(manifest, directory);
  const open =
    manifest.encryption && key !== undefined
      ? await opener(manifest, manifest.encryption, key)
      : null;
  const isEncrypted = manifest.encryption !== undefined && !open;
  const trial = trialOf(manifest, labels, directory, reference);
  if (python) {
    if (isClassifier(manifest)) return say(pythonFor(manifest, labels));
    throw new Error(
      `--python is for classifiers of pictures; this model's task is ${manifest.task}.`,
    );
  }
  if (reference !== undefined && !isClassifier(manifest)) {
    throw new Error(
      `--reference is for classifiers of pictures; this model's task is ${manifest.task}.`,
    );
  }
  const unknown = isClassifier(manifest) ? unknownFields(given, manifest) : [];
  for (const warning of unknown) say(`Warning: ${warning}`);
  if (isEncrypted || !trial) {
    for (const file of allFiles(manifest)) {
      await verified(directory, file);
      const { bytes = 'unknown', sha256 } = file;
      say(
        `${file.url}: ${bytes} bytes, ${isEncrypted ? 'encrypted, ' : ''}${sha256 ? 'sha256 as promised' : 'no sha256'}`,
      );
    }
    const why = isEncrypted
      ? 'because --key was not given'
      : `because this command cannot run models of the task ${manifest.task}`;
    say(`${manifest.name} ${manifest.version}: not run, ${why}.`);
    return;
  }
  let warned = unknown.length;
  for (const file of manifest.files) {
    const bytes = await verified(directory, file, open);
    const external = await Promise.all(
      (file.external ?? []).map(async (each) => ({
        path: each.path,
        data: await verified(directory, each, open),
      })),
    );
    const { tests, warnings, told } = await trial(file, { bytes, external });
    for (const warning of warnings) say(`Warning: ${warning}`);
    warned += warnings.length;
    say(
      `${file.url}: ${bytes.length} bytes, ${file.sha256 ? 'sha256 as promised' : 'no sha256'}, runs${tests > 0 ? ', self-test passed' : ''}`,
    );
    for (const line of told) say(`  ${line}`);
    if (!file.sha256)
      say(
        '  Without a sha256, pages download the file again each time. `tabserve manifest` writes it.',
      );
  }
  const verdict =
    warned > 0 ? `${warned} ${warned === 1 ? 'warning' : 'warnings'}, see above` : 'all well';
  const what = labels.length > 0 ? `${labels.length} classes` : manifest.task;
  say(`${manifest.name} ${manifest.version}: ${what}, ${verdict}.`);
}

/** What was found when a file ran. */
interface Tried {
  /** Self-tests that it passed. */
  tests: number;
  warnings: readonly string[];
  told: readonly string[];
}

/** How a model's files are tried; `undefined` for a task that only pages can ask. */
function trialOf(
  manifest: CoreManifest,
  labels: readonly string[],
  directory: string,
  reference: string | undefined,
): ((file: ModelFile, graph: GraphFiles) => Promise<Tried>) | undefined {
  const read = async (url: string) => readFile(inside(directory, url));
  if (isTable(manifest)) {
    return async (file, graph) => {
      const tests = await tryTable(manifest, labels, graph, file, read);
      return { tests, warnings: [], told: [] };
    };
  }
  if (!isClassifier(manifest)) return undefined;
  const complete = { ...manifest, labels: [...labels] };
  return async (file, graph) => {
    const { session, feed } = await openComplete(graph, () => complete, file.url);
    const input = createPreprocessor(manifest.input, manifest.preprocess).allocate(1);
    const picture = { type: manifest.input.dtype, dims: [], data: input };
    const outputs = await session.run(
      feed.feeds(picture, () => manifest.input),
      [manifest.output.name],
    );
    const { length } = Object.values(feed.first(outputs))[0]?.data ?? [];
    if (!fitsLabels(length, labels.length)) {
      throw new Error(`${file.url} answers ${length} classes; there are ${labels.length} labels.`);
    }
    const tests = await runTests(manifest, file, session, read);
    const told: string[] = [];
    if (reference !== undefined) {
      await tellReference(reference, complete, { session, feed }, (line) => told.push(line));
    }
    await session.release();
    const skeleton = skeletonOf(graph.bytes)?.write();
    const { errors, warnings } = skeleton
      ? doubtsOf(complete, readOnnx(skeleton))
      : { errors: [], warnings: [] };
    if (errors.length > 0) throw new Error(`${file.url}: ${errors.join(' ')}`);
    return { tests, warnings, told };
  };
}

/** The labels, and that there are as many in each language. */
async function labelsOf(
  { labels = [], translations = {} }: CoreManifest,
  directory: string,
): Promise<string[]> {
  const own = Array.isArray(labels) ? labels : await labelsIn(directory, labels.url);
  for (const [tag, { url }] of Object.entries(translations)) {
    const found = (await labelsIn(directory, url)).length;
    if (found === own.length) continue;
    throw new Error(`${url} (${tag}) has ${found} labels; the model has ${own.length}.`);
  }
  return own;
}

async function verified(
  directory: string,
  file: FileReference,
  open: Opener | null = null,
): Promise<Uint8Array> {
  const bytes = await readFile(inside(directory, file.url));
  if (file.bytes !== undefined && bytes.length !== file.bytes) {
    throw new Error(`${file.url} has ${bytes.length} bytes; model.json says ${file.bytes}.`);
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (file.sha256 !== undefined && sha256 !== file.sha256) {
    throw new Error(`${file.url} has the sha256 ${sha256}; model.json says ${file.sha256}.`);
  }
  return open ? open(new Uint8Array(bytes), file.url) : bytes;
}

/** Decrypts a file of a package. */
type Opener = (bytes: Uint8Array<ArrayBuffer>, url: string) => Promise<Uint8Array>;

async function opener(
  { name: model, version }: CoreManifest,
  encryption: ManifestEncryption,
  file: string,
): Promise<Opener> {
  const bytes = await keyBytes(file);
  const key = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['decrypt']);
  return (bytes, url) => decryptFile(bytes, { model, version, url, encryption }, key);
}

function allFiles({ files, assets }: CoreManifest): FileReference[] {
  const external = files.flatMap((file) => file.external ?? []);
  return [...files, ...external, ...Object.values(assets ?? {})];
}

/** A path within the folder. */
export function inside(directory: string, path: string): string {
  if (isOutside(path)) {
    throw new Error(`model.json names "${path}", which is not within its own folder.`);
  }
  return join(directory, path);
}

async function labelsIn(directory: string, url: string): Promise<string[]> {
  return readLabels(await readFile(inside(directory, url)), url).labels;
}
