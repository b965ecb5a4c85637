/** A file of a model: from the store, or else downloaded, verified and put there. */

import { deferred } from '../base/deferred.js';
import { messageOf } from '../base/errors.js';
import type { Fallback } from '../base/types.js';
import { startDigest } from './digest.js';
import { type BytesListener, type DownloadOptions, download } from './download.js';
import { SharedTasks } from './shared-task.js';
import { openStore } from './store/open.js';
import type { ModelStore, PartialFile } from './store/store.js';

/** Files below this size are not worth resuming. */
const resumableSize = 1 << 18;

/** Options of {@link obtain}. */
export type ObtainOptions = Pick<
  DownloadOptions,
  | 'expected'
  | 'signal'
  | 'onProgress'
  | 'onChunk'
  | 'onAsked'
  | 'onWhole'
  | 'stallTimeout'
  | 'otherOrigin'
  | 'local'
> & {
  /** Keep a file without a sha256 too. @default false */
  keep?: boolean;
  /**
   * Makes the file of what is served in its place, such as a compressed one, and checks it. What
   * comes out is kept if it has the expected sha256, and used in any case.
   */
  convert?: (served: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;
  /** The file is kept once this has settled: writing it would slow down what is more urgent. */
  keepAfter?: Promise<unknown>;
};

/**
 * What {@link obtain} gives. The bytes are shared with other callers: read only. Of callers who share
 * them, only the first hears them by `onChunk`, `onAsked` and `onWhole`.
 */
export interface Obtained {
  bytes: Uint8Array<ArrayBuffer>;
  /** `store` if no byte came over the network. */
  from: 'store' | 'network' | 'file';
  /** What they turned out to be; `null` where nobody asked. */
  sha256: string | null;
  /** What did not work as it should have, in order. */
  fallbacks: readonly Fallback[];
  /**
   * Settles, never rejects, once the file has been kept for the next time, with what did not work
   * about that. Goes on while the bytes are already in use.
   */
  kept: Promise<readonly Fallback[]>;
}

const nothing = Promise.resolve([]);

const underWay = new SharedTasks<Obtained>();

/**
 * Gets a file's bytes.
 *
 * A file whose sha256 is known is looked for in the store first, is downloaded by one caller of one
 * tab at a time, stays in the store as far as it came when that is interrupted, and is kept there
 * once it is whole and verified. A file without a sha256 is left to the browser's HTTP cache, since
 * the store could not tell whether it is still the same; unless the caller wants it as it first came.
 *
 * @throws TabserveError as `download()`; or the signal's reason.
 */
export async function obtain(location: string | Blob, options: ObtainOptions): Promise<Obtained> {
  if (location instanceof Blob) {
    options.onAsked?.();
    const bytes = await download(location, options);
    return { bytes, from: 'file', sha256: null, fallbacks: [], kept: nothing };
  }
  const sha256 = options.expected?.sha256;
  return underWay.run(
    sha256 ?? location,
    options.signal,
    options.onProgress as ((...numbers: number[]) => void) | undefined,
    async (signal, report) => {
      const shared = { ...options, signal, onProgress: report as BytesListener };
      if (sha256 === undefined && !options.keep) {
        const bytes = await fetchAll(location, shared);
        return { bytes, from: 'network', sha256: null, fallbacks: [], kept: nothing };
      }
      const { store, fallbacks } = await openStore();
      if (store === null) {
        const bytes = await fetchAll(location, shared);
        return { bytes, from: 'network', sha256: sha256 ?? null, fallbacks, kept: nothing };
      }
      const task =
        sha256 === undefined
          ? new FirstDownload(store, location, shared)
          : new StoredDownload(store, location, sha256, shared);
      const obtained = await task.run();
      return { ...obtained, fallbacks: [...fallbacks, ...obtained.fallbacks] };
    },
  );
}

/**
 * Milliseconds that a file stays out of the store at most, for the first answer's sake. It is locked meanwhile, and
 * who waits for it may be what the first answer waits for.
 */
const longestDelay = 2_000;

/** Waits for what there is time for, but not for long. */
async function atMost(keepAfter: Promise<unknown> | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, longestDelay);
  });
  await Promise.race([keepAfter, late]);
  clearTimeout(timer);
}

