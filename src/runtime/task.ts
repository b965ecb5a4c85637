/**
 * The worker half of a task: what turns a request into named tensors, and the model's outputs into
 * an answer. The runtime says here what it runs. It imports no task: the worker's entry passes them
 * in.
 *
 * A task's worker half is `src/tasks/<task>/worker.ts`. It imports this file for its types only.
 */

import type { Feeds } from '../base/gpu-tensor.js';
import type { Check } from '../base/shape.js';
import type { TensorInfo, Tensors } from '../base/tensor.js';
import type { CoreManifest, LabelSet } from '../model/manifest-core.js';

/** Where the time of a request goes, as `StageTimings` names it. `queue` is the runtime's. */
export type TaskStage = 'decode' | 'preprocess';

/**
 * One kind of question that models answer.
 *
 * @typeParam Manifest - What `model.json` says, already checked by the task's schema on the page.
 * @typeParam Payload - What the task's page half sends.
 * @typeParam Options - The options of one request: plain and cloneable, with defaults filled in.
 * @typeParam Answer - What goes back to the page: plain and cloneable.
 * @typeParam Settings - The options of the load that only this task understands, such as `maxPixels`.
 */
export interface WorkerTask<
  Manifest extends CoreManifest = CoreManifest,
  Payload = unknown,
  Options = unknown,
  Answer = unknown,
  Settings = unknown,
> {
  /** As in `model.json` and in the page half. */
  readonly name: string;
  /** Whether a model of any other task can be asked by it too. @default false */
  readonly takesAny?: true;
  /** What a message may look like. Whatever does not pass never reaches the task. */
  readonly checks: { readonly payload: Check; readonly options: Check; readonly settings: Check };
  /**
   * Its own manifest out of one of another task, where that says enough: a classifier's may name an
   * embedding. `undefined` where it does not.
   * @default only manifests of this task are taken
   */
  adopt?(manifest: CoreManifest): Manifest | undefined;
  /** Begins what takes a while and needs no model. Is called while the model's files come. @default nothing */
  begin?(): void;
  /**
   * The graph as the engine can run it, where it has parts whose answers the engine cannot hand out.
   * @default as it is
   */
  rewrite?(model: Uint8Array): Uint8Array;
  /**
   * Looks at the graph of every model that is loaded, whatever that is for. Only where
   * {@link takesAny}.
   *
   * @returns What it keeps until the model is asked by this task; and values of the graph that it will
   *   read besides the graph's own outputs, which nobody else sees.
   */
  study?(model: Uint8Array): { readonly known: unknown; readonly values: readonly string[] };
  /**
   * Opens the task for a model whose session was created. Nothing is run yet.
   *
   * @throws TabserveError `model-invalid` where the graph does not fit the manifest.
   */
  open(
    model: TaskModel<Manifest>,
    settings: Settings,
    services: TaskServices,
  ): OpenedTask<Payload, Options, Answer> | Promise<OpenedTask<Payload, Options, Answer>>;
  /**
   * Frees a payload that nobody will prepare.
   *
   * @param own - The model's own task, where this one takes any.
   * @default it needs no freeing
   */
  discard?(payload: Payload, own?: WorkerTask): void;
  /** What of an answer is handed over to the page rather than copied. @default nothing */
  transfer?(answer: Answer): Transferable[];
}

/** A model, as its task sees it. */
export interface TaskModel<Manifest extends CoreManifest = CoreManifest> {
  readonly manifest: Manifest;
  /** One per class, in the order of the output; empty where the model has none. */
  readonly labels: readonly string[];
  /** What answers call the classes, in the language that was asked for. @default their labels */
  readonly shown?: LabelSet | undefined;
  /** What the graph says of itself. */
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** The manifest's `assets`, such as `tokenizer.json`, by the names that it gives them. */
  readonly assets: Readonly<Record<string, Uint8Array>>;
  /** What messages call the model's file. */
  readonly where: string;
  /** The model as its own task has it, for a task that takes any. */
  readonly own?: { readonly task: WorkerTask; readonly opened: OpenedTask } | undefined;
  /** What {@link WorkerTask.study} has kept of its graph. */
  readonly known?: unknown;
}

