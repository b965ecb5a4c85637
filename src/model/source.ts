/** From what a caller names to a manifest, labels and files that can be read. */
import { TabserveError } from '../base/errors.js';
import type { FilesRequest, GivenFiles } from './given.js';
import { untilAborted } from './http.js';
import { labelFileNames } from './labels.js';
import type { InstalledModel, InstalledVersion, Library } from './library.js';
import type { CoreManifest, LabelSet } from './manifest-core.js';
import { isOutside } from './paths.js';
import type { ModelRequest } from './request.js';
import { downloadJson, downloadSmall, type TextOptions } from './text.js';
import type { LabelFile, TranslateRequest, Translation } from './translation.js';

/** A model whose manifest has been read, and whose files can be. */
export interface ResolvedModel extends Translation {
  /** Where a file's bytes are, by the address that the manifest gives it. */
  locate: Locate;
  /** What the library calls the model; `null` if it does not keep such ones. */
  source: string | null;
  /** Whether the manifest comes from the library, and may be outdated. */
  installed: boolean;
  /** `model.json` as it came, where its signature was verified. */
  signed?: unknown;
  /** The label files beside a graph that has no manifest: they come while it does. */
  beside?: Promise<readonly LabelFile[]>;
}

/** A `model.json` as it came, and what was made of it and kept, if it was. */
export interface Signed {
  signed: unknown;
  kept?: CoreManifest;
}

/** Options of {@link resolveModel}. */
export interface ResolveOptions extends TextOptions {
  stallTimeout: number;
  library: Library | null;
  /** Base address of the hub of `hf:` names, with a slash at its end. */
  hubUrl: string;
  /** What the model is wanted for; `null` where that is not known. */
  task: string | null;
  /** Look past the library, for a newer version. */
  fresh: boolean;
  /** The manifest of an embedded model; `null` where there is none of that name. */
  embedded(name: string): Promise<CoreManifest | null>;
  /** Looks through files. Errors as `givenFiles()`. */
  given(request: FilesRequest, task: string | null): Promise<GivenFiles>;
  /** Is called when a manifest is on its way to {@link validate}. */
  expectManifest(): void;
  /** Checks a manifest. Errors as `parseManifest()`. */
  validate(value: unknown, where: string): Promise<CoreManifest>;
  /** Reads a label file. Errors as `parseLabelFile()`. */
  readLabels(bytes: Uint8Array, where: string): Promise<LabelSet>;
  /**
   * Verifies the signature of a `model.json`, as it came, and that a manifest which was kept names the same
   * files; `undefined` for a model without one. `null` where the page wants none.
   *
   * @throws TabserveError `signature-invalid`.
   */
  verify: ((given: Signed | undefined, where: string) => Promise<void>) | null;
  /** Describes what has no `model.json`. Errors as `translate()`. */
  translate(request: TranslateRequest): Promise<Translation>;
}

/**
 * Reads the manifest and the labels of a model.
 *
 * @throws TabserveError `model-not-found`, `manifest-invalid`, `network`, `integrity`.
 */
export async function resolveModel(
  request: ModelRequest,
  options: ResolveOptions,
): Promise<ResolvedModel> {
  const { hubUrl, stallTimeout } = options;
  switch (request.kind) {
    case 'name':
      return resolveName(request, options);
    case 'hub': {
      const { name } = request;
      const known = await findInstalled(name, options);
      return known ?? translated({ kind: 'hub', name, hubUrl, stallTimeout }, name, options);
    }
    case 'url': {
      const known = await findInstalled(request.url, options);
      return known ?? resolveUrl(request.url, options);
    }
    case 'files':
    case 'directory': {
      const given = options.given(request, options.task);
      return resolveFiles(await untilAborted(given, options.signal), options);
    }
    case 'manifest': {
      const where = `the manifest of "${request.manifest.name}"`;
      const manifest = await validated(request.manifest, where, options);
      const locate = locator(request.files, request.baseUrl, where);
      const signed = signedOf(request.manifest, options);
      return { ...described(await withLabels(manifest, locate, options), locate), ...signed };
    }
  }
}

async function resolveName(
  request: Extract<ModelRequest, { kind: 'name' }>,
  options: ResolveOptions,
): Promise<ResolvedModel> {
  const { name, version, fileUrls } = request;
  const embedded = Object.keys(fileUrls).length > 0 ? await options.embedded(name) : null;
  if (embedded) {
    const where = `the embedded model "${name}"`;
    await options.verify?.(undefined, where);
    refuseOtherVersion(name, version, [embedded]);
    const locate = locator(fileUrls, null, where);
    return described(await withLabels(embedded, locate, options), locate);
  }
  const known = await options.library?.find(name);
  const versions = known ? [known.current, ...(known.previous ? [known.previous] : [])] : [];
  const wanted = versions.find((each) => !version || each.manifest.version === version);
  if (known && wanted && !options.fresh && isUsable(wanted, options)) {
    return fromLibrary(known, wanted, options);
  }
  const fresh =
    known && known.source !== name
      ? await resolveModel(requestOf(known.source), { ...options, fresh: true })
      : await translated({ kind: 'name', name }, name, options);
  refuseOtherVersion(name, version, [fresh.manifest, ...versions.map((each) => each.manifest)]);
  return fresh;
}

