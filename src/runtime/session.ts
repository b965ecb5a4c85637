/** A model in the engine: created, checked against its manifest, run and released. */
import type * as Ort from 'onnxruntime-web';
import { messageOf, TabserveError } from '../base/errors.js';
import { float16Bits, float16Value } from '../input/image/float16.js';
import type { TensorData } from '../input/image/tensor.js';
import { refuseMarkup } from '../model/download.js';
import { fitGraph, type GraphFit, knownSize } from '../model/fit.js';
import { refusePointer } from '../model/label-file.js';
import type { ModelManifest } from '../model/manifest.js';
import type { TensorInfo } from '../model/translation.js';
import { type Backend, isOutOfMemory } from './backend.js';
import { createError, isTrap, trapped } from './engine-errors.js';
import { widenHalves } from './widen.js';

/** The bytes of a model. */
export interface GraphFiles {
  bytes: Uint8Array;
  /** Files that hold weights outside of the graph, by the paths that the graph gives them. */
  external: readonly { path: string; data: Uint8Array }[];
}

/**
 * One model, ready to run.
 *
 * Not safe for concurrent use: ONNX Runtime wants one call at a time per worker (see SerialQueue).
 */
export class ModelSession {
  readonly #backend: Backend;
  readonly #session: Ort.InferenceSession;
  readonly #manifest: ModelManifest;
  readonly #fit: GraphFit;
  readonly #constants: Readonly<Record<string, Ort.Tensor>>;
  #isWarm = false;
  #isReleased = false;

  /** The model's description, complete. */
  get manifest(): ModelManifest {
    return this.#manifest;
  }