/** What the worker offers to a task. */
export interface TaskServices {
  /** The device that runs the model; `null` on WASM. */
  readonly gpu: { readonly device: GPUDevice; readonly isSoftware: boolean } | null;
  /**
   * Turns an SVG into pixels, which only a page can.
   *
   * @throws TabserveError `image-undecodable`, `image-too-large`.
   */
  rasteriseSvg(svg: Blob, options: { maxPixels: number }): Promise<ImageBitmap>;
}

/** A task with one model. */
export interface OpenedTask<Payload = unknown, Options = unknown, Answer = unknown> {
  /** The graph's outputs that are read, by name. */
  readonly outputs: readonly string[];
  /**
   * What is known about preprocessing, for `info`; another object when that has changed. Plain and
   * cloneable.
   */
  readonly report?: unknown;
  /**
   * Some valid input, zeros where that will do, of the size of a usual request: to warm up, to
   * measure, and to compare devices.
   */
  sample(): Feeds;
  /**
   * Turns a payload into what the network takes. Several may be under way at a time.
   *
   * The payload belongs to this call: it is freed here or by {@link PreparedRequest.close}, whatever
   * happens.
   *
   * @param context - `signal` ends it: the promise then rejects with its reason. `lap` says that the
   *   time since the last call went to a stage.
   * @throws TabserveError for a payload or options that cannot be used.
   */
  prepare(
    payload: Payload,
    options: Options,
    context: { readonly signal: AbortSignal; lap(stage: TaskStage): void },
  ): Promise<PreparedRequest<Answer>>;
  /**
   * Tries what the manifest says that the model must get right, before an update is switched to.
   *
   * @param read - Reads a file by the address that the manifest gives it.
   * @param ask - Answers one request.
   * @throws TabserveError `model-invalid`, saying what was wrong.
   */
  selfTest?(
    read: (url: string) => Promise<Blob>,
    ask: (payload: Payload, options: Options) => Promise<Answer>,
  ): Promise<void>;
  /** Frees what it holds. No call afterwards. */
  close?(): void;
}

/** A request on its way into the network. It closes over what {@link interpret} has to know. */
export interface PreparedRequest<Answer = unknown> {
  /**
   * The network's inputs. Is called once, when the engine is this request's alone, so that requests
   * may share memory: what it returns is used up before another request's `feeds` is called.
   */
  feeds(): Feeds | Promise<Feeds>;
  /**
   * Is called after the run, whether that failed or not: other inputs to run instead, where the
   * first turn out to have been wrong, such as after an error of the GPU that wrote them.
   * @default they were right
   */
  amend?(): Promise<Feeds | undefined>;
  /**
   * Is told what the request took, for those who choose by that.
   *
   * @param milliseconds - From the beginning of its preparation to its outputs, without the waiting. Of a run for
   *   several requests, its share.
   */
  took?(milliseconds: number): void;
  /**
   * The answer.
   *
   * @param outputs - Those that {@link OpenedTask.outputs} names. Their data may be kept.
   * @throws TabserveError `model-invalid` where they make no sense, such as NaN.
   */
  interpret(outputs: Tensors): Answer | Promise<Answer>;
  /** The values that are read, where they are others than {@link OpenedTask.outputs}. */
  readonly outputs?: readonly string[] | undefined;
  /** What preprocessed the request, for its report. Is read after the run. Plain and cloneable. */
  readonly report?: unknown;
  /**
   * Where the parts of the network's input come from: of a picture its geometry, of a text its tokens.
   * Plain and cloneable.
   */
  origin?(): unknown;
  /** Frees what it holds. Is called once, whatever happened. */
  close?(): void;
}
