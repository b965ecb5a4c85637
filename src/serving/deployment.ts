/** A model on the best backend that takes it, brought back when its worker or GPU is lost. */
import type { ClassifierState } from '../api/types.js';
import { untilAborted } from '../base/abort.js';
import { type ErrorCode, isTabserveError, TabserveError } from '../base/errors.js';
import type { PageTask } from '../tasks/task.js';
import type { ProgressListener } from '../wire/progress.js';
import type { RunResult } from '../wire/protocol.js';
import { BackendChoice } from './backend-choice.js';
import type { BackendPlan, BackendPlans } from './backends.js';
import { type Environment, type Lease, page } from './environment.js';
import { HeldPayload } from './held-payload.js';
import { Patience } from './patience.js';
import { pause } from './pause.js';
import { ModelReplica } from './replica.js';
import { RequestQueue } from './request-queue.js';
import { type RequestHost, serveRequest } from './requests.js';
import type { RivalHost } from './rivals.js';
import { DeploymentState, Superseded, TransitionLane } from './transitions.js';
import { TrialSchedule } from './trial-schedule.js';
import type { Trial } from './trials.js';
import type {
  DeploymentListener,
  DeploymentSettings,
  LoadOptions,
  RequestOptions,
  Served,
  Serving,
} from './types.js';
import { Workload } from './workload.js';

/** What a {@link Deployment} is made of. */
export interface DeploymentParts<Source, Payload> {
  task: PageTask<Source, Payload>;
  settings: DeploymentSettings;
  /** Which backends there are. Asked once, by the first load. */
  plan(): Promise<BackendPlans>;
  /** Compares a rival backend with the one in use. @default by outputs and time */
  trial?: Trial;
  /** @default the page's */
  environment?: Environment;
}

/** A worker that has lived so many milliseconds was a good one, even if nobody asked it anything. */
const goodAge = 30_000;

/**
 * Errors that are for good at first, but pass where the same has worked before: a worker died in its
 * first moments, or the browser has no GPU just after it was lost.
 */
const passing: readonly ErrorCode[] = ['worker-blocked', 'unsupported'];

