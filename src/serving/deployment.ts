/** A model on the best backend that takes it, brought back when its worker or GPU is lost. */
import type {
  ClassifierInfo,
  ClassifierState,
  Device,
  Fallback,
  RequestPriority,
} from '../api/types.js';
import { untilAborted } from '../base/abort.js';
import { type ErrorCode, isTabserveError, messageOf, TabserveError } from '../base/errors.js';
import type { PageTask } from '../tasks/task.js';
import type { ProgressListener } from '../wire/progress.js';
import type { LoadedModel, RunResult } from '../wire/protocol.js';
import { type BackendPlan, type BackendPlans, type LaterPlans, reference } from './backends.js';
import { beforeCheck, checkByWasm } from './belief.js';
import { type Environment, type Lease, page, pause } from './environment.js';
import { ExtraWorkers } from './extra-workers.js';
import { HeldPayload } from './held-payload.js';
import { Losses } from './losses.js';
import { Patience } from './patience.js';
import { ModelReplica, type ModelSettings } from './replica.js';
import { RequestQueue } from './request-queue.js';
import { planAfter } from './step-down.js';
import { DeploymentState, Superseded, TransitionLane } from './transitions.js';
import { nameOf, type Trial, trial as trialByTime } from './trials.js';

/** Everything about a model but where it runs. */
export interface DeploymentSettings extends ModelSettings {
  ownWorker: boolean;
  /** Workers that may serve it at a time. */
  maxWorkers: number;
  /** Milliseconds without a request after which the model is unloaded; `null` for never. */
  idleTimeout: number | null;
}

/** What a {@link Deployment} is made of. */
export interface DeploymentParts<Source, Payload> {
  task: PageTask<Source, Payload>;
  settings: DeploymentSettings;
  /** Which backends there are. Asked once, by the first load. */
  plan(): Promise<BackendPlans>;
  /** Compares a rival backend with the one in use. @default by the time that a run takes */
  trial?: Trial;
  /** @default the page's */
  environment?: Environment;
}

/** What a {@link Deployment} tells. */
export interface DeploymentListener {
  /** Its `state` has changed. */
  onStateChange(): void;
  /** It has moved to another device: `serving` has changed. */
  onDeviceChange(): void;
}

/** Options of {@link Deployment.load}. */
export interface LoadOptions {
  /** Stops the waiting, not the load, which others may wait for. */
  signal?: AbortSignal | undefined;
  onProgress?: ProgressListener | undefined;
}

