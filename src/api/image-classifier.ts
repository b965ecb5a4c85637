/// <reference lib="esnext.disposable" preserve="true" />
/** The page's thin handle on a model in the worker. */

import { isTabserveError, TabserveError } from '../base/errors.js';
import type { ImageSource } from '../input/image/capture.js';
import { models } from '../library/models.js';
import { autoWorkers, planBackends } from '../serving/backends.js';
import { ServedModel, type ServedModelSettings } from '../serving/deployment.js';
import type { AssetOptions } from '../wire/assets.js';
import { MetricsRecorder } from './metrics.js';
import {
  assetOptions,
  type CatalogEntry,
  catalogEntries,
  checkClassifyOptions,
  checkCreateOptions,
  defaultStallTimeout,
  hubOf,
  toModelRequest,
} from './options.js';
import { DownloadMonitor } from './progress.js';
import type {
  Availability,
  Classification,
  ClassifierInfo,
  ClassifierMetrics,
  ClassifierState,
  ClassifyOptions,
  CreateOptions,
  PreloadOptions,
  RequestReport,
  WatchOptions,
  WatchResult,
} from './types.js';

/** The events of an {@link ImageClassifier}. */
export interface ImageClassifierEventMap {
  /** `state` has changed. */
  statechange: Event;
  /** The classifier has moved to another device, between two requests: `info` says to which and why. */
  devicechange: Event;
  /** A request was answered; `detail` says what it cost. */
  request: CustomEvent<RequestReport>;
}

/** Images of one `classify` call that are on their way per worker; the rest waits as sources. */
const batchLanes = 3;

const defaultMaxPixels = 100_000_000;
const defaultMaxQueue = 1000;

/**
 * Classifies images with one model.
 *
 * The model lives in a worker; nothing here grows with pixels or weights, and no picture leaves the
 * page.
 *
 * @example
 * ```ts
 * const classifier = await ImageClassifier.create();
 * const [best] = await classifier.classify(fileOrImgOrVideoOrUrl);
 * console.log(best?.label, best?.score);
 * ```
 */
export class ImageClassifier extends EventTarget implements AsyncDisposable {
  static readonly #living = new Set<ImageClassifier>();
  /** What is being created: the requests for models, as text. */
  static readonly #creating = new Set<{ modelKey: string }>();
  /** What was loaded ahead, by the options that will ask for it. */
  static readonly #preloaded = new Map<string, Promise<ServedModel>>();

  readonly #modelKey: string;
  readonly #maxQueue: number;
  readonly #served: ServedModel;
  readonly #metrics = new MetricsRecorder();
  readonly #life = new AbortController();
  /** Requests that may still need the model they began with. */
  readonly #underWay = new Set<Promise<unknown>>();
  #nextId = 1;

  private constructor(modelKey: string, maxQueue: number, served: ServedModel) {
    super();
    this.#modelKey = modelKey;
    this.#maxQueue = maxQueue;
    this.#served = served;
    served.listener = {
      onStateChange: () => this.dispatchEvent(new Event('statechange')),
      onDeviceChange: () => this.dispatchEvent(new Event('devicechange')),
    };
  }

  /** The models that come with tabserve, the default one first. */
  static async models(): Promise<readonly CatalogEntry[]> {
    return catalogEntries;
  }

