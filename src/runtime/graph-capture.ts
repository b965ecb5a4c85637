/**
 * Runs whose GPU commands are recorded once and played again.
 *
 * A run of a small network keeps the processor busy longer than the GPU: each node is prepared anew. The
 * engine's graph capture spares that, for graphs whose nodes are all on the GPU and whose sizes are fixed. It
 * wants a session of its own, and inputs and outputs that stay in the same buffers. Whether the engine
 * takes a model, whether it answers as before, and whether that is faster here, is tried before any request
 * runs that way.
 */
import type * as Ort from 'onnxruntime-web';
import type { Feeds, GpuTensor } from '../base/gpu-tensor.js';
import { arrayClasses, type Tensor, type TensorInfo, type Tensors } from '../base/tensor.js';
import type { Fallback } from '../base/types.js';
import type { ModelDtype } from '../model/manifest-core.js';
import type { Backend } from './backend.js';
import type { BatchEngine } from './batches.js';
import { checkInput } from './check-input.js';
import { compareOutputs, digestOf, tolerances } from './compare.js';
import type { OpenedTask } from './task.js';

/** What a recorded run takes at most of the time of an ordinary one to be worth its memory. */
const worthwhile = 0.9;

/** Different inputs that are compared, and at the end the first again. */
const inputs = 3;

/** Runs of each kind that are timed. */
const timedRuns = 5;

/** Milliseconds after the first answer until it is tried: what begins with that is not disturbed. */
const settled = 2_000;

/** A model that can also run recorded. */
export interface CaptureModel {
  readonly session: {
    run(feeds: Feeds, outputs: readonly string[]): Promise<Tensors>;
    /** Records a run; rejects where the engine cannot. */
    record(sample: Feeds, outputs: readonly string[]): Promise<RecordedRun>;
    /** Runs recorded from now on where it can. `null`: gives up what recording would need. */
    adopt(recorded: RecordedRun | null): void;
  };
  readonly opened: Pick<OpenedTask, 'outputs' | 'sample'>;
  readonly dtype: ModelDtype;
}

/** What is asked of the engine. */
export interface CaptureEngine extends BatchEngine {
  later(task: () => Promise<void>): void;
}

/** A run that can be played again. */
export type RecordedRun = Pick<GraphCapture, 'fits' | 'run' | 'release'>;

/** Finds out whether a model should run recorded. */
export class CaptureTrial {
  /** Why it does not, where its answers were others. */
  reason: Fallback | null = null;
  readonly #engine: CaptureEngine;
  readonly #model: CaptureModel;
  #isBegun = false;

  constructor(engine: CaptureEngine, model: CaptureModel) {
    this.#engine = engine;
    this.#model = model;
  }

  /** An answer is out. Some time after the first it is tried, when nobody waits. */
  answered(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    // Only for the moment: the trial leaves the engine to others between its runs.
    setTimeout(() => this.#engine.later(async () => void this.#tryOut()), settled);
  }

  async #tryOut(): Promise<void> {
    const { session, opened } = this.#model;
    const sample = opened.sample();
    let recorded: RecordedRun | undefined;
    try {
      recorded = await this.#engine.exclusive(() => session.record(sample, opened.outputs));
      const made = recorded;
      if (await this.#isBetter(made, sample)) {
        await this.#engine.exclusive(async () => session.adopt(made));
        return;
      }
    } catch {
      // The engine does not take this model that way, which is nothing to tell.
    }
    session.adopt(null);
    const unused = recorded;
    if (unused) await this.#engine.exclusive(() => unused.release()).catch(() => undefined);
  }

