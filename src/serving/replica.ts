/** A model that one worker has ready. */

import * as Comlink from 'comlink';
import type { ClassifierInfo, ModelDtype } from '../api/types.js';
import { untilAborted } from '../base/abort.js';
import { deferred } from '../base/deferred.js';
import type { Fallback } from '../base/types.js';
import type { KeyQuestion } from '../model/protection/types.js';
import { type AssetOptions, modelMirrors } from '../wire/assets.js';
import { newRequestId } from '../wire/connection.js';
import type { ProgressListener } from '../wire/progress.js';
import type {
  LoadedModel,
  ModelRequest,
  PackName,
  ProbeRequest,
  RunResult,
} from '../wire/protocol.js';
import type { BackendPlan } from './backends.js';
import type { Environment, Lease, WorkerLink } from './environment.js';
import type { Slots } from './request-queue.js';

/** Everything about a model's load but where it runs. */
export interface ModelSettings {
  model: ModelRequest;
  /** What it is wanted for, and the packs that a worker needs for that. */
  task: string;
  packs: readonly PackName[];
  dtype: 'auto' | ModelDtype;
  /** What only the model's task understands. */
  taskSettings: object;
  /** Base address of the hub, with a slash at its end. */
  hubUrl: string;
  /** See `LoadRequest.lang`. */
  lang?: string | readonly string[];
  /** Milliseconds without a byte after which a download is tried again. */
  stallTimeout: number;
  assets: AssetOptions;
  /** Takes only models that are signed by one of these keys. @default any */
  signedBy?: readonly string[];
  /** Gives the keys of encrypted models. @default none */
  keys?: (question: KeyQuestion) => Promise<CryptoKey>;
}

/** Options of {@link ModelReplica.load}. */
export interface ReplicaOptions {
  signal: AbortSignal;
  onProgress?: ProgressListener | undefined;
  /** Milliseconds that the worker may be silent over it. */
  patience: number;
  /** Load it only if that takes no network. @default false */
  local?: boolean;
}

/** {@link ModelReplica.load}, as code gets it that is loaded on demand. */
export type LoadReplica = typeof ModelReplica.load;

/** Models that have not been unloaded; those of dead workers too. */
export const loadedModels = new Set<ModelReplica>();

/** A model in a worker, and the requests to it. */
export class ModelReplica {
  /** What it runs on. */
  plan: BackendPlan;
  readonly connection: WorkerLink;
  /** Whose turn it is in that worker. */
  readonly slots: Slots;
  readonly loaded: LoadedModel;
  /** When it was ready, and how many milliseconds that took. */
  readonly since: number;
  readonly loadTime: number;
  /** What its answers were checked against. WASM is what others are checked against. */
  verified: ClassifierInfo['verified'];
  /** What did not work that became known after the load, as its answers tell. */
  late: readonly Fallback[] = [];
  /** What its task says of its preprocessing. */
  report: unknown;
  #busy = 0;
  #idle = deferred<void>();

  private constructor(
    plan: BackendPlan,
    slots: Slots,
    connection: WorkerLink,
    loaded: LoadedModel,
    { began, now }: { began: number; now: number },
  ) {
    this.plan = plan;
    this.slots = slots;
    this.connection = connection;
    this.loaded = loaded;
    this.report = loaded.report;
    this.since = now;
    this.loadTime = now - began;
    const { finding } = loaded;
    const found = finding?.difference === null ? finding.by : 'none';
    this.verified = plan.device === 'wasm' ? 'reference' : found;
    loadedModels.add(this);
    this.#idle.resolve();
  }

  /**
   * Loads the model into the worker of `lease`.
   *
   * @throws TabserveError as `ImageClassifier.create()`; the signal's reason.
   */
  static async load(
    environment: Environment,
    lease: Lease,
    plan: BackendPlan,
    { assets, packs: _, taskSettings: settings, keys, ...what }: ModelSettings,
    { signal, onProgress, patience, local = false }: ReplicaOptions,
  ): Promise<ModelReplica> {
    const began = environment.now();
    // The worker will ask about its manifest: the code comes beside the worker's own.
    if (what.model.kind === 'name') import('../model/embedded.js').catch(() => undefined);
    if (what.model.kind === 'url') import('../tasks/manifests.js').catch(() => undefined);
    const connection = await untilAborted(lease.connect(), signal);
    const requestId = newRequestId();
    const unfollow = onProgress && connection.followProgress(requestId, onProgress);
    const closeKeys = keys && connection.serveKeys?.(requestId, keys);
    try {
      const { model } = what;
      const mirrors = model.kind === 'name' ? modelMirrors(model.name, model.fileUrls, assets) : {};
      const request = { requestId, mirrors, local, settings, ...what };
      const loaded = await connection.call('load', request, { signal, patience });
      const times = { began, now: environment.now() };
      return new ModelReplica(plan, lease.slots, connection, loaded, times);
    } catch (error) {
      // An abort may cross the answer: then the worker has a model that nobody knows.
      if (!connection.end) unload(connection, requestId);
      throw error;
    } finally {
      unfollow?.();
      closeKeys?.();
    }
  }

  /** Has the model run on a check input. Errors as `Connection.call()`. */
  probe(request: Omit<ProbeRequest, 'requestId' | 'modelId'>, options: ReplicaOptions) {
    const { modelId } = this.loaded;
    const message: ProbeRequest = { ...request, requestId: newRequestId(), modelId };
    return this.connection.call('probe', message, options);
  }

  /**
   * Has a question answered. Errors as `Connection.call()`.
   *
   * @param transfer - What of the payload is handed over.
   * @param task - The task by which the model is asked; `null` for its own.
   */
  async run(
    payload: unknown,
    transfer: Transferable[],
    options: object,
    task: string | null,
    timeLeft: number | null,
    waiting: { signal: AbortSignal; patience: number },
  ): Promise<RunResult> {
    const { modelId } = this.loaded;
    const message = { requestId: newRequestId(), modelId, task, payload, options, timeLeft };
    const result = await this.connection.call('run', Comlink.transfer(message, transfer), waiting);
    this.late = result.late ?? this.late;
    this.report = result.taskReport ?? this.report;
    this.slots.widen(result.wanted);
    return result;
  }

  /**
   * A request has begun that will need this replica.
   *
   * @returns To be called when it has ended; further calls do nothing.
   */
  begin(): () => void {
    if (this.#busy === 0) this.#idle = deferred<void>();
    this.#busy += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#busy -= 1;
      if (this.#busy === 0) this.#idle.resolve();
    };
  }

  /** Settles when no request is under way. */
  idle(): Promise<void> {
    return this.#idle.promise;
  }

  /** Whether the worker was told to forget the model. */
  get isUnloaded(): boolean {
    return !loadedModels.has(this);
  }

  /** Tells the worker, if it still is there, to forget the model. */
  unload(): void {
    if (!loadedModels.delete(this)) return;
    unload(this.connection, this.loaded.modelId);
  }
}

function unload(connection: WorkerLink, modelId: number): void {
  connection.call('unload', modelId, { patience: 0 }).catch(() => undefined);
}