  /**
   * Whether {@link create} with these options could succeed, without downloading anything.
   *
   * @returns `available` when a classifier on this page has the model loaded, `downloading` when one
   *   is loading it, `downloadable` otherwise; `unavailable` when this browser cannot run it or the
   *   catalogue does not have it.
   */
  static async availability(
    options: Pick<CreateOptions, 'model' | 'device' | keyof AssetOptions> = {},
  ): Promise<Availability> {
    let key: string;
    try {
      checkCreateOptions(options);
      const request = toModelRequest(options.model, {});
      key = JSON.stringify(request);
      await planBackends(options.device ?? 'auto', 'auto');
      // Only the store knows the names of models that came by an address.
      const isEmbedded = catalogEntries.some(
        (entry) => request.kind === 'name' && entry.name === request.name,
      );
      if (
        request.kind === 'name' &&
        !isEmbedded &&
        (await models.availability(request.name, options)) === 'unavailable'
      )
        return 'unavailable';
    } catch {
      return 'unavailable';
    }
    const states = [...ImageClassifier.#living]
      .filter((classifier) => classifier.#modelKey === key)
      .map((classifier) => classifier.state);
    if (states.some((state) => state === 'ready' || state === 'degraded')) return 'available';
    const isCreating = [...ImageClassifier.#creating].some(({ modelKey }) => modelKey === key);
    return isCreating ? 'downloading' : 'downloadable';
  }

  /**
   * Loads a model. On WebGPU it is run once; on WASM the first image's run warms the engine up, or,
   * if none comes at once, a run in the first idle moment.
   *
   * @throws TabserveError `invalid-argument`, `unsupported`, `worker-blocked`, `model-not-found`,
   *   `manifest-invalid`, `model-invalid`, `integrity`, `network`, `out-of-memory`; or
   *   `signal.reason`.
   */
  static async create(options: CreateOptions = {}): Promise<ImageClassifier> {
    const { signal, monitor } = options;
    signal?.throwIfAborted();
    const settings = settingsOf(options);
    const progress = monitor && new DownloadMonitor(monitor);
    const creating = { modelKey: JSON.stringify(settings.model) };
    ImageClassifier.#creating.add(creating);
    let classifier: ImageClassifier | undefined;
    try {
      const ahead = keyOf(settings, options);
      const preloaded = ImageClassifier.#preloaded.get(ahead);
      ImageClassifier.#preloaded.delete(ahead);
      // A preload that has failed was reported to whoever asked for it.
      const served = (await preloaded?.catch(() => undefined)) ?? (await serve(settings, options));
      signal?.throwIfAborted();
      classifier = new ImageClassifier(
        creating.modelKey,
        options.maxQueue ?? defaultMaxQueue,
        served,
      );
      await abortable(
        classifier.#served.load({
          signal,
          onProgress: progress && ((...bytes) => progress.report(...bytes)),
        }),
        signal,
      );
      ImageClassifier.#living.add(classifier);
      progress?.finish();
      return classifier;
    } catch (error) {
      classifier?.destroy();
      throw error;
    } finally {
      ImageClassifier.#creating.delete(creating);
    }
  }

  /**
   * Loads worker, engine and model ahead, so that a later {@link create} with equal options is done
   * at once: call it when it is likely that a classifier will be wanted. What was loaded is kept for
   * the first such `create()`, or until `idleTimeout`.
   *
   * @param options - As for `create()`. The model by its name or address.
   * @throws TabserveError as `create()`; `invalid-argument` for a model that is given as files.
   */
  static async preload(options: PreloadOptions = {}): Promise<void> {
    const settings = settingsOf(options);
    const { kind } = settings.model;
    if (kind !== 'name' && kind !== 'hub' && kind !== 'url') {
      throw new TabserveError(
        'invalid-argument',
        'preload() takes a model by its name or address: which files a later create() will be given, it cannot know.',
      );
    }
    const key = keyOf(settings, options);
    let preloading = ImageClassifier.#preloaded.get(key);
    if (!preloading) {
      preloading = serve(settings, options);
      ImageClassifier.#preloaded.set(key, preloading);
    }
    const served = await preloading;
    try {
      await served.load();
    } catch (error) {
      if (ImageClassifier.#preloaded.delete(key)) served.destroy();
      throw error;
    }
  }

  /** How the classifier is doing. Changes fire `statechange`. */
  get state(): ClassifierState {
    return this.#served.state;
  }

  /** What the classifier runs on, and why. */
  get info(): ClassifierInfo {
    const { info } = this.#served;
    if (!info) throw new TabserveError('internal', 'The classifier was not loaded.');
    return info;
  }

  /** Counts, errors and latency percentiles since the classifier was created. */
  metrics(): ClassifierMetrics {
    this.#metrics.restarts = this.#served.restarts;
    return { ...this.#metrics.snapshot(), workers: this.#served.workers };
  }

  /**
   * Says what an image shows.
   *
   * What can change (a canvas, a video, a buffer) is captured at once; a file, an address or an
   * `<img>` when its turn comes. The caller's buffers, bitmaps and frames stay usable. If the worker
   * or the GPU is lost meanwhile, the request is made again once, within its `timeout`.
   *
   * @param image - Anything that holds a picture; of a video its current frame.
   * @returns The best answers, by score, ties by lowest index.
   * @throws TabserveError `invalid-argument`, `image-…`, `network`, `timeout`, `queue-full`,
   *   `worker-crashed`, `device-lost`, `out-of-memory`, `model-invalid`, `destroyed`; or
   *   `signal.reason`.
   */
  async classify(image: ImageSource, options?: ClassifyOptions): Promise<Classification[]>;
  /**
   * Says what each of several images shows: one list of answers per image, in their order.
   *
   * Few of the images are in memory at a time, however many there are: each is captured when its
   * turn comes, and has to stay as it is until then. The first failure rejects
   * the whole call; its `details.image` is the image's place. `timeout` holds for each image.
   */
  async classify(
    images: readonly ImageSource[],
    options?: ClassifyOptions,
  ): Promise<Classification[][]>;
  async classify(
    images: ImageSource | readonly ImageSource[],
    options: ClassifyOptions = {},
  ): Promise<Classification[] | Classification[][]> {
    checkClassifyOptions(options);
    const id = options.id ?? String(this.#nextId++);
    return isList(images)
      ? this.#classifyAll(images, { ...options, id })
      : this.#classifyOne(images, { ...options, id }, true);
  }

  /**
   * Classifies what a video shows, frame after frame, for as long as the loop asks.
   *
   * The newest frame wins: frames that pass during a classification or while the loop's body runs
   * are let go, never queued. Pauses with the video and in a hidden tab; ends with the video, by
   * `break`, or by `signal`, whose reason it then throws.
   *
   * @example
   * ```ts
   * for await (const { classifications } of classifier.watch(video)) show(classifications[0]);
   * ```
   */
  async *watch(
    video: HTMLVideoElement,
    { maxFps, signal, ...options }: WatchOptions = {},
  ): AsyncGenerator<WatchResult, void> {
    const stop = new AbortController();
    const signals = [stop.signal, this.#life.signal, ...(signal ? [signal] : [])];
    const follower = this.#served.follow(video, AbortSignal.any(signals));
    let previous = -1;
    try {
      for (;;) {
        const began = performance.now();
        const frame = await follower.next();
        if (!frame) return;
        const classifications = await this.classify(video, {
          ...options,
          ...(signal && { signal }),
        });
        yield {
          classifications,
          mediaTime: frame.mediaTime,
          skippedFrames: previous < 0 ? 0 : frame.presentedFrames - previous - 1,
        };
        previous = frame.presentedFrames;
        if (maxFps) await follower.pause(began + 1000 / maxFps - performance.now());
      }
    } finally {
      stop.abort();
    }
  }

  /**
   * Switches to the version of the model that is current now, after `models.update()` or
   * `models.rollback()`. Requests go on meanwhile: those that have begun end on the former version.
   *
   * @throws TabserveError as {@link create}; the former version then stays in use.
   */
  async refresh({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    this.#life.signal.throwIfAborted();
    const retire = await abortable(this.#served.renew({ signal }), signal);
    await Promise.allSettled(this.#underWay);
    retire();
  }

  /**
   * Frees the model, and the worker if no other classifier uses it. Requests under way reject with
   * `destroyed`; so does every later call. Calling it again does nothing.
   */
  destroy(): void {
    if (this.#life.signal.aborted) return;
    ImageClassifier.#living.delete(this);
    this.#life.abort(
      new TabserveError('destroyed', 'The classifier was destroyed. Create another one.'),
    );
    this.#served.destroy();
  }

  /** Same as {@link destroy}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
  }

  override addEventListener<Type extends keyof ImageClassifierEventMap>(
    type: Type,
    listener: (this: ImageClassifier, event: ImageClassifierEventMap[Type]) => void,
    options?: AddEventListenerOptions | boolean,
  ): void;
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

  async #classifyAll(
    images: readonly ImageSource[],
    options: ClassifyOptions & { id: string },
  ): Promise<Classification[][]> {
    const results: Classification[][] = [];
    const siblingFailed = new AbortController();
    const signals = [siblingFailed.signal, ...(options.signal ? [options.signal] : [])];
    const signal = AbortSignal.any(signals);
    const queue = images.entries();
    const lane = async () => {
      for (const [index, image] of queue) {
        const one = { ...options, id: `${options.id}.${index}`, signal };
        const behind = images.length - index - 1;
        results[index] = await this.#classifyOne(image, one, false, behind, { image: index });
      }
    };
    try {
      const lanes = batchLanes * this.#served.maxWorkers;
      await Promise.all(Array.from({ length: lanes }, lane));
      return results;
    } catch (error) {
      siblingFailed.abort(error);
      throw error;
    }
  }

  async #classifyOne(
    source: ImageSource,
    { id, timeout, ...options }: ClassifyOptions & { id: string },
    captureNow: boolean,
    behind = 0,
    details: { image?: number } = {},
  ): Promise<Classification[]> {
    const began = performance.now();
    const timeLeft = () => {
      if (timeout === undefined) return null;
      const left = began + timeout - performance.now();
      if (left <= 0) throw timedOut(timeout);
      return left;
    };
    const deadline = new AbortController();
    const timer =
      timeout === undefined
        ? undefined
        : setTimeout(() => deadline.abort(timedOut(timeout)), timeout);
    const signals = [this.#life.signal, deadline.signal];
    if (options.signal) signals.unshift(options.signal);
    const signal = AbortSignal.any(signals);
    const { promise: done, resolve: end } = Promise.withResolvers<void>();
    this.#underWay.add(done);
    this.#metrics.pending += 1;
    try {
      signal.throwIfAborted();
      this.#refuseOverload();
      const served = await this.#served.classify(
        source,
        {
          crop: options.crop ?? null,
          quality: options.quality ?? 'exact',
          topK: options.topK ?? 5,
          threshold: options.threshold ?? null,
          allow: options.allow ?? null,
          deny: options.deny ?? null,
        },
        { captureNow, priority: options.priority ?? 'normal', behind, signal, timeLeft },
      );
      const { classifications, timings, captured, waited, attempts, device, preprocessing } =
        served;
      const total = performance.now() - began;
      const queue = timings.queue + waited;
      const report: RequestReport = {
        id,
        timings: { capture: captured, ...timings, queue, total },
        attempts,
        device,
        preprocessing,
      };
      this.#metrics.succeeded(report);
      this.dispatchEvent(new CustomEvent('request', { detail: report }));
      return classifications;
    } catch (error) {
      this.#metrics.failed(error);
      throw isTabserveError(error) ? error.with({ id, ...details }) : error;
    } finally {
      clearTimeout(timer);
      this.#metrics.pending -= 1;
      this.#underWay.delete(done);
      end();
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

/** What the options stand for. Throws `invalid-argument`. */
function settingsOf(options: CreateOptions): ServedModelSettings {
  checkCreateOptions(options);
  const assets = assetOptions(options);
  const { maxWorkers = 'auto' } = options;
  return {
    model: toModelRequest(options.model, assets),
    dtype: options.dtype ?? 'auto',
    preprocessing: options.preprocessing ?? 'auto',
    maxPixels: options.maxPixels ?? defaultMaxPixels,
    ownWorker: options.ownWorker ?? false,
    maxWorkers: maxWorkers === 'auto' ? autoWorkers() : maxWorkers,
    hubUrl: hubOf(options.hubUrl),
    stallTimeout: options.stallTimeout ?? defaultStallTimeout,
    idleTimeout: options.idleTimeout ?? null,
    assets,
  };
}

type BackendOptions = Pick<CreateOptions, 'device' | 'threads'>;

/** Names what a preload has loaded, or a `create()` wants. */
function keyOf(settings: ServedModelSettings, { device, threads }: BackendOptions): string {
  return JSON.stringify([settings, device, threads]);
}

async function serve(
  settings: ServedModelSettings,
  { device = 'auto', threads = 'auto' }: BackendOptions,
): Promise<ServedModel> {
  return new ServedModel(settings, await planBackends(device, threads));
}

function isList(images: ImageSource | readonly ImageSource[]): images is readonly ImageSource[] {
  return Array.isArray(images);
}

function timedOut(timeout: number): TabserveError {
  return new TabserveError('timeout', `There was no answer within ${timeout} ms.`, {
    details: { timeout },
  });
}

/** Settles as `promise` does, or rejects with the signal's reason if that comes first. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  signal.throwIfAborted();
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
