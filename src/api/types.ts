/** The public vocabulary of tabserve: what goes into a classifier and what comes out. */
import type { Device, Fallback, StageTimings } from '../base/types.js';
import type { PixelRect, PreprocessingChoice, PreprocessingReport } from '../input/image/types.js';
import type { ModelDtype, ModelManifest } from '../model/manifest.js';
import type { KeyQuestion } from '../model/protection/types.js';

export type { Device, Fallback, ModelChange, StageTimings } from '../base/types.js';
export type { PixelRect, PreprocessingChoice, PreprocessingReport } from '../input/image/types.js';
export type { KeyQuestion, ManifestEncryption } from '../model/protection/types.js';

import type { Classification } from '../tasks/image-classification/types.js';

export type {
  CenterCrop,
  LabelDetails,
  ModelDtype,
  ModelFile,
  ModelInput,
  ModelManifest,
  ModelOutput,
  Preprocess,
  ResizeFilter,
  ResizeKernel,
  ResizePolicy,
  ZeroPadding,
} from '../model/manifest.js';
export type { Classification } from '../tasks/image-classification/types.js';

/**
 * Names a model:
 *
 * - a name from the catalogue, such as `'digits'`, or the name of a stored model, both also with
 *   a version: `'digits@1.0.0'`;
 * - the URL of a manifest (`…/model.json`), with the model's files next to it;
 * - a repository of the Hugging Face hub that has ONNX files, `'hf:owner/name'` or
 *   `'hf:owner/name@revision'`; or the URL of a folder with the layout of such a repository (ending in a slash);
 * - the URL of an `.onnx` file: `info.fallbacks` then says what was assumed about its preprocessing;
 * - the same things as files (a manifest with its files, a repository's files, or an `.onnx` file):
 *   `File`s that were picked or dropped together, a directory, or bytes;
 * - a manifest object, and its files under the names that it uses.
 *
 * A model whose files have a sha256 is stored. From then on it loads without the network, in the stored
 * version; `models.update()` fetches a newer one. The files of a repository are kept as they were at the
 * first download.
 */
export type ModelSource =
  | string
  | URL
  | Blob
  | ArrayBuffer
  | Uint8Array<ArrayBuffer>
  | readonly File[]
  | FileSystemDirectoryHandle
  | { manifest: ModelManifest; files?: Readonly<Record<string, Blob>>; baseUrl?: string | URL };

/** Fired by the monitor of {@link CreateOptions.monitor} while bytes arrive. */
export interface DownloadProgressEvent extends Event {
  readonly type: 'downloadprogress';
  /** Bytes so far, over all files of this load. Never falls. */
  readonly loaded: number;
  /**
   * Bytes in total, as the manifest or the server says for each file. If `lengthComputable` is
   * false, the size of some file is not known and not included. Never below `loaded`; in the last event
   * `loaded === total`.
   */
  readonly total: number;
  /**
   * Whether the size of every file is known, so that `total` is final. If not, show a `<progress>`
   * without a `value`.
   */
  readonly lengthComputable: boolean;
  /**
   * How much of the whole load has arrived, from 0 to 1. Never falls, stays where it is while
   * `lengthComputable` is false, and is 1 in the last event. For a `<progress>`:
   * `bar.value = event.progress`.
   */
  readonly progress: number;
  /** How many of the `loaded` bytes came from the store or a file, and not from the network. */
  readonly cached: number;
}

