/**
 * What is remembered about models whose files are in the store, so that they load without the
 * network: their manifest with the labels, in the version in use and the one before it.
 */
import { TabserveError } from '../base/errors.js';
import type { Fallback } from '../base/types.js';
import { digestText } from './digest.js';
import type { CoreManifest } from './manifest-core.js';
import { manifestFormat } from './manifest-format.js';
import type { ModelStore } from './store/store.js';

/** One version of a model. */
export interface InstalledVersion {
  /** Checked; its labels are a list, and every file of `files` has a sha256. */
  manifest: CoreManifest;
  /** What the manifest's file addresses are relative to. */
  baseUrl: string | null;
  /** See `AskOptions.otherOrigin`. */
  otherOrigin: boolean;
  /** What was assumed when it was described: as true at every later load. */
  assumed: readonly Fallback[];
  /** The signed `model.json` as it came, where the page wanted one. */
  signed?: unknown;
  /** Milliseconds since 1970. */
  installedAt: number;
}

/** A model of the library. */
export interface InstalledModel {
  /** Where it came from: a catalogue name, an address, `hf:owner/name`. */
  source: string;
  current: InstalledVersion;
  previous: InstalledVersion | null;
}

/** A model as it is written down. */
type Record = InstalledModel & { format: number };

/** The library of one store. */
export class Library {
  readonly #store: ModelStore;

  constructor(store: ModelStore) {
    this.#store = store;
  }

  /** The model that came from `source`. */
  async get(source: string): Promise<InstalledModel | undefined> {
    const record = await this.#store.readRecord(digestText(source));
    return readInstalled(record, source);
  }

  /** The model whose manifest gives it this name. */
  async find(name: string): Promise<InstalledModel | undefined> {
    return (await this.all()).find(
      (model) => model.source === name || model.current.manifest.name === name,
    );
  }

  async all(): Promise<InstalledModel[]> {
    const models: InstalledModel[] = [];
    for (const name of await this.#store.listRecords()) {
      const model = readInstalled(await this.#store.readRecord(name));
      if (model) models.push(model);
    }
    return models.sort((a, b) => a.source.localeCompare(b.source));
  }

  /** Makes `version` the current one of its model. The one before it is kept, older ones are not. */
  async install(source: string, version: InstalledVersion): Promise<void> {
    await alone(async () => {
      const known = await this.get(source);
      const isSame = known && sameVersion(known.current.manifest, version.manifest);
      const previous = isSame ? known.previous : (known?.current ?? null);
      await this.#write({ source, current: version, previous });
    });
  }

  /**
   * Makes the version before the current one, and the other way round.
   *
   * @returns What is current now.
   * @throws TabserveError `model-not-found` when there is none.
   */
  rollback(name: string): Promise<InstalledModel> {
    return alone(() => this.#rollback(name));
  }

  async #rollback(name: string): Promise<InstalledModel> {
    const model = await this.find(name);
    if (!model?.previous) {
      throw new TabserveError(
        'model-not-found',
        model
          ? `There is no earlier version of "${name}" here: ${model.current.manifest.version} is the only one.`
          : `"${name}" is not in the store, so there is no earlier version of it.`,
        { details: { model: name } },
      );
    }
    const turned = { source: model.source, current: model.previous, previous: model.current };
    await this.#write(turned);
    return turned;
  }

  /** Forgets a model. Its files stay. */
  async forget(source: string): Promise<void> {
    await alone(() => this.#store.writeRecord(digestText(source), undefined));
  }

  #write(model: InstalledModel): Promise<void> {
    const record: Record = { format: manifestFormat, ...model };
    return this.#store.writeRecord(digestText(model.source), record);
  }
}

/**
 * Runs a task while no other one runs, in any tab of the origin: a record is read, changed and
 * written, and of two at once one would be lost.
 */
async function alone<T>(task: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks;
  // An opaque origin may not ask for locks, and shares no store with anybody.
  if (!locks || globalThis.origin === 'null') return task();
  return (await locks.request('tabserve-library', task)) as T;
}

function sameVersion(a: CoreManifest, b: CoreManifest): boolean {
  const identity = (manifest: CoreManifest) =>
    JSON.stringify([manifest.version, manifest.files.map((file) => file.sha256)]);
  return identity(a) === identity(b);
}

/**
 * Reads a record. What is written has been checked; one that a version of tabserve wrote whose
 * manifests are others counts as none.
 */
function readInstalled(record: unknown, source?: string): InstalledModel | undefined {
  if (!isRecord(record) || record.format !== manifestFormat) return undefined;
  const { format, ...model } = record;
  return source === undefined || model.source === source ? model : undefined;
}

function isRecord(record: unknown): record is Record {
  return typeof record === 'object' && record !== null && 'format' in record;
}
