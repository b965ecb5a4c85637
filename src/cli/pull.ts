/** A model from anywhere, as a static folder. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { download } from '../model/download.js';
import { embeddedModels } from '../model/embedded.js';
import { unlistedData } from '../model/external-data.js';
import { givenFiles } from '../model/given.js';
import { readLabels } from '../model/label-file.js';
import {
  type ExternalFile,
  type ModelFile,
  type ModelManifest,
  parseManifest,
} from '../model/manifest.js';
import type { FileReference } from '../model/manifest-core.js';
import { skeletonOf } from '../model/onnx/skeleton.js';
import { isOutside } from '../model/paths.js';
import { fastSuffix } from '../model/request.js';
import { type ResolvedModel, resolveModel } from '../model/source.js';
import type { LabelFile } from '../model/translation.js';
import { complete as fill, translate } from '../tasks/translate.js';
import type { ModelRequest } from '../wire/protocol.js';
import { check, inside } from './check.js';
import { openComplete } from './graph.js';

/** Options of {@link pull}. */
export interface PullOptions {
  dtype?: string | undefined;
  hub?: string | undefined;
  /** `fast`: transformers' processor on torchvision. @default 'slow' */
  processor?: string | undefined;
}

const dtypes: readonly string[] = ['fp32', 'fp16', 'int8'];

/**
 * Downloads a model and everything that it needs, verifies it, and writes its `model.json`. Files
 * that are there already, and right, are not fetched again.
 *
 * @throws Error or TabserveError; the `model.json` is written last, so that a folder that has one is
 *   complete.
 */
export async function pull(
  model: string,
  directory: string,
  { dtype, hub = 'https://huggingface.co/', processor }: PullOptions,
  say: (line: string) => void,
): Promise<void> {
  if (dtype !== undefined && !dtypes.includes(dtype)) {
    throw new Error(`--dtype is "${dtype}"; it takes fp32, fp16 or int8.`);
  }
  await mkdir(directory, { recursive: true });
  if (embeddedModels[model]) {
    await copyEmbedded(model, directory);
    return check(directory, say);
  }
  if (processor !== undefined && processor !== 'slow' && processor !== 'fast') {
    throw new Error(`--processor is "${processor}"; it takes slow or fast.`);
  }
  if (processor === 'fast' && !model.startsWith('hf:') && !model.endsWith('/')) {
    throw new Error('--processor is for repositories: hf:owner/name, or the URL of a folder.');
  }
  const { signal } = new AbortController();
  const resolved = await resolveModel(
    requestOf(processor === 'fast' ? model + fastSuffix : model),
    {
      task: null,
      signal,
      stallTimeout: 20_000,
      library: null,
      hubUrl: hub.replace(/\/?$/, '/'),
      fresh: true,
      // Those are copied, see above.
      embedded: async () => null,
      given: givenFiles,
      expectManifest: () => undefined,
      validate: async (value, where) => parseManifest(value, where),
      verify: null,
      readLabels: async (bytes, where) => readLabels(bytes, where),
      translate,
    },
  );
  const wanted = resolved.manifest.files.filter((file) => !dtype || file.dtype === dtype);
  if (wanted.length === 0) {
    const offered = resolved.manifest.files.map((file) => file.dtype).join(', ');
    throw new Error(`"${model}" has no ${dtype} file. It offers ${offered}.`);
  }
  const files: ModelFile[] = [];
  for (const file of wanted) {
    const external: ExternalFile[] = [];
    for (const each of file.external ?? []) {
      external.push({ ...each, ...(await fetchFile(resolved, each, directory, say)) });
    }
    const fetched = await fetchFile(resolved, file, directory, say);
    // Those too that only the graph itself names.
    const graph = skeletonOf(await readFile(inside(directory, fetched.url)));
    for (const each of unlistedData(file, graph?.locations ?? [])) {
      external.push({ ...each, ...(await fetchFile(resolved, each, directory, say)) });
    }
    files.push({ ...file, ...fetched, ...(external.length > 0 && { external }) });
  }
  const manifest = await completed(resolved, files, directory, (await resolved.beside) ?? []);
  const labels = Array.isArray(manifest.labels) ? manifest.labels : [];
  await writeFile(join(directory, 'labels.txt'), `${labels.join('\n')}\n`);
  const translations: Record<string, FileReference> = {};
  for (const [tag, file] of Object.entries(manifest.translations ?? {})) {
    translations[tag] = await fetchFile(resolved, file, directory, say);
  }
  const written: ModelManifest = {
    ...manifest,
    labels: { url: 'labels.txt' },
    ...(manifest.translations && { translations }),
    files,
  };
  await writeFile(join(directory, 'model.json'), `${JSON.stringify(written, null, 2)}\n`);
  for (const { reason } of resolved.fallbacks) say(`Note: ${reason}`);
  await check(directory, say);
}

