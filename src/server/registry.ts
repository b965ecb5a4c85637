/** The models of a server, by name and version, and the memory that they share. */

import { TabserveError } from '../base/errors.js';
import { shown } from '../base/shown.js';
import type { Fallback, FallbackOptions } from './fallback/fallback.js';
import { ModelVersion } from './model-version.js';
import type { ModelLoader, ServableModel } from './servable.js';

/** Options of `ModelServer.register()`. */
export interface RegisterOptions {
  /** Names it among the versions of the model: letters, digits, `.`, `_`, `+`, `-`. @default '1' */
  version?: string;
  /** When a loader is called: at once, or by the first request. @default 'now' */
  load?: 'now' | 'on-demand';
  /**
   * Milliseconds without a request after which the model is unloaded; the next one loads it again.
   * @default the server's
   */
  idleTimeout?: number | null;
  /** Bytes that the model will have, so that room can be made before it is loaded. @default 0 */
  bytes?: number;
  /**
   * A server that gets the tensors that the device cannot compute. Off unless it is named here: no
   * model's file can switch it on.
   * @default none
   */
  fallback?: FallbackOptions;
}

/** What is registered under a name. */
export interface RegisteredModel {
  readonly name: string;
  /** Sorted, the newest first. */
  readonly versions: readonly ModelVersion[];
  /** The version that is asked where a request names none. */
  readonly defaultVersion: string;
}

interface Entry {
  readonly versions: Map<string, ModelVersion>;
  /** As it was set; `null` for the newest that is served. */
  chosen: string | null;
}

/** Names of models and versions. Slashes would end a part of the path. */
const namePattern = /^[\w.+-]{1,200}$/;

/** What a {@link Registry} is made of. */
export interface RegistryOptions {
  /** Bytes of models that may be loaded at a time; `null` for no bound. */
  memoryBudget: number | null;
  idleTimeout: number | null;
  onChange(version: ModelVersion): void;
  openFallback(options: FallbackOptions, name: string, version: string): Fallback;
}

/** Holds models. */
export class Registry {
  readonly #entries = new Map<string, Entry>();
  readonly #options: RegistryOptions;
  #turn = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /**
   * Adds a model, or another version of one.
   *
   * @throws TabserveError `invalid-argument` for a name that paths cannot have, or that is taken; what
   *   the loader throws: the model is then not registered.
   */
  async register(
    name: string,
    source: ServableModel | ModelLoader,
    { version = '1', load = 'now', idleTimeout, bytes = 0, fallback }: RegisterOptions = {},
  ): Promise<ModelVersion> {
    checkName(name, 'name');
    checkName(version, 'version');
    const entry = this.#entries.get(name) ?? { versions: new Map(), chosen: null };
    if (entry.versions.has(version)) {
      throw new TabserveError(
        'invalid-argument',
        `Version ${version} of the model "${name}" is registered already. Unregister it, or name another version.`,
        { details: { name, version } },
      );
    }
    const isLoader = typeof source === 'function';
    const added = new ModelVersion({
      name,
      version,
      load: isLoader ? source : null,
      model: isLoader ? null : source,
      idleTimeout: idleTimeout === undefined ? this.#options.idleTimeout : idleTimeout,
      bytes,
      fallback: fallback ? this.#options.openFallback(fallback, name, version) : null,
      makeRoom: (each) => this.#makeRoom(each),
      onChange: this.#options.onChange,
    });
    entry.versions.set(version, added);
    this.#entries.set(name, entry);
    this.#options.onChange(added);
    if (isLoader && load === 'now') {
      try {
        await added.load();
      } catch (error) {
        // Then the fallback answers, until a later load succeeds.
        if (fallback) return added;
        this.#remove(name, version);
        throw error;
      }
    }
    return added;
  }

  /** Takes a version away, or all of a name. @returns those that were there */
  async unregister(name: string, version?: string): Promise<readonly ModelVersion[]> {
    const entry = this.#entries.get(name);
    const gone = [...(entry?.versions.values() ?? [])].filter(
      (each) => version === undefined || each.version === version,
    );
    for (const each of gone) this.#remove(name, each.version);
    await Promise.all(gone.map((each) => each.unload('unregistered', true)));
    return gone;
  }

  /** All models, by name. */
  list(): readonly RegisteredModel[] {
    return [...this.#entries.keys()].sort().map((name) => this.find(name) as RegisteredModel);
  }

  /** A model; `undefined` if there is none of that name. */
  find(name: string): RegisteredModel | undefined {
    const entry = this.#entries.get(name);
    if (!entry) return undefined;
    const versions = [...entry.versions.values()].sort((a, b) => newestFirst(a.version, b.version));
    const newest = versions.find((each) => each.isServed) ?? versions[0];
    return { name, versions, defaultVersion: entry.chosen ?? (newest as ModelVersion).version };
  }

  /** A version, the default one where none is named. */
  version(name: string, version?: string): ModelVersion | undefined {
    const model = this.find(name);
    const wanted = version ?? model?.defaultVersion;
    return model?.versions.find((each) => each.version === wanted);
  }

  /** Makes a version the default one, or the newest if `null`. @returns whether it is there */
  setDefault(name: string, version: string | null): boolean {
    const entry = this.#entries.get(name);
    if (!entry || (version !== null && !entry.versions.has(version))) return false;
    entry.chosen = version;
    return true;
  }

  /** Notes that a version is used now. */
  touch(version: ModelVersion): void {
    version.lastTurn = ++this.#turn;
  }

  #remove(name: string, version: string): void {
    const entry = this.#entries.get(name);
    entry?.versions.delete(version);
    if (entry?.chosen === version) entry.chosen = null;
    if (entry?.versions.size === 0) this.#entries.delete(name);
  }

  /** Unloads what was used longest ago and is idle, until the version fits. */
  async #makeRoom(wanted: ModelVersion): Promise<void> {
    this.touch(wanted);
    const { memoryBudget } = this.#options;
    if (memoryBudget === null) return;
    const all = () => [...this.#entries.values()].flatMap(({ versions }) => [...versions.values()]);
    for (;;) {
      const held = all().reduce((sum, each) => sum + each.held, 0);
      if (held <= memoryBudget) return;
      const [oldest] = all()
        .filter((each) => each !== wanted && each.isEvictable)
        .sort((a, b) => a.lastTurn - b.lastTurn);
      if (!oldest) {
        throw new TabserveError(
          'out-of-memory',
          `The model "${wanted.name}" has ${wanted.bytes} bytes; with those in use that makes ${held}, of a budget of ${memoryBudget}.`,
          { details: { held, memoryBudget } },
        );
      }
      await oldest.unload('unloaded to make room for another model', false);
    }
  }
}

function checkName(value: string, what: string): void {
  if (typeof value === 'string' && namePattern.test(value)) return;
  throw new TabserveError(
    'invalid-argument',
    `The ${what} of a model is ${shown(value, 100)}; it takes 1 to 200 letters, digits, ".", "_", "+" and "-".`,
  );
}

/** By the numbers in them, then as text: 10 is newer than 9, and 1.2.0 than 1.1.9. */
function newestFirst(a: string, b: string): number {
  return b.localeCompare(a, 'en', { numeric: true });
}