/** The request that a library's source stands for. */
export function requestOf(source: string): ModelRequest {
  if (source.startsWith('hf:')) return { kind: 'hub', name: source };
  if (URL.canParse(source)) return { kind: 'url', url: source };
  return { kind: 'name', name: source, version: null, fileUrls: {} };
}

/** @param found - The manifest in question, and others that there are. */
function refuseOtherVersion(
  name: string,
  wanted: string | null,
  found: readonly CoreManifest[],
): void {
  if (wanted === null || found[0]?.version === wanted) return;
  const versions = [...new Set(found.map(({ version }) => version))].join(', ');
  throw new TabserveError(
    'model-not-found',
    `There is no version ${wanted} of "${name}". There is ${versions}.`,
    { details: { model: name, version: wanted, found: versions } },
  );
}

async function findInstalled(
  source: string,
  options: ResolveOptions,
): Promise<ResolvedModel | undefined> {
  const known = options.fresh ? undefined : await options.library?.get(source);
  if (!known || !isUsable(known.current, options)) return undefined;
  return fromLibrary(known, known.current, options);
}

/** Whether it has the signature that is wanted; one that came without may have one by now. */
function isUsable({ signed }: InstalledVersion, { verify }: ResolveOptions): boolean {
  return verify === null || signed !== undefined;
}

async function fromLibrary(
  model: InstalledModel,
  version: InstalledVersion,
  { verify }: ResolveOptions,
): Promise<ResolvedModel> {
  const { manifest, baseUrl, otherOrigin, assumed, signed } = version;
  const where = `the stored manifest of "${model.source}"`;
  await verify?.({ kept: manifest, signed }, where);
  return {
    ...described(manifest, locator({}, baseUrl, where)),
    fallbacks: assumed,
    source: model.source,
    baseUrl,
    otherOrigin,
    installed: true,
    ...(signed !== undefined && { signed }),
  };
}

async function resolveUrl(url: string, options: ResolveOptions): Promise<ResolvedModel> {
  const { pathname } = new URL(url);
  const { stallTimeout } = options;
  const ending = /\.\w+$|\/$/.exec(pathname)?.[0].toLowerCase();
  if (ending === '/') return translated({ kind: 'folder', url, stallTimeout }, url, options);
  const isGraph = ending === '.onnx' || (ending !== '.json' && (await isBinary(url, options)));
  if (isGraph) {
    const request = { kind: 'bare', where: url, task: options.task } as const;
    return { ...(await translated(request, null, options)), beside: labelsBeside(url, options) };
  }
  options.expectManifest();
  const json = await downloadJson(url, options);
  const manifest = await validated(json, url, options);
  const locate = fetched(locator({}, url, url), url);
  const withNames = await withLabels(manifest, locate, options);
  const signed = signedOf(json, options);
  return { ...described(withNames, locate), source: url, baseUrl: url, ...signed };
}

/** Milliseconds that label files beside a graph may take: they need not be there. */
const besideTimeout = 5000;

/** The label files of the usual names in a graph's folder; none where they are not there or hold none. */
async function labelsBeside(url: string, options: ResolveOptions): Promise<readonly LabelFile[]> {
  if (options.local || !/^https?:/.test(url)) return [];
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(besideTimeout)]);
  const found = await Promise.all(
    labelFileNames.map(async (name) => {
      try {
        const bytes = await downloadSmall(new URL(name, url).href, { ...options, signal });
        // Servers that answer everything with their index page have no labels there.
        if (/^\s*</.test(new TextDecoder().decode(bytes.subarray(0, 64)))) return [];
        const { labels } = await options.readLabels(bytes, name);
        return [{ name, labels }];
      } catch {
        return [];
      }
    }),
  );
  return found.flat();
}

