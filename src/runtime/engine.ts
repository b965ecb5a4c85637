/** The engine as the rest of the worker sees it: started once, used by one task at a time. */
import { type Backend, type OrtModule, startBackend } from './backend.js';
import type { choosePreparer } from './gpu-prepare.js';
import type { ProgressListener } from './progress.js';
import type { StartRequest } from './protocol.js';
import { SerialQueue } from './queue.js';

/** ONNX Runtime, and what comes with it only where it has WebGPU. */
export interface EngineParts {
  ort: OrtModule;
  /** @default the CPU does it all */
  choosePreparer?: typeof choosePreparer;
}

/** What an {@link Engine} needs to know. */
export type EngineConfig = Pick<StartRequest, 'device' | 'threads' | 'wasmUrls'>;

/** Milliseconds in which a page that has waited for a model asks for its first answer. */
const firstRequestDelay = 50;

/** ONNX Runtime with its one queue. */
export class Engine {
  readonly config: EngineConfig;
  readonly parts: EngineParts;
  readonly #onDeviceLost: (reason: string) => void;
  readonly #queue = new SerialQueue();
  readonly #followers = new Set<ProgressListener>();
  #backend: Promise<Backend> | undefined;
  #progress: Parameters<ProgressListener> | undefined;

  constructor(parts: EngineParts, config: EngineConfig, onDeviceLost: (reason: string) => void) {
    this.parts = parts;
    this.config = config;
    this.#onDeviceLost = onDeviceLost;
  }

  /**
   * The running engine. The first call starts it, a call after a failed start tries again.
   *
   * @param onProgress - Hears the bytes of the engine's binary while it loads.
   */
  async backend(onProgress: ProgressListener): Promise<Backend> {
    this.#followers.add(onProgress);
    if (this.#progress) onProgress(...this.#progress);
    this.#backend ??= startBackend(this.parts.ort, this.config, {
      onDeviceLost: this.#onDeviceLost,
      onProgress: (...bytes) => {
        this.#progress = bytes;
        for (const follower of this.#followers) follower(...bytes);
      },
    });
    try {
      const backend = await this.#backend;
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
   * Runs `task` after the first request for a model has had time to come, so that it need not wait
   * behind it. What becomes of `task` nobody hears.
   */
  later(task: () => Promise<void>): void {
    setTimeout(() => this.exclusive(task).catch(() => undefined), firstRequestDelay);
  }

  /** Runs `task` when the engine is free. Every create, run and release goes through here. */
  exclusive<T>(task: () => Promise<T>): Promise<T> {
    return this.#queue.run(task);
  }
}