  async #isBetter(recorded: RecordedRun, sample: Feeds): Promise<boolean> {
    const { session, opened, dtype } = this.#model;
    const asked = Array.from({ length: inputs }, (_, index) => checkInput(sample, index + 1));
    const ordinary = (feeds: Feeds) => this.#timed(() => session.run(feeds, opened.outputs));
    const again = (feeds: Feeds) => this.#timed(() => recorded.run(feeds));
    // The first at the end once more: what was left of another run would show.
    for (const feeds of [...asked, ...asked.slice(0, 1)]) {
      const expected = digestOf((await ordinary(feeds)).outputs);
      const difference = compareOutputs(
        expected,
        digestOf((await again(feeds)).outputs),
        tolerances[dtype],
      );
      if (!difference) continue;
      this.reason = {
        from: 'recorded GPU commands',
        to: 'ordinary runs',
        reason: `recorded runs give other answers than ordinary ones: ${difference.message}`,
      };
      return false;
    }
    const best = { ordinary: Number.POSITIVE_INFINITY, again: Number.POSITIVE_INFINITY };
    for (let round = 0; round < timedRuns; round++) {
      best.ordinary = Math.min(best.ordinary, (await ordinary(sample)).time);
      best.again = Math.min(best.again, (await again(sample)).time);
    }
    return best.again <= worthwhile * best.ordinary;
  }

  /** Others have their turns between two runs. */
  #timed(run: () => Promise<Tensors>): Promise<{ outputs: Tensors; time: number }> {
    return this.#engine.exclusive(async () => {
      const began = performance.now();
      const outputs = await run();
      return { outputs, time: performance.now() - began };
    });
  }
}

type Element = GpuTensor['type'];

/** An input or output of the recorded run. */
interface Place {
  readonly type: Element;
  readonly dims: readonly number[];
  /** Of its elements. */
  readonly bytes: number;
  readonly buffer: GPUBuffer;
}

interface Input extends Place {
  readonly tensor: Ort.Tensor;
}

/** An output, and where it is read. */
interface Output extends Place {
  readonly tensor: Ort.Tensor;
  readonly read: GPUBuffer;
}

/** Not safe for concurrent use, as the session. */
export class GraphCapture {
  readonly #device: GPUDevice;
  readonly #session: Ort.InferenceSession;
  readonly #inputs: ReadonlyMap<string, Input>;
  readonly #outputs: ReadonlyMap<string, Output>;

  private constructor(
    device: GPUDevice,
    session: Ort.InferenceSession,
    inputs: ReadonlyMap<string, Input>,
    outputs: ReadonlyMap<string, Output>,
  ) {
    this.#device = device;
    this.#session = session;
    this.#inputs = inputs;
    this.#outputs = outputs;
  }

  /**
   * Records a run.
   *
   * @param graph - The `.onnx` file as the engine gets it, and its external data.
   * @param known - The graph's inputs.
   * @param sample - What is run, and what all later feeds are like.
   * @throws Error what the engine says, where a node is not on the GPU or a size not fixed.
   */
  static async create(
    { ort, executionProviders, gpu }: Backend,
    graph: { bytes: Uint8Array; external: readonly { path: string; data: Uint8Array }[] },
    known: readonly TensorInfo[],
    sample: Feeds,
    outputs: readonly string[],
  ): Promise<GraphCapture> {
    if (!gpu) throw new Error('There is no GPU.');
    const { device } = gpu;
    const session = await ort.InferenceSession.create(graph.bytes, {
      executionProviders,
      enableGraphCapture: true,
      preferredOutputLocation: 'gpu-buffer',
      freeDimensionOverrides: sizesOf(known, sample),
      ...(graph.external.length > 0 && { externalData: [...graph.external] }),
    });
    const inputs = new Map<string, Input>();
    const places = new Map<string, Output>();
    try {
      for (const [name, { type, dims }] of Object.entries(sample)) {
        const place = placeOf(type, dims);
        const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
        const buffer = device.createBuffer({ size: aligned(place.bytes, 16), usage });
        const tensor = ort.Tensor.fromGpuBuffer(buffer, { dataType: place.type, dims });
        inputs.set(name, { ...place, buffer, tensor });
      }
      const feeds = tensorsOf(inputs);
      const first = await session.run(feeds, [...outputs]);
      for (const name of outputs) {
        const tensor = first[name];
        if (tensor?.location !== 'gpu-buffer') throw new Error(`"${name}" is not on the GPU.`);
        const place = placeOf(tensor.type, tensor.dims);
        const buffer = tensor.gpuBuffer as GPUBuffer;
        const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
        const read = device.createBuffer({ size: aligned(place.bytes, 4), usage });
        places.set(name, { ...place, buffer, tensor, read });
      }
      const made = new GraphCapture(device, session, inputs, places);
      // The engine records the second run, into the outputs of the first.
      await session.run(feeds, tensorsOf(places));
      return made;
    } catch (error) {
      await new GraphCapture(device, session, inputs, places).release();
      throw error;
    }
  }

