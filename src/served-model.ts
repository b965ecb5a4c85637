/** A model on the best backend that takes it, brought back when its worker or GPU is lost. */
import * as Comlink from 'comlink';
import { type AssetOptions, modelMirrors } from './assets.js';
import { type Connection, newRequestId } from './connection.js';
import type { BackendPlan } from './device.js';
import { type ErrorCode, isTabserveError, messageOf, TabserveError } from './errors.js';
import { HeldImage } from './held-image.js';
import { type HostListener, WorkerHost } from './host.js';
import { type ImageSource, transferables } from './image/capture.js';
import { Lane } from './lanes.js';
import type { ProgressListener } from './runtime/progress.js';
import type {
  ClassifyRequest,
  ClassifyResult,
  LoadedModel,
  ModelRequest,
} from './runtime/protocol.js';
import { planAfter } from './step-down.js';
import type {
  ClassifierInfo,
  ClassifierState,
  Fallback,
  ModelDtype,
  PreprocessingChoice,
  RequestPriority,
} from './types.js';
import { FrameFollower } from './watch.js';

/** Everything about a model's load but where it runs. */
export interface ServedModelSettings {
  model: ModelRequest;
  dtype: 'auto' | ModelDtype;
  preprocessing: PreprocessingChoice;
  maxPixels: number;
  ownWorker: boolean;
  /** Base address of the hub, with a slash at its end. */
  hubUrl: string;
  /** Milliseconds without a byte after which a download is tried again. */
  stallTimeout: number;
  /** Milliseconds without a request after which the model is unloaded; `null` for never. */
  idleTimeout: number | null;
  assets: AssetOptions;
}

/** Options of {@link ServedModel.load}. */
export interface LoadOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ProgressListener | undefined;
}

/** What {@link ServedModel.classify} does besides classifying. */
export interface RequestOptions {
  /** Captures what can change at the call, rather than when its turn comes. */
  captureNow: boolean;
  priority: RequestPriority;
  signal: AbortSignal;
  /**
   * Milliseconds that are left for the request; `null` for as many as it takes.
   *
   * @throws TabserveError `timeout` when there are none, even where a throttled timer is late.
   */
  timeLeft(): number | null;
}

/** A result, and what it took. */
export interface Served extends ClassifyResult {
  /** Milliseconds of taking the picture, and of waiting for a place. */
  captured: number;
  waited: number;
  /** 2 if the worker was lost in the middle of the first attempt. */
  attempts: number;
}

/** Milliseconds before each further start of a worker that dies without an answer in between. */
const backOff = [0, 1000, 1000, 2000, 3000, 5000] as const;

/** A worker that has lived so many milliseconds was a good one, even if nobody asked it anything. */
const goodAge = 30_000;

/** A GPU that was lost, with or without its worker, so often within so many minutes is given up. */
const gpuPatience = { losses: 3, minutes: 10 } as const;

/**
 * Milliseconds of silence that a run is given: so many times the longest one so far, since a busy
 * machine is slower than it was, and at least as many.
 */
const patience = { factor: 20, least: 3_000, first: 60_000 } as const;

/** Errors of a worker that has to be replaced; a request that it met can be made again. */
const losses = ['worker-crashed', 'device-lost', 'out-of-memory'] as const;

/**
 * Errors that are for good at first, but pass where the same has worked before: a worker died in its
 * first moments, or the browser has no GPU just after it was lost.
 */
const passing: readonly ErrorCode[] = ['worker-blocked', 'unsupported'];

/** A model that a worker has ready. */
interface Serving {
  connection: Connection;
  modelId: number;
  since: number;
}

/**
 * Loads a model on the first of several backends that takes it, and keeps it loaded: after the death
 * of its worker it is loaded into a new one, and the requests that were under way are made again.
 */
