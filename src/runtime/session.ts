/** A model in the engine: created, checked against its manifest, run and released. */
import type * as Ort from 'onnxruntime-web';
import { messageOf, TabserveError } from '../errors.js';
import { float16Value } from '../image/float16.js';
import type { TensorData } from '../image/tensor.js';
import { refuseMarkup } from '../model/download.js';
import type { ModelInput, ModelManifest } from '../model/manifest.js';
import type { TensorInfo } from '../model/translation.js';
import { type Backend, isOutOfMemory } from './backend.js';
import { widenHalves } from './widen.js';
import { widenIntegers } from './widen-weights.js';

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
  #isWarm = false;
  #isReleased = false;

  /** The model's description, complete. */
  get manifest(): ModelManifest {
    return this.#manifest;
  }

  private constructor(backend: Backend, session: Ort.InferenceSession, manifest: ModelManifest) {
    this.#backend = backend;
    this.#session = session;
    this.#manifest = manifest;
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
    const wide = widenIntegers(bytes);
    const graph = backend.abilities.device === 'wasm' ? widenHalves(wide) : wide;
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
      const manifest = await complete(
        tensorsOf(session.inputMetadata),
        tensorsOf(session.outputMetadata),
      );
      checkMetadata(session, manifest, where);
      return new ModelSession(backend, session, manifest);
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
    const feed = ArrayBuffer.isView(data)
      ? new this.#backend.ort.Tensor(input.dtype, data, inputDimensions(input))
      : data;
    let results: Ort.InferenceSession.ReturnType;
    try {
      results = await this.#session.run({ [input.name]: feed }, [output.name]);
    } catch (cause) {
      throw runError(cause, this.#manifest.name);
    }
    const result = results[output.name];
    if (!result) throw new TabserveError('internal', `The engine gave no "${output.name}".`);
    return toNumbers(result);
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

/** The input tensor's shape, for one picture. */
export function inputDimensions({ layout, width, height, channels }: ModelInput): number[] {
  return layout === 'NCHW' ? [1, channels, height, width] : [1, height, width, channels];
}

function checkMetadata(
  session: Ort.InferenceSession,
  manifest: ModelManifest,
  where: string,
): void {
  const input = find(session.inputMetadata, manifest.input.name, 'input.name', where);
  if (input.type !== manifest.input.dtype) {
    throw misfit(where, 'input.dtype', manifest.input.dtype, input.type);
  }
  const wanted = inputDimensions(manifest.input);
  const fits =
    input.shape.length === wanted.length &&
    input.shape.every((size, axis) => typeof size === 'string' || size === wanted[axis]);
  if (!fits) {
    throw misfit(where, 'input', `[${wanted.join(', ')}]`, `[${input.shape.join(', ')}]`);
  }
  const output = find(session.outputMetadata, manifest.output.name, 'output.name', where);
  const classes = output.shape.at(-1);
  const { labels } = manifest;
  if (typeof classes === 'number' && Array.isArray(labels) && classes !== labels.length) {
    throw misfit(where, 'labels', `${labels.length} labels`, `${classes} classes`);
  }
}

/** Plain data, as it crosses to the page. */
function tensorsOf(metadata: readonly Ort.InferenceSession.ValueMetadata[]): TensorInfo[] {
  return metadata
    .filter((value) => value.isTensor)
    .map(({ name, type, shape }) => ({ name, type, shape: [...shape] }));
}

type TensorMetadata = Extract<Ort.InferenceSession.ValueMetadata, { isTensor: true }>;

function find(
  metadata: readonly Ort.InferenceSession.ValueMetadata[],
  name: string,
  field: string,
  where: string,
): TensorMetadata {
  const found = metadata.find((value) => value.name === name);
  if (found?.isTensor) return found;
  throw misfit(where, field, `"${name}"`, metadata.map((value) => `"${value.name}"`).join(', '));
}

function misfit(where: string, field: string, manifest: string, model: string): TabserveError {
  return new TabserveError(
    'model-invalid',
    `${where} does not fit its manifest: "${field}" says ${manifest}, the model has ${model}.`,
    { details: { model: where, field, manifest, found: model } },
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
    `The engine broke down over "${model}": ${messageOf(cause)}`,
    { cause },
  );
}

function toNumbers(tensor: Ort.Tensor): ArrayLike<number> {
  const { data } = tensor;
  if (tensor.type === 'float16' && data instanceof Uint16Array)
    return Array.from(data, float16Value);
  if (data instanceof Float32Array || data instanceof Float64Array || data instanceof Uint8Array) {
    return data;
  }
  return Array.from(data as ArrayLike<number | bigint>, Number);
}
