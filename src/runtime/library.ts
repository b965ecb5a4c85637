/** The store as the page asks about it: what is there, away with it, a newer version. */

import { TabserveError } from '../base/errors.js';
import type { ModelChange } from '../base/types.js';
import { download } from '../model/download.js';
import { type InstalledModel, Library } from '../model/library.js';
import type { CoreManifest } from '../model/manifest-core.js';
import type { ResolvedModel } from '../model/source.js';
import { openStore } from '../model/store/open.js';
import type { EvictRequest, LibrarySurvey, LoadRequest } from '../wire/protocol.js';
import type { Engine } from './engine.js';
import { type LoadedEntry, type LoadOptions, loadModel, releaseModel } from './load.js';
import { runRequest } from './run.js';

/** What the store holds. */
export async function surveyLibrary(): Promise<LibrarySurvey> {
  const { store, fallbacks } = await openStore();
  return {
    store: store?.kind ?? 'memory',
    files: (await store?.list()) ?? [],
    installed: store ? await new Library(store).all() : [],
    fallbacks,
  };
}

/**
 * Forgets models and deletes files.
 *
 * @returns The bytes that were freed.
 */
export async function evict({ sources, files }: EvictRequest): Promise<number> {
  const { store } = await openStore();
  if (!store) return 0;
  const library = new Library(store);
  for (const source of sources) await library.forget(source);
  const sizes = new Map((await store.list()).map(({ sha256, bytes }) => [sha256, bytes]));
  let freed = 0;
  for (const sha256 of files) {
    // What another tab is reading or writing stays.
    const removed = await store.remove(sha256).then(
      () => true,
      () => false,
    );
    if (removed) freed += sizes.get(sha256) ?? 0;
  }
  return freed;
}

/** Makes the version before the current one. Errors as `Library.rollback()`. */
export async function rollbackModel(source: string): Promise<ModelChange> {
  const { store } = await openStore();
  if (!store) {
    throw new TabserveError('model-not-found', 'There is no store here, so no earlier version.');
  }
  const { current, previous } = await new Library(store).rollback(source);
  const { name, version } = current.manifest;
  return { name, version, from: previous?.manifest.version ?? null, changed: true };
}

/**
 * Fetches the newest version of a model and makes it the current one, if it passes its self-test.
 *
 * @throws TabserveError as `loadModel()`, and `model-invalid` for a failed self-test.
 */
export async function updateModel(
  engine: Engine,
  request: LoadRequest,
  options: Omit<LoadOptions, 'fresh' | 'check'>,
): Promise<ModelChange> {
  let from: InstalledModel | undefined;
  const { entry, report } = await loadModel(engine, request, {
    ...options,
    fresh: true,
    untilKept: true,
    check: async (entry, resolved) => {
      const { store } = await openStore();
      from =
        store && resolved.source !== null
          ? await new Library(store).get(resolved.source)
          : undefined;
      await selfTest(engine, entry, resolved, options.signal);
    },
  });
  await engine.exclusive(() => releaseModel(entry));
  const { name, version } = report.manifest;
  const before = from?.current.manifest;
  const digests = (manifest: CoreManifest) => manifest.files.map((file) => file.sha256).join();
  return {
    name,
    version,
    from: before?.version ?? null,
    changed: before?.version !== version || digests(before) !== digests(report.manifest),
  };
}

/** Runs the network, and has the task try what the manifest promises. */
async function selfTest(
  engine: Engine,
  entry: LoadedEntry,
  { locate, otherOrigin }: ResolvedModel,
  signal: AbortSignal,
): Promise<void> {
  const { session, opened } = entry;
  await engine.exclusive(() => session.run(opened.sample(), opened.outputs));
  await opened.selfTest?.(
    async (url) => new Blob([await download(locate(url), { signal, otherOrigin })]),
    async (payload, options) =>
      (await runRequest({ payload, options }, engine, entry, signal)).answer,
  );
}
