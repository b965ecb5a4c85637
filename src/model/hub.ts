/** Repositories in the layout of the Hugging Face hub: on a hub, on any server, or as files. */

import { isTabserveError, TabserveError } from '../base/errors.js';
import type { Fallback } from '../base/types.js';
import { describeHubModel, type HubFiles } from './huggingface.js';
import { type ExternalFile, type ModelDtype, type ModelFile, parseManifest } from './manifest.js';
import type { FileReference } from './manifest-core.js';
import { fastSuffix, type HubProcessor } from './request.js';
import { downloadJson, type TextOptions } from './text.js';
import type { HubTask, Translation } from './translation.js';

/** Options of reading a repository. */
interface HubOptions extends TextOptions {
  /** What models may be for, besides the classification of pictures. */
  tasks: readonly HubTask[];
  /** Which of transformers' two. @default as the name or the address says */
  processor?: HubProcessor | undefined;
}

/** Graphs by precision, with the suffixes that the hub's exporters give them; the first wins. */
const graphNames: readonly (readonly [ModelDtype, string])[] = [
  ['fp32', 'onnx/model.onnx'],
  ['fp16', 'onnx/model_fp16.onnx'],
  ['int8', 'onnx/model_quantized.onnx'],
  ['int8', 'onnx/model_int8.onnx'],
  ['int8', 'onnx/model_uint8.onnx'],
  ['fp32', 'model.onnx'],
];

/** What is known about a file of a repository. */
type Listing = ReadonlyMap<string, { bytes?: number; sha256?: string }>;

/**
 * Describes `hf:owner/name[@revision][?processor=fast]`.
 *
 * @throws TabserveError `model-not-found`, `manifest-invalid`, `network`.
 */
export async function resolveHubRepository(
  name: string,
  options: HubOptions & { hubUrl: string },
): Promise<Translation> {
  const { plain, processor } = processorIn(name);
  const match = /^hf:([\w.-]{1,96}\/)?([\w.-]{1,96})(?:@([\w./-]{1,96}))?$/.exec(plain);
  if (!match || name.includes('..')) {
    throw new TabserveError(
      'model-not-found',
      `"${name}" names no repository: write hf:owner/name or hf:owner/name@revision.`,
      {
        details: { model: name },
      },
    );
  }
  const [, owner = '', repository, revision = 'main'] = match;
  const path = `${owner}${repository}`;
  const branch = encodeURIComponent(revision);
  const listed = await listRepository(
    `${options.hubUrl}api/models/${path}/tree/${branch}?recursive=true`,
    options,
  );
  const baseUrl = `${options.hubUrl}${path}/resolve/${branch}/`;
  const folder = { where: name, locate: (file: string) => baseUrl + file, listing: listed };
  return describeFolder(folder, baseUrl, { ...options, processor, otherOrigin: true });
}

/** Takes the wanted processor from the end of a name or an address. */
function processorIn(where: string): { plain: string; processor: HubProcessor } {
  return where.endsWith(fastSuffix)
    ? { plain: where.slice(0, -fastSuffix.length), processor: 'fast' }
    : { plain: where, processor: 'slow' };
}

/**
 * Describes a folder with a repository's layout: a URL whose path ends with a slash, or files by path.
 */
export async function resolveHubFolder(
  folder: string | Readonly<Record<string, Blob>>,
  options: HubOptions,
): Promise<Translation> {
  if (typeof folder === 'string') {
    const where = folder;
    const locate = (file: string) => new URL(file, folder).href;
    const { processor } = processorIn(where);
    return describeFolder({ where, locate, listing: null }, folder, { ...options, processor });
  }
  const files = folder;
  const listing = new Map(
    Object.entries(files).map(([path, file]) => [path, { bytes: file.size }]),
  );
  const locate = (path: string) => {
    const file = Object.hasOwn(files, path) ? files[path] : undefined;
    if (file) return file;
    throw new TabserveError('model-not-found', `There is no ${path} among the files.`, {
      details: { file: path },
    });
  };
  return describeFolder({ where: 'the given folder', locate, listing }, null, options);
}

interface HubFolder {
  where: string;
  locate(path: string): string | Blob;
  /** `null` where nothing lists the files: then they are asked for one by one. */
  listing: Listing | null;
}

async function describeFolder(
  folder: HubFolder,
  baseUrl: string | null,
  options: HubOptions,
): Promise<Translation> {
  const { where, locate } = folder;
  const addressOf = (path: string) => (baseUrl === null ? path : new URL(path, baseUrl).href);
  const [config, preprocessor, listing] = await Promise.all([
    downloadJson(locate('config.json'), options).catch((error: unknown) => {
      throw missing(error, where);
    }),
    readFirst(['preprocessor_config.json', 'processor_config.json'], folder, options),
    folder.listing ?? probe(folder, options),
  ]);
  const task = options.tasks.find((each) => each.recognises({ config, preprocessor }));
  // A server without a list may have it.
  const find = (path: string): FileReference | undefined =>
    folder.listing && !folder.listing.has(path)
      ? undefined
      : { url: path, ...folder.listing?.get(path) };
  const more = Object.fromEntries(
    await Promise.all(
      (task?.reads ?? []).map(async (path) => [path, await readFirst([path], folder, options)]),
    ),
  );
  const { processor = 'slow' } = options;
  const { fields, warnings, check } = task
    ? {
        ...task.describe({ where, config, preprocessor, processor, more, find, addressOf }),
        check: task.check,
      }
    : describePictures({ where, config, preprocessor, processor });
  const core = { name: nameOf(where), version: '0.0.0', source: where };
  const manifest = check({ ...core, ...fields, files: graphsIn(listing, where) }, where);
  return {
    manifest,
    open: 'names',
    fallbacks: warnings.map((reason): Fallback => ({ from: where, to: 'assumption', reason })),
    otherOrigin: options.otherOrigin ?? false,
    keep: baseUrl !== null,
    baseUrl,
  };
}

