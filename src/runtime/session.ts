/** A model in the engine: created, checked against its manifest, run and released. */
import type * as Ort from 'onnxruntime-web';
import { messageOf, TabserveError } from '../base/errors.js';
import type { Feeds, GpuTensor } from '../base/gpu-tensor.js';
import type { Tensor, TensorInfo, Tensors, TensorType } from '../base/tensor.js';
import type { Fallback } from '../base/types.js';
import { refuseMarkup } from '../model/download.js';
import { type Backend, isOutOfMemory } from './backend.js';
import { cureModel } from './cures/cures.js';
import { GraphCapture, type RecordedRun } from './graph-capture.js';
import { widenHalves } from './widen.js';
import { widenIntegers } from './widen-weights.js';

/** The bytes of a model. */
export interface GraphFiles {
  bytes: Uint8Array;
  /** Files that hold weights outside of the graph, by the paths that the graph gives them. */
  external: readonly { path: string; data: Uint8Array }[];
  /** That nothing but the weights is in half precision, whatever the device. @default false */
  weightsOnly?: boolean | undefined;
  /** Outputs that the graph was given besides its own, by name: they are not told of. @default none */
  hidden?: readonly string[];
}

/**
 * One model, ready to run.
 *
 * Not safe for concurrent use: ONNX Runtime wants one call at a time per worker (see SerialQueue).
 */
export class ModelSession {
  /** What the graph says of itself; values that are no tensors have the type `map`. */
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** What was rewritten in the graph, because the engine computes it wrongly. */
  readonly fallbacks: readonly Fallback[];
  /** Whether weights of fewer bits were turned into float32, in which the model then computes. */
  readonly isWidened: boolean;
  readonly #backend: Backend;
  readonly #session: Ort.InferenceSession;
  readonly #where: string;
  /** What a recorded run is made of, until that was tried; `null` where it is not worth trying. */
  #recordable: RecordableGraph | null;
  #recorded: RecordedRun | null = null;
  /** Why recorded runs were given up. */
  #unrecorded: Fallback | null = null;
  #isWarm = false;
  #isReleased = false;

  private constructor(
    backend: Backend,
    session: Ort.InferenceSession,
    where: string,
    fallbacks: readonly Fallback[],
    isWidened: boolean,
    hidden: readonly string[],
    recordable: RecordableGraph | null,
  ) {
    this.#recordable = recordable;
    this.#backend = backend;
    this.#session = session;
    this.#where = where;
    this.fallbacks = fallbacks;
    this.isWidened = isWidened;
    this.inputs = tensorsOf(session.inputMetadata);
    this.outputs = tensorsOf(session.outputMetadata).filter(({ name }) => !hidden.includes(name));
  }

  /**
   * @param files - The `.onnx` file, and the files of external data that it names.
   * @param where - What messages call the file.
   * @throws TabserveError `model-invalid` when the bytes are no model or use operators the engine
   *   lacks; `out-of-memory`; `unsupported` when the engine is known to compute it wrongly on this
   *   device.
   */
  static async create(
    backend: Backend,
    { bytes, external, weightsOnly = false, hidden = [] }: GraphFiles,
    where: string,
  ): Promise<ModelSession> {
    refuseMarkup(bytes, where);
    const wide = widenIntegers(bytes);
    const isGpu = __ENGINE_HAS_GPU__ && backend.abilities.device === 'webgpu';
    const single = isGpu && !weightsOnly ? wide : widenHalves(wide);
    const { graph, fallbacks } = isGpu
      ? curedForGpu(single, where)
      : { graph: single, fallbacks: [] };
    try {
      const session = await backend.ort.InferenceSession.create(graph, {
        executionProviders: backend.executionProviders,
        ...(external.length > 0 && { externalData: [...external] }),
      });
      const isWidened = single !== bytes;
      const recordable = isGpu ? recordableOf(backend, graph, external) : null;
      return new ModelSession(backend, session, where, fallbacks, isWidened, hidden, recordable);
    } catch (cause) {
      throw createError(cause, bytes, where);
    }
  }

