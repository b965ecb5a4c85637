/** What `tabserve.models` does. Loaded by its first call. */

import { DownloadMonitor } from '../api/progress.js';
import type { CachedModel, CatalogModel } from '../api/types.js';
import { isTabserveError, TabserveError } from '../base/errors.js';
import { embeddedManifests, publicManifests } from '../model/catalog.js';
import type { InstalledModel } from '../model/library.js';
import type { ModelManifest } from '../model/manifest.js';
import type { StoredFile } from '../model/store/store.js';
import type { Connection } from '../wire/connection.js';
import type { EvictRequest, LibrarySurvey, ModelRequest, PackName } from '../wire/protocol.js';
import type { LibraryOptions, LibraryTools, Models } from './models.js';

type Files = ReadonlyMap<string, StoredFile>;

/** The pack that a worker needs for a task. */
const packs: Readonly<Record<string, PackName>> = {
  'image-embedding': 'image',
  'object-detection': 'image',
  'image-segmentation': 'image',
  'audio-classification': 'audio',
  'text-classification': 'text',
  'text-embedding': 'text',
  tabular: 'table',
  tensor: 'tensor',
};

/** Builds the API on the page's tools. */
export function createModels(tools: LibraryTools): Omit<Models, 'prepare'> {
  const { withWorker, toModelRequest, hubOf, newRequestId, protectionOf } = tools;

  const survey = (options: LibraryOptions = {}): Promise<LibrarySurvey> =>
    withWorker(options, (worker) => worker.call('survey', null));

  const cached: Models['cached'] = async (options) => {
    const found = await survey(options);
    const files = byDigest(found);
    return allModels(found)
      .map((model) => cachedModel(model, files))
      .filter((model) => model !== undefined);
  };

  return {
    async list(options) {
      const files = byDigest(await survey(options));
      return [
        ...embeddedManifests().map((manifest) => catalogModel(manifest, true, files)),
        ...publicManifests().map((manifest) => catalogModel(manifest, false, files)),
      ];
    },
    cached,
    async availability(name, options = {}) {
      const request = toModelRequest(name, options);
      const source = sourceOf(request);
      const stored = await cached(options);
      if (stored.some((model) => isCalled(model, source))) return 'available';
      const isListed = [...embeddedManifests(), ...publicManifests()].some(
        (manifest) => manifest.name === source,
      );
      return isListed || request.kind !== 'name' ? 'downloadable' : 'unavailable';
    },
    async evict(name, options = {}) {
      const found = await survey(options);
      const request =
        name === undefined
          ? everything(found)
          : oneModel(found, sourceOf(toModelRequest(name, options)));
      return withWorker(options, (worker) => worker.call('evict', request));
    },
    async usage(options) {
      const { files, store, fallbacks } = await survey(options);
      const { usage = 0, quota = 0 } = (await allowed((storage) => storage.estimate())) ?? {};
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
      const persisted = (await allowed((storage) => storage.persisted())) ?? false;
      return { store, bytes, quota, usage, persisted, fallbacks };
    },
    async persist() {
      return (await allowed((storage) => storage.persist())) ?? false;
    },
    async update(name, options = {}) {
      const { signal, monitor, dtype = 'auto', hubUrl, stallTimeout = 20_000 } = options;
      const progress = monitor && new DownloadMonitor(monitor);
      const { packs: needed, keys, ...protection } = await protectionOf(options);
      const requestId = newRequestId();
      const request = {
        requestId,
        model: toModelRequest(name, options),
        dtype,
        task: null,
        settings: {},
        hubUrl: hubOf(hubUrl),
        stallTimeout,
        mirrors: {},
        local: false,
        ...protection,
      };
      const run = async (worker: Connection) => {
        const unfollow =
          progress && worker.followProgress(requestId, (...bytes) => progress.report(...bytes));
        const closeKeys = keys && worker.serveKeys(requestId, keys);
        try {
          return await worker.call('update', request, { signal });
        } finally {
          unfollow?.();
          closeKeys?.();
        }
      };
      // What the new version is for shows when it is there; what has come is in the store by then.
      return withWorker(options, run, needed).catch((error: unknown) => {
        const pack = isTabserveError(error, 'unsupported') && packs[String(error.details.task)];
        if (!pack) throw error;
        return withWorker(options, run, [pack, ...needed]);
      });
    },
    rollback(name, options = {}) {
      const source = sourceOf(toModelRequest(name, options));
      return withWorker(options, (worker) => worker.call('rollback', source));
    },
  };
}

/**
 * What the browser says of its storage; `undefined` where it has none, and where the page may not
 * ask, as in a sandboxed frame.
 */
