/** The store as the page asks about it: what is there, away with it, a newer version. */

import { TabserveError } from '../base/errors.js';
import type { ModelChange } from '../base/types.js';
import { type InstalledModel, Library } from '../model/library.js';
import type { CoreManifest } from '../model/manifest-core.js';
import { openStore } from '../model/store/open.js';
import type { EvictRequest, LibrarySurvey, LoadRequest } from '../wire/protocol.js';
import { tolerances } from './compare.js';
import type { Engine } from './engine.js';
import { type LoadedEntry, type LoadOptions, loadModel, releaseModel } from './load.js';
import { runRequest } from './run.js';
import { differenceFrom, openTest } from './self-test.js';

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
      await selfTest(engine, entry, options.signal);
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
async function selfTest(engine: Engine, entry: LoadedEntry, signal: AbortSignal): Promise<void> {
  const { session, opened, manifest, tests, dtype } = entry;
  await engine.exclusive(() => session.run(opened.sample(), opened.outputs));
  for (const test of tests) {
    const open = await openTest(test, (url) => entry.read(url, signal));
    const difference = await engine.exclusive(() =>
      differenceFrom(open, session, tolerances[dtype]),
    );
    if (difference === undefined) continue;
    throw new TabserveError(
      'model-invalid',
      `Version ${manifest.version} of "${manifest.name}" failed its self-test: ${difference}. It was not switched to.`,
      { details: { model: manifest.name, version: manifest.version } },
    );
  }
  await opened.selfTest?.(
    async (url) => new Blob([(await entry.read(url, signal)) as Uint8Array<ArrayBuffer>]),
    async (payload, options) =>
      (await runRequest({ payload, options }, engine, entry, signal)).answer,
  );
}
