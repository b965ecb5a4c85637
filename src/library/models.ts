/** `tabserve.models`: what there is, what is stored, and which version is in use. */

import { assetOptions, hubOf, toModelRequest } from '../api/options.js';
import { protectionOf } from '../api/protection.js';
import type {
  Availability,
  CachedModel,
  CatalogModel,
  CreateMonitor,
  DecryptionKey,
  ModelChange,
  ModelDtype,
  StoreUsage,
} from '../api/types.js';
import { TabserveError } from '../base/errors.js';
import { part } from '../base/part.js';
import { planBackends } from '../serving/backends.js';
import { WorkerLease } from '../serving/worker-host.js';
import type { AssetOptions } from '../wire/assets.js';
import { allStored, type Connection, newRequestId } from '../wire/connection.js';
import type { PackName } from '../wire/protocol.js';

/** Where tabserve's own files are, as in `create()`. */
export type LibraryOptions = AssetOptions;

/** Options of `models.update()`. */
export interface UpdateOptions extends LibraryOptions {
  /** @default 'auto' */
  dtype?: 'auto' | ModelDtype;
  /** As in `create()`. */
  hubUrl?: string | URL;
  /** As in `create()`. */
  stallTimeout?: number;
  /** As in `create()`. */
  decryptionKey?: DecryptionKey;
  /** As in `create()`. */
  signedBy?: string | readonly string[];
  signal?: AbortSignal;
  /** As in `create()`. */
  monitor?: (monitor: CreateMonitor) => void;
}

/** The store of models, as a page sees it. */
export interface Models {
  /** The catalogue: the embedded models first. */
  list(options?: LibraryOptions): Promise<CatalogModel[]>;
  /**
   * Whether a model could be created now without the network.
   *
   * @param name - A catalogue name or anything else that names a model by text.
   * @returns `available` when a version of it is whole in the store, `downloadable` when it is in
   *   the catalogue or an address, `unavailable` else.
   */
  availability(name: string | URL, options?: LibraryOptions): Promise<Availability>;
  /** The models in the store. */
  cached(options?: LibraryOptions): Promise<CachedModel[]>;
  /**
   * Deletes a model from the store with its unfinished downloads, or everything, the engine too.
   * Loaded classifiers go on; files that another model needs or another tab reads stay.
   *
   * @param name - A name or source of `cached()`, or a name of the catalogue. @default everything
   * @returns The bytes that were freed.
   * @throws TabserveError `model-not-found`.
   */
  evict(name?: string, options?: LibraryOptions): Promise<number>;
  /** How much the store holds. */
  usage(options?: LibraryOptions): Promise<StoreUsage>;
  /** Asks the browser not to clear the store by itself. @returns Whether it promised. */
  persist(): Promise<boolean>;
  /**
   * Looks for a newer version of a stored model, beside the one in use. When it is whole and has
   * passed the self-test that its manifest carries, it becomes the current one; the one before is
   * kept for `rollback()`. Classifiers switch by `refresh()`.
   *
   * @param name - Anything that names a model by text.
   * @throws TabserveError as `create()`; whatever fails, the version in use stays in use.
   */
  update(name: string | URL, options?: UpdateOptions): Promise<ModelChange>;
  /**
   * Makes the version before the current one again; the next call goes the other way.
   *
   * @throws TabserveError `model-not-found` when there is no earlier version.
   */
  rollback(name: string | URL, options?: LibraryOptions): Promise<ModelChange>;
  /**
   * Loads what comes with the first model that wants it: the code that reads descriptions of models, a
   * `model.json` among them, and the part of the engine that usual networks do without. A page that is to
   * take its user's models without a network loads it before.
   *
   * @throws TabserveError `network` where a part cannot be loaded; as `create()` for the engine.
   */
  prepare(options?: LibraryOptions): Promise<void>;
}

/** What `library-client.ts` needs of the page's script; passed, so that both stay apart. */
export interface LibraryTools {
  /** Borrows the worker that classifiers use by default, or starts it for this one task. */
  withWorker<T>(
    options: AssetOptions,
    task: (worker: Connection) => Promise<T>,
    packs?: readonly PackName[],
  ): Promise<T>;
  toModelRequest: typeof toModelRequest;
  hubOf: typeof hubOf;
  newRequestId: typeof newRequestId;
  protectionOf: typeof protectionOf;
}

const tools: LibraryTools = {
  async withWorker(options, task, packs = []) {
    const {
      plans: [plan],
    } = await planBackends('auto', 'auto');
    if (!plan) throw new TabserveError('internal', 'There is no backend.');
    const { device, flavour, threads } = plan;
    const config = { device, flavour, threads, assets: assetOptions(options), packs };
    const lease = WorkerLease.take(config);
    try {
      return await task(await lease.connect());
    } finally {
      lease.release();
    }
  },
  toModelRequest,
  hubOf,
  newRequestId,
  protectionOf,
};

const names = [
  'list',
  'availability',
  'cached',
  'evict',
  'usage',
  'persist',
  'update',
  'rollback',
] as const;

/** The store of models. */
export const models = {
  ...Object.fromEntries(
    names.map((name) => [
      name,
      // Pages that only classify do not load the code.
      async (...args: unknown[]) => {
        const [{ createModels }] = await Promise.all([part(import('./client.js')), allStored()]);
        return (createModels(tools)[name] as (...args: unknown[]) => unknown)(...args);
      },
    ]),
  ),
  async prepare(options: LibraryOptions = {}) {
    const parts = [
      import('../model/given.js'),
      import('../model/label-file.js'),
      import('../tasks/manifests.js'),
      import('../tasks/translate.js'),
    ];
    await Promise.all(parts.map(part<unknown>));
    await tools.withWorker(options, (worker) => worker.call('completeEngine', null));
  },
} as unknown as Models;
