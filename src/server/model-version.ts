/** One version of a registered model: loaded, used, unloaded, and loaded again. */

import { untilAborted } from '../base/abort.js';
import { deferred } from '../base/deferred.js';
import { messageOf, TabserveError } from '../base/errors.js';
import type { Fallback } from './fallback/fallback.js';
import type { LoadContext, ModelLoader, ServableModel } from './servable.js';

/** Where a version is, by Triton's names. */
export type ModelState = 'READY' | 'LOADING' | 'UNLOADING' | 'UNAVAILABLE';

/** What a version is made of. */
export interface ModelVersionParts {
  name: string;
  version: string;
  /** `null` for a model that was registered as an object, and cannot be loaded again. */
  load: ModelLoader | null;
  model: ServableModel | null;
  /** Milliseconds without a request after which it is unloaded; `null` for never. */
  idleTimeout: number | null;
  /** Bytes that it is expected to have, before that is known. */
  bytes: number;
  /**
   * Makes room before it is loaded.
   *
   * @throws TabserveError `out-of-memory` where there is none.
   */
  makeRoom(version: ModelVersion): Promise<void>;
  /** Where requests go that it cannot answer; `null` for nowhere. */
  fallback: Fallback | null;
  /** Its state has changed. */
  onChange(version: ModelVersion): void;
}

/** Why a version is unavailable that nobody has unloaded. */
const notLoaded = 'not loaded yet: the first request loads it';

/** A loaded model, and who uses it. */
class Instance {
  readonly model: ServableModel;
  #users = 0;
  #idle = deferred<void>();

  constructor(model: ServableModel) {
    this.model = model;
    this.#idle.resolve();
  }

  get users(): number {
    return this.#users;
  }

