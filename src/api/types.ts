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
 * - a name of the catalogue, such as `'digits'`, or of a model that is in the store, both also with
 *   a version: `'digits@1.0.0'`;
 * - the URL of a manifest (`…/model.json`), its files beside it;
 * - a repository of the Hugging Face hub, `'hf:owner/name'` or `'hf:owner/name@revision'`, that has
 *   ONNX files; or the URL of a folder with a repository's layout (with a slash at its end);
 * - the URL of an `.onnx` file: its preprocessing is then assumed, which `info.fallbacks` says;
 * - the same as files: the manifest and its files, a repository's files, or an `.onnx` file, as
 *   `File`s picked or dropped together, a directory, or bytes;
 * - a manifest object and its files by the names that it gives them.
 *
 * A model whose files have a sha256 is kept in the store, and is from then on loaded without the
 * network, in the version that was stored: `models.update()` fetches a newer one. A repository's
 * files are kept as they first came.
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
   * Bytes in all: what the manifest or the server says of each file. Where `lengthComputable` is
   * false some file's size is missing in it. Never below `loaded`; the last event has
   * `loaded === total`.
   */
  readonly total: number;
  /**
   * Whether the size of every file is known, so that `total` is the end. If not, show a bar without a
   * value: a `<progress>` without `value`.
   */
  readonly lengthComputable: boolean;
  /**
   * How much of the whole load has arrived, from 0 to 1. Never falls, stays where it is while
   * `lengthComputable` is false, and is 1 in the last event. For a `<progress>`:
   * `bar.value = event.progress`.
   */
  readonly progress: number;
  /** Those of `loaded` that were in the store, or in a file, and cost no network. */
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
 * Gives the key of an encrypted model: 16, 24 or 32 bytes, the same as base64, or a key of AES-GCM that may
 * decrypt; with the moment until which it is good, if it is not for ever. `null` for none.
 *
 * @param question - Which model wants it.
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
   * `auto` answers from WASM as soon as that is ready. On a real adapter WebGPU is then loaded in the
   * background and measured; if it is faster, the classifier moves there between two requests and
   * fires `devicechange`. The reason stands in `info`. (Where the user asks to save data, WebGPU is
   * loaded alone, with WASM as the fallback.) A device asked for by name is used or refused, never
   * replaced.
   * @default 'auto'
   */
  device?: 'auto' | Device;
  /**
   * Which of the model's files. `auto` takes one whose weights alone are `int8` or `fp16` (`weightsOnly`
   * in its manifest), then `fp16` where the device computes it at full speed (WASM, where it is widened to
   * fp32 on loading, and WebGPU with `shader-f16`), then `fp32`, then other `int8`: today's engine runs
   * quantised graphs slower than float ones.
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
   * Workers that may serve the model at a time. On a page that is not cross-origin isolated, where
   * the WASM backend has one thread, more of them make use of more cores: they are started for a
   * backlog, from what is in the store or the browser's cache, and ended after 10 seconds without.
   * Each holds the engine and the model once more in memory.
   * @default 'auto': half of the cores, at least 2 (where there are two) and at most 4; at most 2 with
   *   4 GiB of memory or where the browser does not say, 1 with 2 GiB
   */
  maxWorkers?: 'auto' | number;
  /** Aborts the load. The promise rejects with `signal.reason`. */
  signal?: AbortSignal;
  /** Is called once, before the first byte, with a target of `downloadprogress` events. */
  monitor?: (monitor: CreateMonitor) => void;
  /** Images with more pixels are refused before they are decoded. @default 100_000_000 */
  maxPixels?: number;
  /**
   * Most requests that may be under way; one more is refused with `queue-full`. Besides, waiting
   * canvases, videos, bitmaps and buffers are refused when they hold more than 256 MiB in all.
   * @default 1000
   */
  maxQueue?: number;
  /**
   * Milliseconds without a request after which the model is unloaded, to give its memory back. The
   * next request loads it again.
   * @default never
   */
  idleTimeout?: number;
  /**
   * Whether the model also answers raw tensors, by `infer()`: the worker then loads the code for it.
   * @default false
   */
  tensors?: boolean;
  /**
   * Whether answers of the model can be explained, by `tabserve/explain`: the worker then loads the
   * code for it.
   * @default false
   */
  explanations?: boolean;
  /**
   * Gives the key of an encrypted model (`tabserve pack --encrypt`). Is asked at every load, also when a
   * worker is replaced. The model is decrypted in the worker, and only what is encrypted is stored. A key
   * that is given as bytes is made one that no script can read again.
   */
  decryptionKey?: DecryptionKey;
  /**
   * Takes the model only if its `model.json` is signed (`tabserve pack --sign`) by one of these public keys,
   * of Ed25519: 32 bytes each, as base64. @default whoever made it
   */
  signedBy?: string | readonly string[];
  /** A worker of its own instead of the one that the page's classifiers share. @default false */
  ownWorker?: boolean;
  /**
   * One worker for all tabs of the origin that ask for it: one of them holds the models, and when it
   * closes or crashes another takes over, without a failed request. Needs Web Locks and
   * `BroadcastChannel`; where these are not to be had `info.fallbacks` says so. Frames of videos are
   * drawn before they are sent to another tab. Does not go with `ownWorker` and `decryptionKey`.
   * @default false
   */
  shared?: boolean;
  /**
   * The worker's script, for pages whose policy forbids `blob:` workers (`worker-src 'self'`): the
   * address of `worker-wasm.js` (`worker-jspi.js`, `worker-asyncify.js`), or of the folder that
   * holds them, on the page's own origin.
   * @default inlined; where that is forbidden, the file beside tabserve's own
   */
  workerUrl?: string | URL;
  /**
   * The folder of ONNX Runtime's `.wasm` files, or the address of the one that `device` needs.
   * @default `ort/` beside tabserve's own file, then the public CDN (see `cdn`)
   */
  wasmUrl?: string | URL;
  /**
   * The folder of the embedded models.
   * @default `models/` beside tabserve's own file, then the public CDN (see `cdn`)
   */
  modelsUrl?: string | URL;
  /**
   * Whether files that are not beside tabserve's own may come from cdn.jsdelivr.net, of exactly
   * this version and checked by their sha256. Their use stands in `info.fallbacks`, and a warning
   * in the console. Only files are fetched; pictures never leave the page.
   * @default true
   */
  cdn?: boolean;
  /**
   * The hub of `hf:` names: a mirror, or a server that has its layout.
   * @default 'https://huggingface.co/'
   */
  hubUrl?: string | URL;
  /**
   * How a repository's pictures are prepared: by Transformers' `slow` image processors, on Pillow, or by
   * its `fast` ones, on torchvision, which version 5 takes where nothing is said. Their resizing differs by
   * single steps of a byte; each is followed to the byte. (DINOv3's fast one does not round to bytes; a
   * number may be one step off, which `info.fallbacks` says.) In the store it is a model of its own, named
   * with `?processor=fast` behind.
   * @default 'slow'
   */
  processor?: 'slow' | 'fast';
  /**
   * The language of the labels in answers, where the model has them in several (`translations` in its
   * manifest): a language tag such as `de`; several, in the order of preference; or `auto` for what the
   * browser's user reads. `info.model.language` says which it became. One language that the model does not
   * have is refused; of several, and by `auto`, its own is taken then.
   * @default that of the model's own label file
   */
  lang?: string | readonly string[];
  /**
   * Milliseconds without a byte after which a download is asked for again, from where it stopped.
   * @default 20_000
   */
  stallTimeout?: number;
}

