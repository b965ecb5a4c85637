/**
 * Everything that the page and the worker say to each other, and nothing else.
 *
 * Calls go through comlink. Two of its gaps are closed here: errors would lose their class, code
 * and cause, so every method answers with a {@link Reply}; and an AbortSignal cannot be cloned, so
 * every long call carries a `requestId` that {@link WorkerApi.cancel} names.
 */
import type { ErrorRecord } from '../errors.js';
import type { CapturedImage, PixelRect } from '../image/types.js';
import type { ModelDtype, ModelManifest } from '../model/manifest.js';
import type { Classification, Device, Fallback, StageTimings } from '../types.js';

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

/** Sets a worker up. Comes once, before all else. */
export interface StartRequest {
  device: Device;
  threads: number;
  /** Absolute URLs of ONNX Runtime's `.wasm` file, in the order in which to try them. */
  wasmUrls: readonly string[];
  /** The worker holds this Web Lock as long as it lives: its release tells the page of its death. */
  lockName: string;
  /** A comlink endpoint that serves {@link PageApi}. */
  page: MessagePort;
}

/** A model on its way to the worker: every URL absolute, every name looked up. */
export type ModelRequest =
  | { kind: 'manifest-url'; url: string }
  | { kind: 'embedded'; name: string; fileUrls: Readonly<Record<string, string>> }
  | { kind: 'files'; files: readonly File[] }
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
  maxPixels: number;
  /** Other places of a file, by its address: tried in their order when that one fails. */
  mirrors: Readonly<Record<string, readonly string[]>>;
}

/** What became of a {@link LoadRequest}. */
export interface LoadedModel {
  /** Names the model in later requests to this worker: its load's `requestId`. */
  modelId: number;
  manifest: ModelManifest;
  labels: readonly string[];
  dtype: ModelDtype;
  file: string;
  bytes: number;
  adapter: string | null;
  /** Files that came from another place than the first. */
  fallbacks: readonly Fallback[];
  timings: { engine: number; model: number; session: number; warmup: number };
}

export interface ClassifyRequest {
  requestId: number;
  modelId: number;
  image: CapturedImage;
  crop: PixelRect | null;
  topK: number;
  threshold: number;
  allow: readonly string[] | null;
  deny: readonly string[] | null;
  /** Milliseconds from now after which nobody waits for the answer. */
  timeLeft: number | null;
}

export interface ClassifyResult {
  classifications: Classification[];
  timings: Omit<StageTimings, 'capture' | 'total'>;
}

/** What the worker does for the page. */
export interface WorkerApi {
  start(request: StartRequest): Promise<Reply<null>>;
  load(request: LoadRequest): Promise<Reply<LoadedModel>>;
  classify(request: ClassifyRequest): Promise<Reply<ClassifyResult>>;
  /** Frees a model, or ends its load. Unknown ids are ignored. */
  unload(modelId: number): Promise<Reply<null>>;
  /** Drops a load or a classification; its own call then rejects. Unknown ids are ignored. */
  cancel(requestId: number): void;
  /** Does nothing; that the call returns shows that the worker is not stuck. */
  ping(): void;
}

/** What the page does for the worker. */
export interface PageApi {
  progress(requestId: number, loaded: number, total: number): void;
  /** Workers cannot rasterise SVG. */
  rasteriseSvg(svg: Blob, maxPixels: number): Promise<Reply<ImageBitmap>>;
  /** The GPU device is gone, and with it everything that this worker could do. */
  deviceLost(reason: string): void;
}
