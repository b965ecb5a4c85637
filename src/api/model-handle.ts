/** The page's thin handle on a model in a worker, whatever the model's task is. */
import { isTabserveError, TabserveError } from '../base/errors.js';
import { identityOf } from '../base/identity.js';
import { part } from '../base/part.js';
import type { TensorInfo, Tensors } from '../base/tensor.js';
import { models } from '../library/models.js';
import { autoWorkers, planBackends } from '../serving/backends.js';
import { Deployment } from '../serving/deployment.js';
import { exposeDiagnostics } from '../serving/diagnostics.js';
import { page, pageOfTabs } from '../serving/environment.js';
import type { DeploymentSettings, Served, Serving } from '../serving/types.js';
import { tensorTask } from '../tasks/late-page.js';
import type { PageTask } from '../tasks/task.js';
import type { ProgressListener } from '../wire/progress.js';
import type { PackName } from '../wire/protocol.js';
import { MetricsRecorder } from './metrics.js';
import {
  assetOptions,
  checkClassifyOptions,
  checkCreateOptions,
  defaultStallTimeout,
  embeddedNames,
  hubOf,
  toModelRequest,
} from './options.js';
import type { DownloadMonitor } from './progress.js';
import { type Protection, protectionOf } from './protection.js';
import type {
  Availability,
  ClassifierMetrics,
  ClassifierState,
  ClassifyOptions,
  CreateOptions,
  PreprocessingReport,
  RequestReport,
} from './types.js';

/** The events of a {@link ModelHandle}. */
export interface ModelHandleEventMap {
  /** `state` has changed. */
  statechange: Event;
  /** The model has moved to another device, between two requests: `info` says to which and why. */
  devicechange: Event;
  /** A request was answered; `detail` says what it cost. */
  request: CustomEvent<RequestReport>;
}

/** What distinguishes one kind of handle from another. */
export interface HandleKind<Source, Payload> {
  task: PageTask<Source, Payload>;
  /** Names of options that only this kind has, with spaces between them. @default none */
  options?: string;
  /** What of the options only the task understands, complete and checked. */
  taskSettings(options: CreateOptions): object;
  /** Loads code that few first answers need, so that a page may lose its network after that. */
  later?(): Promise<unknown>;
}

/** What a handle is made of. */
export interface HandleParts<Source, Payload> {
  deployment: Deployment<Source, Payload>;
  /** Requests that may wait at a time. */
  maxQueue: number;
}

/** Options of {@link ModelHandle.infer}. */
export interface InferOptions extends CommonRequestOptions {
  /** The outputs that are wanted, by name. @default all */
  outputs?: readonly string[];
}

/** The options that every request has, whatever its task. */
export type CommonRequestOptions = Pick<ClassifyOptions, 'id' | 'timeout' | 'signal' | 'priority'>;

/** How one question of a call is asked. */
interface OneQuestion<From, Sent> {
  captureNow?: boolean;
  /** Sources of the same call that come after it. */
  behind?: number;
  /** Facts for its error. */
  details?: Record<string, number>;
  /** @default the model's own */
  task?: PageTask<From, Sent>;
}

/** Sources of one call that are on their way per worker; the rest waits. */
const batchLanes = 3;

/** Milliseconds of a video that nothing else is tried in. */
const videoStart = 1000;

const defaultMaxQueue = 1000;

/** What is loaded or loading on this page, by what it was asked for. */
const deployments = new Map<Deployment<never, never>, string>();

/** What was loaded ahead, by the options that will ask for it. */
const preloaded = new Map<string, Deployment<never, never>>();

/** A model on this page. */
export abstract class ModelHandle<Source, Payload> extends EventTarget implements AsyncDisposable {
  readonly #maxQueue: number;
  readonly #deployment: Deployment<Source, Payload>;
  readonly #metrics = new MetricsRecorder();
  readonly #life = new AbortController();
  #nextId = 1;