/** Options of `ImageClassifier.preload()`. */
export type PreloadOptions = Omit<CreateOptions, 'signal' | 'monitor'>;

/**
 * How urgent a request is among those to the same worker. Strict: while a more urgent one waits, no
 * other is begun; one that was begun is finished.
 */
export type RequestPriority = 'high' | 'normal' | 'low';

/** Options of `ImageClassifier.classify()`. */
export interface ClassifyOptions {
  /** At most so many answers. @default 5 */
  topK?: number;
  /** Only answers with at least this score, 0…1. @default 0 */
  threshold?: number;
  /**
   * Least scores of single classes, 0…1, by their labels: `{ person: 0.8 }`. They come before `threshold`
   * and before those of the model (`output.thresholds`).
   * @default those of the model
   */
  thresholds?: Readonly<Record<string, number>>;
  /** Only these labels, as `info.model.labels` has them. Scores are not rescaled. @default all */
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
  /** At most so many classifications a second. @default as many as the device manages */
  maxFps?: number;
}

/** One frame's answer, from `ImageClassifier.watch()`. */
export interface WatchResult {
  /** Sorted by score. */
  classifications: Classification[];
  /** The frame's place in the video, in seconds. */
  mediaTime: number;
  /** Frames that the video showed since the last result and that were let go. */
  skippedFrames: number;
}

/** The `detail` of a classifier's `request` event: one finished request. */
export interface RequestReport {
  id: string;
  timings: StageTimings;
  /** How often it was sent to a worker: 2 if the first one was lost over it. */
  attempts: number;
  /** What answered. */
  device: Device;
  /** How many requests the run was for that answered it: 1 unless several waited that could share one. */
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
    /** One per class, as the model's own label file has them: what `allow`, `deny` and `thresholds` name. */
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
   * What it computes in. Weights that alone are in int8 or fp16 are widened to `fp32` when they are
   * loaded, and all those in fp16 on WASM: the download is smaller, the speed fp32's.
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
   * What this device's outputs for a fixed input were compared with: those of WASM, which is its own
   * `reference`; those that the manifest's `selfTest` records; or nothing (yet), `none`. A device that
   * is asked for by name, or that alone can run the model, is checked some seconds after its first
   * answers, unless the user saves data; where the outputs differ, WASM takes over.
   */
  verified: 'reference' | 'self-test' | 'none';
  /**
   * What preprocesses pictures. Where it is the GPU, single pictures may be left to the CPU, which
   * the `request` event says.
   */
  preprocessing: PreprocessingReport;
  /**
   * Milliseconds of the load's parts; they overlap. `warmup` is 0 on WASM, where the first image's
   * run serves as one, or a run in the first idle moment.
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
 * - `destroyed`: for good.
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

/** A classifier's running account. */
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
