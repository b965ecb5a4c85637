/** A model on the best backend that takes it, brought back when its worker or GPU is lost. */

import type {
  ClassifierInfo,
  ClassifierState,
  Device,
  Fallback,
  PreprocessingReport,
  RequestPriority,
} from '../api/types.js';
import { type ErrorCode, isTabserveError, messageOf, TabserveError } from '../base/errors.js';
import type { ImageSource } from '../input/image/capture.js';
import { FrameFollower } from '../input/image/frame-follower.js';
import type { ClassificationOptions, ModelManifest } from '../tasks/image-classification/types.js';
import type { ProgressListener } from '../wire/progress.js';
import {
  type BackendPlan,
  type BackendPlans,
  type Outlook,
  reference,
  savesData,
} from './backends.js';
import { beforeCheck, checkByWasm, tryOut } from './belief.js';
import { ExtraWorkers } from './extra-workers.js';
import { HeldImage } from './held-image.js';
import { type ClassifyResult, type ModelSettings, Replica } from './replica.js';
import { Lane } from './request-queue.js';
import { planAfter } from './step-down.js';
import { WorkerLease } from './worker-host.js';

/** Everything about a model but where it runs. */
export interface ServedModelSettings extends ModelSettings {
  ownWorker: boolean;
  /** Workers that may serve it at a time. */
  maxWorkers: number;
  /** Milliseconds without a request after which the model is unloaded; `null` for never. */
  idleTimeout: number | null;
}

/** What a {@link ServedModel} tells. */
export interface ServedModelListener {
  /** Its `state` has changed. */
  onStateChange(): void;
  /** It has moved to another device: `info` has changed. */
  onDeviceChange(): void;
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
  /** How many images of the same call come after this one. */
  behind: number;
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
  /** What answered. */
  device: Device;
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

/** Milliseconds that the first requests have for themselves before another device is tried. */
const beforeTrial = 500;

/** A better device has to need at most this share of the time, to be worth moving to. */
const worthMoving = 0.8;

/**
 * Loads a model on the first of several backends that takes it, and keeps it loaded: after the death
 * of its worker it is loaded into a new one, and the requests that were under way are made again.
 */
export class ServedModel {
  readonly #settings: ServedModelSettings;
  readonly #lane = new Lane();
  readonly #extras: ExtraWorkers;
  readonly #life = new AbortController();
  /** Backends still worth trying; the first is in use. */
  #plans: readonly BackendPlan[];
  /** The first of them, as it was planned. */
  readonly #planned: BackendPlan | undefined;
  /** What is not known yet about the backends. */
  #outlook: Promise<Outlook> | undefined;
  /** Backends that may turn out better than those; each is tried once. */
  #rivals: readonly BackendPlan[] = [];
  #fallbacks: Fallback[] = [];
  #lease: WorkerLease | undefined;
  #loading: Promise<void> | undefined;
  #serving: Replica | undefined;
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
  /** Milliseconds that an image takes in a worker, and its run on the device, of late. */
  #typical: { image: number; run: number } | undefined;
  #requests = 0;
  #idle: ReturnType<typeof setTimeout> | undefined;
  /** Times that a worker died under this model. */
  restarts = 0;
  /** Who hears of changes. */
  listener: ServedModelListener | undefined;

