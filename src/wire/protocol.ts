/**
 * Everything that the page and the worker say to each other, and nothing else.
 *
 * Calls go through comlink. Two of its gaps are closed here: errors would lose their class, code
 * and cause, so every method answers with a {@link Reply}; and an AbortSignal cannot be cloned, so
 * every long call carries a `requestId` that {@link WorkerApi.cancel} names.
 */

import type {
  Classification,
  Device,
  Fallback,
  ModelChange,
  PreprocessingChoice,
  PreprocessingReport,
  StageTimings,
} from '../api/types.js';
import type { ErrorRecord } from '../base/errors.js';
import type { CapturedImage, PixelRect } from '../input/image/types.js';
import type { InstalledModel } from '../model/library.js';
import type { ModelDtype, ModelManifest } from '../model/manifest.js';
import type { StoredFile } from '../model/store/store.js';
import type {
  CompleteRequest,
  Completion,
  TranslateRequest,
  Translation,
} from '../model/translation.js';

/** ONNX Runtime's builds. Each has its own worker script and its own `.wasm` file. */
export type EngineFlavour = 'wasm' | 'jspi' | 'asyncify';

/** The worker's first message: its script was loaded and runs. */
export interface ReadyMessage {
  tabserve: 'ready';
  flavour: EngineFlavour;
  /** Of tabserve. Scripts of different versions refuse each other. */
  version: string;
}

/** Whether a message is the worker's {@link ReadyMessage}. */
export function isReadyMessage(data: unknown): data is ReadyMessage {
  return (
    typeof data === 'object' && data !== null && 'tabserve' in data && data.tabserve === 'ready'
  );
}

/** A value, or the error instead of it. */
export type Reply<T> = { value: T } | { error: ErrorRecord };

/** The engine's binary, compiled: what one worker has loaded serves those that come after it. */
export interface EngineBinary {
  module: WebAssembly.Module;
  /** Where it was found. */
  url: string;
  /** What was replaced on the way. */
  fallbacks: readonly Fallback[];
}

/** Sets a worker up. Comes once, before all else. */
export interface StartRequest {
  device: Device;
  threads: number;
  /** Absolute URLs of ONNX Runtime's `.wasm` file, in the order in which to try them. */
  wasmUrls: readonly string[];
  /** What a former worker loaded from there; `null` if there was none. */
  binary: EngineBinary | null;
  /** The worker holds this Web Lock as long as it lives: its release tells the page of its death. */
  lockName: string;
  /** A comlink endpoint that serves {@link PageApi}. */
  page: MessagePort;
}

/** What a caller named, on its way to the worker, which finds out what it is. URLs are absolute. */
export type ModelRequest =
  | {
      /** A name of the catalogue or of an installed model. */
      kind: 'name';
      name: string;
      version: string | null;
      /** Addresses of an embedded model's files. */
      fileUrls: Readonly<Record<string, string>>;
    }
  /** `hf:owner/name[@revision]` */
  | { kind: 'hub'; name: string }
  /** A manifest, an `.onnx` file, or a folder (with a slash at its end). */
  | { kind: 'url'; url: string }
  | { kind: 'files'; files: readonly Blob[] }
  | { kind: 'directory'; directory: FileSystemDirectoryHandle }
  | {
      kind: 'manifest';
      manifest: ModelManifest;
      files: Readonly<Record<string, Blob>>;
      baseUrl: string | null;
    };

export interface LoadRequest {
  requestId: number;
  model: ModelRequest;
  dtype: 'auto' | ModelDtype;
  preprocessing: PreprocessingChoice;
  maxPixels: number;
  /** Other places of a file, by its address: tried in their order when that one fails. */
  mirrors: Readonly<Record<string, readonly string[]>>;
  /** Base address of the hub, with a slash at its end. */
  hubUrl: string;
  /** Milliseconds without a byte after which a download is tried again. */
  stallTimeout: number;
  /** Load it only from the store, from files, or from the browser's cache. */
  local: boolean;
}

