/**
 * Everything that the page and the worker say to each other, and nothing else.
 *
 * Calls go through comlink. Two of its gaps are closed here: errors would lose their class, code
 * and cause, so every method answers with a {@link Reply}; and an AbortSignal cannot be cloned, so
 * every long call carries a `requestId` that {@link WorkerApi.cancel} names.
 */

import type { ErrorRecord } from '../base/errors.js';
import type { Finding, OutputDigest } from '../base/probe.js';
import type { TensorInfo } from '../base/tensor.js';
import type { Device, Fallback, ModelChange, StageTimings } from '../base/types.js';
import type { FilesRequest, GivenFiles } from '../model/given.js';
import type { InstalledModel } from '../model/library.js';
import type { CoreManifest, LabelSet, ModelDtype } from '../model/manifest-core.js';
import type { KeyQuestion } from '../model/protection/types.js';
import type { ModelRequest } from '../model/request.js';
import type { StoredFile } from '../model/store/store.js';
import type {
  CompleteRequest,
  Completion,
  TranslateRequest,
  Translation,
} from '../model/translation.js';

export type { ModelRequest } from '../model/request.js';

/** ONNX Runtime's builds. Each has its own worker script and its own `.wasm` file. */
export type EngineFlavour = 'wasm' | 'jspi' | 'asyncify';

/**
 * Packs of further tasks, by the kind of input that these take, and of services. Each is a file of its own, so that
 * whoever only classifies pictures does not load it.
 */
export type PackName =
  | 'image'
  | 'audio'
  | 'text'
  | 'table'
  | 'tensor'
  | 'search'
  | 'learn'
  | 'explain'
  | 'protect';

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
  /** Those of the engine's rest, where it comes in two parts. */
  restUrls: readonly string[];
  /** What a former worker loaded from there; `null` if there was none. */
  binary: EngineBinary | null;
  /** The worker holds this Web Lock as long as it lives: its release tells the page of its death. */
  lockName: string;
  /** Addresses of the packs of further tasks that are not part of the script already. */
  packs: readonly string[];
  /** A comlink endpoint that serves {@link PageApi}. */
  page: MessagePort;
}

export interface LoadRequest {
  requestId: number;
  model: ModelRequest;
  /** What the model is wanted for; `null` for whatever it is. */
  task: string | null;
  dtype: 'auto' | ModelDtype;
  /** What only the model's task understands. */
  settings: object;
  /** Other places of a file, by its address: tried in their order when that one fails. */
  mirrors: Readonly<Record<string, readonly string[]>>;
  /** Base address of the hub, with a slash at its end. */
  hubUrl: string;
  /**
   * The language of the labels in answers: a language tag that the model must have, or what a reader
   * prefers, in order. @default that of the model's own label file
   */
  lang?: string | readonly string[] | undefined;
  /** Milliseconds without a byte after which a download is tried again. */
  stallTimeout: number;
  /** Load it only from the store, from files, or from the browser's cache. */
  local: boolean;
  /** Take it only if it is signed by one of these keys, as base64. @default whoever made it */
  signedBy?: readonly string[] | undefined;
}

