/** What is behind an `EmbeddingIndex`, loaded with the first: the checks, and its part in the worker. */

import { TabserveError } from '../base/errors.js';
import { shown } from '../base/shown.js';
import type { Neighbour, SearchRequest, SearchState, SimilarityMetric } from '../search/types.js';
import type { EmbeddingVector } from './embedding-index.js';
import type { ServiceLink } from './worker-service.js';

let nextIndex = 1;

/** An index in a worker. What the methods do and throw is said at `EmbeddingIndex`. */
export class WorkerIndex {
  readonly #number = nextIndex++;
  readonly #link: ServiceLink;
  #isDestroyed = false;
  /** What the last change has left. */
  state: SearchState = { size: 0, dimensions: 0, metric: 'cosine' };

  private constructor(link: ServiceLink) {
    this.#link = link;
  }

  static async create(link: () => ServiceLink, metric: SimilarityMetric): Promise<WorkerIndex> {
    if (metric !== 'cosine' && metric !== 'dot') {
      throw wrong('metric', metric, '"cosine", "dot"');
    }
    return WorkerIndex.#open(link(), (index) => ({ kind: 'create', index, metric }));
  }

  static async load(link: () => ServiceLink, name: string): Promise<WorkerIndex> {
    checkName(name);
    return WorkerIndex.#open(link(), (index) => ({ kind: 'load', index, name }));
  }

  static async delete(link: () => ServiceLink, name: string): Promise<boolean> {
    checkName(name);
    const opened = link();
    try {
      return (await opened.ask({ kind: 'forget', name } satisfies SearchRequest)) as boolean;
    } finally {
      opened.close();
    }
  }

  static async #open(
    link: ServiceLink,
    request: (index: number) => SearchRequest,
  ): Promise<WorkerIndex> {
    const opened = new WorkerIndex(link);
    try {
      await opened.#change(request(opened.#number));
      return opened;
    } catch (error) {
      opened.destroy();
      throw error;
    }
  }

  async add(
    ids: string | Iterable<readonly [string, EmbeddingVector]>,
    vector: EmbeddingVector,
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

  async remove(ids: string | readonly string[]): Promise<void> {
    const list = typeof ids === 'string' ? [ids] : [...ids];
    await this.#change({ kind: 'remove', index: this.#number, ids: list });
  }

  async nearest(vector: EmbeddingVector, k: number): Promise<Neighbour[]> {
    const query = Float32Array.from(vector);
    return (await this.#ask({ kind: 'nearest', index: this.#number, query, k })) as Neighbour[];
  }

  async save(name: string): Promise<void> {
    checkName(name);
    await this.#change({ kind: 'save', index: this.#number, name });
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    const message = 'The index was destroyed. Create another one.';
    this.#link
      .ask({ kind: 'drop', index: this.#number } satisfies SearchRequest)
      .catch(() => undefined);
    this.#link.close(message);
  }

  async #change(request: SearchRequest): Promise<void> {
    this.state = (await this.#ask(request)) as SearchState;
  }

  async #ask(request: SearchRequest): Promise<unknown> {
    return this.#link.ask(request);
  }
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
