/** Models for the server's tests in Node: a graph in the real engine, without a page and a worker. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-web/wasm';
import type { Tensors } from '../base/tensor.js';
import type { StageTimings } from '../base/types.js';
import type { Backend } from '../runtime/backend.js';
import { ModelSession } from '../runtime/session.js';
import type { ServableModel } from '../server/servable.js';
import { checkFeeds } from '../tasks/tensor/tensors.js';

const models = join(import.meta.dirname, '../../e2e/bridge/golden');

function backend(): Backend {
  // The build puts it in.
  Object.assign(globalThis, { __ENGINE_HAS_GPU__: false, __TABSERVE_VERSION__: '0.0.0-test' });
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
  ort.env.logLevel = 'error';
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = readFileSync(join(folder, 'ort-wasm-simd-threaded.wasm'));
  return {
    ort,
    abilities: { device: 'wasm', fp16: true },
    executionProviders: ['wasm'],
    adapter: null,
    gpu: null,
    fallbacks: [],
  } as Backend;
}

/** The engine runs one request at a time. */
let turn: Promise<unknown> = Promise.resolve();

/** A graph that answers tensors, and fires `request` events as the page's handles do. */
export class GraphModel extends EventTarget implements ServableModel {
  readonly task = 'tensor';
  readonly graph;
  readonly info;
  isDestroyed = false;
  readonly #session: ModelSession;

  private constructor(name: string, bytes: number, session: ModelSession) {
    super();
    this.#session = session;
    const { inputs, outputs } = session;
    this.graph = { inputs, outputs };
    this.info = { model: { name, version: '1.0.0', bytes, labels: [] }, device: 'wasm' };
  }

  /** @param name - Of a graph in `e2e/bridge/golden`. */
  static async open(name: 'affine' | 'ident' | 'simple' | 'simple_string'): Promise<GraphModel> {
    const bytes = new Uint8Array(readFileSync(join(models, `${name}.onnx`)));
    const session = await ModelSession.create(backend(), { bytes, external: [] }, name);
    return new GraphModel(name, bytes.length, session);
  }

  async infer(
    tensors: Tensors,
    { id, signal, outputs }: Parameters<ServableModel['infer']>[1],
  ): Promise<Tensors> {
    signal.throwIfAborted();
    checkFeeds(tensors, this.graph.inputs);
    const names = outputs ?? this.graph.outputs.map(({ name }) => name);
    const began = performance.now();
    const run = turn.then(() => this.#session.run(tensors, names));
    turn = run.catch(() => undefined);
    const answer = await run;
    const inference = performance.now() - began;
    const timings: StageTimings = {
      capture: 0,
      queue: 0,
      decode: 0,
      preprocess: 0,
      inference,
      postprocess: 0,
      total: inference,
    };
    this.dispatchEvent(new CustomEvent('request', { detail: { id, timings } }));
    return answer;
  }

  destroy(): void {
    this.isDestroyed = true;
    void turn.then(() => this.#session.release());
  }
}