/** How {@link Deployment.run} treats a request. */
export interface RequestOptions {
  /** Captures what can change at the call, rather than when its turn comes. */
  captureNow: boolean;
  priority: RequestPriority;
  /** How many sources of the same call come after this one. */
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
export interface Served extends RunResult {
  /** What answered. */
  device: Device;
  /** Milliseconds of capturing the source, and of waiting for a slot. */
  captured: number;
  waited: number;
  /** 2 if the worker was lost in the middle of the first attempt. */
  attempts: number;
}

/** What serves the model. */
export interface Serving {
  loaded: LoadedModel;
  plan: BackendPlan;
  /** Milliseconds that loading took. */
  loadTime: number;
  /** What its answers were checked against. */
  verified: ClassifierInfo['verified'];
  /** Everything that was given up or assumed for it. */
  fallbacks: readonly Fallback[];
}

/** A payload on its way, and the milliseconds that capturing it took. */
interface Captured<Payload> {
  payload: Payload;
  took: number;
}

/** A worker that has lived so many milliseconds was a good one, even if nobody asked it anything. */
const goodAge = 30_000;

/** Milliseconds that a capture may keep a slot of the worker; then it goes on without one. */
const captureInSlot = 100;

/** Milliseconds that the first requests have for themselves before another device is tried. */
const beforeTrial = 500;

/** Errors of a worker that has to be replaced; a request that it met can be made again. */
const losses = ['worker-crashed', 'device-lost', 'out-of-memory'] as const;

/**
 * Errors that are for good at first, but pass where the same has worked before: a worker died in its
 * first moments, or the browser has no GPU just after it was lost.
 */
const passing: readonly ErrorCode[] = ['worker-blocked', 'unsupported'];

/** Deployments that were not destroyed; each listens for the network. */
export const liveDeployments = new Set<object>();

/**
 * Loads a model on the first of several backends that takes it, and keeps it loaded: after the death
 * of its worker it is loaded into a new one, and the requests that were under way are made again.
 *
 * What serves, and on which backend, is changed by the transitions of one {@link TransitionLane}
 * only, and by `destroy()`.
 */
export class Deployment<Source, Payload> {
  readonly #task: PageTask<Source, Payload>;
  readonly #settings: DeploymentSettings;
  readonly #plan: () => Promise<BackendPlans>;
  readonly #trial: Trial;
  readonly #environment: Environment;
  readonly #queue = new RequestQueue();
  readonly #lane = new TransitionLane();
  readonly #extras: ExtraWorkers;
  readonly #life = new AbortController();
  readonly #patience = new Patience();
  readonly #losses = new Losses();
  readonly #state: DeploymentState;
  readonly #progress = new Set<ProgressListener>();
  readonly #stopListening: () => void;
  #lastProgress: Parameters<ProgressListener> | undefined;
  /** Backends still worth trying; the first is in use. `undefined` before the first load. */
  #plans: readonly BackendPlan[] | undefined;
  /** The first of them, as it was planned. */
  #planned: BackendPlan | undefined;
  /** What is not known yet about the backends. */
  #later: Promise<LaterPlans> | undefined;
  /** Backends that may turn out better than those; each is tried once. */
  #rivals: readonly BackendPlan[] = [];
  #fallbacks: Fallback[] = [];
  #lease: Lease | undefined;
  #replica: ModelReplica | undefined;
  #serving: Serving | undefined;
  #loading: Promise<void> | undefined;
  /** Milliseconds that a request takes in a worker, and its run on the device, of late. */
  #typical: { request: number; run: number } | undefined;
  #requests = 0;
  #isTrying = false;
  #isChecking = false;
  #stopIdle: () => void = () => undefined;

  /** Times that a worker died under this model. */
  restarts = 0;
  /** Who hears of changes. */
  listener: DeploymentListener | undefined;