  protected constructor({ deployment, maxQueue }: HandleParts<Source, Payload>) {
    super();
    this.#maxQueue = maxQueue;
    this.#deployment = deployment;
    deployment.listener = {
      onStateChange: () => this.dispatchEvent(new Event('statechange')),
      onDeviceChange: () => this.dispatchEvent(new Event('devicechange')),
    };
  }

  /** How the model is doing. Changes fire `statechange`. */
  get state(): ClassifierState {
    return this.#deployment.state;
  }

  /** What the model is asked for, as in `model.json`. */
  get task(): string {
    return this.#deployment.task;
  }

  /** The graph's own inputs and outputs. A size that it leaves open is a name. */
  get graph(): { inputs: readonly TensorInfo[]; outputs: readonly TensorInfo[] } {
    const { inputs, outputs } = this.serving.loaded;
    return { inputs, outputs };
  }

  /** Aborts when the handle is destroyed. */
  protected get life(): AbortSignal {
    return this.#life.signal;
  }

  /** What the model runs on. */
  protected get serving(): Serving {
    const { serving } = this.#deployment;
    if (!serving) throw new TabserveError('internal', 'The model was not loaded.');
    return serving;
  }

  /** Counts, errors and latency percentiles since the handle was created. */
  metrics(): ClassifierMetrics {
    this.#metrics.restarts = this.#deployment.restarts;
    return { ...this.#metrics.snapshot(), workers: this.#deployment.workers };
  }

  /**
   * What the graph makes of these tensors, without any of the task's own preprocessing. The handle
   * has to be created with `tensors: true`.
   *
   * @param tensors - One for each input of {@link graph}. They stay the caller's.
   * @throws TabserveError `unsupported` without `tensors: true`; `invalid-argument` where they do not
   *   fit the graph; else as every request.
   */
  async infer(tensors: Tensors, options: InferOptions = {}): Promise<Tensors> {
    const { outputs = null, ...common } = options;
    checkClassifyOptions(common, '');
    const id = common.id ?? String(this.#nextId++);
    // Where it was not created for it, the worker refuses it in its own words.
    const { capture } = tensorTask as Partial<typeof tensorTask>;
    if (!capture) await tensorTask.prepare?.();
    return (await this.#askOne(
      tensors,
      { ...common, id },
      { outputs },
      {
        captureNow: true,
        task: tensorTask,
      },
    )) as Tensors;
  }

  /**
   * Has the model asked by a task that takes any model, in its turn among all other requests. For
   * tabserve's own entries, such as `tabserve/explain`: how it is called may change.
   *
   * @param wrap - Makes that task's page half of the model's own.
   * @param taskOptions - That task's options, complete.
   * @internal
   */
  async askBy<From, Sent>(
    wrap: (own: PageTask<unknown, unknown>) => PageTask<From, Sent>,
    source: From,
    taskOptions: object,
    common: CommonRequestOptions = {},
  ): Promise<unknown> {
    checkClassifyOptions(common, '');
    const id = common.id ?? String(this.#nextId++);
    const task = wrap(this.#deployment.page as unknown as PageTask<unknown, unknown>);
    return this.#askOne(source, { ...common, id }, taskOptions, { captureNow: true, task });
  }

  /**
   * Switches to the version of the model that is current now, after `models.update()` or
   * `models.rollback()`. Requests go on meanwhile: those that have begun end on the former version.
   * It may be called at any time, also more than once.
   *
   * @throws TabserveError as `create()`; the former version then stays in use.
   */
  async refresh({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    this.#life.signal.throwIfAborted();
    signal?.throwIfAborted();
    await this.#deployment.renew({ signal });
  }

  /**
   * Frees the model, and the worker if nothing else uses it. Requests under way reject with
   * `destroyed`; so does every later call. Calling it again does nothing.
   */
  destroy(): void {
    if (this.#life.signal.aborted) return;
    const message = 'The classifier was destroyed. Create another one.';
    const reason = new TabserveError('destroyed', message);
    this.#life.abort(reason);
    retire(this.#deployment, reason);
  }

  /** Same as {@link destroy}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
  }

  /** Listens to the events of this class, with their types. */
  override addEventListener<Type extends keyof ModelHandleEventMap>(
    type: Type,
    listener: (this: this, event: ModelHandleEventMap[Type]) => void,
    options?: AddEventListenerOptions | boolean,
  ): void;
  /** Listens to any event. */
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    super.addEventListener(type, listener, options);
  }

  /** A video is going to be followed: its first second is not to be disturbed. */
  protected beginVideo(): void {
    this.#deployment.beQuiet(videoStart);
  }

  /**
   * Has one question answered. What can change is captured at once.
   *
   * @param taskOptions - The task's own options, complete.
   */
  protected async ask(
    source: Source,
    common: CommonRequestOptions,
    taskOptions: object,
  ): Promise<unknown> {
    const id = common.id ?? String(this.#nextId++);
    return this.#askOne(source, { ...common, id }, taskOptions, { captureNow: true });
  }

  /**
   * Has several questions answered, in their order. Each source is captured when its turn comes. The
   * first failure rejects the whole call; `details[place]` of its error is the source's place.
   */
  protected async askAll(
    sources: readonly Source[],
    common: CommonRequestOptions,
    taskOptions: object,
    place: string,
  ): Promise<unknown[]> {
    const id = common.id ?? String(this.#nextId++);
    const { inLanes } = await part(import('./many.js'));
    const ask = (source: Source, index: number, signal: AbortSignal) => {
      const behind = sources.length - index - 1;
      const one = { ...common, id: `${id}.${index}`, signal };
      return this.#askOne(source, one, taskOptions, { behind, details: { [place]: index } });
    };
    return inLanes(sources, ask, () => this.lanes, common.signal);
  }

  /** How many sources of one call are worth having under way. */
  protected get lanes(): number {
    return Math.max(batchLanes * this.#deployment.maxWorkers, this.#deployment.room - 1);
  }

  async #askOne<From = Source, Sent = Payload>(
    source: From,
    common: CommonRequestOptions & { id: string },
    taskOptions: object,
    { captureNow = false, behind = 0, details = {}, task }: OneQuestion<From, Sent>,
  ): Promise<unknown> {
    const { id, timeout, priority = 'normal' } = common;
    const began = page.now();
    const timeLeft = () => {
      if (timeout === undefined) return null;
      const left = began + timeout - page.now();
      if (left <= 0) throw timedOut(timeout);
      return left;
    };
    const deadline = new AbortController();
    const cancel =
      timeout === undefined
        ? undefined
        : page.after(timeout, () => deadline.abort(timedOut(timeout)));
    const signals = [deadline.signal];
    if (common.signal) signals.unshift(common.signal);
    const signal = AbortSignal.any(signals);
    this.#metrics.pending += 1;
    try {
      signal.throwIfAborted();
      this.#refuseOverload();
      const request = { captureNow, priority, behind, signal, timeLeft };
      const served = await this.#deployment.run(source, taskOptions, request, task);
      const report = reportOf(id, served, page.now() - began);
      this.#metrics.succeeded(report);
      this.dispatchEvent(new CustomEvent('request', { detail: report }));
      return served.answer;
    } catch (error) {
      this.#metrics.failed(error);
      throw isTabserveError(error) ? error.with({ id, ...details }) : error;
    } finally {
      cancel?.();
      this.#metrics.pending -= 1;
    }
  }

  #refuseOverload(): void {
    if (this.#metrics.pending <= this.#maxQueue) return;
    throw new TabserveError(
      'queue-full',
      `${this.#maxQueue} requests are waiting already. Await answers before asking more, pass an array, or raise maxQueue.`,
      { details: { maxQueue: this.#maxQueue } },
    );
  }
}

/** Does what `create()` of a kind of handle does. */
export async function createHandle<Source, Payload, Handle extends ModelHandle<Source, Payload>>(
  kind: HandleKind<Source, Payload>,
  build: (parts: HandleParts<Source, Payload>) => Handle,
  options: CreateOptions,
): Promise<Handle> {
  const { signal, monitor, maxQueue = defaultMaxQueue } = options;
  signal?.throwIfAborted();
  const settings = settingsOf(kind, options, await protectionOf(options));
  const progress = monitor && monitored(monitor);
  const key = keyOf(kind, settings, options);
  const ahead = preloaded.get(key) as Deployment<Source, Payload> | undefined;
  preloaded.delete(key);
  // One that has failed was reported to whoever asked for it.
  const deployment = ahead ?? deploy(kind, settings, options);
  const handle = build({ deployment, maxQueue });
  try {
    const onProgress: ProgressListener | undefined =
      progress && ((...bytes) => void progress.then((to) => to.report(...bytes), noReport));
    loadLater(kind);
    await Promise.all([
      deployment.load({ signal, onProgress }),
      preparePages(kind, options),
      progress,
    ]);
    // What was loaded before the abort is given up all the same.
    signal?.throwIfAborted();
    (await progress)?.finish();
    return handle;
  } catch (error) {
    handle.destroy();
    throw isTabserveError(error, 'unsupported') ? await withClass(error) : error;
  }
}

/** Tells a monitor of the load. Few want to know. */
async function monitored(monitor: NonNullable<CreateOptions['monitor']>): Promise<DownloadMonitor> {
  const { DownloadMonitor } = await part(import('./progress.js'));
  return new DownloadMonitor(monitor);
}

/** What has gone wrong `create()` says. */
const noReport = () => undefined;

/** The error with the class that would open the model, where it is for another task. */
async function withClass(error: TabserveError): Promise<TabserveError> {
  // Without that code the error says enough.
  const advice = await import('./other-class.js').catch(() => undefined);
  return advice?.withClass(error) ?? error;
}

/** What is then missing is loaded by the call that needs it, or that says what was wrong. */
function loadLater<Source, Payload>({ later }: HandleKind<Source, Payload>): void {
  Promise.all([import('./many.js'), later?.()]).catch(() => undefined);
}

/** Loads the page's code for what the handle will be asked. */
function preparePages<Source, Payload>(
  { task }: HandleKind<Source, Payload>,
  { tensors = false }: CreateOptions,
): Promise<unknown> {
  return Promise.all([task.prepare?.(), tensors && tensorTask.prepare?.()]);
}

/** Does what `preload()` of a kind of handle does. */
export async function preloadHandle<Source, Payload>(
  kind: HandleKind<Source, Payload>,
  options: CreateOptions,
): Promise<void> {
  const settings = settingsOf(kind, options, await protectionOf(options));
  const { model } = settings;
  if (model.kind !== 'name' && model.kind !== 'hub' && model.kind !== 'url') {
    throw new TabserveError(
      'invalid-argument',
      'preload() takes a model by its name or address: it cannot know which files a later create() will get.',
    );
  }
  const key = keyOf(kind, settings, options);
  const known = preloaded.get(key) as Deployment<Source, Payload> | undefined;
  const deployment = known ?? deploy(kind, settings, options);
  preloaded.set(key, deployment as unknown as Deployment<never, never>);
  try {
    loadLater(kind);
    // A later create() may have a monitor, and no network.
    const monitoring = part(import('./progress.js'));
    await Promise.all([deployment.load(), preparePages(kind, options), monitoring]);
  } catch (error) {
    // What is missing now may be there at the next try.
    if (preloaded.get(key) === (deployment as unknown)) {
      preloaded.delete(key);
      retire(deployment);
    }
    throw error;
  }
}

/** Does what `availability()` of a kind of handle does. */
export async function availabilityOf<Source, Payload>(
  kind: HandleKind<Source, Payload>,
  options: CreateOptions,
): Promise<Availability> {
  let settings: DeploymentSettings;
  try {
    settings = settingsOf(kind, options, { packs: [] });
    const { plans } = await planBackends(options.device ?? 'auto', 'auto');
    const { model } = settings;
    // Only the store knows the names of models that came by an address.
    const isUnknown = model.kind === 'name' && !embeddedNames.includes(model.name);
    if (plans.length === 0) return 'unavailable';
    if (isUnknown && (await models.availability(model.name, options)) === 'unavailable')
      return 'unavailable';
  } catch {
    return 'unavailable';
  }
  const wanted = identityOf([kind.task.name, settings.model]);
  const states = [...deployments]
    .filter(([, model]) => model === wanted)
    .map(([{ state }]) => state);
  if (states.some((state) => state === 'ready' || state === 'degraded')) return 'available';
  return states.includes('starting') ? 'downloading' : 'downloadable';
}

function deploy<Source, Payload>(
  kind: HandleKind<Source, Payload>,
  settings: DeploymentSettings,
  { device = 'auto', threads = 'auto', shared = false }: CreateOptions,
): Deployment<Source, Payload> {
  exposeDiagnostics();
  const plan = () => planBackends(device, threads);
  const deployment = new Deployment({
    task: kind.task,
    settings,
    plan,
    environment: shared ? pageOfTabs : page,
  });
  const model = identityOf([kind.task.name, settings.model]);
  deployments.set(deployment as unknown as Deployment<never, never>, model);
  return deployment;
}

function retire<Source, Payload>(
  deployment: Deployment<Source, Payload>,
  reason?: TabserveError,
): void {
  deployments.delete(deployment as unknown as Deployment<never, never>);
  deployment.destroy(reason);
}

/** What the options stand for. Throws `invalid-argument`. */
function settingsOf<Source, Payload>(
  kind: HandleKind<Source, Payload>,
  options: CreateOptions,
  { packs, ...protection }: Protection,
): DeploymentSettings {
  checkCreateOptions(options, kind.options);
  const assets = assetOptions(options);
  const { maxWorkers = 'auto', lang } = options;
  return {
    model: toModelRequest(options.model, assets, options.processor),
    task: kind.task.name,
    ...protection,
    packs: [...packsOf(kind.task, options), ...packs],
    dtype: options.dtype ?? 'auto',
    taskSettings: kind.taskSettings(options),
    ownWorker: options.ownWorker ?? false,
    maxWorkers: maxWorkers === 'auto' ? autoWorkers() : maxWorkers,
    hubUrl: hubOf(options.hubUrl),
    stallTimeout: options.stallTimeout ?? defaultStallTimeout,
    ...(lang !== undefined && { lang: lang === 'auto' ? [...navigator.languages] : lang }),
    idleTimeout: options.idleTimeout ?? null,
    assets,
  };
}

function packsOf(
  { pack }: Pick<PageTask<never, never>, 'pack'>,
  { tensors = false, explanations = false }: CreateOptions,
): PackName[] {
  const wanted = [pack, tensors && tensorTask.pack, explanations && ('explain' as const)];
  return [...new Set(wanted.filter((each) => each !== undefined && each !== false))];
}

/** Names what a preload has loaded, or a `create()` wants. */
function keyOf<Source, Payload>(
  { task }: HandleKind<Source, Payload>,
  settings: DeploymentSettings,
  { device = 'auto', threads = 'auto', shared = false }: CreateOptions,
): string {
  return identityOf([task.name, settings, device, threads, shared]);
}

function reportOf(id: string, served: Served, total: number): RequestReport {
  const { timings, captured, waited, attempts, device, report, shared } = served;
  return {
    id,
    timings: { capture: captured, ...timings, queue: timings.queue + waited, total },
    attempts,
    device,
    batch: shared,
    preprocessing: report as PreprocessingReport,
  };
}

function timedOut(timeout: number): TabserveError {
  return new TabserveError('timeout', `There was no answer within ${timeout} ms.`, {
    details: { timeout },
  });
}
