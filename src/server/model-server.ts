/** A model server in a page: models by name and version, and an HTTP face in front of them. */
import { TabserveError } from '../base/errors.js';
import { version as tabserveVersion } from '../base/version.js';
import { begin, type ServerContext } from './context.js';
import type { DriftMonitor } from './drift/monitor.js';
import { DriftWatch, type WatchDriftOptions } from './drift/watch.js';
import { type Executed, Executor } from './execution.js';
import { faceOf } from './faces.js';
import { Fallback, type FallbackReport } from './fallback/fallback.js';
import { writeError } from './http/body.js';
import { asServerError, ServerError } from './http/errors.js';
import { type Call, type ErrorWriter, Router } from './http/router.js';
import type { ModelState, ModelVersion } from './model-version.js';
import { MeterOfRequests, metricsRoutes } from './monitoring/metrics.js';
import { SpanWriter, type Tracer } from './monitoring/tracing.js';
import { openApiRoutes } from './openapi.js';
import { huggingFaceRoutes } from './others/huggingface.js';
import { openAiRoutes } from './others/openai.js';
import { predictRoutes } from './others/predict.js';
import { torchServeRoutes } from './others/torchserve.js';
import { type RegisterOptions, Registry } from './registry.js';
import type { Explainer, ModelLoader, ServableModel, TaskFace } from './servable.js';
import { checkOrigin } from './service-worker/frames.js';
import { holdFor } from './service-worker/holder.js';
import { VersionStatistics } from './statistics.js';
import { v2Routes } from './v2/routes.js';

/** Options of a {@link ModelServer}. */
export interface ModelServerOptions {
  /** What the server calls itself in its metadata. @default 'tabserve' */
  name?: string;
  /** The part of the path in front of all routes, such as `/ai`. @default '' */
  basePath?: string;
  /** Most bytes of a request's body, compressed or not. @default 64 MiB */
  maxBodyBytes?: number;
  /**
   * Bytes of models that may be loaded at a time, counted by their files. What was used longest ago
   * and is idle makes room for what is wanted. @default no bound
   */
  memoryBudget?: number | null;
  /**
   * Milliseconds without a request after which a model is unloaded; the next request loads it again.
   * @default never
   */
  idleTimeout?: number | null;
  /** Whether requests may load, unload, scale and unregister models. @default true */
  management?: boolean;
  /** How models of other tasks than tabserve's are asked, by task. */
  faces?: Readonly<Record<string, TaskFace>>;
  /** Answers `POST /explanations/{model}`. @default none: they are 501 */
  explainer?: Explainer;
  /** A tracer of OpenTelemetry's API: each request becomes a span. @default none */
  tracer?: Tracer | null;
}

/** A version of a model, described. */
export interface ModelDescription {
  name: string;
  version: string;
  /** Whether requests without a version are for this one. */
  isDefault: boolean;
  state: ModelState;
  /** Why it is `UNAVAILABLE`; empty otherwise. */
  reason: string;
  /** `null` while it is not loaded. */
  task: string | null;
  /** Of its files, as far as that is known. */
  bytes: number;
  /** Requests under way. */
  inFlight: number;
  /** Milliseconds since 1970; 0 for never. */
  lastUsed: number;
}

/** The events of a {@link ModelServer}. */
export interface ModelServerEventMap {
  /** A version's state has changed; `detail` describes it. */
  modelstatechange: CustomEvent<ModelDescription>;
  /** A request went to a model's fallback; `detail` says why, and what came of it. */
  fallback: CustomEvent<FallbackReport & { name: string; version: string }>;
}

/**
 * Serves models to whoever has a `Request`: to the page itself, to its frames and workers, or to what
 * reaches it by a bridge.
 *
 * @example
 * ```ts
 * const server = new ModelServer();
 * await server.register('everyday', (context) => ImageClassifier.create({ ...context, model: 'everyday' }));
 * const response = await server.handle(
 *   new Request('https://page.test/v2/models/everyday/infer', { method: 'POST', body: file }),
 * );
 * ```
 */
export class ModelServer extends EventTarget {
  readonly #registry: Registry;
  readonly #router: Router;
  readonly #basePath: string;
  readonly #statistics = new WeakMap<ModelVersion, VersionStatistics>();
  readonly #drift = new DriftWatch();
  readonly #spans: SpanWriter;
  readonly #meter = new MeterOfRequests();

