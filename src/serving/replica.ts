/** A model that one worker has ready. */
import * as Comlink from 'comlink';
import type {
  ClassifierInfo,
  ModelDtype,
  PreprocessingChoice,
  PreprocessingReport,
} from '../api/types.js';
import { transferables } from '../input/image/capture.js';
import type { CapturedImage } from '../input/image/types.js';
import type { Classification, ClassificationOptions } from '../tasks/image-classification/types.js';
import { type AssetOptions, modelMirrors } from '../wire/assets.js';
import { type Connection, newRequestId } from '../wire/connection.js';
import type { ProgressListener } from '../wire/progress.js';
import type {
  LoadedModel,
  ModelRequest,
  ProbeRequest,
  RunRequest,
  RunResult,
} from '../wire/protocol.js';
import type { BackendPlan } from './backends.js';
import type { Places } from './request-queue.js';
import type { WorkerLease } from './worker-host.js';

/** What became of one request. */
export interface ClassifyResult extends Pick<RunResult, 'timings'> {
  classifications: Classification[];
  /** What preprocessed this picture. */
  preprocessing: PreprocessingReport;
}

/** Everything about a model's load but where it runs. */
export interface ModelSettings {
  model: ModelRequest;
  dtype: 'auto' | ModelDtype;
  preprocessing: PreprocessingChoice;
  maxPixels: number;
  /** Base address of the hub, with a slash at its end. */
  hubUrl: string;
  /** Milliseconds without a byte after which a download is tried again. */
  stallTimeout: number;
  assets: AssetOptions;
}

/** Options of {@link Replica.load}. */
export interface ReplicaOptions {
  signal: AbortSignal;
  onProgress?: ProgressListener | undefined;
  /** Milliseconds that the worker may be silent over it. */
  patience: number;
  /** Load it only if that takes no network. @default false */
  local?: boolean;
}

/** A model in a worker, and the requests to it. */
export class Replica {
  /** What it runs on. */
  plan: BackendPlan;
  readonly connection: Connection;
  /** Whose turn it is in that worker. */
  readonly places: Places;
  readonly loaded: LoadedModel;
  /** When it was ready, and how many milliseconds that took. */
  readonly since = performance.now();
  readonly loadTime: number;
  /** What its answers were checked against. WASM is what others are checked against. */
  verified: ClassifierInfo['verified'];
  #busy = 0;
  #idle = Promise.withResolvers<void>();

  private constructor(
    plan: BackendPlan,
    places: Places,
    connection: Connection,
    loaded: LoadedModel,
    loadTime: number,
  ) {
    this.plan = plan;
    this.places = places;
    this.connection = connection;
    this.loaded = loaded;
    this.loadTime = loadTime;
    this.verified =
      plan.device === 'wasm' || loaded.finding?.difference === null ? 'reference' : 'none';
    this.#idle.resolve();
  }

  /**
   * Loads the model into the worker of `lease`.
   *
   * @throws TabserveError as `ImageClassifier.create()`; the signal's reason.
   */
  static async load(
    lease: WorkerLease,
    plan: BackendPlan,
    { assets, preprocessing, maxPixels, ...what }: ModelSettings,
    { signal, onProgress, patience, local = false }: ReplicaOptions,
  ): Promise<Replica> {
    const began = performance.now();
    const connection = await lease.connect();
    const requestId = newRequestId();
    const unfollow = onProgress && connection.followProgress(requestId, onProgress);
    try {
      const { model } = what;
      const mirrors = model.kind === 'name' ? modelMirrors(model.name, model.fileUrls, assets) : {};
      const settings = { preprocessing, maxPixels };
      const task = 'image-classification';
      const request = { requestId, mirrors, local, task, settings, ...what };
      const loaded = await connection.call('load', request, { signal, patience });
      return new Replica(plan, lease.places, connection, loaded, performance.now() - began);
    } catch (error) {
      // An abort may cross the answer: then the worker has a model that nobody knows.
      if (!connection.end) unload(connection, requestId);
      throw error;
    } finally {
      unfollow?.();
    }
  }

  /** Has the model run on a check input. Errors as `Connection.call()`. */
  probe(request: Omit<ProbeRequest, 'requestId' | 'modelId'>, options: ReplicaOptions) {
    const { modelId } = this.loaded;
    const message: ProbeRequest = { ...request, requestId: newRequestId(), modelId };
    return this.connection.call('probe', message, options);
  }

  /** Has an image classified. Errors as `Connection.call()`. */
  async classify(
    payload: CapturedImage,
    request: ClassificationOptions,
    timeLeft: number | null,
    options: { signal: AbortSignal; patience: number },
  ): Promise<ClassifyResult> {
    const { modelId } = this.loaded;
    const message: RunRequest = {
      requestId: newRequestId(),
      modelId,
      payload,
      options: request,
      timeLeft,
    };
    const sent = Comlink.transfer(message, transferables(payload));
    const { answer, report, timings } = await this.connection.call('run', sent, options);
    return {
      classifications: answer as Classification[],
      preprocessing: report as PreprocessingReport,
      timings,
    };
  }

  /**
   * A request has begun that will need this replica.
   *
   * @returns To be called when it has ended.
   */
  begin(): () => void {
    if (this.#busy === 0) this.#idle = Promise.withResolvers();
    this.#busy += 1;
    return () => {
      this.#busy -= 1;
      if (this.#busy === 0) this.#idle.resolve();
    };
  }

  /** Settles when no request is under way. */
  idle(): Promise<void> {
    return this.#idle.promise;
  }

  /** Tells the worker, if it still is there, to forget the model. */
  unload(): void {
    unload(this.connection, this.loaded.modelId);
  }
}

function unload(connection: Connection, modelId: number): void {
  connection.call('unload', modelId, { patience: 0 }).catch(() => undefined);
}