/** What became of a {@link LoadRequest}. */
export interface LoadedModel {
  /** Names the model in later requests to this worker: its load's `requestId`. */
  modelId: number;
  manifest: CoreManifest;
  /** One per class; empty where the model has none. */
  labels: readonly string[];
  /** The language of the labels in answers. */
  language: string;
  /** What the graph says of itself. */
  inputs: readonly TensorInfo[];
  outputs: readonly TensorInfo[];
  dtype: ModelDtype;
  /** What it computes in: `fp32` where its weights were widened. */
  computeDtype: ModelDtype;
  file: string;
  /** All files of the model together. */
  bytes: number;
  /** Where the bytes came from. */
  from: 'store' | 'network' | 'file';
  adapter: string | null;
  /** What was found at an earlier visit when this device was compared; `null` if it was not. */
  finding: Finding | null;
  /** Whether its author recorded what this file makes of some tensors. */
  hasSelfTest: boolean;
  /** What the task says of its preprocessing. */
  report: unknown;
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

/** Has a model run on a check input: as the reference, or to be compared with one. */
export interface ProbeRequest {
  requestId: number;
  modelId: number;
  /**
   * What the reference computed, or `self-test` for what the model's author recorded of this file;
   * `null` where there is nothing to compare with.
   */
  reference: readonly OutputDigest[] | 'self-test' | null;
  /** The weights' types here and at the reference. */
  dtypes: readonly ModelDtype[];
  /** Whether to run it a few times and say how long that takes. */
  isTimed: boolean;
}

/** What came of it. */
export interface Probe {
  /** Milliseconds that one run takes, as the median of a few; `null` where it was not timed. */
  time: number | null;
  outputs: readonly OutputDigest[];
  /** Where the outputs differ from the reference's, with both numbers; `null` where they do not. */
  difference: string | null;
}

/** One question to a model. */
export interface RunRequest {
  requestId: number;
  modelId: number;
  /** The task by which it is asked, one that takes any graph; `null` for the model's own. */
  task: string | null;
  /** What the page half of the task has made of the source. */
  payload: unknown;
  /** The options of the task, complete. */
  options: unknown;
  /** Milliseconds from now after which nobody waits for the answer. */
  timeLeft: number | null;
}

/** Its answer. */
export interface RunResult {
  /** As the model's task gives it. */
  answer: unknown;
  /** What preprocessed this request. */
  report: unknown;
  timings: Omit<StageTimings, 'capture' | 'total'>;
  /** What the task says of its preprocessing now, where that is not what it said at the load. */
  taskReport?: unknown;
  /** How many requests its run was for. */
  shared: number;
  /** How many requests the worker can use at a time. */
  wanted: number;
  /**
   * What did not work that became known after the load, such as keeping the model for the next visit.
   * @default nothing
   */
  late?: readonly Fallback[];
}

/** A question to a service of a pack. */
export interface AskRequest {
  service: string;
  request: unknown;
}

/** What the worker does for the page. */
export interface WorkerApi {
  start(request: StartRequest): Promise<Reply<null>>;
  load(request: LoadRequest): Promise<Reply<LoadedModel>>;
  run(request: RunRequest): Promise<Reply<RunResult>>;
  /** Runs a model on a check input, between other requests. */
  probe(request: ProbeRequest): Promise<Reply<Probe>>;
  /** Frees a model, or ends its load. Unknown ids are ignored. */
  unload(modelId: number): Promise<Reply<null>>;
  /** Has a question answered that needs no model. */
  ask(request: AskRequest): Promise<Reply<unknown>>;
  /** Loads all of the engine, and puts it into the store, for models that are not known yet. */
  completeEngine(request: null): Promise<Reply<null>>;
  survey(request: null): Promise<Reply<LibrarySurvey>>;
  /** Forgets models and deletes files. Answers the bytes freed. */
  evict(request: EvictRequest): Promise<Reply<number>>;
  /** Loads the newest version of a model, tests it, and makes it the current one. */
  update(request: LoadRequest): Promise<Reply<ModelChange>>;
  rollback(source: string): Promise<Reply<ModelChange>>;
  /** Drops a load or a run; its own call then rejects. Unknown ids are ignored. */
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
  /** The manifest of a model that comes with tabserve; `null` where there is none of that name. */
  embedded(name: string): Promise<Reply<CoreManifest | null>>;
  /** Looks through files that were given together. */
  given(request: FilesRequest, task: string | null): Promise<Reply<GivenFiles>>;
  /**
   * Describes a model in another than tabserve's own form. The code for that is large and rarely
   * wanted, and a page can load code on demand, which a worker from a blob cannot everywhere.
   */
  translate(request: TranslateRequest): Promise<Reply<Translation>>;
  /** A manifest is on its way: the code that checks it can be loaded meanwhile. */
  expectManifest(): void;
  /** Checks a manifest of somebody else's. The code for that is the page's too. */
  validate(value: unknown, where: string): Promise<Reply<CoreManifest>>;
  /** Fills in what a translation left to the graph. */
  complete(request: CompleteRequest): Promise<Reply<Completion>>;
  /** Reads a label file. */
  labels(bytes: Uint8Array, where: string): Promise<Reply<LabelSet>>;
  /** A better error for a model that the engine refused, by the file's first bytes. */
  explain(error: ErrorRecord, start: Uint8Array): Promise<Reply<never>>;
  /** The key of an encrypted model, for a load under way. */
  decryptionKey(requestId: number, question: KeyQuestion): Promise<Reply<CryptoKey>>;
  /** The GPU device is gone, and with it everything that this worker could do. */
  deviceLost(reason: string): void;
}
