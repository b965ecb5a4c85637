/// <reference lib="esnext.disposable" preserve="true" />
/** Image classification: which class a picture shows. */

import { part } from '../base/part.js';
import type { ImageSource } from '../input/image/capture.js';
import type { CapturedImage } from '../input/image/types.js';
import type { AssetOptions } from '../wire/assets.js';
import type { CatalogEntry } from './catalog-entries.js';
import type { FolderEntry } from './folders.js';
import { imageKind, imageModelInfo } from './image-model.js';
import {
  availabilityOf,
  createHandle,
  ModelHandle,
  type ModelHandleEventMap,
  preloadHandle,
} from './model-handle.js';
import {
  answerOptions,
  checkClassifyOptions,
  imageOptions,
  inRange,
  labelOptions,
} from './options.js';
import type {
  Availability,
  Classification,
  ClassifierInfo,
  ClassifyAllOptions,
  ClassifyOptions,
  CreateOptions,
  PreloadOptions,
  SettledClassification,
  WatchOptions,
  WatchResult,
} from './types.js';

/** The events of an {@link ImageClassifier}. */
export interface ImageClassifierEventMap extends ModelHandleEventMap {}

const pictures = imageKind('image-classification');
const kind: typeof pictures = {
  ...pictures,
  options: labelOptions,
  later: () => Promise.all([pictures.later?.(), import('./catalog-entries.js')]),
};

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
export class ImageClassifier extends ModelHandle<ImageSource, CapturedImage> {
  /** The models that come with tabserve, the default one first. */
  static async models(): Promise<readonly CatalogEntry[]> {
    return (await part(import('./catalog-entries.js'))).catalogEntries;
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
    return availabilityOf(kind, options);
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
    return createHandle(kind, (parts) => new ImageClassifier(parts), options);
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
    return preloadHandle(kind, options);
  }

  /** What the classifier runs on, and why. */
  get info(): ClassifierInfo {
    return imageModelInfo(this.serving);
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
    checkClassifyOptions(options, `${imageOptions} ${answerOptions}`);
    const question = {
      crop: options.crop ?? null,
      quality: options.quality ?? 'exact',
      topK: options.topK ?? 5,
      threshold: options.threshold ?? null,
      thresholds: options.thresholds ?? null,
      allow: options.allow ?? null,
      deny: options.deny ?? null,
    };
    const answer = isList(images)
      ? this.askAll(images, options, question, 'image')
      : this.ask(images, options, question);
    return (await answer) as Classification[] | Classification[][];
  }

  /**
   * Classifies many images, such as the files of a folder, each with its own answers or error: a broken
   * file costs nobody else the answer. Images are taken as there is room for them, and none is held.
   *
   * @param images - A list, a `FileList`, or whatever gives images one after the other; or a `DataTransfer`
   *   (a drop, a paste) or a directory handle, of whose folders all pictures are taken, by their type. A
   *   `DataTransfer` has to be passed on, and the loop begun, before the event's handler awaits anything.
   * @throws `signal.reason`; what reading the images throws. `break` ends what is under way.
   *
   * @example
   * ```ts
   * for await (const { source, classifications, error } of classifier.classifyAll(input.files)) {
   *   show(source.name, classifications?.[0]?.label ?? String(error));
   * }
   * ```
   */
  classifyAll(
    images: DataTransfer | FileSystemDirectoryHandle,
    options?: ClassifyAllOptions,
  ): AsyncGenerator<SettledClassification<File>, void>;
  classifyAll<Source extends ImageSource>(
    images: Iterable<Source> | AsyncIterable<Source>,
    options?: ClassifyAllOptions,
  ): AsyncGenerator<SettledClassification<Source>, void>;
  async *classifyAll(
    images:
      | Iterable<ImageSource>
      | AsyncIterable<ImageSource>
      | DataTransfer
      | FileSystemDirectoryHandle,
    { concurrency = 'auto', ordered = true, signal, ...options }: ClassifyAllOptions = {},
  ): AsyncGenerator<SettledClassification<ImageSource>, void> {
    if (concurrency !== 'auto') inRange(concurrency, 'concurrency', 1, 1000, true);
    const ask = (image: ImageSource, ends: AbortSignal) =>
      this.classify(image, { ...options, signal: ends });
    // Begun at once: what was dropped can only be listed now.
    const list = listOf(images);
    const { settleAll } = await part(import('./many.js'));
    const settled = settleAll(await list, ask, {
      concurrency: concurrency === 'auto' ? this.lanes : concurrency,
      ordered,
      signal,
    });
    for await (const { source, index, answer, error } of settled) {
      yield answer ? { source, index, classifications: answer } : { source, index, error };
    }
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
    this.beginVideo();
    const { watchVideo } = await part(import('./many.js'));
    const classify = () => this.classify(video, { ...options, ...(signal && { signal }) });
    yield* watchVideo(video, classify, [this.life, ...(signal ? [signal] : [])], maxFps);
  }
}

/** One image after the other: folders are opened. */
async function listOf(
  images:
    | Iterable<ImageSource>
    | AsyncIterable<ImageSource>
    | DataTransfer
    | FileSystemDirectoryHandle,
): Promise<Iterable<ImageSource> | AsyncIterable<ImageSource>> {
  // Their items are gone after the first pause.
  if ('items' in images) {
    const entry = (item: DataTransferItem) => item.webkitGetAsEntry() ?? item.getAsFile() ?? [];
    return filesOf([...images.items].flatMap(entry));
  }
  return 'getFileHandle' in images ? filesOf([images]) : images;
}

async function filesOf(entries: readonly FolderEntry[]): Promise<AsyncIterable<File>> {
  return (await import('./folders.js')).filesOf(entries);
}

function isList(images: ImageSource | readonly ImageSource[]): images is readonly ImageSource[] {
  return Array.isArray(images);
}