  /** Runs `task`; the model is not freed meanwhile. */
  async use<T>(task: (model: ServableModel) => Promise<T>): Promise<T> {
    if (this.#users === 0) this.#idle = deferred<void>();
    this.#users += 1;
    try {
      return await task(this.model);
    } finally {
      this.#users -= 1;
      if (this.#users === 0) this.#idle.resolve();
    }
  }

  /** Frees the model when nobody uses it any more. */
  async retire(): Promise<void> {
    await this.#idle.promise;
    this.model.destroy();
  }
}

/**
 * One version of a model.
 *
 * A version that was unloaded by a call stays so until it is loaded by one. One that was unloaded to
 * save memory, or was never loaded, is loaded by the next request.
 */
export class ModelVersion {
  readonly name: string;
  readonly version: string;
  /** Where requests go that it cannot answer; `null` for nowhere. */
  readonly fallback: Fallback | null;
  /** When it was registered, and last used, in milliseconds since 1970. */
  readonly since = Date.now();
  lastUsed = 0;
  /** When it was used, among all versions: larger is later. */
  lastTurn = 0;
  /** Workers that it may have; `null` for as many as the loader says. */
  workers: number | null = null;
  /** What a load was given to show as the model's configuration. */
  config: Readonly<Record<string, unknown>> = {};
  readonly #parts: ModelVersionParts;
  #instance: Instance | null;
  #bytes: number;
  #reason = notLoaded;
  #loading: { promise: Promise<Instance>; controller: AbortController } | undefined;
  #unloading: Promise<void> | undefined;
  #inFlight = 0;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  /** Whether a call has unloaded it: requests then do not load it. */
  #isDown = false;

  constructor(parts: ModelVersionParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.version = parts.version;
    this.fallback = parts.fallback;
    this.#instance = parts.model && new Instance(parts.model);
    this.#bytes = parts.model?.info.model.bytes ?? parts.bytes;
  }

  get state(): ModelState {
    if (this.#unloading) return 'UNLOADING';
    if (this.#instance) return 'READY';
    return this.#loading ? 'LOADING' : 'UNAVAILABLE';
  }

  /** Why it is `UNAVAILABLE`; empty otherwise. */
  get reason(): string {
    return this.state === 'UNAVAILABLE' ? this.#reason : '';
  }

  /** Whether requests are answered, if need be after a load. */
  get isServed(): boolean {
    return !this.#isDown;
  }

  /** The model, while it is ready. */
  get model(): ServableModel | null {
    return this.#unloading ? null : (this.#instance?.model ?? null);
  }

  /** Whether it can be loaded again; a model that came loaded cannot. */
  get isLoadable(): boolean {
    return this.#parts.load !== null;
  }

  /** Bytes of the model: of its files once it was loaded, before that as it was announced. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that it holds now, or is about to. */
  get held(): number {
    return this.#instance || this.#loading ? this.#bytes : 0;
  }

  /** Requests under way, those that wait for a load included. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Whether it can be unloaded now without a request noticing. */
  get isEvictable(): boolean {
    return this.state === 'READY' && this.#inFlight === 0 && this.#parts.load !== null;
  }

  /**
   * Loads it, unless it is loaded or loading.
   *
   * @throws TabserveError as the loader; `unsupported` for a model that came loaded and was unloaded.
   */
  async load(): Promise<void> {
    await this.#unloading;
    this.#isDown = false;
    if (!this.#instance) await this.#join();
  }

  /**
   * Runs `task` with the model, which is loaded for that where it is not.
   *
   * @param signal - Stops the waiting for a load.
   * @throws TabserveError as {@link load}; `destroyed` where a call has unloaded it; what the task
   *   throws; the signal's reason.
   */
  async use<T>(task: (model: ServableModel) => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#inFlight += 1;
    this.#stopIdling();
    try {
      if (this.#isDown) throw this.#gone();
      // To save memory, which no request waits for long.
      if (this.#unloading) await untilAborted(this.#unloading, signal);
      const instance = this.#instance ?? (await untilAborted(this.#join(), signal));
      return await instance.use(task);
    } finally {
      this.#inFlight -= 1;
      this.lastUsed = Date.now();
      this.#startIdling();
    }
  }

  /**
   * Unloads it when the requests under way have ended.
   *
   * @param reason - What `reason` says then.
   * @param isDown - Whether it stays unloaded until {@link load}.
   */
  unload(reason: string, isDown: boolean): Promise<void> {
    if (isDown) this.#isDown = true;
    this.#reason = reason;
    this.#loading?.controller.abort(new TabserveError('destroyed', `The model was ${reason}.`));
    const instance = this.#instance;
    if (!instance || this.#unloading) {
      this.#parts.onChange(this);
      return this.#unloading ?? Promise.resolve();
    }
    this.#stopIdling();
    this.#unloading = instance.retire().finally(() => {
      this.#instance = null;
      this.#unloading = undefined;
      this.#parts.onChange(this);
    });
    this.#parts.onChange(this);
    return this.#unloading;
  }

  /**
   * Has it served by so many workers, of a new copy of the model; the old one goes when its requests
   * have ended.
   *
   * @throws TabserveError as {@link load}; the old copy then stays.
   */
  async scale(workers: number): Promise<void> {
    const { load } = this.#parts;
    if (!load) throw this.#gone();
    await this.#unloading;
    this.workers = workers;
    if (!this.#instance) return this.load();
    const model = await load(this.#context(new AbortController().signal));
    const former = this.#instance;
    if (!former || this.#unloading) return model.destroy();
    this.#instance = new Instance(model);
    this.#parts.onChange(this);
    void former.retire();
  }

  #context(signal: AbortSignal): LoadContext {
    return { signal, tensors: true, ...(this.workers !== null && { maxWorkers: this.workers }) };
  }

  #join(): Promise<Instance> {
    if (this.#isDown) return Promise.reject(this.#gone());
    if (!this.#loading) {
      const controller = new AbortController();
      const promise = this.#load(controller.signal).finally(() => {
        this.#loading = undefined;
        this.#parts.onChange(this);
      });
      this.#loading = { promise, controller };
      this.#parts.onChange(this);
    }
    return this.#loading.promise;
  }

  async #load(signal: AbortSignal): Promise<Instance> {
    const { load, makeRoom } = this.#parts;
    if (!load) throw this.#gone();
    try {
      // Whoever asks for the state now is to find it loading.
      await Promise.resolve();
      await makeRoom(this);
      const model = await load(this.#context(signal));
      try {
        signal.throwIfAborted();
        this.#bytes = model.info.model.bytes;
        // It may be larger than it was announced.
        await makeRoom(this);
        signal.throwIfAborted();
      } catch (error) {
        model.destroy();
        throw error;
      }
      this.#instance = new Instance(model);
      this.#startIdling();
      return this.#instance;
    } catch (error) {
      if (!signal.aborted) this.#reason = `the load failed: ${messageOf(error)}`;
      throw error;
    }
  }

  #startIdling(): void {
    const { idleTimeout, load } = this.#parts;
    if (idleTimeout === null || !load || this.#inFlight > 0 || !this.#instance) return;
    this.#stopIdling();
    this.#idleTimer = setTimeout(() => {
      if (this.isEvictable) void this.unload('unloaded: nobody has used it', false);
    }, idleTimeout);
  }

  #stopIdling(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
  }

  #gone(): TabserveError {
    return new TabserveError(
      this.#parts.load ? 'destroyed' : 'unsupported',
      this.#parts.load
        ? `Version ${this.version} of the model "${this.name}" is unloaded: ${this.#reason}. Load it.`
        : `The model "${this.name}" was registered as an object; register it with a function that loads it, so that it can be loaded again.`,
    );
  }
}
