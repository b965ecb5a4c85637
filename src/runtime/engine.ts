/** The engine as the rest of the worker sees it: started once, used by one task at a time. */

import { deferred } from '../base/deferred.js';
import type { Fallback } from '../base/types.js';
import type { ProgressListener } from '../wire/progress.js';
import type { EngineBinary, StartRequest } from '../wire/protocol.js';
import {
  completeEngine,
  keepRest,
  type OrtModule,
  type StartedBackend,
  startBackend,
  touchEngine,
} from './backend.js';
import { Gate, SerialQueue } from './queue.js';

/** What the worker's entry was built with. */
export interface EngineParts {
  ort: OrtModule;
}

/** What an {@link Engine} needs to know. */
export type EngineConfig = Pick<
  StartRequest,
  'device' | 'threads' | 'wasmUrls' | 'restUrls' | 'binary'
>;

/** What an {@link Engine} tells. */
export interface EngineListener {
  onBinary(binary: EngineBinary): void;
  onDeviceLost(reason: string): void;
}

/** Milliseconds in which a page that has waited for a model asks for its first answer. */
const firstRequestDelay = 50;

/** Milliseconds after its start in which the engine is not disturbed, if the first answer is late. */
const calmAfter = 1_000;

/**
 * Requests between preparation and answer: one in the engine, one being prepared meanwhile. More
 * would only cost memory.
 */
const requestsInFlight = 2;

/** ONNX Runtime with its one queue. */
export class Engine {
  readonly config: EngineConfig;
  readonly parts: EngineParts;
  /** Lets requests in. It is widened where several of them share a run. */
  readonly gate = new Gate(requestsInFlight);
  /** Lets them be prepared: that takes more memory than what comes out. */
  readonly preparing = new Gate(requestsInFlight);
  readonly #listener: EngineListener;
  readonly #queue = new SerialQueue();
  readonly #calm = deferred<void>();
  readonly #followers = new Set<ProgressListener>();
  readonly #keeping = new Set<Promise<unknown>>();
  #backend: Promise<StartedBackend> | undefined;
  #progress: Parameters<ProgressListener> | undefined;

  constructor(parts: EngineParts, config: EngineConfig, listener: EngineListener) {
    this.parts = parts;
    this.config = config;
    this.#listener = listener;
  }

  /**
   * The running engine. The first call starts it, a call after a failed start tries again.
   *
   * @param onProgress - Hears the bytes of the engine's binary while it loads.
   * @param asked - Settles when what is needed besides has been asked for. @default nothing is
   * @param isOwn - Whether it is for a model of somebody's own; see `completeEngine()`.
   */
  async backend(
    onProgress: ProgressListener,
    asked: Promise<unknown> = Promise.resolve(),
    isOwn = false,
  ): Promise<StartedBackend> {
    this.#followers.add(onProgress);
    if (this.#progress) onProgress(...this.#progress);
    this.#backend ??= startBackend(this.parts.ort, this.config, {
      onDeviceLost: (reason) => this.#listener.onDeviceLost(reason),
      onBinary: (binary) => this.#listener.onBinary(binary),
      keepAfter: this.#calm.promise,
      asked,
      isOwn,
      onProgress: (...bytes) => {
        this.#progress = bytes;
        for (const follower of this.#followers) follower(...bytes);
      },
    });
    try {
      const backend = await this.#backend;
      setTimeout(this.#calm.resolve, calmAfter);
      // For a later model the engine costs no bytes.
      this.#progress = [0, 0, 0];
      return backend;
    } catch (error) {
      this.#backend = undefined;
      this.#progress = undefined;
      throw error;
    } finally {
      this.#followers.delete(onProgress);
    }
  }

  /**
   * Gets what the engine lacks for a model. To be called when it has started.
   *
   * @param isOwn - Whether it is none of the catalogue.
   * @returns What was replaced on the way.
   */
  completeFor(model: Uint8Array, isOwn: boolean): Promise<readonly Fallback[]> {
    return completeEngine(model, isOwn, this.#calm.promise);
  }

  /** Gets all of the engine, for whatever model may come, and puts it into the store. */
  async complete(): Promise<void> {
    await this.backend(() => undefined);
    await completeEngine(null, false, this.#calm.promise);
  }

  /**
   * Runs `task` once the first requests for a model have had time to come and are answered, so that
   * none waits behind it. What becomes of `task` nobody hears.
   */
  later(task: () => Promise<void>): void {
    setTimeout(() => {
      if (this.gate.inside > 0) this.later(task);
      else
        this.exclusive(task)
          .catch(() => undefined)
          .finally(() => {
            this.#calm.resolve();
            void keepRest(this.#calm.promise);
          });
    }, firstRequestDelay);
  }

  /** Settles when nothing is left to be kept for the next visit. Nothing waits for calm any more. */
  async finish(): Promise<void> {
    this.#calm.resolve();
    const backend = await this.#backend?.catch(() => undefined);
    await backend?.kept;
    while (this.#keeping.size > 0) await Promise.all(this.#keeping);
  }

  /** Settles when the first answer is out, or nobody asks for one: there is time for what can wait. */
  get calm(): Promise<void> {
    return this.#calm.promise.then(touchEngine);
  }

  /** An answer is out. */
  answered(): void {
    this.#calm.resolve();
  }

  /** Has {@link finish} wait for this, which does not reject. */
  keep(task: Promise<unknown>): void {
    this.#keeping.add(task);
    void task.then(() => this.#keeping.delete(task));
  }

  /** Runs `task` when the engine is free. Every create, run and release goes through here. */
  exclusive<T>(task: () => Promise<T>): Promise<T> {
    return this.#queue.run(task);
  }
}