/** What the words on the command line name. A path is relative to where the command was given. */
function requestOf(model: string): ModelRequest {
  if (model.startsWith('hf:')) return { kind: 'hub', name: model };
  if (/^https?:/.test(model)) return { kind: 'url', url: model };
  return { kind: 'name', name: model, version: null, fileUrls: {} };
}

async function copyEmbedded(name: string, directory: string): Promise<void> {
  const folder = fileURLToPath(new URL(`./models/${name}/`, import.meta.url));
  for (const file of await readdir(folder))
    await copyFile(join(folder, file), join(directory, file));
}

/** Brings one file into the folder. Returns what the manifest there is to say of it. */
async function fetchFile(
  { locate, otherOrigin }: ResolvedModel,
  file: { url: string; bytes?: number | undefined; sha256?: string | undefined },
  directory: string,
  say: (line: string) => void,
): Promise<{ url: string; bytes: number; sha256: string }> {
  const location = locate(file.url);
  if (location instanceof Blob) throw new Error(`${file.url} has no address.`);
  const url = localName(file.url);
  const path = inside(directory, url);
  if (existsSync(path) && file.sha256 && (await digestOf(path)) === file.sha256) {
    say(`${url}: here already`);
    return { url, bytes: (await readFile(path)).length, sha256: file.sha256 };
  }
  const bytes = await download(location, {
    expected: file,
    signal: new AbortController().signal,
    otherOrigin: otherOrigin || file.sha256 !== undefined,
  });
  await mkdir(dirname(path), { recursive: true });
  // Whole or not at all.
  await writeFile(`${path}.part`, bytes);
  await rename(`${path}.part`, path);
  say(`${url}: ${bytes.length} bytes`);
  return { url, bytes: bytes.length, sha256: await digestOf(path) };
}

/** Where a file goes: its own path in a repository, the last part of any other address. */
function localName(url: string): string {
  if (!isOutside(url)) return url;
  const { pathname } = new URL(url, 'http://localhost');
  const name = decodeURIComponent(pathname.split('/').at(-1) ?? '');
  if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name)) {
    throw new Error(`${url} does not end in a file name that could be used.`);
  }
  return name;
}

async function digestOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/** The manifest with what only the graph can tell. */
async function completed(
  { manifest, open }: ResolvedModel,
  files: readonly ModelFile[],
  directory: string,
  beside: readonly LabelFile[],
): Promise<ModelManifest> {
  const [file] = files;
  // The command line knows classifiers of pictures only.
  const classifier = manifest as ModelManifest;
  if (open === 'nothing' || !file) return classifier;
  const external = await Promise.all(
    (file.external ?? []).map(async ({ path, url }) => ({
      path,
      data: await readFile(inside(directory, url)),
    })),
  );
  const bytes = await readFile(inside(directory, file.url));
  const { session, complete } = await openComplete(
    { bytes, external },
    ({ inputs, outputs }) => {
      const graph = skeletonOf(bytes)?.write() ?? null;
      const request = { manifest, open, inputs, outputs, graph, beside, where: file.url };
      return fill(request).manifest as ModelManifest;
    },
    pathToFileURL(join(directory, file.url)).href,
  );
  await session.release();
  return complete;
}