  constructor(options: ModelServerOptions = {}) {
    super();
    const { basePath = '', faces = {}, memoryBudget = null, idleTimeout = null } = options;
    this.#basePath = basePath.replace(/\/+$/, '');
    this.#registry = new Registry({
      memoryBudget,
      idleTimeout,
      onChange: (version) => this.#announce(version),
      openFallback: (given, name, version) =>
        new Fallback(given, globalThis.location?.href ?? 'http://localhost/', (report) => {
          const detail = { name, version, ...report };
          this.dispatchEvent(new CustomEvent('fallback', { detail }));
        }),
    });
    this.#spans = new SpanWriter(options.tracer ?? null);
    const context: ServerContext = {
      registry: this.#registry,
      executor: new Executor(
        (version) => this.#statisticsOf(version),
        (executed) => this.#executed(executed),
      ),
      name: options.name ?? 'tabserve',
      version: tabserveVersion,
      maxBodyBytes: options.maxBodyBytes ?? 2 ** 26,
      management: options.management ?? true,
      statistics: (version) => this.#statisticsOf(version),
      face: (task) => (Object.hasOwn(faces, task) ? faces[task] : faceOf(task)),
      explainer: options.explainer ?? null,
    };
    this.#router = new Router([
      ...v2Routes(context),
      ...openApiRoutes(context),
      ...metricsRoutes(context, this.#meter, this.#drift),
      ...torchServeRoutes(context),
      ...huggingFaceRoutes(context),
      ...openAiRoutes(context),
      ...predictRoutes(context),
    ]);
  }

  /**
   * Adds a model, or another version of one.
   *
   * @param name - 1 to 200 letters, digits, `.`, `_`, `+` and `-`.
   * @param model - A function that loads it, which is called again after the model was unloaded; or a
   *   loaded model, which is then the server's to destroy.
   * @throws TabserveError `invalid-argument` for a wrong name or one that is taken; what the function
   *   throws: nothing is registered then.
   */
  async register(
    name: string,
    model: ServableModel | ModelLoader,
    options: RegisterOptions = {},
  ): Promise<ModelDescription> {
    return this.#describe(await this.#registry.register(name, model, options));
  }

  /**
   * Takes a model away, or one version of it, and destroys it when its requests have ended.
   *
   * @returns Whether there was one.
   */
  async unregister(name: string, version?: string): Promise<boolean> {
    return (await this.#registry.unregister(name, version)).length > 0;
  }

  /** All versions of all models. */
  list(): readonly ModelDescription[] {
    return this.#registry.list().flatMap(({ versions }) => versions.map((v) => this.#describe(v)));
  }

  /** A version, the default one where none is named; `null` if there is none. */
  describe(name: string, version?: string): ModelDescription | null {
    const found = this.#registry.version(name, version);
    return found ? this.#describe(found) : null;
  }

  /** Whether a version answers at once. */
  ready(name: string, version?: string): boolean {
    return this.#registry.version(name, version)?.state === 'READY';
  }

  /**
   * Loads a version that was unloaded.
   *
   * @throws TabserveError `invalid-argument` if there is none; as the function that loads it.
   */
  async load(name: string, version?: string): Promise<void> {
    await this.#known(name, version).load();
  }

  /** Unloads a version when its requests have ended, until {@link load}. Errors as there. */
  async unload(name: string, version?: string): Promise<void> {
    await this.#known(name, version).unload('unloaded', true);
  }

  /**
   * Has a model served by so many workers: it is loaded once more with `maxWorkers`, and takes over
   * when it is ready. Errors as {@link load}; the former copy then stays.
   */
  async scale(name: string, workers: number, version?: string): Promise<void> {
    await this.#known(name, version).scale(workers);
  }

  /** Names the version for requests that name none; `null` for the newest. Errors as {@link load}. */
  setDefaultVersion(name: string, version: string | null): void {
    if (!this.#registry.setDefault(name, version)) this.#known(name, version ?? undefined);
  }

  /**
   * Watches what a model answers: of classifiers the best score, its margin and class, of embedders the
   * vectors, and the size of pictures and sounds. The first requests are the reference; when the later
   * ones are no more like them, the monitor fires `alert`.
   */
  watchDrift(name: string, options: WatchDriftOptions = {}): DriftMonitor {
    return this.#drift.watch(name, options);
  }

  /** Ends {@link watchDrift}. */
  unwatchDrift(name: string): void {
    this.#drift.unwatch(name);
  }

  /**
   * Answers a request. Never rejects: whatever goes wrong is a response.
   *
   * @param request - Its `signal` drops the request, which answers 499.
   */
  async handle(request: Request): Promise<Response> {
    begin(request);
    const span = this.#spans.start(request);
    let response: Response;
    try {
      response = await this.#answer(request);
    } catch (thrown) {
      response = writeError(asServerError(thrown, request.signal));
    }
    this.#meter.count(request.method, response.status);
    span.end(response.status);
    return response;
  }

  /**
   * Answers the requests that this page's service worker passes on: one that uses
   * `tabserve/service-worker`. Requests of all pages, frames and workers of the origin come that way.
   *
   * @param container - Where the worker's messages arrive. @default navigator.serviceWorker
   * @returns To be called when that is to end.
   */
  serveServiceWorker(
    container: EventTarget & { startMessages?: () => void } = navigator.serviceWorker,
  ): () => void {
    return holdFor((request) => this.handle(request), container);
  }

  /**
   * Answers the requests of the page around this one, or of frames in it, that come by
   * `fetchFromFrame()`. Only those of the named origins: whoever else sends something gets no answer,
   * so that it learns nothing, not even that there is a server.
   *
   * @param origins - Such as `https://shop.example`; at least one.
   * @param container - Where messages arrive. @default the window
   * @returns To be called when that is to end.
   * @throws TabserveError `invalid-argument` for what is no origin.
   */
  serveFrames(
    { origins }: { origins: readonly string[] },
    container: EventTarget = globalThis,
  ): () => void {
    const allowed = new Set(origins.map(checkOrigin));
    if (allowed.size === 0) {
      throw new TabserveError(
        'invalid-argument',
        'Name the origins whose requests should be answered.',
      );
    }
    const isWelcome = ({ origin }: MessageEvent) => allowed.has(origin);
    return holdFor((request) => this.handle(request), container, isWelcome);
  }

  /** Takes all models away. */
  async close(): Promise<void> {
    await Promise.all(this.#registry.list().map(({ name }) => this.#registry.unregister(name)));
  }

  /** Listens to the events of this class, with their types. */
  override addEventListener<Type extends keyof ModelServerEventMap>(
    type: Type,
    listener: (this: this, event: ModelServerEventMap[Type]) => void,
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

  async #answer(request: Request): Promise<Response> {
    let write: ErrorWriter = writeError;
    try {
      request.signal.throwIfAborted();
      const url = new URL(request.url);
      if (!url.pathname.startsWith(`${this.#basePath}/`)) throw this.#notFound(url);
      const found = this.#router.find(request.method, url.pathname.slice(this.#basePath.length));
      if (!found) throw this.#notFound(url);
      write = found.route.writeError;
      const call: Call = { request, url, path: found.path };
      return await found.route.handler(call);
    } catch (thrown) {
      return write(asServerError(thrown, request.signal));
    }
  }

  #notFound({ pathname }: URL): ServerError {
    const path = pathname.slice(0, 100);
    return new ServerError(
      404,
      `Not Found: ${path}; GET ${this.#basePath}/v2/openapi.json says what there is`,
    );
  }

  #known(name: string, version: string | undefined): ModelVersion {
    const found = this.#registry.version(name, version);
    if (found) return found;
    throw notRegistered(name, version);
  }

  #statisticsOf(version: ModelVersion): VersionStatistics {
    let found = this.#statistics.get(version);
    if (!found) {
      found = new VersionStatistics();
      this.#statistics.set(version, found);
    }
    return found;
  }

  #executed(executed: Executed): void {
    this.#spans.executed(executed);
    this.#drift.executed(executed);
  }

  #describe(version: ModelVersion): ModelDescription {
    const { name, state, reason, model, bytes, inFlight, lastUsed } = version;
    return {
      name,
      version: version.version,
      isDefault: this.#registry.find(name)?.defaultVersion === version.version,
      state,
      reason,
      task: model?.task ?? null,
      bytes,
      inFlight,
      lastUsed,
    };
  }

  #announce(version: ModelVersion): void {
    const detail = this.#describe(version);
    this.dispatchEvent(new CustomEvent('modelstatechange', { detail }));
  }
}

function notRegistered(name: string, version: string | undefined): TabserveError {
  const which = version === undefined ? '' : ` of version ${JSON.stringify(version)}`;
  return new TabserveError(
    'invalid-argument',
    `There is no model ${JSON.stringify(name)}${which}. Register it.`,
  );
}