function describePictures(files: HubFiles) {
  const { warnings, license, ...described } = describeHubModel(files);
  const fields = {
    task: 'image-classification',
    ...(license !== undefined && { license }),
    ...described,
  };
  return { fields, warnings, check: parseManifest };
}

/** A hub hides private repositories like missing ones, behind 401. */
function missing(error: unknown, where: string): unknown {
  const status = isTabserveError(error) ? error.details.status : undefined;
  if (status !== 401 && status !== 403 && status !== 404) return error;
  return new TabserveError(
    'model-not-found',
    `${where} has no config.json that may be read (HTTP ${status}): the repository does not exist, is private, or is not a transformers model.`,
    { cause: error, details: { model: where, status } },
  );
}

function nameOf(where: string): string {
  const parts = where
    .replace(/^hf:/, '')
    .replace(/[@?].*$/, '')
    .split('/')
    .filter(Boolean);
  const clean = parts.slice(-2).map((part) => part.replace(/[^\w.-]+/g, '-').slice(0, 96));
  return (where.startsWith('hf:') ? clean : clean.slice(-1)).join('/') || 'model';
}

async function readFirst(
  paths: readonly string[],
  { locate, listing }: HubFolder,
  options: TextOptions,
): Promise<unknown> {
  for (const path of paths) {
    if (listing && !listing.has(path)) continue;
    try {
      return await downloadJson(locate(path), options);
    } catch (error) {
      if (!isTabserveError(error, 'model-not-found')) throw error;
    }
  }
  return undefined;
}

/** The hub's list of files, with the sha256 of those in its large file storage. */
async function listRepository(url: string, options: TextOptions): Promise<Listing | null> {
  let entries: unknown;
  try {
    entries = await downloadJson(url, options);
  } catch (error) {
    options.signal.throwIfAborted();
    // A mirror need not have the hub's API.
    if (isTabserveError(error, 'network') && error.retryable) throw error;
    return null;
  }
  if (!Array.isArray(entries)) return null;
  const listing = new Map<string, { bytes?: number; sha256?: string }>();
  for (const entry of entries as Record<string, unknown>[]) {
    if (typeof entry?.path !== 'string') continue;
    const lfs = entry.lfs as Record<string, unknown> | undefined;
    const sha256 =
      typeof lfs?.oid === 'string' && /^[0-9a-f]{64}$/.test(lfs.oid) ? lfs.oid : undefined;
    const bytes =
      Number.isInteger(entry.size) && (entry.size as number) > 0
        ? (entry.size as number)
        : undefined;
    listing.set(entry.path, {
      ...(bytes !== undefined && { bytes }),
      ...(sha256 !== undefined && { sha256 }),
    });
  }
  return listing;
}

/** Asks a server without a list which of the usual graphs it has. */
async function probe({ locate }: HubFolder, { signal }: TextOptions): Promise<Listing> {
  const listing = new Map<string, { bytes?: number; sha256?: string }>();
  const paths = graphNames.flatMap(([, path]) => [path, `${path}_data`]);
  await Promise.all(
    paths.map(async (path) => {
      const response = await fetch(String(locate(path)), { method: 'HEAD', signal }).catch(
        () => undefined,
      );
      signal.throwIfAborted();
      // Servers that answer everything with their index page have no graphs there.
      if (response?.ok && !/^text\/html/.test(response.headers.get('content-type') ?? '')) {
        listing.set(path, {});
      }
    }),
  );
  return listing;
}

function graphsIn(listing: Listing, where: string): ModelFile[] {
  const files: ModelFile[] = [];
  for (const [dtype, path] of graphNames) {
    const found = listing.get(path);
    if (!found || files.some((file) => file.dtype === dtype)) continue;
    const external = externalDataOf(path, listing);
    files.push({ url: path, dtype, ...found, ...(external.length > 0 && { external }) });
  }
  if (files.length > 0) return files;
  throw new TabserveError(
    'model-not-found',
    `${where} has no ONNX graph: none of ${graphNames.map(([, path]) => path).join(', ')}. Export one with Optimum, or take a repository that has an "onnx" folder.`,
    { details: { model: where } },
  );
}

/** `model.onnx_data`, `model.onnx_data_1`, …, as far as they are listed. */
function externalDataOf(path: string, listing: Listing): ExternalFile[] {
  const files: ExternalFile[] = [];
  for (let index = 0; ; index++) {
    const url = `${path}_data${index === 0 ? '' : `_${index}`}`;
    const found = listing.get(url);
    if (!found) return files;
    files.push({ path: url.slice(url.lastIndexOf('/') + 1), url, ...found });
  }
}
