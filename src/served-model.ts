/** A model on the best backend that takes it, brought back when its worker dies. */
import { type AssetOptions, modelMirrors } from './assets.js';
import { type Connection, newRequestId } from './connection.js';
import type { BackendPlan } from './device.js';
import { isTabserveError, messageOf, TabserveError } from './errors.js';
import { type HostListener, WorkerHost } from './host.js';
import type { ProgressListener } from './runtime/progress.js';
import type { LoadedModel, ModelRequest } from './runtime/protocol.js';
import type { ClassifierInfo, ClassifierState, Fallback, ModelDtype } from './types.js';

/** Everything about a model's load but where it runs. */
export interface ServedModelSettings {
  model: ModelRequest;
  dtype: 'auto' | ModelDtype;
  maxPixels: number;
  ownWorker: boolean;
  hubUrl: string;
  stallTimeout: number;
  assets: AssetOptions;
}

/** A model that a worker has ready. */
export interface Serving {
  connection: Connection;
  modelId: number;
}

/** Options of {@link ServedModel.load}. */
export interface LoadOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ProgressListener | undefined;
}

/** Failures of a GPU that another backend may not have. */
const backendFailures = [
  'unsupported',
  'device-lost',
  'out-of-memory',
  'worker-blocked',
  'worker-crashed',
  'model-invalid',
] as const;

/** Loads a model on the first of several backends that takes it, and keeps it loaded. */
export class ServedModel implements HostListener {
  readonly #settings: ServedModelSettings;
  readonly #onStateChange: () => void;
  /** Backends still worth trying; the first is in use. */
  #plans: readonly BackendPlan[];
  #fallbacks: Fallback[] = [];
  #host: WorkerHost | undefined;
  #serving: Promise<Serving> | undefined;
  #info: ClassifierInfo | undefined;
  #state: ClassifierState = 'starting';
  /** Times that a worker died under this model. */
  restarts = 0;

  constructor(
    settings: ServedModelSettings,
    plans: readonly BackendPlan[],
    onStateChange: () => void,
  ) {
    this.#settings = settings;
    this.#plans = plans;
    this.#onStateChange = onStateChange;
  }

  get state(): ClassifierState {
    return this.#state;
  }

  /** What the model runs on; `undefined` before the first load has ended. */
  get info(): ClassifierInfo | undefined {
    return this.#info;
  }

  /** The loaded model. The first call loads it, a call after the worker's death loads it again. */
  load(options: LoadOptions = {}): Promise<Serving> {
    this.#serving ??= this.#loadOnBest(options).then(
      (serving) => {
        this.#setState(this.#fallbacks.length > 0 ? 'degraded' : 'ready');
        return serving;
      },
      (error: unknown) => {
        this.#serving = undefined;
        this.#setState('failed');
        throw error;
      },
    );
    return this.#serving;
  }

  /**
   * Loads the model's current version beside the one in use and switches to it.
   *
   * @returns Unloads the former one; to be called when its last request is done.
   */
  async renew(options: LoadOptions): Promise<() => void> {
    const former = this.#serving;
    const next = this.#loadOnBest(options);
    await next;
    this.#serving = next;
    return () => this.#unload(former);
  }

  onWorkerDeath(): void {
    this.restarts += 1;
    this.#serving = undefined;
    this.#setState('recovering');
  }

  /** Unloads the model and leaves its worker. */
  destroy(): void {
    this.#setState('destroyed');
    this.#unload(this.#serving);
    this.#host?.leave(this);
    this.#host = undefined;
  }

  #unload(serving: Promise<Serving> | undefined): void {
    serving?.then(
      ({ connection, modelId }) =>
        // A worker that is going away anyway rejects this.
        void connection.call('unload', modelId).catch(() => undefined),
      () => undefined,
    );
  }

  async #loadOnBest(options: LoadOptions): Promise<Serving> {
    for (;;) {
      const [plan, next] = this.#plans;
      if (!plan) throw new TabserveError('internal', 'There is no backend to load on.');
      try {
        return await this.#loadOn(plan, options);
      } catch (error) {
        const isBackends = backendFailures.some((code) => isTabserveError(error, code));
        if (!next || !isBackends || this.#state === 'destroyed') throw error;
        this.#fallbacks.push({ from: plan.device, to: next.device, reason: messageOf(error) });
        this.#host?.leave(this);
        this.#host = undefined;
        this.#plans = this.#plans.slice(1);
      }
    }
  }

  async #loadOn(plan: BackendPlan, { signal, onProgress }: LoadOptions): Promise<Serving> {
    const began = performance.now();
    const { ownWorker, assets, ...what } = this.#settings;
    const { device, flavour, threads } = plan;
    this.#host ??= WorkerHost.join({ device, flavour, threads, assets }, this, ownWorker);
    const connection = await this.#host.connect();
    const requestId = newRequestId();
    const unfollow = onProgress && connection.followProgress(requestId, onProgress);
    try {
      const { model } = what;
      const mirrors = model.kind === 'name' ? modelMirrors(model.name, model.fileUrls, assets) : {};
      const request = { requestId, mirrors, ...what };
      const loaded = await connection.call('load', request, signal);
      this.#info = infoOf(
        loaded,
        plan,
        [...this.#fallbacks, ...connection.fallbacks],
        performance.now() - began,
      );
      return { connection, modelId: loaded.modelId };
    } finally {
      unfollow?.();
    }
  }

  #setState(state: ClassifierState): void {
    if (this.#state === state || this.#state === 'destroyed') return;
    this.#state = state;
    this.#onStateChange();
  }
}

function infoOf(
  { manifest, labels, dtype, file, bytes, from, fallbacks: own, adapter, timings }: LoadedModel,
  plan: BackendPlan,
  fallbacks: readonly Fallback[],
  total: number,
): ClassifierInfo {
  return {
    model: {
      name: manifest.name,
      version: manifest.version,
      title: manifest.title ?? manifest.name,
      license: manifest.license ?? null,
      labels,
      width: manifest.input.width,
      height: manifest.input.height,
      file,
      bytes,
      from,
    },
    device: plan.device,
    dtype,
    threads: plan.threads,
    reason: plan.reason,
    fallbacks: [...plan.fallbacks, ...fallbacks, ...own],
    engine: plan.flavour,
    adapter,
    load: { ...timings, total },
  };
}