  /**
   * Runs the network once.
   *
   * @param feeds - A tensor for each input. A tensor on the GPU must be on the device of this
   *   backend.
   * @param outputs - The outputs to compute, by name.
   * @throws TabserveError `model-invalid`, `out-of-memory`, `device-lost`.
   */
  async run(feeds: Feeds, outputs: readonly string[]): Promise<Tensors> {
    this.#isWarm = true;
    if (__ENGINE_HAS_GPU__ && this.#recorded?.fits(feeds, outputs)) {
      try {
        return await this.#recorded.run(feeds);
      } catch (cause) {
        await this.#giveUpRecorded(cause);
      }
    }
    const inputs = mapped(feeds, (tensor) => this.#tensor(tensor));
    let results: Ort.InferenceSession.ReturnType;
    try {
      results = await this.#session.run(inputs, [...outputs]);
    } catch (cause) {
      throw runError(cause, this.#where);
    }
    return mapped(results, tensorOf);
  }

  /**
   * Runs the network once, if it has not run: the engine allocates, the browser compiles the code
   * that is used, and WebGPU its shaders.
   *
   * @param sample - Gives the feeds.
   */
  async warmUp(sample: () => Feeds, outputs: readonly string[]): Promise<void> {
    if (!this.#isWarm && !this.#isReleased) await this.run(sample(), outputs);
  }

  /** Whether a recorded run can be tried. */
  get isRecordable(): boolean {
    return this.#recordable !== null;
  }

  /** Why runs that were recorded are ordinary ones again; `null` where that has not happened. */
  get unrecorded(): Fallback | null {
    return this.#unrecorded;
  }

  /**
   * Records a run, in a session of its own.
   *
   * @throws Error where the engine cannot.
   */
  async record(sample: Feeds, outputs: readonly string[]): Promise<GraphCapture> {
    const graph = this.#recordable;
    if (!__ENGINE_HAS_GPU__ || !graph || this.#isReleased)
      throw new Error('Nothing is recordable.');
    return GraphCapture.create(this.#backend, graph, this.inputs, sample, outputs);
  }

  /** Runs recorded from now on where that fits; with `null`, never. */
  adopt(recorded: RecordedRun | null): void {
    this.#recordable = null;
    if (this.#isReleased) void recorded?.release().catch(() => undefined);
    else this.#recorded = recorded;
  }

  /** Frees the session's memory in the engine. */
  async release(): Promise<void> {
    this.#isReleased = true;
    this.#recordable = null;
    const recorded = this.#recorded;
    this.#recorded = null;
    await Promise.all([recorded?.release(), this.#session.release()]);
  }

  async #giveUpRecorded(cause: unknown): Promise<void> {
    const recorded = this.#recorded;
    this.#recorded = null;
    const reason = `a recorded run failed: ${messageOf(cause)}`;
    this.#unrecorded = { from: 'recorded GPU commands', to: 'ordinary runs', reason };
    await recorded?.release().catch(() => undefined);
  }

  #tensor(tensor: Tensor | GpuTensor): Ort.Tensor {
    const { Tensor } = this.#backend.ort;
    const { type, dims } = tensor;
    if (__ENGINE_HAS_GPU__ && 'gpuBuffer' in tensor) {
      const { gpuBuffer } = tensor;
      checkSize(gpuBuffer, dims, bytesPerElement[tensor.type]);
      return Tensor.fromGpuBuffer(gpuBuffer, { dataType: tensor.type, dims });
    }
    // The engine's types know one type of data for each type of tensor, as ours do not.
    return new Tensor(type as 'float32', (tensor as Tensor).data as Float32Array, dims);
  }
}

/** A graph as the engine was given it. */
interface RecordableGraph {
  bytes: Uint8Array;
  external: GraphFiles['external'];
}

/** Most bytes of a model that is held, and put onto the GPU once more, to be recorded. */
const mostRecordable = 2 ** 27;

/** `null` for what a software adapter computes, where nothing is gained, and for large models. */
function recordableOf(
  { gpu }: Backend,
  bytes: Uint8Array,
  external: GraphFiles['external'],
): RecordableGraph | null {
  const size = external.reduce((sum, { data }) => sum + data.length, bytes.length);
  return !gpu || gpu.isSoftware || size > mostRecordable ? null : { bytes, external };
}

/** The model as WebGPU computes it rightly. */
function curedForGpu(bytes: Uint8Array, where: string) {
  const { model, applied, unsolved } = cureModel(bytes);
  if (unsolved.length > 0) {
    throw new TabserveError(
      'unsupported',
      `${where} is not run on WebGPU: ${unsolved.join('; ')}. Use device "wasm", or "auto".`,
      { details: { model: where } },
    );
  }
  const fallbacks = applied.map(({ fault, nodes, done }) => ({
    from: `${nodes} of the model's nodes`,
    to: 'the same in another form',
    reason: `the engine ${fault}: ${done}`,
  }));
  return { graph: model, fallbacks };
}

/** Whether this script's build of the engine computes on a GPU. The build puts it in. */
declare const __ENGINE_HAS_GPU__: boolean;

const bytesPerElement: Readonly<Record<GpuTensor['type'], number>> = {
  float32: 4,
  float16: 2,
  int32: 4,
  int64: 8,
  uint32: 4,
  uint8: 1,
  bool: 1,
};

/** The engine would read past the end of a buffer that is too small, and find zeros. */
function checkSize({ size }: GPUBuffer, dims: readonly number[], perElement: number): void {
  const bytes = dims.reduce((product, each) => product * each, perElement);
  if (size >= bytes) return;
  throw new TabserveError('internal', `The input has ${bytes} bytes, its buffer ${size}.`);
}

function mapped<From, To>(
  record: Readonly<Record<string, From>>,
  to: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value)]));
}

function tensorOf({ type, dims, data }: Ort.Tensor): Tensor {
  // Browsers that have a Float16Array are given one; tasks know the bits.
  const isHalves = type === 'float16' && !(data instanceof Uint16Array);
  const view = data as unknown as Uint8Array;
  return {
    type: type as TensorType,
    dims,
    data: isHalves
      ? new Uint16Array(view.buffer, view.byteOffset, view.length)
      : (data as Tensor['data']),
  };
}

/**
 * A size as a graph gives it: what has neither number nor name comes from the engine as 4294967295,
 * what was written as −1 too.
 */
function knownSize(size: number | string): number | string {
  return typeof size === 'number' && !(size >= 0 && size < 2 ** 31) ? '?' : size;
}

/** Plain data, as it crosses to the page. */
function tensorsOf(metadata: readonly Ort.InferenceSession.ValueMetadata[]): TensorInfo[] {
  return metadata.map((value) =>
    value.isTensor
      ? { name: value.name, type: value.type, shape: value.shape.map(knownSize) }
      : { name: value.name, type: 'map', shape: [] },
  );
}

function createError(cause: unknown, bytes: Uint8Array, where: string): TabserveError {
  const message = messageOf(cause);
  if (isTrap(cause)) return trapped(cause, where);
  if (isOutOfMemory(message)) {
    return new TabserveError(
      'out-of-memory',
      `There is not enough memory for ${where} (${bytes.length} bytes): ${message}`,
      { cause },
    );
  }
  const firstBytes = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0'));
  return new TabserveError(
    'model-invalid',
    `${where} cannot be used as a model: ${message} (${bytes.length} bytes, beginning with ${firstBytes.join(' ')}). If the file is damaged, fetch it again; a sha256 in the manifest would tell.`,
    { cause, details: { model: where, bytes: bytes.length, firstBytes: firstBytes.join(' ') } },
  );
}

function runError(cause: unknown, model: string): TabserveError {
  const message = messageOf(cause);
  if (isTrap(cause)) return trapped(cause, model);
  if (/device was lost|device is lost|DeviceLost/i.test(message)) {
    return new TabserveError('device-lost', `The GPU was lost during a run: ${message}`, { cause });
  }
  if (isOutOfMemory(message)) {
    return new TabserveError(
      'out-of-memory',
      `There is not enough memory to run "${model}": ${message}`,
      { cause },
    );
  }
  return new TabserveError('model-invalid', `The model "${model}" failed: ${message}`, { cause });
}

/** Whether WebAssembly stopped in the middle of its work, which leaves the engine unusable. */
function isTrap(cause: unknown): boolean {
  return cause instanceof WebAssembly.RuntimeError;
}

function trapped(cause: unknown, model: string): TabserveError {
  return new TabserveError(
    'worker-crashed',
    `The engine failed while it ran "${model}": ${messageOf(cause)}`,
    { cause },
  );
}