/** Deployments that were not destroyed; each listens for the network. */
export const liveDeployments = new Set<{ destroy(): void }>();

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
  readonly #choice: BackendChoice;
  readonly #environment: Environment;
  readonly #queue = new RequestQueue();
  readonly #lane = new TransitionLane();
  readonly #workload: Workload;
  readonly #life = new AbortController();
  readonly #patience = new Patience();
  readonly #state: DeploymentState;
  readonly #progress = new Set<ProgressListener>();
  readonly #stopListening: () => void;
  readonly #requestHost: RequestHost;
  readonly #trials: TrialSchedule;
  #lastProgress: Parameters<ProgressListener> | undefined;
  #lease: Lease | undefined;
  #replica: ModelReplica | undefined;
  #serving: Serving | undefined;
  #loading: Promise<void> | undefined;

  /** Times that a worker died under this model. */
  restarts = 0;
  /** Who hears of changes. */
  listener: DeploymentListener | undefined;

  constructor(parts: DeploymentParts<Source, Payload>) {
    const { task, settings, plan, trial, environment = page } = parts;
    this.#task = task;
    this.#settings = settings;
    this.#choice = new BackendChoice(plan, environment);
    this.#environment = environment;
    this.#state = new DeploymentState(() => this.listener?.onStateChange());
    this.#workload = new Workload({
      environment,
      settings,
      queue: this.#queue,
      signal: this.#life.signal,
      replica: () => this.#replica,
      patience: () => this.#patience.of('load'),
      unload: () => this.#unload(),
    });
    this.#requestHost = this.#asRequestHost();
    this.#trials = new TrialSchedule({
      environment,
      lane: this.#lane,
      choice: this.#choice,
      host: this.#asRivalHost(trial),
      replica: () => this.#replica,
    });
    liveDeployments.add(this);
    // A load that the network refused is made again when there is a network.
    this.#stopListening = environment.onOnline(() => {
      if (this.state === 'failed') this.#wake();
    });
  }

  /** The page half of its task. */
  get page(): PageTask<Source, Payload> {
    return this.#task;
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

  /** How many requests may be with the worker that serves it. */
  get room(): number {
    return this.#replica?.slots.capacity ?? 0;
  }

  /** How many workers serve it now. */
  get workers(): number {
    return this.#workload.workers;
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
      this.#workload.closeExtras();
      retired = this.#retire(former);
    });
    const resume = () => {
      this.#workload.rest();
      this.#trials.consider();
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

  /** Begins no trial and no check for so many milliseconds. */
  beQuiet(milliseconds: number): void {
    this.#trials.beQuiet(milliseconds);
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
    this.#workload.begin(request.behind);
    try {
      return await serveRequest(this.#requestHost, held, options, { ...request, signal });
    } finally {
      held.release();
      this.#workload.end();
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
    this.#workload.stop();
    this.#stopListening();
    liveDeployments.delete(this);
    this.#endWorkers();
    this.#progress.clear();
  }

  #asRequestHost(): RequestHost {
    const deployment = this;
    return {
      task: this.#task.name,
      environment: this.#environment,
      queue: this.#queue,
      get patience() {
        return deployment.#patience.of('run');
      },
      wake: () => this.#wake(),
      find: (slots) =>
        this.#replica?.slots === slots ? this.#replica : this.#workload.find(slots),
      answered: (replica, result) => this.#noteAnswer(replica, result),
      outOfMemory: (replica, error) => this.#outOfMemory(replica, error),
    };
  }

  #asRivalHost(trial: Trial | undefined): RivalHost {
    const deployment = this;
    return {
      environment: this.#environment,
      settings: this.#settings,
      load: ModelReplica.load,
      patience: Patience.first,
      trial,
      get typicalRun() {
        return deployment.#workload.typicalRun;
      },
      takeLease: (plan) => this.#takeLease(plan),
      moveTo: (...move) => this.#moveTo(...move),
      settle: (current, reason) => {
        current.plan = this.#choice.settle(current.plan, reason);
      },
      degrade: (fallback) => {
        this.#choice.fallbacks.push(fallback);
        this.#state.go('degraded');
        this.#describe();
      },
      describe: () => this.#describe(),
    };
  }

  #noteAnswer(replica: ModelReplica, { timings, shared }: RunResult): void {
    this.#choice.losses.forgive();
    this.#patience.note('run', Math.max(timings.preprocess, timings.inference));
    if (replica !== this.#replica) return;
    this.#workload.note(timings, shared);
    const isNews = replica.report !== replica.loaded.report || replica.late.length > 0;
    if (isNews) this.#describe();
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
      () => this.#trials.consider(),
      () => undefined,
    );
    return loading;
  }

  /** Loads on the first backend that takes the model, with patience for what may pass. */
  async #loadSomewhere(signal: AbortSignal): Promise<void> {
    try {
      if (!this.#choice.current) {
        // Beside the rest, so that a page may lose its network once it has loaded.
        this.#environment.background().catch(() => undefined);
        await this.#choice.ask(signal);
      }
      this.#serve(await this.#tryUntilLoaded(signal));
      this.#state.go(this.#choice.fallbacks.length > 0 ? 'degraded' : 'ready');
      this.#workload.rest();
    } catch (error) {
      signal.throwIfAborted();
      this.#choice.losses.forgive();
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
    const { losses } = this.#choice;
    for (;;) {
      const { delay } = losses;
      if (delay === undefined) throw losses.latest;
      if (delay > 0) await pause(this.#environment, delay, signal);
      try {
        return await this.#loadReplica(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (isTabserveError(error, 'unsupported')) this.#choice.noteGpuLoss();
        if (this.#stepDown(error)) continue;
        if (!isTabserveError(error)) throw error;
        const isWorthAnother = isFirst
          ? error.code === 'worker-crashed' && losses.count === 0
          : error.retryable || passing.includes(error.code);
        if (!isWorthAnother) throw error;
        losses.add(error);
      }
    }
  }

  /** Loads the model on the best backend, into the worker in use if there is one. */
  async #loadReplica(signal: AbortSignal): Promise<ModelReplica> {
    signal.throwIfAborted();
    const plan = this.#choice.current;
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
      replica.plan = await this.#choice.learn(replica.plan, signal);
      signal.throwIfAborted();
      if (replica.connection.end) throw replica.connection.end;
    } catch (error) {
      replica.unload();
      throw error;
    }
    this.#noteLoad(replica);
    return replica;
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
    this.#choice.noteGpuLoss();
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
      if (this.#environment.now() - replica.since > goodAge) this.#choice.losses.forgive();
      if (!this.#stepDown(error)) {
        // A tab that was closed with the worker in it says nothing against the worker.
        if (!(isTabserveError(error) && error.details.isHandover)) this.#choice.losses.add(error);
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
    const isLast = this.#choice.isLast(error);
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
    this.#workload.forgetTimes();
    this.#describe();
    this.#queue.open(replica.slots);
  }

  #describe(): void {
    if (!this.#replica) return;
    const { plan, connection, loadTime, verified, late, report } = this.#replica;
    const loaded = { ...this.#replica.loaded, report };
    const own = [...connection.fallbacks, ...loaded.fallbacks, ...late];
    const fallbacks = [...plan.fallbacks, ...this.#choice.fallbacks, ...own];
    this.#serving = { loaded, plan, loadTime, verified, fallbacks };
  }

  /** Requests that have begun end where they are, before any begins at the new place. */
  #moveTo(
    replica: ModelReplica,
    lease: Lease,
    reason: string,
    former: ModelReplica,
    isForGood = false,
  ): void {
    this.#noteLoad(replica);
    const formerLease = this.#lease;
    this.#queue.close(former.slots);
    this.#workload.closeExtras();
    replica.plan = { ...replica.plan, reason };
    this.#choice.move(replica.plan, isForGood);
    this.#replica = replica;
    this.#workload.forgetTimes();
    this.#lease = lease;
    lease.onDeath = (error) => this.#onWorkerDeath(lease, error);
    void Promise.all([this.#retire(former), this.#workload.extrasIdle()]).then(() => {
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
    if (!this.#choice.stepDown(error, this.#serving !== undefined)) return false;
    this.#endWorkers();
    return true;
  }

  #noteLoad({ loaded }: ModelReplica): void {
    const { session, warmup } = loaded.timings;
    this.#patience.note('load', Math.max(session, warmup));
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
    this.#workload.closeExtras();
  }

  /** Gives the workers' memory back, unless somebody asks in the same moment. */
  #unload(): void {
    const unloading = this.#lane.run('unload', async () => {
      if (this.#workload.isIdle) this.#endWorkers();
    });
    unloading.catch(() => undefined);
  }
}