async function allowed<T>(ask: (storage: StorageManager) => Promise<T>): Promise<T | undefined> {
  try {
    const storage = navigator.storage as StorageManager | undefined;
    return storage && (await ask(storage));
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}

function isForbidden(error: unknown): boolean {
  // `estimate()` of a frame without an origin rejects with a TypeError in Chromium.
  const isDenied = error instanceof DOMException && error.name === 'SecurityError';
  return isDenied || error instanceof TypeError;
}

/** What the library calls a model. */
function sourceOf(request: ModelRequest): string {
  if (request.kind === 'name' || request.kind === 'hub') return request.name;
  if (request.kind === 'url') return request.url;
  throw new TabserveError(
    'invalid-argument',
    'Files have no name in the store. Give a name or a URL.',
  );
}

function isCalled(model: Pick<CachedModel, 'name' | 'source'>, source: string): boolean {
  return model.source === source || model.name === source;
}

/** Installed models, and the embedded ones, whose manifests are always there. */
function allModels({ installed }: LibrarySurvey): InstalledModel[] {
  return [...embeddedManifests().map(notInstalled), ...installed];
}

/** Models of the catalogue that are not installed, of which a download may have left a beginning. */
function begunModels({ installed }: LibrarySurvey): InstalledModel[] {
  const known = new Set(installed.map(({ source }) => source));
  return publicManifests()
    .filter(({ name }) => !known.has(name))
    .map(notInstalled);
}

function notInstalled(manifest: ModelManifest): InstalledModel {
  return {
    source: manifest.name,
    current: { manifest, baseUrl: null, otherOrigin: false, assumed: [], installedAt: 0 },
    previous: null,
  };
}

function byDigest({ files }: LibrarySurvey): Files {
  return new Map(files.map((file) => [file.sha256, file]));
}

function catalogModel(manifest: ModelManifest, embedded: boolean, files: Files): CatalogModel {
  const { name, version, title = name, description = '', metrics = {} } = manifest;
  return {
    name,
    version,
    title,
    description,
    license: manifest.license ?? null,
    source: manifest.source ?? null,
    embedded,
    files: manifest.files.map(({ dtype, bytes = 0, sha256 = '' }) => ({
      dtype,
      bytes,
      stored: files.get(sha256)?.bytes ?? 0,
    })),
    metrics,
  };
}

/** `undefined` when not one of its precisions is whole in the store. */
function cachedModel(model: InstalledModel, files: Files): CachedModel | undefined {
  const own = [...new Set(digestsOf(model))]
    .map((sha256) => files.get(sha256))
    .filter((file) => file !== undefined);
  const isWhole = model.current.manifest.files.some((file) =>
    [file, ...(file.external ?? [])].every(({ sha256 = '' }) => files.get(sha256)?.whole),
  );
  if (!isWhole) return undefined;
  const { name, version, title = name, license = null } = model.current.manifest;
  return {
    name,
    source: model.source,
    version,
    previousVersion: model.previous?.manifest.version ?? null,
    title,
    license,
    bytes: own.reduce((sum, file) => sum + file.bytes, 0),
    lastUsed: Math.max(...own.map((file) => file.lastUsed)),
  };
}

function everything({ installed, files }: LibrarySurvey): EvictRequest {
  return {
    sources: installed.map((model) => model.source),
    files: files.map((file) => file.sha256),
  };
}

/** A model of the store or the catalogue, and those of its files that no other model needs. */
function oneModel(found: LibrarySurvey, source: string): EvictRequest {
  const models = [...allModels(found), ...begunModels(found)];
  const isMeant = ({ source: own, current }: InstalledModel) =>
    isCalled({ source: own, name: current.manifest.name }, source);
  const meant = models.filter(isMeant);
  if (meant.length === 0) {
    const names = allModels(found)
      .map((model) => `"${model.source}"`)
      .join(', ');
    throw new TabserveError(
      'model-not-found',
      `"${source}" is neither in the store nor in the catalogue. These are stored or embedded: ${names}.`,
      { details: { model: source } },
    );
  }
  const needed = new Set(models.filter((model) => !isMeant(model)).flatMap(digestsOf));
  const stored = byDigest(found);
  return {
    sources: meant.map((model) => model.source),
    files: [...new Set(meant.flatMap(digestsOf))].filter(
      (sha256) => stored.has(sha256) && !needed.has(sha256),
    ),
  };
}

function digestsOf({ current, previous }: InstalledModel): string[] {
  return [current, ...(previous ? [previous] : [])]
    .flatMap(({ manifest }) => manifest.files)
    .flatMap((file) => [file, ...(file.external ?? [])])
    .map(({ sha256 = '' }) => sha256);
}
