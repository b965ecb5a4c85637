/**
 * Several requests in one run.
 *
 * A GPU takes little longer for eight pictures than for one. Whether that is so here is measured, and
 * whether a model answers each of several as it answers one alone is compared, before any request
 * shares a run. A run takes what waits at that moment: nobody waits for others to come.
 */
import { messageOf } from '../base/errors.js';
import type { Feeds } from '../base/gpu-tensor.js';
import type { Tensor, TensorData, TensorInfo, Tensors } from '../base/tensor.js';
import type { Fallback, StageTimings } from '../base/types.js';
import type { ModelDtype } from '../model/manifest-core.js';
import { checkInput } from './check-input.js';
import { compareOutputs, digestOf, tolerances } from './compare.js';
import type { Laps } from './laps.js';
import type { OpenedTask, PreparedRequest } from './task.js';

/** Sizes that are tried, and to which what waits is filled up. */
const sizes: readonly number[] = [2, 4, 8, 16];

/** A larger size has to need at most this share of the time per request. */
const worthwhile = 0.85;

/** Milliseconds that a run may take: who comes in the meantime waits for its end. */
const longestRun = 120;

/** On a processor only networks are tried whose run is so many milliseconds short. */
const shortOnCpu = 15;

/** Bytes of the inputs of one run. */
const mostBytes = 2 ** 26;

/** Runs of each size that are timed, after one that is compared. */
const timedRuns = 2;

/** Different inputs that are compared. */
const inputs = 4;

/** What is asked of the engine, when it is free. */
export interface BatchEngine {
  exclusive<T>(task: () => Promise<T>): Promise<T>;
}

/** The model whose requests these are. */
export interface BatchModel {
  readonly session: {
    readonly inputs: readonly TensorInfo[];
    readonly outputs: readonly TensorInfo[];
    run(feeds: Feeds, outputs: readonly string[]): Promise<Tensors>;
  };
  readonly opened: Pick<OpenedTask, 'outputs' | 'sample'>;
  readonly dtype: ModelDtype;
  readonly isGpu: boolean;
}

/** A request that is ready to run. */
export interface ReadyRequest {
  readonly prepared: PreparedRequest;
  readonly laps: Pick<Laps<keyof StageTimings>, 'lap'>;
  readonly signal: AbortSignal;
}

/** What a run gave to one request. */
export interface Ran {
  outputs: Tensors;
  /** How many requests the run was for. */
  shared: number;
}

interface Waiting extends ReadyRequest {
  resolve(ran: Ran): void;
  reject(error: unknown): void;
}

/** The runs of one model. */
export class Batches {
  /** Requests that one run may be for: 1 until larger runs were tried. */
  size = 1;
  /** Why it is not more, where more was tried. */
  reason: Fallback | null = null;
  readonly #engine: BatchEngine;
  readonly #model: BatchModel;
  readonly #waiting = new Set<Waiting>();
  /** Inputs of the requests of one run, one below the other, and what one of them is. */
  readonly #stack = new Map<string, TensorData>();
  readonly #shape = new Map<string, Omit<Tensor, 'data'> & { length: number }>();
  readonly #mayShare: boolean;
  #isTried = false;
  /** Milliseconds of the latest run for one request. */
  #single: number | undefined;

  constructor(engine: BatchEngine, model: BatchModel) {
    this.#engine = engine;
    this.#model = model;
    const { session, opened } = model;
    const outputs = session.outputs.filter(({ name }) => opened.outputs.includes(name));
    this.#mayShare = [...session.inputs, ...outputs].every(isFree) && outputs.length > 0;
  }