  /** Whether feeds are like those that were recorded, and the same outputs are wanted. */
  fits(feeds: Feeds, outputs: readonly string[]): boolean {
    const wanted = new Set(outputs);
    return (
      wanted.size === this.#outputs.size &&
      [...this.#outputs.keys()].every((name) => wanted.has(name)) &&
      Object.keys(feeds).length === this.#inputs.size &&
      [...this.#inputs].every(([name, { type, dims, bytes }]) => {
        const given = feeds[name];
        return (
          given?.type === type && given.dims.join() === dims.join() && isCopyable(given, bytes)
        );
      })
    );
  }

  /** Runs with feeds that fit. */
  async run(feeds: Feeds): Promise<Tensors> {
    const device = this.#device;
    const copying = device.createCommandEncoder();
    for (const [name, { buffer, bytes }] of this.#inputs) {
      const given = feeds[name] as Tensor | GpuTensor;
      if ('gpuBuffer' in given) {
        copying.copyBufferToBuffer(given.gpuBuffer, 0, buffer, 0, aligned(bytes, 4));
      } else {
        device.queue.writeBuffer(buffer, 0, wholeWords(given.data as Float32Array<ArrayBuffer>));
      }
    }
    device.queue.submit([copying.finish()]);
    await this.#session.run(tensorsOf(this.#inputs), tensorsOf(this.#outputs));
    const reading = device.createCommandEncoder();
    for (const { buffer, read, bytes } of this.#outputs.values()) {
      reading.copyBufferToBuffer(buffer, 0, read, 0, aligned(bytes, 4));
    }
    device.queue.submit([reading.finish()]);
    const found = await Promise.all(
      [...this.#outputs].map(async ([name, { type, dims, bytes, read }]) => {
        await read.mapAsync(GPUMapMode.READ);
        const copy = read.getMappedRange().slice(0, bytes);
        read.unmap();
        return [name, { type, dims, data: new arrayClasses[type](copy) }] as const;
      }),
    );
    return Object.fromEntries(found);
  }

  /** Frees the session and its buffers. */
  async release(): Promise<void> {
    for (const { buffer } of this.#inputs.values()) buffer.destroy();
    for (const { tensor, read } of this.#outputs.values()) {
      read.destroy();
      tensor.dispose();
    }
    await this.#session.release();
  }
}

/** The sizes that a graph leaves open by name, as the sample has them. */
function sizesOf(known: readonly TensorInfo[], sample: Feeds): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const { name, shape } of known) {
    for (const [axis, size] of shape.entries()) {
      const given = sample[name]?.dims[axis];
      if (typeof size !== 'string' || size === '?' || given === undefined) continue;
      if ((sizes[size] ?? given) !== given) {
        throw new Error(`"${size}" stands for ${sizes[size]} and for ${given}.`);
      }
      sizes[size] = given;
    }
  }
  return sizes;
}

function tensorsOf(places: ReadonlyMap<string, { tensor: Ort.Tensor }>) {
  return Object.fromEntries([...places].map(([name, { tensor }]) => [name, tensor]));
}

const onGpu: ReadonlySet<string> = new Set<Element>([
  'float32',
  'float16',
  'int32',
  'int64',
  'uint32',
  'uint8',
  'bool',
]);

function placeOf(type: string, dims: readonly number[]) {
  if (!onGpu.has(type)) throw new Error(`Tensors of ${type} are not kept on the GPU.`);
  const element = type as Element;
  const bytes = dims.reduce((all, size) => all * size, arrayClasses[element].BYTES_PER_ELEMENT);
  if (bytes === 0) throw new Error('A tensor of the sample is empty.');
  return { type: element, dims: [...dims], bytes };
}

function aligned(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to;
}

/**
 * Whether a feed can be brought into a recorded run's input of this size. A copy that the GPU refuses is told to
 * nobody, and would leave the input of an earlier run.
 */
export function isCopyable(given: Tensor | GpuTensor, bytes: number): boolean {
  if ('data' in given) return ArrayBuffer.isView(given.data);
  const { usage, size } = given.gpuBuffer;
  return (usage & GPUBufferUsage.COPY_SRC) !== 0 && size >= aligned(bytes, 4);
}

/** Queues write words of four bytes. */
function wholeWords(data: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length % 4 === 0) return bytes;
  const padded = new Uint8Array(aligned(bytes.length, 4));
  padded.set(bytes);
  return padded;
}