  constructor(parts: DeploymentParts<Source, Payload>) {
    const { task, settings, plan, trial = trialByTime, environment = page } = parts;
    this.#task = task;
    this.#settings = settings;
    this.#plan = plan;
    this.#trial = trial;
    this.#environment = environment;
    this.#state = new DeploymentState(() => this.listener?.onStateChange());
    const { idleTimeout: _, ...rest } = settings;
    this.#extras = new ExtraWorkers(environment, rest, this.#queue);
    liveDeployments.add(this);
    // A load that the network refused is made again when there is a network.
    this.#stopListening = environment.onOnline(() => {
      if (this.state === 'failed') this.#wake();
    });
  }

  /** What the model is wanted for. */
  get task(): string {
    return this.#task.name;
  }

  get state(): ClassifierState {
    return this.#state.current;
  }

  /** What the model runs on; `undefined` before the first load has ended. */
  get serving(): Serving | undefined {
    return this.#serving;
  }

  /** How many workers may serve it. */
  get maxWorkers(): number {
    return this.#settings.maxWorkers;
  }

  /** How many workers serve it now. */
  get workers(): number {
    return (this.#replica ? 1 : 0) + this.#extras.count;
  }

  /**
   * Loads the model, unless it is loaded or loading.
   *
   * @throws TabserveError as `create()`; the signal's reason.
   */
  async load({ signal, onProgress }: LoadOptions = {}): Promise<void> {
    if (onProgress) {
      this.#progress.add(onProgress);
      if (this.#loading && this.#lastProgress) onProgress(...this.#lastProgress);
    }
    try {
      await untilAborted(this.#bringUp(), signal);
    } finally {
      if (onProgress) this.#progress.delete(onProgress);
    }
  }

  /**
   * Loads the model's current version beside the one in use and switches to it. Requests that have
   * begun end on the former version, which is then unloaded.
   *
   * @throws TabserveError as {@link load}; the former version then stays in use.
   */
  async renew({ signal }: LoadOptions): Promise<void> {
    let retired: Promise<void> | undefined;
    const renewal = this.#lane.run('renew', async (laneSignal) => {
      const former = this.#replica;
      // The load that follows finds the current version.
      if (!former) return;
      const ends = AbortSignal.any(signal ? [signal, laneSignal] : [laneSignal]);
      const replica = await this.#loadReplica(ends).catch((error: unknown) => {
        laneSignal.throwIfAborted();
        throw error;
      });
      this.#serve(replica);
      // They have the former version.
      this.#extras.close();
      retired = this.#retire(former);
    });
    const resume = () => {
      this.#rest();
      this.#consider();
    };
    renewal.then(resume, resume);
    try {
      await untilAborted(renewal, signal);
    } catch (error) {
      // The worker died: what brings the model back loads the current version.
      if (!(error instanceof Superseded)) throw error;
    }
    await (retired ? untilAborted(retired, signal) : this.load({ signal }));
  }

  /**
   * Answers a question, in its turn; a second time if the worker is lost during the first.
   *
   * @param options - Of the task, complete.
   * @param task - One that takes any graph, to ask the model by. @default the model's own
   * @throws TabserveError what the task's capture and the worker say; the signal's reason.
   */
  async run<From = Source, Sent = Payload>(
    source: From,
    options: object,
    request: RequestOptions,
    task = this.#task as unknown as PageTask<From, Sent>,
  ): Promise<Served> {
    this.#life.signal.throwIfAborted();
    const held = new HeldPayload(task, source, request.captureNow);
    const signal = AbortSignal.any([request.signal, this.#life.signal]);
    this.#requests += 1;
    this.#stopIdle();
    this.#extras.wake();
    this.#considerMoreWorkers(request.behind);
    try {
      return await this.#serveRequest(held, options, { ...request, signal });
    } finally {
      held.release();
      this.#requests -= 1;
      this.#rest();
    }
  }

  /**
   * Unloads the model and leaves its worker. Calling it again does nothing.
   *
   * @param reason - What everything that is under way rejects with.
   */
  destroy(reason: TabserveError = new TabserveError('destroyed', 'The model was given up.')): void {
    if (this.#life.signal.aborted) return;
    this.#state.go('destroyed');
    this.#life.abort(reason);
    this.#lane.end(reason);
    this.#queue.refuse(reason);
    this.#stopIdle();
    this.#stopListening();
    liveDeployments.delete(this);
    this.#endWorkers();
    this.#progress.clear();
  }

  async #serveRequest<From, Sent>(
    held: HeldPayload<From, Sent>,
    options: object,
    { priority, signal, timeLeft }: RequestOptions,
  ): Promise<Served> {
    const { now } = this.#environment;
    const began = now();
    let captured = undefined as Captured<Sent> | undefined;
    try {
      for (let attempts = 1, turns = 1; ; turns += 1) {
        this.#wake();
        const slot = await this.#queue.enter(turns > 1 ? 'again' : priority, signal);
        const { slots, leave } = slot;
        const isFirst = this.#replica?.slots === slots;
        const replica = isFirst ? this.#replica : this.#extras.find(slots);
        const done = replica?.begin();
        try {
          signal.throwIfAborted();
          // It was lost in the same moment.
          if (!replica || replica.connection.end) continue;
          timeLeft();
          const waited = now() - began - (captured?.took ?? 0);
          if (!captured) {
            const beganCapture = now();
            const capture = held.take(attempts === 1, signal).then((payload) => {
              captured = { payload, took: now() - beganCapture };
            });
            if (!(await this.#isSoon(capture))) {
              // Whoever asks a slow server for its picture is not to keep others from the worker.
              done?.();
              leave();
              await capture;
              continue;
            }
          }
          const { payload, took } = captured as unknown as Captured<Sent>;
          captured = undefined;
          const result = await this.#send(replica, held.task, payload, options, signal, timeLeft);
          return { ...result, device: replica.plan.device, captured: took, attempts, waited };
        } catch (error) {
          const isLost = losses.some((code) => isTabserveError(error, code));
          if (replica && isTabserveError(error, 'out-of-memory')) this.#outOfMemory(replica, error);
          if (!isLost || attempts > 1 || held.isSpent) throw error;
          attempts += 1;
        } finally {
          done?.();
          leave();
        }
      }
    } finally {
      if (captured) held.task.close(captured.payload);
    }
  }

  /** Whether the capture ends while it may keep a slot. @throws as the capture does. */
  async #isSoon(capture: Promise<void>): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<false>();
    const cancel = this.#environment.after(captureInSlot, () => resolve(false));
    try {
      return await Promise.race([capture.then(() => true), late]);
    } finally {
      cancel();
    }
  }

  async #send<From, Sent>(
    replica: ModelReplica,
    task: PageTask<From, Sent>,
    payload: Sent,
    options: object,
    signal: AbortSignal,
    timeLeft: () => number | null,
  ): Promise<RunResult> {
    let result: RunResult;
    try {
      signal.throwIfAborted();
      const waiting = { signal, patience: this.#patience.of('run') };
      const transfer = task.transfer(payload);
      const { name } = task;
      const by = name === this.#task.name ? null : name;
      result = await replica.run(payload, transfer, options, by, timeLeft(), waiting);
    } finally {
      // What was handed over is empty here; what was not has no other owner.
      task.close(payload);
    }
    this.#losses.forgive();
    const { decode, preprocess, inference } = result.timings;
    this.#patience.note('run', Math.max(preprocess, inference));
    if (replica === this.#replica) {
      const latest = decode + preprocess + inference;
      const { request, run } = this.#typical ?? { request: latest, run: inference };
      this.#typical = { request: (3 * request + latest) / 4, run: (3 * run + inference) / 4 };
    }
    return result;
  }

  /** Loads the model if it is not there, without waiting for it. */
  #wake(): void {
    if (this.#replica || this.#life.signal.aborted) return;
    // Its failure refuses the requests that wait in the queue.
    this.#bringUp().catch(() => undefined);
  }

  /** Joins the load under way, or begins one if nothing serves. */
  #bringUp(): Promise<void> {
    if (this.#loading) return this.#loading;
    if (this.#replica && !this.#replica.connection.end) return Promise.resolve();
    return this.#loadIn('load');
  }

  /** @param prepare - Begins the transition; whether there is something to load. */
  #loadIn(kind: 'load' | 'recover', prepare: () => boolean = () => true): Promise<void> {
    const loading = this.#lane
      .run(kind, async (signal) => {
        if (!prepare() || this.#replica) return;
        if (this.state === 'failed') this.#state.go('recovering');
        await this.#loadSomewhere(signal);
      })
      .finally(() => {
        if (this.#loading === loading) this.#loading = undefined;
      });
    this.#loading = loading;
    loading.then(
      () => this.#consider(),
      () => undefined,
    );
    return loading;
  }

  /** Loads on the first backend that takes the model, with patience for what may pass. */
  async #loadSomewhere(signal: AbortSignal): Promise<void> {
    try {
      if (!this.#plans) {
        const { plans, laterPlans } = await untilAborted(this.#plan(), signal);
        this.#plans = plans;
        this.#planned = plans[0];
        this.#later = laterPlans;
      }
      this.#serve(await this.#tryUntilLoaded(signal));
      this.#state.go(this.#fallbacks.length > 0 ? 'degraded' : 'ready');
      this.#rest();
    } catch (error) {
      signal.throwIfAborted();
      this.#losses.forgive();
      this.#endWorkers();
      // Before anybody is told: who asks again is to begin another load, not to join this one.
      this.#loading = undefined;
      this.#state.go('failed');
      this.#queue.refuse(error);
      throw error;
    }
  }

  async #tryUntilLoaded(signal: AbortSignal): Promise<ModelReplica> {
    const isFirst = this.#serving === undefined;
    for (;;) {
      const { delay } = this.#losses;
      if (delay === undefined) throw this.#losses.latest;
      if (delay > 0) await pause(this.#environment, delay, signal);
      try {
        return await this.#loadReplica(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (isTabserveError(error, 'unsupported')) this.#noteGpuLoss();
        if (this.#stepDown(error)) continue;
        if (!isTabserveError(error)) throw error;
        const isWorthAnother = isFirst
          ? error.code === 'worker-crashed' && this.#losses.count === 0
          : error.retryable || passing.includes(error.code);
        if (!isWorthAnother) throw error;
        this.#losses.add(error);
      }
    }
  }

  /** Loads the model on the best backend, into the worker in use if there is one. */
  async #loadReplica(signal: AbortSignal): Promise<ModelReplica> {
    signal.throwIfAborted();
    const [plan] = this.#plans ?? [];
    if (!plan) throw new TabserveError('internal', 'There is no backend to load on.');
    this.#lease ??= this.#takeLease(plan);
    const replica = await ModelReplica.load(this.#environment, this.#lease, plan, this.#settings, {
      signal,
      onProgress: (...bytes) => {
        this.#lastProgress = bytes;
        for (const listener of [...this.#progress]) listener(...bytes);
      },
      patience: this.#patience.of('load'),
    });
    try {
      await this.#learnLaterPlans(replica, signal);
      signal.throwIfAborted();
      if (replica.connection.end) throw replica.connection.end;
    } catch (error) {
      replica.unload();
      throw error;
    }
    this.#noteLoad(replica);
    return replica;
  }

  /** By the time that something is loaded, the browser has answered about its GPU. */
  async #learnLaterPlans(replica: ModelReplica, signal: AbortSignal): Promise<void> {
    if (!this.#later) return;
    const { rivals, reason, fallbacks } = await untilAborted(this.#later, signal);
    this.#later = undefined;
    this.#rivals = rivals;
    replica.plan = {
      ...replica.plan,
      // A step down has a better one.
      reason: replica.plan === this.#planned ? reason : replica.plan.reason,
      fallbacks: [...new Set([...fallbacks, ...replica.plan.fallbacks])],
    };
    this.#plans = [replica.plan, ...(this.#plans ?? []).slice(1)];
  }

  #takeLease(plan: BackendPlan): Lease {
    const { assets, ownWorker } = this.#settings;
    const { device, flavour, threads } = plan;
    const { packs } = this.#settings;
    const config = { device, flavour, threads, assets, packs };
    const lease = this.#environment.takeLease(config, ownWorker);
    lease.onDeath = (error) => this.#onWorkerDeath(lease, error);
    return lease;
  }

  #onWorkerDeath(lease: Lease, error: TabserveError): void {
    if (lease !== this.#lease) return;
    this.restarts += 1;
    this.#noteGpuLoss();
    this.#patience.noteSilence(error.details.silence);
    const replica = this.#replica;
    // While it loads, whoever loads it deals with it.
    if (replica) this.#recover(replica, error);
  }

  /** Replaces what served, which is lost or to be given up. */
  #recover(replica: ModelReplica, error: unknown): void {
    // At once: whoever waits is not to be sent there.
    this.#queue.close(replica.slots);
    const recovery = this.#loadIn('recover', () => {
      if (this.#replica !== replica) return false;
      if (this.#environment.now() - replica.since > goodAge) this.#losses.forgive();
      if (!this.#stepDown(error)) {
        this.#losses.add(error);
        this.#forget();
      }
      this.#state.go('recovering');
      return true;
    });
    recovery.catch(() => undefined);
  }

  /** The engine's memory never shrinks: what did not fit needs a fresh worker, or a smaller one. */
  #outOfMemory(replica: ModelReplica, error: unknown): void {
    if (replica.connection.end) return;
    const isLast = planAfter(this.#plans ?? [], error, true) === undefined;
    // Of an extra worker the first one goes on; others may use the same worker.
    if (replica !== this.#replica || isLast) {
      replica.connection.replace(error);
      return;
    }
    this.restarts += 1;
    this.#recover(replica, error);
  }

  /** Sends requests there from now on. */
  #serve(replica: ModelReplica): void {
    this.#replica = replica;
    this.#typical = undefined;
    this.#describe();
    this.#queue.open(replica.slots);
  }

  #describe(): void {
    if (!this.#replica) return;
    const { loaded, plan, connection, loadTime, verified } = this.#replica;
    const own = [...connection.fallbacks, ...loaded.fallbacks];
    const fallbacks = [...plan.fallbacks, ...this.#fallbacks, ...own];
    this.#serving = { loaded, plan, loadTime, verified, fallbacks };
  }

  /** What is worth knowing once something serves. */
  #consider(): void {
    this.#considerRivals();
    this.#considerCheck();
  }

  /** Tries backends that may be better than the one in use, until one is. */
  #considerRivals(): void {
    if (this.#rivals.length === 0 || !this.#replica || this.#isTrying) return;
    this.#isTrying = true;
    const trials = this.#lane.run('trial', async (signal) => {
      await pause(this.#environment, beforeTrial, signal);
      for (;;) {
        const [rival] = this.#rivals;
        const current = this.#replica;
        if (!rival || !current) return;
        const hasMoved = await this.#tryRival(rival, current, signal);
        this.#rivals = hasMoved ? [] : this.#rivals.slice(1);
      }
    });
    const end = () => {
      this.#isTrying = false;
    };
    // What gave it up has another one begun when it has ended itself.
    trials.then(end, end);
  }

  /** Loads the model on `plan` beside the one in use, and moves there if it is better. */
  async #tryRival(
    plan: BackendPlan,
    current: ModelReplica,
    laneSignal: AbortSignal,
  ): Promise<boolean> {
    const lease = this.#takeLease(plan);
    const lost = new AbortController();
    lease.onDeath = (error) => lost.abort(error);
    const options = {
      signal: AbortSignal.any([laneSignal, lost.signal]),
      patience: Patience.first,
    };
    let replica: ModelReplica | undefined;
    try {
      replica = await ModelReplica.load(this.#environment, lease, plan, this.#settings, options);
      const typicalRun = this.#typical?.run;
      const { move, reason } = await this.#trial(current, replica, { ...options, typicalRun });
      options.signal.throwIfAborted();
      if (move) {
        this.#moveTo(replica, lease, reason, current);
        return true;
      }
      const settled = { ...current.plan, reason };
      this.#plans = this.#plans?.map((each) => (each === current.plan ? settled : each));
      current.plan = settled;
    } catch (error) {
      replica?.unload();
      lease.release();
      laneSignal.throwIfAborted();
      // The one in use was lost, which says nothing about the rival.
      if (current.connection.end) return false;
      const [from, to] = [nameOf(plan), nameOf(current.plan)];
      this.#fallbacks.push({ from, to, reason: messageOf(error) });
      this.#state.go('degraded');
      this.#describe();
      return false;
    }
    replica.unload();
    lease.release();
    this.#describe();
    return false;
  }

  /** Checks a GPU that serves and that nothing was compared with yet. */
  #considerCheck(): void {
    if (this.#replica?.verified !== 'none' || this.#isChecking || this.#environment.savesData())
      return;
    this.#isChecking = true;
    const check = this.#lane.run('check', async (signal) => {
      await pause(this.#environment, beforeCheck, signal);
      const current = this.#replica;
      if (current?.verified === 'none') await this.#check(current, signal);
    });
    const end = () => {
      this.#isChecking = false;
    };
    check.then(end, end);
  }

  /** WASM takes over where the GPU computes otherwise. */
  async #check(current: ModelReplica, laneSignal: AbortSignal): Promise<void> {
    const lease = this.#takeLease(reference);
    const lost = new AbortController();
    lease.onDeath = (error) => lost.abort(error);
    const signal = AbortSignal.any([laneSignal, lost.signal]);
    const options = { signal, patience: Patience.first };
    try {
      const instead = await checkByWasm(
        this.#environment,
        current,
        lease,
        reference,
        this.#settings,
        options,
      );
      if (!instead) {
        lease.release();
        this.#describe();
        return;
      }
      const { replica, reason } = instead;
      if (signal.aborted) {
        replica.unload();
        throw signal.reason;
      }
      this.#fallbacks.push({ from: current.plan.device, to: 'wasm', reason });
      this.#plans = [];
      this.#moveTo(replica, lease, reference.reason, current);
      this.#state.go('degraded');
    } catch {
      // What cannot be checked goes on as it is, and says that it was not.
      lease.release();
      laneSignal.throwIfAborted();
    }
  }

  /** Requests that have begun end where they are, before any begins at the new place. */
  #moveTo(replica: ModelReplica, lease: Lease, reason: string, former: ModelReplica): void {
    this.#noteLoad(replica);
    const formerLease = this.#lease;
    this.#queue.close(former.slots);
    this.#extras.close();
    replica.plan = { ...replica.plan, reason };
    this.#plans = [replica.plan, ...(this.#plans ?? [])];
    this.#replica = replica;
    this.#typical = undefined;
    this.#lease = lease;
    lease.onDeath = (error) => this.#onWorkerDeath(lease, error);
    void Promise.all([this.#retire(former), this.#extras.idle()]).then(() => {
      formerLease?.release();
      if (this.#replica !== replica || replica.connection.end) return;
      this.#describe();
      this.#queue.open(replica.slots);
      this.listener?.onDeviceChange();
    });
  }

  /** Unloads what no longer serves, when it has answered the requests that it has. */
  async #retire(replica: ModelReplica): Promise<void> {
    await replica.idle();
    replica.unload();
  }

  /** Goes on to another backend, or a smaller setting, if the error is one that it may not have. */
  #stepDown(error: unknown): boolean {
    const { tooOften, words } = this.#losses.gpuVerdict(this.#environment.now());
    const isTrusted = this.#serving !== undefined && !tooOften;
    const next = planAfter(this.#plans ?? [], error, isTrusted);
    if (!next) return false;
    const { from, to, plans } = next;
    this.#fallbacks.push({ from, to, reason: `${words}${messageOf(error)}` });
    this.#endWorkers();
    this.#plans = plans;
    this.#losses.forgive();
    return true;
  }

  #noteLoad({ loaded }: ModelReplica): void {
    const { session, warmup } = loaded.timings;
    this.#patience.note('load', Math.max(session, warmup));
  }

  #noteGpuLoss(): void {
    if (this.#plans?.[0]?.device === 'webgpu') this.#losses.addGpu(this.#environment.now());
  }

  /** The model is not in a worker any more. */
  #forget(): void {
    if (!this.#replica) return;
    this.#queue.close(this.#replica.slots);
    this.#replica.unload();
    this.#replica = undefined;
  }

  #endWorkers(): void {
    this.#forget();
    this.#lease?.release();
    this.#lease = undefined;
    this.#extras.close();
  }

  #considerMoreWorkers(behind: number): void {
    const { plan } = this.#replica ?? {};
    if (!plan || !this.#typical) return;
    const backlog = (this.#requests + behind) * this.#typical.request;
    this.#extras.consider(plan, backlog, this.#patience.of('load'));
  }

  /** Unloads the model after a while, unless a request comes. */
  #rest(): void {
    this.#stopIdle();
    const { idleTimeout } = this.#settings;
    if (this.#requests > 0 || this.#life.signal.aborted) return;
    this.#extras.rest();
    if (idleTimeout === null || !this.#replica) return;
    this.#stopIdle = this.#environment.after(idleTimeout, () => {
      const unloading = this.#lane.run('unload', async () => {
        if (this.#requests === 0) this.#endWorkers();
      });
      unloading.catch(() => undefined);
    });
  }
}