export class ServedModel implements HostListener {
  readonly #settings: ServedModelSettings;
  readonly #onStateChange: () => void;
  readonly #lane = new Lane();
  readonly #life = new AbortController();
  /** Backends still worth trying; the first is in use. */
  #plans: readonly BackendPlan[];
  #fallbacks: Fallback[] = [];
  #host: WorkerHost | undefined;
  #loading: Promise<void> | undefined;
  #serving: Serving | undefined;
  #info: ClassifierInfo | undefined;
  #state: ClassifierState = 'starting';
  /** Workers that died, or failed to start, since the last sign of health. */
  #losses = 0;
  /** What the latest of them died of. */
  #lastLoss: unknown;
  /** When workers with a GPU were lost. */
  #gpuLosses: number[] = [];
  /** Milliseconds of the longest stretch that a worker was seen to spend on loading or running. */
  readonly #longest: { load?: number; run?: number } = {};
  #requests = 0;
  #idle: ReturnType<typeof setTimeout> | undefined;
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
    // A load that the network refused is made again when there is a network.
    globalThis.addEventListener('online', () => this.#state === 'failed' && this.#wake(), {
      signal: this.#life.signal,
    });
  }

  get state(): ClassifierState {
    return this.#state;
  }

  /** What the model runs on; `undefined` before the first load has ended. */
  get info(): ClassifierInfo | undefined {
    return this.#info;
  }

  /** Loads the model, unless it is loaded or loading. */
  load(options: LoadOptions = {}): Promise<void> {
    this.#loading ??= this.#bringUp(options).then(
      () => {
        this.#setState(this.#fallbacks.length > 0 ? 'degraded' : 'ready');
        this.#rest();
      },
      (error: unknown) => {
        this.#loading = undefined;
        this.#losses = 0;
        this.#setState('failed');
        this.#lane.refuse(error);
        throw error;
      },
    );
    return this.#loading;
  }

  /**
   * Loads the model's current version beside the one in use and switches to it.
   *
   * @returns Unloads the former one; to be called when its last request is done.
   */
  async renew(options: LoadOptions): Promise<() => void> {
    await this.load(options);
    const former = this.#serving;
    await this.#loadOnce(options);
    return () => former && unload(former.connection, former.modelId);
  }

  /**
   * Classifies an image, in its turn; a second time if the worker is lost during the first.
   *
   * @throws TabserveError as `ImageClassifier.classify()`; the signal's reason.
   */
  async classify(
    source: ImageSource,
    request: Omit<ClassifyRequest, 'requestId' | 'modelId' | 'image' | 'timeLeft'>,
    options: RequestOptions,
  ): Promise<Served> {
    const began = performance.now();
    const image = new HeldImage(source, options.captureNow);
    this.#requests += 1;
    clearTimeout(this.#idle);
    try {
      for (let attempts = 1; ; attempts += 1) {
        this.#wake();
        const { priority, signal } = options;
        const leave = await this.#lane.enter(attempts > 1 ? 'again' : priority, signal);
        const serving = this.#serving;
        try {
          signal.throwIfAborted();
          if (!serving) {
            // It was lost in the same moment.
            attempts -= 1;
            continue;
          }
          const waited = performance.now() - began;
          const served = await this.#attempt(serving, image, request, options, attempts === 1);
          return { ...served, attempts, waited };
        } catch (error) {
          const isLost = losses.some((code) => isTabserveError(error, code));
          if (isTabserveError(error, 'out-of-memory')) this.#outOfMemory(serving, error);
          if (!isLost || attempts > 1 || image.isSpent) throw error;
        } finally {
          leave();
        }
      }
    } finally {
      image.release();
      this.#requests -= 1;
      this.#rest();
    }
  }

  /** Follows a video. Here, so that what is needed later comes with what is needed first. */
  follow(video: HTMLVideoElement, signal: AbortSignal): FrameFollower {
    return new FrameFollower(video, signal);
  }

  onWorkerDeath(error: TabserveError): void {
    this.restarts += 1;
    this.#noteGpuLoss();
    const { silence } = error.details;
    // It may have been working after all: the next one is given more time.
    for (const stage of ['load', 'run'] as const) {
      if (typeof silence !== 'number' || this.#longest[stage] === undefined) continue;
      this.#note(stage, (2 * silence) / patience.factor);
    }
    // While it loads, whoever loads it deals with it.
    if (!this.#serving) return;
    if (performance.now() - this.#serving.since > goodAge) this.#losses = 0;
    this.#forget();
    if (!this.#stepDown(error)) this.#lose(error);
    this.#recover();
  }

  /** Unloads the model and leaves its worker. */
  destroy(): void {
    this.#setState('destroyed');
    this.#life.abort(new TabserveError('destroyed', 'The classifier was destroyed.'));
    clearTimeout(this.#idle);
    this.#leaveHost();
    this.#forget();
  }

  async #attempt(
    { connection, modelId }: Serving,
    image: HeldImage,
    request: Omit<ClassifyRequest, 'requestId' | 'modelId' | 'image' | 'timeLeft'>,
    { signal, timeLeft }: RequestOptions,
    isFirst: boolean,
  ): Promise<Omit<Served, 'attempts' | 'waited'>> {
    timeLeft();
    const began = performance.now();
    const captured = await image.take(isFirst);
    const sent = performance.now();
    signal.throwIfAborted();
    const message: ClassifyRequest = {
      ...request,
      requestId: newRequestId(),
      modelId,
      image: captured,
      timeLeft: timeLeft(),
    };
    const result = await connection.call(
      'classify',
      Comlink.transfer(message, transferables(captured)),
      { signal, patience: this.#patience('run') },
    );
    this.#losses = 0;
    this.#note('run', Math.max(result.timings.preprocess, result.timings.inference));
    return { ...result, captured: sent - began };
  }

  /** Loads the model if it is not there, without waiting for it. */
  #wake(): void {
    if (this.#state === 'failed') this.#setState('recovering');
    // Its failure refuses the requests that wait in the lane.
    this.load().catch(() => undefined);
  }

  #recover(): void {
    this.#setState('recovering');
    this.#wake();
  }

  async #bringUp(options: LoadOptions): Promise<void> {
    const isFirst = this.#info === undefined;
    for (;;) {
      const delay = backOff[this.#losses];
      if (delay === undefined) throw this.#lastLoss;
      await this.#pause(delay);
      try {
        return await this.#loadOnce(options);
      } catch (error) {
        this.#life.signal.throwIfAborted();
        options.signal?.throwIfAborted();
        if (isTabserveError(error, 'unsupported')) this.#noteGpuLoss();
        if (this.#stepDown(error)) continue;
        if (!isTabserveError(error)) throw error;
        const isWorthAnother = isFirst
          ? error.code === 'worker-crashed' && this.#losses === 0
          : error.retryable || passing.includes(error.code);
        if (!isWorthAnother) throw error;
        this.#lose(error);
      }
    }
  }

  async #loadOnce({ signal, onProgress }: LoadOptions): Promise<void> {
    const began = performance.now();
    const { ownWorker, assets, idleTimeout: _, ...what } = this.#settings;
    const [plan] = this.#plans;
    if (!plan) throw new TabserveError('internal', 'There is no backend to load on.');
    const { device, flavour, threads } = plan;
    this.#host ??= WorkerHost.join({ device, flavour, threads, assets }, this, ownWorker);
    const { places } = this.#host;
    const connection = await this.#host.connect();
    const requestId = newRequestId();
    const unfollow = onProgress && connection.followProgress(requestId, onProgress);
    const signals = signal ? [signal, this.#life.signal] : [this.#life.signal];
    try {
      const { model } = what;
      const mirrors = model.kind === 'name' ? modelMirrors(model.name, model.fileUrls, assets) : {};
      const request = { requestId, mirrors, ...what };
      const loaded = await connection.call('load', request, {
        signal: AbortSignal.any(signals),
        patience: this.#patience('load'),
      });
      this.#info = infoOf(
        loaded,
        plan,
        [...this.#fallbacks, ...connection.fallbacks],
        performance.now() - began,
      );
      this.#note('load', Math.max(loaded.timings.session, loaded.timings.warmup));
      this.#serving = { connection, modelId: loaded.modelId, since: performance.now() };
      this.#lane.open(places);
    } catch (error) {
      // An abort may cross the answer: then the worker has a model that nobody knows.
      if (!connection.end) unload(connection, requestId);
      throw error;
    } finally {
      unfollow?.();
    }
  }

  /** Goes on to another backend, or a smaller setting, if the error is one that it may not have. */
  #stepDown(error: unknown): boolean {
    const { losses, minutes } = gpuPatience;
    const since = Date.now() - minutes * 60_000;
    const recent = this.#gpuLosses.filter((time) => time > since).length;
    const isTrusted = this.#info !== undefined && recent < losses;
    const next = planAfter(this.#plans, error, isTrusted);
    if (!next) return false;
    const { from, to, plans } = next;
    const often = `the GPU was lost ${recent} times within ${minutes} minutes, the last time so: `;
    this.#fallbacks.push({
      from,
      to,
      reason: `${recent < losses ? '' : often}${messageOf(error)}`,
    });
    this.#leaveHost();
    this.#plans = plans;
    this.#losses = 0;
    return true;
  }

  #noteGpuLoss(): void {
    if (this.#plans[0]?.device === 'webgpu') this.#gpuLosses.push(Date.now());
  }

  #lose(error: unknown): void {
    this.#losses += 1;
    this.#lastLoss = error;
  }

  /** The engine's memory never shrinks: what did not fit needs a fresh worker, or a smaller one. */
  #outOfMemory(serving: Serving | undefined, error: unknown): void {
    if (!serving || serving !== this.#serving) return;
    if (!this.#stepDown(error)) {
      serving.connection.replace(error);
      return;
    }
    this.restarts += 1;
    this.#forget();
    this.#recover();
  }

  /** The model is not in a worker any more. */
  #forget(): void {
    this.#lane.close();
    this.#serving = undefined;
    this.#loading = undefined;
  }

  #leaveHost(): void {
    const { connection, modelId } = this.#serving ?? {};
    if (connection && modelId) unload(connection, modelId);
    this.#host?.leave(this);
    this.#host = undefined;
  }

  /** Unloads the model after a while, unless a request comes. */
  #rest(): void {
    clearTimeout(this.#idle);
    const { idleTimeout } = this.#settings;
    if (idleTimeout === null || this.#requests > 0 || !this.#serving) return;
    this.#idle = setTimeout(() => {
      this.#leaveHost();
      this.#forget();
    }, idleTimeout);
  }

  async #pause(milliseconds: number): Promise<void> {
    if (milliseconds === 0) return;
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    this.#life.signal.throwIfAborted();
  }

  /** How long the worker may be silent over this model's load or run. */
  #patience(stage: 'load' | 'run'): number {
    const { factor, least, first } = patience;
    const longest = this.#longest[stage];
    return longest === undefined ? first : Math.max(least, factor * longest);
  }

  /** A long stretch counts for less with every shorter one after it. */
  #note(stage: 'load' | 'run', duration: number): void {
    this.#longest[stage] = Math.max(duration, 0.8 * (this.#longest[stage] ?? 0));
  }

  #setState(state: ClassifierState): void {
    if (this.#state === state || this.#state === 'destroyed') return;
    this.#state = state;
    this.#onStateChange();
  }
}

/** Tells a worker, if it still is there, to forget a model. */
function unload(connection: Connection, modelId: number): void {
  connection.call('unload', modelId, { patience: 0 }).catch(() => undefined);
}

function infoOf(
  {
    manifest,
    labels,
    dtype,
    file,
    bytes,
    from,
    fallbacks: own,
    adapter,
    preprocessing,
    timings,
  }: LoadedModel,
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
    preprocessing,
    load: { ...timings, total },
  };
}
