/** Models for the server's tests in Node: a graph in the real engine, without a page and a worker. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tensors } from '../base/tensor.js';
import type { StageTimings } from '../base/types.js';
import { ModelSession } from '../runtime/session.js';
import type { ServableModel } from '../server/servable.js';
import { checkFeeds } from '../tasks/tensor/tensors.js';
import { wasmBackend } from './engine.js';

const models = join(import.meta.dirname, '../../e2e/bridge/golden');

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
  static async open(name: 'affine' | 'ident'): Promise<GraphModel> {
    const bytes = new Uint8Array(readFileSync(join(models, `${name}.onnx`)));
    const session = await ModelSession.create(wasmBackend(), { bytes, external: [] }, name);
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