  private constructor(
    backend: Backend,
    session: Ort.InferenceSession,
    manifest: ModelManifest,
    fit: GraphFit,
  ) {
    this.#backend = backend;
    this.#session = session;
    this.#manifest = manifest;
    this.#fit = fit;
    this.#constants = Object.fromEntries(
      fit.constants.map((each) => [each.name, constantTensor(backend, each, manifest.name)]),
    );
  }

  /** How one picture is fed. */
  get fit(): GraphFit {
    return this.#fit;
  }

  /**
   * @param files - The `.onnx` file, and the files of external data that it names.
   * @param complete - The manifest, given what the graph says of itself.
   * @param where - What messages call the file.
   * @throws TabserveError `model-invalid` when the bytes are no model, use operators the engine
   *   lacks, or do not fit the manifest; `out-of-memory`.
   */
  static async create(
    backend: Backend,
    { bytes, external }: GraphFiles,
    complete: (inputs: TensorInfo[], outputs: TensorInfo[]) => Promise<ModelManifest>,
    where: string,
  ): Promise<ModelSession> {
    refuseMarkup(bytes, where);
    refusePointer(new TextDecoder().decode(bytes.subarray(0, 64)), where);
    const graph = backend.abilities.device === 'wasm' ? widenHalves(bytes) : bytes;
    let session: Ort.InferenceSession;
    try {
      session = await backend.ort.InferenceSession.create(graph, {
        executionProviders: backend.executionProviders,
        ...(external.length > 0 && { externalData: [...external] }),
      });
    } catch (cause) {
      throw createError(cause, bytes, where);
    }
    try {
      const inputs = tensorsOf(session.inputMetadata);
      const outputs = tensorsOf(session.outputMetadata);
      const manifest = await complete(inputs, outputs);
      const fit = fitGraph(inputs, outputs, manifest, where);
      return new ModelSession(backend, session, manifest, fit);
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  /**
   * Runs the network on one image.
   *
   * @param data - `width × height × channels` elements, or a tensor of them that is where the
   *   session runs.
   * @returns One number per class.
   * @throws TabserveError `model-invalid`, `out-of-memory`, `device-lost`.
   */
  async run(data: TensorData | Ort.Tensor): Promise<ArrayLike<number>> {
    this.#isWarm = true;
    const { input, output } = this.#manifest;
    const { dims, batch } = this.#fit;
    const feed = ArrayBuffer.isView(data)
      ? new this.#backend.ort.Tensor(input.dtype, elementsOf(data, batch, input.dtype), dims)
      : data;
    let results: Ort.InferenceSession.ReturnType;
    try {
      results = await this.#session.run({ ...this.#constants, [input.name]: feed }, [output.name]);
    } catch (cause) {
      throw runError(cause, this.#manifest.name);
    }
    const result = results[output.name];
    if (!result) throw new TabserveError('internal', `The engine gave no "${output.name}".`);
    const numbers = toNumbers(result);
    const own = batch > 1 ? Array.from(numbers).slice(0, numbers.length / batch) : numbers;
    const { scale, zeroPoint = 0 } = output;
    return scale === undefined ? own : Array.from(own, (each) => (each - zeroPoint) * scale);
  }

  /**
   * Runs the network once, if it has not run: the engine allocates, the browser compiles the code
   * that is used, and WebGPU its shaders.
   *
   * @param zeros - Gives the input of {@link run}.
   */
  async warmUp(zeros: () => TensorData): Promise<void> {
    if (!this.#isWarm && !this.#isReleased) await this.run(zeros());
  }

  /** Frees the session's memory in the engine. */
  async release(): Promise<void> {
    this.#isReleased = true;
    await this.#session.release();
  }
}

/** Plain data, as it crosses to the page. */
function tensorsOf(metadata: readonly Ort.InferenceSession.ValueMetadata[]): TensorInfo[] {
  return metadata.map((value) =>
    value.isTensor
      ? { name: value.name, type: value.type, shape: value.shape.map(knownSize) }
      : { name: value.name, type: 'map', shape: [] },
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

/**
 * The same picture as often as a fixed batch wants (the answers of the first are taken), as the engine
 * takes it.
 */
function elementsOf(
  data: TensorData,
  batch: number,
  dtype: ModelManifest['input']['dtype'],
): Float32Array {
  let all = data;
  if (batch > 1) {
    all = new (data.constructor as new (length: number) => TensorData)(data.length * batch);
    for (let index = 0; index < batch; index++) all.set(data, index * data.length);
  }
  // The constructor of tensors wants each type's own array, which only this place knows.
  return (dtype === 'int64' ? BigInt64Array.from(all, BigInt) : all) as Float32Array;
}

function constantTensor(
  { ort }: Backend,
  { name, type, dims, value }: GraphFit['constants'][number],
  model: string,
): Ort.Tensor {
  const length = dims.reduce((product, size) => product * size, 1);
  const values = typeof value === 'number' ? undefined : value;
  if (length > mostConstants || (values && values.length !== length)) {
    throw new TabserveError(
      'model-invalid',
      `"constants" of "${model}" gives ${values?.length ?? 1} numbers for "${name}", which takes ${length}.`,
      { details: { model, input: name } },
    );
  }
  const numbers = values ?? Array.from({ length }, () => value as number);
  switch (type) {
    case 'int64':
    case 'uint64':
      return new ort.Tensor(
        type,
        numbers.map((each) => BigInt(Math.round(each))),
        dims,
      );
    case 'float16':
      return new ort.Tensor(type, Uint16Array.from(numbers, float16Bits), dims);
    case 'bool':
      return new ort.Tensor(type, numbers.map(Boolean), dims);
    default:
      return new ort.Tensor(type as 'float32', numbers, dims);
  }
}

/** Most elements of a constant input. */
const mostConstants = 2 ** 24;

function toNumbers(tensor: Ort.Tensor): ArrayLike<number> {
  const { data } = tensor;
  if (tensor.type === 'float16' && data instanceof Uint16Array)
    return Array.from(data, float16Value);
  if (data instanceof Float32Array || data instanceof Float64Array || data instanceof Uint8Array) {
    return data;
  }
  return Array.from(data as ArrayLike<number | bigint>, Number);
}
