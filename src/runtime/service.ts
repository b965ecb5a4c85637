/**
 * What a worker does beside running models: it answers questions that need no engine. A pack brings it,
 * as it brings tasks.
 */

import type { Feeds } from '../base/gpu-tensor.js';
import type { Check } from '../base/shape.js';
import type { Tensors } from '../base/tensor.js';
import type { CoreManifest } from '../model/manifest-core.js';
import type { LoadRequest } from '../wire/protocol.js';

/** What the worker does for its services. */
export interface ServiceHost {
  /**
   * Reads a model's description and its file, and opens neither.
   *
   * @throws TabserveError as a load does.
   */
  read(request: LoadRequest): Promise<ReadModel>;
  /**
   * Has the engine open a graph.
   *
   * @param where - What messages call it.
   * @throws TabserveError `model-invalid`, `out-of-memory`, and what starting the engine ends in.
   */
  open(graph: Uint8Array, where: string): Promise<OpenGraph>;
}

/** A model as it was read. */
export interface ReadModel {
  /** Complete: what was left to the graph is filled in, and its labels are a list. */
  manifest: CoreManifest;
  /** The `.onnx` file. */
  graph: Uint8Array<ArrayBuffer>;
}

/** A graph in the engine. Every call waits for its turn. */
export interface OpenGraph {
  run(feeds: Feeds, outputs: readonly string[]): Promise<Tensors>;
  release(): Promise<void>;
}

/** Answers questions of one kind. What it knows lives as long as the worker. */
export interface WorkerService<Request = unknown, Answer = unknown> {
  /** Is no task's name. */
  readonly service: string;
  /** What a request may look like. Whatever does not pass never reaches {@link answer}. */
  readonly check: Check;
  /** @throws TabserveError */
  answer(request: Request, host: ServiceHost): Answer | Promise<Answer>;
}
