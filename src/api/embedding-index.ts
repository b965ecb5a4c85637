/// <reference lib="esnext.disposable" preserve="true" />
/** Which of many vectors are the most alike: an exact search in a worker, without a model. */

import { TabserveError } from '../base/errors.js';
import { shown } from '../base/shown.js';
import type { Neighbour, SearchRequest, SearchState, SimilarityMetric } from '../search/types.js';
import { WorkerLease } from '../serving/worker-host.js';
import type { AssetOptions } from '../wire/assets.js';
import { assetOptions, inRange } from './options.js';

/** Options of `EmbeddingIndex.create()`. */
export interface EmbeddingIndexOptions extends AssetOptions {
  /** @default 'cosine' */
  metric?: SimilarityMetric;
}

/** A vector, as embedders give it. */
export type EmbeddingVector = Float32Array | readonly number[];

let nextIndex = 1;

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
  readonly #number = nextIndex++;
  readonly #lease: WorkerLease;
  #end: TabserveError | undefined;
  #state: SearchState = { size: 0, dimensions: 0, metric: 'cosine' };

  private constructor(options: AssetOptions) {
    this.#lease = leaseOf(options);
    this.#lease.onDeath = (cause) => {
      const message =
        'The worker with the index died, and the index with it. Load or fill another.';
      this.#end ??= new TabserveError('worker-crashed', message, { cause });
      // Another worker would have nothing of it: a share in that one would only keep it alive.
      this.#lease.release();
    };
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
    if (metric !== 'cosine' && metric !== 'dot') {
      throw wrong('metric', metric, '"cosine", "dot"');
    }
    return EmbeddingIndex.#open(options, (index) => ({ kind: 'create', index, metric }));
  }

  /**
   * An index that was saved. Later changes are kept only by another `save()`.
   *
   * @throws TabserveError as `create()`; `model-not-found` where none was saved under that name;
   *   `integrity` where it was damaged; `unsupported` without a store.
   */
  static async load(name: string, options: AssetOptions = {}): Promise<EmbeddingIndex> {
    checkName(name);
    return EmbeddingIndex.#open(options, (index) => ({ kind: 'load', index, name }));
  }

  /** Deletes what was saved under a name. @returns Whether there was anything. */
  static async delete(name: string, options: AssetOptions = {}): Promise<boolean> {
    checkName(name);
    const lease = leaseOf(options);
    try {
      return (await ask(lease, { kind: 'forget', name })) as boolean;
    } finally {
      lease.release();
    }
  }

  static async #open(
    options: AssetOptions,
    request: (index: number) => SearchRequest,
  ): Promise<EmbeddingIndex> {
    const opened = new EmbeddingIndex(options);
    try {
      opened.#state = (await ask(opened.#lease, request(opened.#number))) as SearchState;
      return opened;
    } catch (error) {
      opened.destroy();
      throw error;
    }
  }

  /** How many vectors there are. */
  get size(): number {
    return this.#state.size;
  }

  /** Numbers of each vector; 0 before the first. */
  get dimensions(): number {
    return this.#state.dimensions;
  }

  /** How vectors are compared. */
  get metric(): SimilarityMetric {
    return this.#state.metric;
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
    const entries = typeof ids === 'string' ? [[ids, vector] as const] : [...ids];
    const length = entries[0]?.[1].length ?? 0;
    const vectors = new Float32Array(entries.length * length);
    for (const [i, [id, each]] of entries.entries()) {
      if (typeof id !== 'string') throw wrong('id', id, 'a text');
      if (each.length !== length || length === 0) {
        throw wrong(`vector of "${id}"`, `${each.length} numbers`, `${length || 'some'} numbers`);
      }
      vectors.set(each, i * length);
    }
    await this.#change({
      kind: 'add',
      index: this.#number,
      ids: entries.map(([id]) => id),
      vectors,
    });
  }

  /** Takes vectors away. Ids that are not there are ignored. Errors as {@link add}. */
  async remove(ids: string | readonly string[]): Promise<void> {
    const list = typeof ids === 'string' ? [ids] : [...ids];
    await this.#change({ kind: 'remove', index: this.#number, ids: list });
  }

  /**
   * The most alike, the best first, ties by the order in which they were added.
   *
   * @param k - At most so many.
   * @throws TabserveError as {@link add}.
   */
  async nearest(vector: EmbeddingVector, k = 10): Promise<Neighbour[]> {
    inRange(k, 'k', 1, Number.MAX_SAFE_INTEGER, true);
    const query = Float32Array.from(vector);
    return (await this.#ask({ kind: 'nearest', index: this.#number, query, k })) as Neighbour[];
  }

  /**
   * Keeps the index as it is now in the store, under a name of 1 to 1,000 characters, which replaces
   * what was saved under it before. `models.evict()` without a name deletes saved indexes too.
   *
   * @throws TabserveError `unsupported` without a store; what the browser says when it is full.
   */
  async save(name: string): Promise<void> {
    checkName(name);
    await this.#change({ kind: 'save', index: this.#number, name });
  }

  /** Frees the index. What was saved stays. Calling it again does nothing. */
  destroy(): void {
    if (!this.#end) {
      ask(this.#lease, { kind: 'drop', index: this.#number })
        .catch(() => undefined)
        .finally(() => this.#lease.release());
    }
    this.#end = new TabserveError('destroyed', 'The index was destroyed. Create another one.');
  }

  /** Same as {@link destroy}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
  }

  async #change(request: SearchRequest): Promise<void> {
    this.#state = (await this.#ask(request)) as SearchState;
  }

  async #ask(request: SearchRequest): Promise<unknown> {
    if (this.#end) throw this.#end;
    return ask(this.#lease, request);
  }
}

function leaseOf(options: AssetOptions): WorkerLease {
  const assets = assetOptions(options);
  return WorkerLease.take({
    device: 'wasm',
    flavour: 'wasm',
    threads: 1,
    assets,
    packs: ['search'],
  });
}

async function ask(lease: WorkerLease, request: SearchRequest): Promise<unknown> {
  const worker = await lease.connect();
  return worker.call('ask', { service: 'search', request });
}

function checkName(name: unknown): void {
  if (typeof name === 'string' && name.length >= 1 && name.length <= 1000) return;
  throw wrong('name', name, 'a text of 1 to 1,000 characters');
}

function wrong(option: string, found: unknown, expected: string): TabserveError {
  return new TabserveError(
    'invalid-argument',
    `The ${option} is ${shown(found)}; it takes ${expected}.`,
    { details: { option, expected } },
  );
}