/** What became of a {@link LoadRequest}. */
export interface LoadedModel {
  /** Names the model in later requests to this worker: its load's `requestId`. */
  modelId: number;
  manifest: ModelManifest;
  labels: readonly string[];
  dtype: ModelDtype;
  file: string;
  /** All files of the model together. */
  bytes: number;
  /** Where the bytes came from. */
  from: 'store' | 'network' | 'file';
  adapter: string | null;
  /** What pictures are preprocessed on, as far as each of them can be. */
  preprocessing: PreprocessingReport;
  /** What did not work as it should have, or was assumed. */
  fallbacks: readonly Fallback[];
  timings: { engine: number; model: number; session: number; warmup: number };
}

/** What the store holds. */
export interface LibrarySurvey {
  store: 'opfs' | 'cache' | 'memory';
  files: readonly StoredFile[];
  installed: readonly InstalledModel[];
  /** Why it is not a better store. */
  fallbacks: readonly Fallback[];
}

/** What is to be deleted from the store. */
export interface EvictRequest {
  /** Sources of installed models. */
  sources: readonly string[];
  /** By sha256. */
  files: readonly string[];
}

export interface MeasureRequest {
  requestId: number;
  modelId: number;
}

export interface ClassifyRequest {
  requestId: number;
  modelId: number;
  image: CapturedImage;
  crop: PixelRect | null;
  /** Whether the picture may be reduced while it is decoded. */
  quality: 'exact' | 'fast';
  topK: number;
  threshold: number | null;
  allow: readonly string[] | null;
  deny: readonly string[] | null;
  /** Milliseconds from now after which nobody waits for the answer. */
  timeLeft: number | null;
}

export interface ClassifyResult {
  classifications: Classification[];
  /** What preprocessed this picture. */
  preprocessing: PreprocessingReport;
  timings: Omit<StageTimings, 'capture' | 'total'>;
}

/** What the worker does for the page. */
export interface WorkerApi {
  start(request: StartRequest): Promise<Reply<null>>;
  load(request: LoadRequest): Promise<Reply<LoadedModel>>;
  classify(request: ClassifyRequest): Promise<Reply<ClassifyResult>>;
  /** Milliseconds that one run takes: the median of a few on zeros, between other requests. */
  measure(request: MeasureRequest): Promise<Reply<number>>;
  /** Frees a model, or ends its load. Unknown ids are ignored. */
  unload(modelId: number): Promise<Reply<null>>;
  survey(request: null): Promise<Reply<LibrarySurvey>>;
  /** Forgets models and deletes files. Answers the bytes freed. */
  evict(request: EvictRequest): Promise<Reply<number>>;
  /** Loads the newest version of a model, tests it, and makes it the current one. */
  update(request: LoadRequest): Promise<Reply<ModelChange>>;
  rollback(source: string): Promise<Reply<ModelChange>>;
  /** Drops a load or a classification; its own call then rejects. Unknown ids are ignored. */
  cancel(requestId: number): void;
  /** Returns when the worker may be ended without losing what it was putting into the store. */
  finish(request: null): Promise<Reply<null>>;
  /** Does nothing; that the call returns shows that the worker is not stuck. */
  ping(): void;
}

/** What the page does for the worker. */
export interface PageApi {
  progress(requestId: number, loaded: number, total: number, cached: number): void;
  /** Keeps the engine's binary for later workers. */
  keepBinary(binary: EngineBinary): void;
  /** Workers cannot rasterise SVG. */
  rasteriseSvg(svg: Blob, maxPixels: number): Promise<Reply<ImageBitmap>>;
  /**
   * Describes a model in another than tabserve's own form. The code for that is large and rarely
   * wanted, and a page can load code on demand, which a worker from a blob cannot everywhere.
   */
  translate(request: TranslateRequest): Promise<Reply<Translation>>;
  /** A manifest is on its way: the code that checks it can be loaded meanwhile. */
  expectManifest(): void;
  /** Checks a manifest of somebody else's. The code for that is the page's too. */
  validate(value: unknown, where: string): Promise<Reply<ModelManifest>>;
  /** Fills in what a translation left to the graph. */
  complete(request: CompleteRequest): Promise<Reply<Completion>>;
  /** The GPU device is gone, and with it everything that this worker could do. */
  deviceLost(reason: string): void;
}