  constructor(settings: ServedModelSettings, { plans, outlook }: BackendPlans) {
    this.#settings = settings;
    this.#plans = plans;
    this.#planned = plans[0];
    this.#outlook = outlook;
    const { idleTimeout: _, ...rest } = settings;
    this.#extras = new ExtraWorkers(rest, this.#lane);
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

  /** How many workers may serve it. */
  get maxWorkers(): number {
    return this.#settings.maxWorkers;
  }

  /** How many workers serve it now. */
  get workers(): number {
    return (this.#serving ? 1 : 0) + this.#extras.count;
  }

  /** Loads the model, unless it is loaded or loading. */
  load(options: LoadOptions = {}): Promise<void> {
    this.#loading ??= this.#bringUp(options).then(
      () => {
        this.#setState(this.#fallbacks.length > 0 ? 'degraded' : 'ready');
        this.#rest();
        void this.#tryRivals();
        void this.#check();
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
    // They have the former version.
    this.#extras.close();
    return () => former?.unload();
  }

  /**
   * Classifies an image, in its turn; a second time if the worker is lost during the first.
   *
   * @throws TabserveError as `ImageClassifier.classify()`; the signal's reason.
   */
  async classify(
    source: ImageSource,
    request: ClassificationOptions,
    options: RequestOptions,
  ): Promise<Served> {
    const began = performance.now();
    const image = new HeldImage(source, options.captureNow);
    this.#requests += 1;
    clearTimeout(this.#idle);
    this.#extras.wake();
    this.#considerMoreWorkers(options.behind);
    try {
      for (let attempts = 1; ; attempts += 1) {
        this.#wake();
        const { priority, signal } = options;
        const { places, leave } = await this.#lane.enter(attempts > 1 ? 'again' : priority, signal);
        const serving =
          this.#serving?.places === places ? this.#serving : this.#extras.find(places);
        const done = serving?.begin();
        try {
          signal.throwIfAborted();
          if (!serving) {
            // It was lost in the same moment.
            attempts -= 1;
            continue;
          }
          const waited = performance.now() - began;
          const served = await this.#attempt(serving, image, request, options, attempts === 1);
          return { ...served, device: serving.plan.device, attempts, waited };
        } catch (error) {
          const isLost = losses.some((code) => isTabserveError(error, code));
          if (isTabserveError(error, 'out-of-memory')) this.#outOfMemory(serving, error);
          if (!isLost || attempts > 1 || image.isSpent) throw error;
        } finally {
          done?.();
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

  #onWorkerDeath(error: TabserveError): void {
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
    this.#endWorkers();
    this.#forget();
  }

  async #attempt(
    replica: Replica,
    image: HeldImage,
    request: ClassificationOptions,
    { signal, timeLeft }: RequestOptions,
    isFirst: boolean,
  ): Promise<Omit<Served, 'attempts' | 'waited' | 'device'>> {
    timeLeft();
    const began = performance.now();
    const captured = await image.take(isFirst);
    const sent = performance.now();
    signal.throwIfAborted();
    const result = await replica.classify(captured, request, timeLeft(), {
      signal,
      patience: this.#patience('run'),
    });
    this.#losses = 0;
    const { decode, preprocess, inference } = result.timings;
    this.#note('run', Math.max(preprocess, inference));
    if (replica === this.#serving) {
      const latest = decode + preprocess + inference;
      const { image, run } = this.#typical ?? { image: latest, run: inference };
      this.#typical = { image: (3 * image + latest) / 4, run: (3 * run + inference) / 4 };
    }
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

  /** By the time that something is loaded, the browser has answered about its GPU. */
  async #settleOutlook(replica: Replica): Promise<void> {
    const outlook = this.#outlook;
    if (!outlook) return;
    this.#outlook = undefined;
    const { rivals, reason, fallbacks } = await outlook;
    this.#rivals = rivals;
    replica.plan = {
      ...replica.plan,
      // A step down has a better one.
      reason: replica.plan === this.#planned ? reason : replica.plan.reason,
      fallbacks: [...new Set([...fallbacks, ...replica.plan.fallbacks])],
    };
    this.#plans = [replica.plan, ...this.#plans.slice(1)];
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
    const [plan] = this.#plans;
    if (!plan) throw new TabserveError('internal', 'There is no backend to load on.');
    this.#lease ??= this.#takeLease(plan);
    const ends = AbortSignal.any(signal ? [signal, this.#life.signal] : [this.#life.signal]);
    const replica = await Replica.load(this.#lease, plan, this.#settings, {
      signal: ends,
      onProgress,
      patience: this.#patience('load'),
    });
    await this.#settleOutlook(replica);
    if (ends.aborted) replica.unload();
    ends.throwIfAborted();
    if (replica.connection.end) throw replica.connection.end;
    const { session, warmup } = replica.loaded.timings;
    this.#note('load', Math.max(session, warmup));
    this.#serve(replica);
  }

  #takeLease(plan: BackendPlan): WorkerLease {
    const { assets, ownWorker } = this.#settings;
    const { device, flavour, threads } = plan;
    const lease = WorkerLease.take({ device, flavour, threads, assets }, ownWorker);
    lease.onDeath = (error) => this.#onWorkerDeath(error);
    return lease;
  }

  /** Sends requests there from now on. */
  #serve(replica: Replica): void {
    this.#serving = replica;
    this.#typical = undefined;
    this.#tellInfo();
    this.#lane.open(replica.places);
  }

  #tellInfo(): void {
    if (this.#serving) this.#info = infoOf(this.#serving, this.#fallbacks);
  }

  /** Tries backends that may be better than the one in use, until one is. */
  async #tryRivals(): Promise<void> {
    const rivals = this.#rivals;
    if (rivals.length === 0) return;
    this.#rivals = [];
    await this.#pause(beforeTrial).catch(() => undefined);
    for (const rival of rivals) {
      const current = this.#serving;
      if (current) await this.#tryRival(rival, current);
      if (this.#serving !== current) return;
    }
  }

  /** Loads the model on `plan` beside the one in use, and moves there if it is measured to be faster. */
  async #tryRival(plan: BackendPlan, current: Replica): Promise<void> {
    const lease = this.#takeLease(plan);
    const lost = new AbortController();
    lease.onDeath = (error) => lost.abort(error);
    const signal = AbortSignal.any([this.#life.signal, lost.signal]);
    let replica: Replica | undefined;
    const drop = () => {
      replica?.unload();
      lease.release();
    };
    try {
      const options = { signal, patience: patience.first };
      replica = await Replica.load(lease, plan, this.#settings, options);
      const { theirs, ours } = await tryOut(replica, current, this.#typical?.run, options);
      const times = `${nameOf(plan)} ${theirs.toFixed(1)} ms a run, ${nameOf(current.plan)} ${ours.toFixed(1)} ms`;
      if (this.#serving !== current) {
        // It was lost meanwhile; whoever brings it back is not to be disturbed.
        drop();
      } else if (theirs <= worthMoving * ours) {
        await this.#moveTo(replica, lease, `measured to be faster: ${times}`);
      } else {
        drop();
        const settled = { ...current.plan, reason: `measured to be no slower: ${times}` };
        this.#plans = this.#plans.map((each) => (each === current.plan ? settled : each));
        current.plan = settled;
      }
    } catch (error) {
      drop();
      if (this.#life.signal.aborted) return;
      const [from, to] = [nameOf(plan), nameOf(current.plan)];
      this.#fallbacks.push({ from, to, reason: messageOf(error) });
      if (this.#state === 'ready') this.#setState('degraded');
    }
    this.#tellInfo();
  }

  /** Checks a GPU that answers already. WASM takes over where it computes otherwise. */
  async #check(): Promise<void> {
    const current = this.#serving;
    if (current?.verified !== 'none' || savesData()) return;
    await this.#pause(beforeCheck).catch(() => undefined);
    if (this.#serving !== current) return;
    const lease = this.#takeLease(reference);
    const lost = new AbortController();
    lease.onDeath = (error) => lost.abort(error);
    const signal = AbortSignal.any([this.#life.signal, lost.signal]);
    const options = { signal, patience: patience.first };
    // What cannot be checked goes on as it is, and says that it was not.
    const instead = await checkByWasm(current, lease, reference, this.#settings, options).catch(
      () => undefined,
    );
    if (instead && this.#serving === current) {
      this.#fallbacks.push({ from: current.plan.device, to: 'wasm', reason: instead.reason });
      this.#plans = [];
      await this.#moveTo(instead.replica, lease, reference.reason);
      if (this.#state === 'ready') this.#setState('degraded');
    } else {
      instead?.replica.unload();
      lease.release();
    }
    this.#tellInfo();
  }

  /** Requests that have begun end where they are, before any begins at the new place. */
  async #moveTo(replica: Replica, lease: WorkerLease, reason: string): Promise<void> {
    const { session, warmup } = replica.loaded.timings;
    this.#note('load', Math.max(session, warmup));
    const former = this.#serving;
    const formerLease = this.#lease;
    if (former) this.#lane.close(former.places);
    this.#extras.close();
    replica.plan = { ...replica.plan, reason };
    this.#plans = [replica.plan, ...this.#plans];
    this.#serving = replica;
    this.#typical = undefined;
    this.#lease = lease;
    lease.onDeath = (error) => this.#onWorkerDeath(error);
    await Promise.all([former?.idle(), this.#extras.idle()]);
    former?.unload();
    formerLease?.release();
    if (this.#serving !== replica) return;
    this.#tellInfo();
    this.#lane.open(replica.places);
    this.listener?.onDeviceChange();
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
    this.#endWorkers();
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
  #outOfMemory(serving: Replica | undefined, error: unknown): void {
    if (!serving) return;
    if (serving !== this.#serving) {
      // An extra worker: the first one goes on.
      serving.connection.replace(error);
      return;
    }
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
    if (this.#serving) this.#lane.close(this.#serving.places);
    this.#serving = undefined;
    this.#loading = undefined;
  }

  #endWorkers(): void {
    this.#serving?.unload();
    this.#lease?.release();
    this.#lease = undefined;
    this.#extras.close();
  }

  #considerMoreWorkers(behind: number): void {
    const { plan } = this.#serving ?? {};
    if (!plan || !this.#typical) return;
    const backlog = (this.#requests + behind) * this.#typical.image;
    this.#extras.consider(plan, backlog, this.#patience('load'));
  }

  /** Unloads the model after a while, unless a request comes. */
  #rest(): void {
    clearTimeout(this.#idle);
    const { idleTimeout } = this.#settings;
    if (this.#requests > 0) return;
    this.#extras.rest();
    if (idleTimeout === null || !this.#serving) return;
    this.#idle = setTimeout(() => {
      this.#endWorkers();
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
    this.listener?.onStateChange();
  }
}

/** What messages call a backend. */
function nameOf({ device, threads }: BackendPlan): string {
  return threads > 1 ? `${device} with ${threads} threads` : device;
}

function infoOf(
  { loaded, plan, connection, loadTime, verified }: Replica,
  given: readonly Fallback[],
) {
  const { labels, dtype, file, bytes, from, fallbacks, adapter, timings } = loaded;
  const manifest = loaded.manifest as ModelManifest;
  const info: ClassifierInfo = {
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
    fallbacks: [...plan.fallbacks, ...given, ...connection.fallbacks, ...fallbacks],
    engine: plan.flavour,
    adapter,
    verified,
    preprocessing: loaded.report as PreprocessingReport,
    load: { ...timings, total: loadTime },
  };
  return info;
}