  /** The same model's runs for another task, which share nothing. */
  of(opened: BatchModel['opened']): Batches {
    return new Batches(this.#engine, { ...this.#model, opened });
  }

  /** Runs a request, alone or with others that wait. Errors as `ModelSession.run()`; the signal's reason. */
  run(request: ReadyRequest): Promise<Ran> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { ...request, resolve, reject };
      this.#waiting.add(waiting);
      this.#engine.exclusive(() => this.#turn(waiting)).catch(reject);
    });
  }

  /** More requests wait than can be answered at once: tries whether they can share runs. Once. */
  considerTrial(): void {
    if (this.#isTried || !this.#mayShare || this.#single === undefined) return;
    if (!this.#model.isGpu && this.#single > shortOnCpu) return;
    this.#isTried = true;
    this.#tryOut().catch((error: unknown) => this.#refuse(messageOf(error)));
  }

  async #turn(first: Waiting): Promise<void> {
    // Another's run was for this one too.
    if (!this.#waiting.delete(first)) return;
    const taken = [first];
    for (const each of this.#waiting) {
      if (taken.length >= this.size) break;
      if (each.prepared.outputs) continue;
      this.#waiting.delete(each);
      taken.push(each);
    }
    if (taken.length === 1 || first.prepared.outputs) {
      for (const each of taken) await settled(each, () => this.#alone(each));
      return;
    }
    const shared = await this.#stackUp(taken);
    if (shared.length === 0) return;
    try {
      await this.#together(shared);
    } catch (error) {
      this.#refuse(messageOf(error));
      const { opened, session } = this.#model;
      for (const [row, each] of shared.entries()) {
        const outputs = () => session.run(this.#rows(row, row + 1), opened.outputs);
        await settled(each, async () => ({ outputs: await outputs(), shared: 1 }));
      }
    }
  }

  async #alone(each: Waiting, given?: Feeds): Promise<Ran> {
    const { prepared, laps, signal } = each;
    const { session, opened } = this.#model;
    let feeds = given;
    if (!feeds) {
      signal.throwIfAborted();
      laps.lap('queue');
      feeds = await prepared.feeds();
      laps.lap('preprocess');
    }
    const run = (feeds: Feeds) => session.run(feeds, prepared.outputs ?? opened.outputs);
    const began = performance.now();
    const first = await run(feeds).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    this.#single = performance.now() - began;
    const instead = await prepared.amend?.();
    if (instead) return { outputs: await run(instead), shared: 1 };
    if ('error' in first) throw first.error;
    return { outputs: first.value, shared: 1 };
  }

  /** Copies the inputs of requests one below the other. What does not fit there is run alone. */
  async #stackUp(taken: readonly Waiting[]): Promise<Waiting[]> {
    const stacked: Waiting[] = [];
    let like: Feeds | undefined;
    for (const each of taken) {
      try {
        each.signal.throwIfAborted();
        each.laps.lap('queue');
        const feeds = await each.prepared.feeds();
        each.laps.lap('preprocess');
        if (isStackable(feeds) && (!like || areAlike(like, feeds))) {
          like ??= feeds;
          this.#put(feeds, stacked.length);
          stacked.push(each);
        } else {
          // At once: the next one's feeds may be in the same memory.
          each.resolve(await this.#alone(each, feeds));
        }
      } catch (error) {
        each.reject(error);
      }
    }
    return stacked;
  }

  async #together(requests: readonly Waiting[]): Promise<void> {
    const { session, opened } = this.#model;
    const rows = sizes.find((size) => size >= requests.length) ?? requests.length;
    const count = requests.length === 1 ? 1 : rows;
    const outputs = await session.run(this.#rows(0, count), opened.outputs);
    const parts = requests.map((_, row) => rowOf(outputs, row, count));
    for (const [row, { resolve }] of requests.entries()) {
      resolve({ outputs: parts[row] as Tensors, shared: requests.length });
    }
  }

  #put(feeds: Feeds, row: number): void {
    for (const [name, tensor] of Object.entries(feeds)) {
      const { data } = tensor as Tensor;
      const values = data as Float32Array;
      let all = this.#stack.get(name) as Float32Array | undefined;
      const { length } = values;
      const needed = (sizes.find((size) => size > row) ?? row + 1) * length;
      if (!all || all.length < needed || all.length % length > 0) {
        const larger = new (values.constructor as Float32ArrayConstructor)(needed);
        if (all && row > 0) larger.set(all.subarray(0, row * length));
        all = larger;
        this.#stack.set(name, all);
      }
      all.set(values, row * length);
      const { type, dims } = tensor as Tensor;
      this.#shape.set(name, { type, dims, length });
    }
  }

  /** Rows of the stack. Those that nobody has put there are of an earlier run, and nobody reads them. */
  #rows(from: number, to: number): Feeds {
    const rows = [...this.#shape].map(([name, { type, dims, length }]) => {
      const all = this.#stack.get(name) as Float32Array;
      const data = all.subarray(from * length, to * length);
      return [name, { type, dims: [to - from, ...dims.slice(1)], data } as Tensor];
    });
    return Object.fromEntries(rows) as Feeds;
  }

  /** Compares and measures. Other requests have their turns in between. */
  async #tryOut(): Promise<void> {
    const { session, opened, dtype } = this.#model;
    const sample = opened.sample();
    if (!isStackable(sample)) return;
    const bytes = Object.values(sample).reduce((sum, tensor) => {
      return sum + ((tensor as Tensor).data as Uint8Array).byteLength;
    }, 0);
    const asked = Array.from({ length: inputs }, (_, index) => checkInput(sample, index + 1));
    const timed = async (count: number) =>
      this.#engine.exclusive(async () => {
        for (let row = 0; row < count; row++) this.#put(asked[row % inputs] as Feeds, row);
        const began = performance.now();
        const outputs = await session.run(this.#rows(0, count), opened.outputs);
        return { outputs, time: performance.now() - began };
      });
    const right: ReturnType<typeof digestOf>[] = [];
    let best = { size: 1, each: Number.POSITIVE_INFINITY };
    for (const input of asked) {
      const { outputs, time } = await this.#engine.exclusive(async () => {
        const began = performance.now();
        const outputs = await session.run(input, opened.outputs);
        return { outputs, time: performance.now() - began };
      });
      right.push(digestOf(outputs));
      best.each = Math.min(best.each, time);
    }
    for (const size of sizes) {
      if (size * bytes > mostBytes) break;
      const { outputs } = await timed(size);
      for (let row = 0; row < size; row++) {
        const found = digestOf(rowOf(outputs, row, size));
        const expected = right[row % inputs] as ReturnType<typeof digestOf>;
        const difference = compareOutputs(expected, found, tolerances[dtype]);
        if (!difference) continue;
        this.#refuse(`${size} at once get other answers than one alone: ${difference.message}`);
        return;
      }
      let time = Number.POSITIVE_INFINITY;
      for (let run = 0; run < timedRuns; run++) time = Math.min(time, (await timed(size)).time);
      if (time > longestRun || time / size > worthwhile * best.each) break;
      best = { size, each: time / size };
    }
    this.size = best.size;
  }

  #refuse(reason: string): void {
    this.size = 1;
    this.reason = { from: 'several requests in a run', to: 'one in each', reason };
  }
}