/** Whether an address that does not tell leads to something else than JSON: asked by its first bytes. */
async function isBinary(url: string, { signal, local }: TextOptions): Promise<boolean> {
  if (local) return false;
  // Whatever goes wrong here, the download says better.
  const response = await fetch(url, { signal }).catch(() => undefined);
  signal.throwIfAborted();
  const reader = response?.ok ? response.body?.getReader() : undefined;
  const first = await reader?.read().catch(() => undefined);
  reader?.cancel().catch(() => undefined);
  // JSON, a web page, or a Git LFS pointer.
  const start = first?.value && new TextDecoder().decode(first.value.subarray(0, 64));
  return start !== undefined && !/^\s*[{[<v]/.test(start);
}

async function validated(
  value: unknown,
  where: string,
  { validate, verify, signal }: ResolveOptions,
): Promise<CoreManifest> {
  await verify?.({ signed: value }, where);
  return untilAborted(validate(value, where), signal);
}

/** What is kept of a manifest whose signature was verified. */
function signedOf(value: unknown, { verify }: ResolveOptions): Pick<ResolvedModel, 'signed'> {
  return verify ? { signed: value } : {};
}

/** A model that the page describes. */
async function translated(
  request: TranslateRequest,
  source: string | null,
  options: ResolveOptions,
  files: Readonly<Record<string, Blob>> = {},
): Promise<ResolvedModel> {
  if (options.local && request.kind !== 'bare' && request.kind !== 'files') {
    throw new TabserveError('network', `${source ?? 'The model'} is not in the store.`, {
      retryable: false,
    });
  }
  await options.verify?.(undefined, source ?? 'The model');
  const translation = await untilAborted(options.translate(request), options.signal);
  const { manifest, baseUrl, otherOrigin } = translation;
  const locate = locator(files, baseUrl, manifest.name);
  const withNames = await withLabels(manifest, locate, { ...options, otherOrigin });
  return { ...translation, manifest: withNames, locate, source, installed: false };
}

/** Files given together: with a `model.json`, in a hub's layout, or one graph alone. */
async function resolveFiles(
  { files, found }: GivenFiles,
  options: ResolveOptions,
): Promise<ResolvedModel> {
  if ('translate' in found) return translated(found.translate, null, options, files);
  const { manifest: name } = found;
  const json = await downloadJson(files[name] as Blob, options);
  const manifest = await validated(json, name, options);
  const locate = within(locator(files, null, name), name);
  const signed = signedOf(json, options);
  return { ...described(await withLabels(manifest, locate, options), locate), ...signed };
}

/** Finds a file by the address that a manifest gives it. */
export type Locate = (url: string) => string | Blob;

/** Looks a manifest's file up among given ones by its name, else relative to a base address. */
function locator(
  files: Readonly<Record<string, string | Blob>>,
  baseUrl: string | null,
  where: string,
): Locate {
  return (url) => {
    const name = url.replace(/^(\.\/)+/, '');
    const found = Object.hasOwn(files, name) ? files[name] : undefined;
    if (found !== undefined) return found;
    if (baseUrl !== null && URL.canParse(url, baseUrl)) return new URL(url, baseUrl).href;
    if (URL.canParse(url)) return url;
    throw new TabserveError(
      'model-not-found',
      `${where} names the file "${url}", which is not among those given (${Object.keys(files).join(', ') || 'none'}).`,
      { details: { manifest: where, file: url } },
    );
  };
}

/** Refuses addresses that a manifest from the network must not name: the user's disk, a script. */
function fetched(locate: Locate, where: string): Locate {
  return (url) => {
    const location = locate(url);
    if (typeof location === 'string' && !/^(https?|blob|data):/.test(location)) {
      throw badPath(where, url, 'an http or https address');
    }
    return location;
  };
}

/** Refuses paths out of the folder that was given. */
export function within(locate: Locate, where: string): Locate {
  return (url) => {
    if (isOutside(url)) throw badPath(where, url, 'a path within the same folder');
    return locate(url);
  };
}

function badPath(where: string, found: string, expected: string): TabserveError {
  return new TabserveError(
    'manifest-invalid',
    `${where}: it names the file "${found}", expected ${expected}.`,
    { details: { manifest: where, field: 'url', found, expected } },
  );
}

async function withLabels(
  manifest: CoreManifest,
  locate: Locate,
  options: ResolveOptions,
): Promise<CoreManifest> {
  if (!manifest.labels || Array.isArray(manifest.labels)) return manifest;
  const { url } = manifest.labels;
  const bytes = await downloadSmall(locate(url), options);
  const { labels, labelDetails = manifest.labelDetails } = await options.readLabels(bytes, url);
  return { ...manifest, labels, ...(labelDetails && { labelDetails }) };
}

/** A model as most are: nothing left open, nothing kept but by its sha256. */
function described(manifest: CoreManifest, locate: Locate): ResolvedModel {
  return {
    manifest,
    locate,
    open: 'nothing',
    fallbacks: [],
    otherOrigin: false,
    keep: false,
    source: null,
    baseUrl: null,
    installed: false,
  };
}