/** What {@link CreateOptions.monitor} receives, as in the web platform's built-in AI APIs. */
export interface CreateMonitor extends EventTarget {
  addEventListener(
    type: 'downloadprogress',
    listener: (event: DownloadProgressEvent) => void,
    options?: AddEventListenerOptions | boolean,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
}

/**
 * Returns the key of an encrypted model: 16, 24 or 32 bytes, their base64, or an AES-GCM `CryptoKey` that may
 * decrypt. `{ key, expires }` adds when the key expires. `null` if there is no key.
 *
 * @param question - Which model needs the key.
 */
export type DecryptionKey = (question: KeyQuestion) => GivenKey | null | Promise<GivenKey | null>;

/** See {@link DecryptionKey}. */
export type GivenKey =
  | KeyMaterial
  | {
      key: KeyMaterial;
      /** Milliseconds since 1970, or a date. */
      expires: number | Date;
    };

/** See {@link DecryptionKey}. */
export type KeyMaterial = CryptoKey | ArrayBuffer | Uint8Array<ArrayBuffer> | string;

/** Options of `ImageClassifier.create()`. */
export interface CreateOptions {
  /** @default the best embedded model */
  model?: ModelSource;
  /**
   * `auto` answers from WASM as soon as that is ready. If there is a real GPU, WebGPU is then loaded in
   * the background and measured. If it is faster, the classifier moves there between two requests and
   * fires `devicechange`; `info.reason` says why. (If the user asks the browser to save data, only WebGPU
   * is loaded, with WASM as the fallback.) A device that you name is used or refused, never replaced.
   * @default 'auto'
   */
  device?: 'auto' | Device;
  /**
   * Which of the model's files to use. `auto` prefers a file in which only the weights are `int8` or `fp16`
   * (`weightsOnly` in the manifest); then `fp16`, if the device computes it at full speed (WASM, where it is
   * converted to fp32 while it loads, and WebGPU with `shader-f16`); then `fp32`; then other `int8` files,
   * because the engine runs quantised graphs more slowly than float ones.
   * @default 'auto'
   */
  dtype?: 'auto' | ModelDtype;
  /**
   * Where pictures become the network's input.
   * @default 'auto'
   */
  preprocessing?: PreprocessingChoice;
  /**
   * Threads of the WASM backend. More than one needs a cross-origin isolated page.
   * @default 'auto': half of the cores, at least 2 and at most 4, or 1 if that is measured to be
   *   faster; 1 on a page that is not isolated
   */
  threads?: 'auto' | number;
  /**
   * The greatest number of workers that serve the model at a time. On a page that is not cross-origin
   * isolated, where the WASM backend has one thread, more workers make use of more cores. They are
   * started for a backlog, from the store or the browser's cache, and end after 10 seconds without one.
   * Each holds another copy of the engine and the model in memory.
   * @default 'auto': half of the cores, at least 2 (where there are two) and at most 4; at most 2 with
   *   4 GiB of memory or where the browser does not say, 1 with 2 GiB
   */
  maxWorkers?: 'auto' | number;
  /** Aborts the load. The promise rejects with `signal.reason`. */
  signal?: AbortSignal;
  /** Called once, before the first byte, with an object that fires `downloadprogress` events. */
  monitor?: (monitor: CreateMonitor) => void;
  /** Images with more pixels are refused before they are decoded. @default 100_000_000 */
  maxPixels?: number;
  /**
   * The greatest number of requests under way; one more is refused with `queue-full`. Waiting canvases,
   * videos, bitmaps and buffers are also refused if they hold more than 256 MiB in total.
   * @default 1000
   */
  maxQueue?: number;
  /**
   * After this many milliseconds without a request, the model is unloaded to free its memory. The
   * next request loads it again.
   * @default never
   */
  idleTimeout?: number;
  /**
   * Whether the model also takes raw tensors, with `infer()`. The worker then loads the code for that.
   * @default false
   */
  tensors?: boolean;
  /**
   * Whether `tabserve/explain` can explain the model's answers. The worker then loads the code for that.
   * @default false
   */
  explanations?: boolean;
  /**
   * Returns the key of an encrypted model (`tabserve pack --encrypt`). It is called at every load, also when
   * a worker is replaced. The worker decrypts the model; the store keeps only the encrypted files. Bytes
   * are turned into a key that no script can read again.
   */
  decryptionKey?: DecryptionKey;
  /**
   * Accepts the model only if its `model.json` is signed (`tabserve pack --sign`) with one of these Ed25519
   * public keys: 32 bytes each, as base64. @default signatures are not checked
   */
  signedBy?: string | readonly string[];
  /** A worker of its own instead of the one that the page's classifiers share. @default false */
  ownWorker?: boolean;
  /**
   * One worker for all tabs of the origin that ask for it. One of the tabs holds the models; when it
   * closes or crashes, another takes over without a failed request. Needs Web Locks and
   * `BroadcastChannel`; if they are missing, `info.fallbacks` says so. Video frames are drawn on a canvas
   * before they are sent to another tab. Cannot be combined with `ownWorker` or `decryptionKey`.
   * @default false
   */
  shared?: boolean;
  /**
   * The worker's script, for pages whose policy forbids `blob:` workers (`worker-src 'self'`): the
   * address of `worker-wasm.js` (`worker-jspi.js`, `worker-asyncify.js`), or of the folder that
   * holds them, on the page's own origin.
   * @default inlined; if that is forbidden, the file next to tabserve's own
   */
  workerUrl?: string | URL;
  /**
   * The folder of ONNX Runtime's `.wasm` files, or the address of the one that `device` needs.
   * @default `ort/` next to tabserve's own file, then the public CDN (see `cdn`)
   */
  wasmUrl?: string | URL;
  /**
   * The folder of the embedded models.
   * @default `models/` next to tabserve's own file, then the public CDN (see `cdn`)
   */
  modelsUrl?: string | URL;
  /**
   * Whether files that are missing next to tabserve's own may come from cdn.jsdelivr.net, in exactly
   * this version and verified by their sha256. `info.fallbacks` and a warning in the console then say so.
   * This only downloads files; pictures never leave the page.
   * @default true
   */
  cdn?: boolean;
  /**
   * The hub that `hf:` names refer to: a mirror, or a server with the same layout.
   * @default 'https://huggingface.co/'
   */
  hubUrl?: string | URL;
  /**
   * How pictures are prepared for a model from a repository: like Transformers' `slow` image processors
   * (Pillow), or like its `fast` ones (torchvision), which are the default of Transformers 5. Their results
   * differ by single steps of a byte; tabserve follows either of them to the byte. (DINOv3's fast processor
   * does not round to bytes; a number may be one step off, and `info.fallbacks` says so.) The store keeps
   * such a model separately, with the suffix `?processor=fast`.
   * @default 'slow'
   */
  processor?: 'slow' | 'fast';
  /**
   * The language of the labels in answers, if the model has several (`translations` in its manifest): a
   * language tag such as `de`, a list of tags in order of preference, or `auto` for the languages of the
   * browser's user. `info.model.language` says which one was chosen. A single language that the model
   * lacks is refused; with a list or `auto`, the model's own language is used instead.
   * @default the language of the model's own label file
   */
  lang?: string | readonly string[];
  /**
   * After this many milliseconds without a byte, a download is resumed from where it stopped.
   * @default 20_000
   */
  stallTimeout?: number;
}

/** Options of `ImageClassifier.preload()`. */
export type PreloadOptions = Omit<CreateOptions, 'signal' | 'monitor'>;

/**
 * How urgent a request is among those to the same worker. While a more urgent request waits, no other
 * starts; a request that has started is finished.
 */
export type RequestPriority = 'high' | 'normal' | 'low';

/** Options of `ImageClassifier.classify()`. */
export interface ClassifyOptions {
  /** The greatest number of answers. @default 5 */
  topK?: number;
  /** Only answers with at least this score, 0…1. @default 0 */
  threshold?: number;
  /**
   * Least scores for single classes, 0…1, by label: `{ person: 0.8 }`. They take precedence over
   * `threshold` and over the model's own (`output.thresholds`).
   * @default the model's own
   */
  thresholds?: Readonly<Record<string, number>>;
  /** Only these labels, spelt as in `info.model.labels`. Scores are not rescaled. @default all */
  allow?: readonly string[];
  /** Not these labels. @default none */
  deny?: readonly string[];
  /** The region of interest, in pixels of the upright image. @default the whole image */
  crop?: PixelRect;
  /**
   * `exact` reads every pixel, as the model's author did. `fast` lets the decoder of a large JPEG
   * leave out what the network's size hardly shows: it decodes to a half, a quarter or an eighth of
   * the size, still at least twice what the network's geometry asks for, and the exact resampler
   * goes on from there, from the same region with the same rounding. Scores may then differ in the
   * second digit, and close answers change places. Without effect on other pictures, and in browsers
   * without an exact `ImageDecoder`.
   * @default 'exact'
   */
  quality?: 'exact' | 'fast';
  /**
   * How urgent the request is. Among equally urgent ones each model has its turn, and within a
   * model the first comes first.
   * @default 'normal'
   */
  priority?: RequestPriority;
  /** Drops the request. The promise rejects with `signal.reason`. */
  signal?: AbortSignal;
  /** Milliseconds after which the promise rejects with `timeout`. @default none */
  timeout?: number;
  /** Comes back in the `request` event and in errors. @default a counter */
  id?: string;
}

/** Options of `ImageClassifier.classifyAll()`. */
export interface ClassifyAllOptions extends Omit<ClassifyOptions, 'id'> {
  /** How many images are under way at a time, 1 to 1,000. @default 'auto': as many as the workers can use */
  concurrency?: 'auto' | number;
  /** Whether results come in the order of the images, rather than as they are ready. @default true */
  ordered?: boolean;
}

/** What became of one image, from `ImageClassifier.classifyAll()`. */
export type SettledClassification<Source> = {
  source: Source;
  /** Its place among the images, from 0. */
  index: number;
} & (
  | { classifications: Classification[]; error?: undefined }
  | { error: unknown; classifications?: undefined }
);

/** Options of `ImageClassifier.watch()`. */
export interface WatchOptions extends Omit<ClassifyOptions, 'id'> {
  /** The greatest number of classifications per second. @default as many as the device manages */
  maxFps?: number;
}

/** One frame's answer, from `ImageClassifier.watch()`. */
export interface WatchResult {
  /** Sorted by score. */
  classifications: Classification[];
  /** The frame's place in the video, in seconds. */
  mediaTime: number;
  /** Frames that the video has shown since the last result and that were skipped. */
  skippedFrames: number;
}

/** The `detail` of a classifier's `request` event: one finished request. */
export interface RequestReport {
  id: string;
  timings: StageTimings;
  /** How often it was sent to a worker: 2 if the first worker was lost. */
  attempts: number;
  /** What answered. */
  device: Device;
  /** How many requests shared the run: 1, unless several waited that could share one. */
  batch: number;
  /** What preprocessed its picture. */
  preprocessing: PreprocessingReport;
}

/** What a classifier runs on. */
export interface ClassifierInfo {
  model: {
    name: string;
    version: string;
    title: string;
    license: string | null;
    /** One per class, from the model's own label file. Use these in `allow`, `deny` and `thresholds`. */
    labels: readonly string[];
    /** The language of the labels in answers, a BCP 47 tag: see `CreateOptions.lang`. */
    language: string;
    /** The languages that its labels come in, its own first. */
    languages: readonly string[];
    /** The input's size in pixels. */
    width: number;
    height: number;
    /** The file of weights in use. */
    file: string;
    bytes: number;
    /** Where they came from: the store of this origin, the network, or a file of the user's. */
    from: 'store' | 'network' | 'file';
  };
  device: Device;
  /** How the file stores its weights. */
  dtype: ModelDtype;
  /**
   * The precision of the computation. If only the weights are int8 or fp16, or if all of the file is fp16
   * and runs on WASM, they are converted to `fp32` while they load: the download is smaller, the speed that of fp32.
   */
  computeDtype: ModelDtype;
  /** Threads of the WASM backend; 1 on WebGPU. */
  threads: number;
  /** Why this device, in words. */
  reason: string;
  /** What was replaced on the way, in order. */
  fallbacks: readonly Fallback[];
  /** ONNX Runtime's build: `wasm`, or with WebGPU `jspi` or `asyncify`. */
  engine: 'wasm' | 'jspi' | 'asyncify';
  /** The GPU, as the browser describes it; `null` on WASM. */
  adapter: string | null;
  /**
   * What this device's outputs for a fixed input were compared with: those of WASM (`reference`, also on
   * WASM itself), those that the manifest's `selfTest` records, or nothing so far (`none`). A device that
   * you named, or the only one that can run the model, is checked some seconds after its first answers,
   * unless the user saves data; if the outputs differ, WASM takes over.
   */
  verified: 'reference' | 'self-test' | 'none';
  /**
   * What preprocesses pictures. If it is the GPU, some pictures may still be left to the CPU; the
   * `request` event says so.
   */
  preprocessing: PreprocessingReport;
  /**
   * How long the parts of the load took, in milliseconds; they overlap. `warmup` is 0 on WASM, where the
   * first request, or a run in the first idle moment, warms up the model.
   */
  load: { engine: number; model: number; session: number; warmup: number; total: number };
}

/** Whether a classifier can be created, as in the web platform's built-in AI APIs. */
export type Availability = 'unavailable' | 'downloadable' | 'downloading' | 'available';

/**
 * - `starting`: the worker or the model is loading.
 * - `ready`: answers.
 * - `degraded`: answers, on a fallback.
 * - `recovering`: the worker was lost; a new one is loading, and requests wait for it.
 * - `failed`: could not recover. The next `classify` tries again.
 * - `destroyed`: `destroy()` was called.
 */
export type ClassifierState =
  | 'starting'
  | 'ready'
  | 'degraded'
  | 'recovering'
  | 'failed'
  | 'destroyed';

/** Percentiles of a duration, in milliseconds, over the latest 1,000 requests. */
export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

/** What a classifier has done so far. */
export interface ClassifierMetrics {
  /** Finished, successfully or not. */
  requests: number;
  /** Of those, failed with an error (aborted ones are not failures). */
  errors: number;
  /** Errors by code. */
  errorsByCode: Readonly<Record<string, number>>;
  aborted: number;
  /** Requests under way. */
  pending: number;
  /** Workers that serve the model now. */
  workers: number;
  /** Times that the worker had to be replaced. */
  restarts: number;
  /** Requests that were sent again because their worker was lost. */
  retries: number;
  latency: Readonly<Record<keyof StageTimings, Percentiles>>;
}

/** A model that is known by name. */
export interface CatalogModel {
  /** What `create({ model })` takes. */
  name: string;
  version: string;
  title: string;
  description: string;
  license: string | null;
  /** Where it comes from. */
  source: string | null;
  /** Whether it is part of tabserve. */
  embedded: boolean;
  /** Its files by precision: size, and how much of that is in the store. */
  files: readonly { dtype: ModelDtype; bytes: number; stored: number }[];
  /** What its author published about it. */
  metrics: Readonly<Record<string, unknown>>;
}

/** A model that is in the store. */
export interface CachedModel {
  name: string;
  /** Where it came from; what `create({ model })` takes. */
  source: string;
  version: string;
  /** The version that `rollback` would bring back. */
  previousVersion: string | null;
  title: string;
  license: string | null;
  /** Its bytes in the store, those of the earlier version included. */
  bytes: number;
  /** Milliseconds since 1970. */
  lastUsed: number;
}

/** How much the store holds. */
export interface StoreUsage {
  /** What it is made of; with `memory` nothing outlives the page. */
  store: 'opfs' | 'cache' | 'memory';
  /** Bytes of models, of the engine, and of unfinished downloads. */
  bytes: number;
  /** What the browser grants this origin and what all of it uses, as far as it says. */
  quota: number;
  usage: number;
  /** Whether the browser has promised not to clear the store by itself. */
  persisted: boolean;
  /** Why it is not a better store. */
  fallbacks: readonly Fallback[];
}