async function settled(waiting: Waiting, run: () => Promise<Ran>): Promise<void> {
  try {
    waiting.resolve(await run());
  } catch (error) {
    waiting.reject(error);
  }
}

/** Whether a graph leaves open how many of them it takes. */
function isFree({ shape }: TensorInfo): boolean {
  return shape.length > 0 && typeof shape[0] === 'string';
}

/** Whether all inputs are one of what may be many, in memory. */
function isStackable(feeds: Feeds): boolean {
  return Object.values(feeds).every(
    (tensor) => 'data' in tensor && ArrayBuffer.isView(tensor.data) && tensor.dims[0] === 1,
  );
}

function areAlike(one: Feeds, other: Feeds): boolean {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => {
      const [a, b] = [one[name], other[name]];
      return a?.type === b?.type && a?.dims.join() === b?.dims.join();
    })
  );
}

/** @throws Error where the outputs are not one below the other. */
function rowOf(outputs: Tensors, row: number, rows: number): Tensors {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { type, dims, data }]) => {
      if (dims[0] !== rows) throw new Error(`output "${name}" has ${dims[0]} rows, not ${rows}`);
      const length = data.length / rows;
      const own = data.slice(row * length, (row + 1) * length);
      return [name, { type, dims: [1, ...dims.slice(1)], data: own }];
    }),
  );
}
