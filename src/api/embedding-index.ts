/// <reference lib="esnext.disposable" preserve="true" />
/** Which of many vectors are the most alike: an exact search in a worker, without a model. */
import { part } from '../base/part.js';
import type { Neighbour, SimilarityMetric } from '../search/types.js';
import type { AssetOptions } from '../wire/assets.js';
import { inRange } from './options.js';
import type { WorkerIndex } from './worker-index.js';
import { ServiceLink } from './worker-service.js';

/** Options of `EmbeddingIndex.create()`. */
export interface EmbeddingIndexOptions extends AssetOptions {
  /** @default 'cosine' */
  metric?: SimilarityMetric;
}

/** A vector, as embedders give it. */
export type EmbeddingVector = Float32Array | readonly number[];

/**
 * Vectors under ids, and a search for those that are the most alike to another one. Every vector is
 * compared: nothing is approximate. Ten thousand vectors of 512 numbers take a few milliseconds.
 *
 * It lives in a worker that all indexes of the page share, and takes four bytes for each number there.
 *
 * @example
 * ```ts
 * const index = await EmbeddingIndex.create();
 * await index.add('cat.jpg', await embedder.embed(cat));
 * const [best] = await index.nearest(await embedder.embed(photo), 1);
 * await index.save('my photos');
 * ```
 */
export class EmbeddingIndex implements AsyncDisposable {
  readonly #index: WorkerIndex;

  private constructor(index: WorkerIndex) {
    this.#index = index;
  }

  /**
   * An empty index.
   *
   * @throws TabserveError `invalid-argument`, `worker-blocked`, `network`.
   */
  static async create({
    metric = 'cosine',
    ...options
  }: EmbeddingIndexOptions = {}): Promise<EmbeddingIndex> {
    const { WorkerIndex } = await part(import('./worker-index.js'));
    return new EmbeddingIndex(await WorkerIndex.create(linkOf(options), metric));
  }

  /**
   * An index that was saved. Later changes are kept only by another `save()`.
   *
   * @throws TabserveError as `create()`; `model-not-found` where none was saved under that name;
   *   `integrity` where it was damaged; `unsupported` without a store.
   */
  static async load(name: string, options: AssetOptions = {}): Promise<EmbeddingIndex> {
    const { WorkerIndex } = await part(import('./worker-index.js'));
    return new EmbeddingIndex(await WorkerIndex.load(linkOf(options), name));
  }

  /** Deletes what was saved under a name. @returns Whether there was anything. */
  static async delete(name: string, options: AssetOptions = {}): Promise<boolean> {
    const { WorkerIndex } = await part(import('./worker-index.js'));
    return WorkerIndex.delete(linkOf(options), name);
  }

  /** How many vectors there are. */
  get size(): number {
    return this.#index.state.size;
  }

  /** Numbers of each vector; 0 before the first. */
  get dimensions(): number {
    return this.#index.state.dimensions;
  }

  /** How vectors are compared. */
  get metric(): SimilarityMetric {
    return this.#index.state.metric;
  }

  /**
   * Adds a vector. One with the same id is replaced.
   *
   * @throws TabserveError `invalid-argument` for another number of dimensions than the index has, or
   *   for NaN; `out-of-memory` beyond 2²⁸ numbers; `destroyed`, `worker-crashed`.
   */
  async add(id: string, vector: EmbeddingVector): Promise<void>;
  /** Adds several vectors at once: all of them, or none where one is wrong. */
  async add(entries: Iterable<readonly [id: string, vector: EmbeddingVector]>): Promise<void>;
  async add(
    ids: string | Iterable<readonly [string, EmbeddingVector]>,
    vector: EmbeddingVector = [],
  ): Promise<void> {
    return this.#index.add(ids, vector);
  }

  /** Takes vectors away. Ids that are not there are ignored. Errors as {@link add}. */
  async remove(ids: string | readonly string[]): Promise<void> {
    return this.#index.remove(ids);
  }

  /**
   * The most alike, the best first, ties by the order in which they were added.
   *
   * @param k - At most so many.
   * @throws TabserveError as {@link add}.
   */
  async nearest(vector: EmbeddingVector, k = 10): Promise<Neighbour[]> {
    inRange(k, 'k', 1, Number.MAX_SAFE_INTEGER, true);
    return this.#index.nearest(vector, k);
  }

  /**
   * Keeps the index as it is now in the store, under a name of 1 to 1,000 characters, which replaces
   * what was saved under it before. `models.evict()` without a name deletes saved indexes too.
   *
   * @throws TabserveError `unsupported` without a store; what the browser says when it is full.
   */
  async save(name: string): Promise<void> {
    return this.#index.save(name);
  }

  /** Frees the index. What was saved stays. Calling it again does nothing. */
  destroy(): void {
    this.#index.destroy();
  }

  /** Same as {@link destroy}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
  }
}

/** All indexes of the page share a worker. */
function linkOf(options: AssetOptions): () => ServiceLink {
  const ended = 'The worker with the index died, and the index with it. Load or fill another.';
  const service = { service: 'search', pack: 'search', threads: 1, ended } as const;
  return () => ServiceLink.open({ ...options, ...service });
}