/** A file that has no sha256 yet gets the one that it first comes with. */
class FirstDownload {
  readonly #store: ModelStore;
  readonly #url: string;
  readonly #options: ObtainOptions;

  constructor(store: ModelStore, url: string, options: ObtainOptions) {
    this.#store = store;
    this.#url = url;
    this.#options = options;
  }

  async run(): Promise<Obtained> {
    const bytes = await download(this.#url, this.#options);
    const sha256 = await digestOf(bytes);
    const keeper = new Keeper(this.#store, this.#url, sha256);
    const kept = Promise.resolve(this.#options.keepAfter)
      .then(() => keeper.commit(bytes, null))
      .then(() => keeper.fallbacks);
    return { bytes, from: 'network', sha256, fallbacks: [], kept };
  }
}

/** The way of one file of known content through the store. */
class StoredDownload {
  readonly #store: ModelStore;
  readonly #url: string;
  readonly #sha256: string;
  readonly #options: ObtainOptions;
  readonly #keeper: Keeper;

  constructor(store: ModelStore, url: string, sha256: string, options: ObtainOptions) {
    this.#store = store;
    this.#url = url;
    this.#sha256 = sha256;
    this.#options = options;
    this.#keeper = new Keeper(store, url, sha256);
  }

  async run(): Promise<Obtained> {
    const { promise, resolve, reject } = deferred<Obtained>();
    const stored = await this.#fromStore();
    if (stored) return stored;
    // The lock outlives the delivery: until the file is kept, another tab would not find it.
    let told = 0;
    const kept = withLock(`tabserve-file-${this.#sha256}`, this.#options.signal, async () => {
      // Another tab may have brought it while this one waited.
      const brought = await this.#fromStore();
      if (brought) resolve(brought);
      else {
        await this.#fromNetwork((bytes) => {
          told = this.#keeper.fallbacks.length;
          resolve(this.#obtained(bytes, 'network', kept));
        });
      }
    }).then(() => this.#keeper.fallbacks.slice(told));
    kept.catch(reject);
    return promise;
  }

  #obtained(
    bytes: Uint8Array<ArrayBuffer>,
    from: Obtained['from'],
    kept: Obtained['kept'],
  ): Obtained {
    return { bytes, from, sha256: this.#sha256, fallbacks: [...this.#keeper.fallbacks], kept };
  }

  async #fromStore(): Promise<Obtained | undefined> {
    const { expected, onProgress, onChunk, onAsked, onWhole } = this.#options;
    const onRead = (bytes: Uint8Array<ArrayBuffer>) => {
      onChunk?.(bytes, 0, bytes.length);
      onWhole?.(bytes);
      onAsked?.();
    };
    const found = await this.#keeper.attempt('read', () => this.#store.read(this.#sha256, onRead));
    if (found === 'corrupt') {
      this.#keeper.fallbacks.push({
        from: this.#store.kind,
        to: 'network',
        reason: `The stored copy of ${this.#url} was damaged; it was deleted and is fetched again.`,
      });
      return undefined;
    }
    if (!found) return undefined;
    onProgress?.(0, expected?.bytes ?? found.length, 0);
    onProgress?.(found.length, found.length, found.length);
    void this.#store.touch(this.#sha256).catch(() => undefined);
    return this.#obtained(found, 'store', nothing);
  }

  async #fromNetwork(deliver: (bytes: Uint8Array<ArrayBuffer>) => void): Promise<void> {
    const { expected, convert, keepAfter } = this.#options;
    if (convert) {
      const bytes = await fetchAll(this.#url, this.#options);
      deliver(bytes);
      await atMost(keepAfter);
      if ((await digestOf(bytes)) === this.#sha256) await this.#keeper.commit(bytes, null);
      return;
    }
    const isSmall = (expected?.bytes ?? resumableSize) < resumableSize;
    let partial = isSmall
      ? undefined
      : ((await this.#keeper.attempt('write', () => this.#store.begun(this.#sha256))) ?? undefined);
    try {
      const bytes = await download(this.#url, {
        ...this.#options,
        partial,
        ...(!isSmall && {
          openPartial: async () => {
            await this.#keeper.makeRoom(expected?.bytes ?? 0);
            partial ??= (await this.#store.partial(this.#sha256)) ?? undefined;
            return partial;
          },
        }),
        onPartialError: (error) => {
          partial?.close();
          partial = undefined;
          // The whole file gets another chance, after others have made room.
          if (!isQuota(error)) this.#keeper.giveUp('write', error);
        },
      });
      deliver(bytes);
      await atMost(keepAfter);
      if (!partial) await this.#keeper.makeRoom(bytes.length);
      await this.#keeper.commit(bytes, partial ?? null);
    } finally {
      partial?.close();
    }
  }
}

/** Puts one file into the store, as far as that is possible; a store that fails fails no load. */
class Keeper {
  readonly fallbacks: Fallback[] = [];
  readonly #store: ModelStore;
  readonly #url: string;
  readonly #sha256: string;

  constructor(store: ModelStore, url: string, sha256: string) {
    this.#store = store;
    this.#url = url;
    this.#sha256 = sha256;
  }

  /** Never rejects. */
  async commit(bytes: Uint8Array<ArrayBuffer>, partial: PartialFile | null): Promise<void> {
    try {
      await this.#store.commit(this.#sha256, bytes, partial);
    } catch (error) {
      await this.#drop();
      if (!isQuota(error)) return this.giveUp('write', error);
      await this.#evict(bytes.length);
      try {
        await this.#store.commit(this.#sha256, bytes, null);
      } catch {
        await this.#drop();
        this.giveUp('write', error);
      }
    }
  }

  /** Makes room before a file is written, where the browser says how much there is. */
  async makeRoom(bytes: number): Promise<void> {
    const estimate = await navigator.storage?.estimate?.().catch(() => undefined);
    const { quota = 0, usage = 0 } = estimate ?? {};
    const missing = usage + bytes - quota;
    // What does not fit into all of the quota is no reason to lose the rest.
    if (missing > 0 && bytes < quota) await this.#evict(missing);
  }

  async attempt<T>(what: 'read' | 'write', action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      this.giveUp(what, error);
      return undefined;
    }
  }

  giveUp(what: 'read' | 'write', error: unknown): void {
    const name = error instanceof DOMException ? `${error.name}: ` : '';
    this.fallbacks.push({
      from: this.#store.kind,
      to: what === 'read' ? 'network' : 'memory',
      reason: `The store could not ${what} ${this.#url}: ${name}${messageOf(error)}`,
    });
  }

  /** Deletes the least recently used files until `bytes` are free. */
  async #evict(bytes: number): Promise<void> {
    let freed = 0;
    for (const file of (await this.attempt('read', () => this.#store.list())) ?? []) {
      if (freed >= bytes) return;
      if (file.sha256 === this.#sha256) continue;
      // A file that another tab is reading or writing stays.
      const removed = await this.#store.remove(file.sha256).then(
        () => true,
        () => false,
      );
      if (removed) freed += file.bytes;
    }
  }

  /** Half a file would only take the place that is missing. */
  async #drop(): Promise<void> {
    await this.#store.remove(this.#sha256).catch(() => undefined);
  }
}

/** A file without any store. */
async function fetchAll(url: string, options: ObtainOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { convert } = options;
  if (!convert) return download(url, options);
  return convert(await download(url, { ...options, expected: {} }));
}

function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = startDigest(bytes.length);
  digest.update(bytes);
  return digest.finish(bytes);
}

function isQuota(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'QuotaExceededError';
}

/** Runs `task` while no other tab or worker runs one of this name; at once where locks are missing. */
export async function withLock<T>(
  name: string,
  signal: AbortSignal,
  task: () => Promise<T>,
): Promise<T> {
  const { locks } = navigator;
  if (!locks) return task();
  let began = false;
  try {
    return await locks.request(name, { signal }, () => {
      began = true;
      return task();
    });
  } catch (error) {
    signal.throwIfAborted();
    // An opaque origin has no locks, and nobody to share with.
    if (!began && error instanceof DOMException && error.name === 'SecurityError') return task();
    throw error;
  }
}
