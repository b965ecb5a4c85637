/** An exact search for the nearest of many vectors. Knows no model and no thread. */
import { TabserveError } from '../base/errors.js';
import { Best } from './best.js';
import { largestError, Rows } from './rows.js';
import type { Neighbour, SimilarityMetric } from './types.js';

/** What an index is, beside its vectors. */
export interface IndexHeader {
  metric: SimilarityMetric;
  /** Numbers of each vector; 0 while there is none. */
  dimensions: number;
  /** One for each vector, in the order in which they were added. */
  ids: readonly string[];
}

/** Most numbers of all vectors together: 1 GiB. */
const mostNumbers = 2 ** 28;
/** Most numbers of one vector. */
const mostDimensions = 65_536;

/**
 * Vectors with their ids, in the order in which they were added.
 *
 * With `cosine` they are held at length 1, so that a comparison is one dot product; a vector of zeros is
 * alike to nothing (0).
 */
export class VectorIndex {
  readonly metric: SimilarityMetric;
  #rows: Rows | undefined;
  #ids: string[] = [];
  #places = new Map<string, number>();
  /** No vector is longer. */
  #longest = 0;

  constructor(metric: SimilarityMetric) {
    this.metric = metric;
  }

  /** How many vectors there are. */
  get size(): number {
    return this.#ids.length;
  }

  /** Numbers of each vector; 0 before the first. */
  get dimensions(): number {
    return this.#rows?.length ?? 0;
  }

  /**
   * Adds vectors. One whose id is there already takes that one's place.
   *
   * @param vectors - One after the other, all of the same length.
   * @throws TabserveError `invalid-argument` for another number of dimensions than the index has, and
   *   for what is no finite number; `out-of-memory` beyond 2²⁸ numbers. Nothing is then added.
   */
  add(ids: readonly string[], vectors: Float32Array): void {
    if (ids.length === 0) return;
    const length = vectors.length / ids.length;
    this.#checkLength(length);
    checkNumbers(vectors);
    const fresh = new Set(ids.filter((id) => !this.#places.has(id))).size;
    const rows = this.#reserve(this.size + fresh, length);
    for (const [i, id] of ids.entries()) {
      const place = this.#places.get(id) ?? this.#ids.length;
      if (place === this.#ids.length) {
        this.#ids.push(id);
        this.#places.set(id, place);
      }
      const vector = vectors.subarray(i * length, (i + 1) * length);
      const row = this.metric === 'cosine' ? unit(vector) : vector;
      this.#longest = Math.max(this.#longest, lengthOf(row));
      rows.set(place, row);
    }
  }

  /** Takes vectors away. @returns How many were there. */
  remove(ids: readonly string[]): number {
    const gone = new Set(ids.filter((id) => this.#places.has(id)));
    if (gone.size === 0) return 0;
    let place = 0;
    for (const [from, id] of this.#ids.entries()) {
      if (gone.has(id)) continue;
      if (place !== from) {
        this.#rows?.move(from, place);
        this.#ids[place] = id;
      }
      place += 1;
    }
    this.#ids.length = place;
    this.#places = new Map(this.#ids.map((id, i) => [id, i]));
    if (place === 0) this.#rows = undefined;
    return gone.size;
  }

  /**
   * The most alike, the best first, ties by the order in which they were added. Each vector is looked
   * at: nothing is approximate.
   *
   * @throws TabserveError `invalid-argument` as {@link add}.
   */
  nearest(query: Float32Array, k: number): Neighbour[] {
    const rows = this.#rows;
    if (!rows) return [];
    this.#checkLength(query.length);
    checkNumbers(query);
    const wanted = this.metric === 'cosine' ? unit(query) : query;
    const count = Math.min(k, this.size);
    const rough = rows.dots(wanted, this.size);
    // Only what could be among the best by its exact value is computed exactly.
    const first = new Best(count);
    for (const [place, score] of rough.entries()) first.offer(score, place);
    const error = largestError(rows.length, this.#longest, lengthOf(wanted));
    const least = (first.sorted().at(-1)?.score ?? 0) - 2 * error;
    const best = new Best(count);
    for (const [place, score] of rough.entries()) {
      if (!(score < least)) best.offer(dot(rows.get(place), wanted), place);
    }
    return best.sorted().map(({ score, place }) => ({ id: this.#ids[place] as string, score }));
  }

  /** The index as it is written down: see {@link from}. */
  content(): { header: IndexHeader; vectors: Float32Array<ArrayBuffer> } {
    const { metric, dimensions } = this;
    const vectors = new Float32Array(this.size * dimensions);
    for (let place = 0; place < this.size; place++) {
      vectors.set(this.#rows?.get(place) ?? [], place * dimensions);
    }
    return { header: { metric, dimensions, ids: [...this.#ids] }, vectors };
  }

  /** An index of what {@link content} gave. */
  static from({ metric, ids }: IndexHeader, vectors: Float32Array): VectorIndex {
    const index = new VectorIndex(metric);
    index.add(ids, vectors);
    return index;
  }

  #checkLength(length: number): void {
    const expected = this.dimensions || length;
    if (length === expected && Number.isInteger(length) && length > 0 && length <= mostDimensions) {
      return;
    }
    throw new TabserveError(
      'invalid-argument',
      `A vector has ${length} numbers; ${this.#rows ? `those of this index have ${expected}` : `1 to ${mostDimensions} are possible`}. Vectors of different models cannot be compared.`,
      { details: { found: length, expected } },
    );
  }

  #reserve(count: number, length: number): Rows {
    const needed = count * length;
    if (needed > mostNumbers) {
      throw new TabserveError(
        'out-of-memory',
        `An index holds at most ${mostNumbers} numbers; ${count} vectors of ${length} are ${needed}.`,
        { details: { found: needed, limit: mostNumbers } },
      );
    }
    const rows = this.#rows ?? new Rows(length);
    rows.reserve(count);
    this.#rows = rows;
    return rows;
  }
}

/** In double precision. */
function dot(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += (one[i] as number) * (other[i] as number);
  return sum;
}

function lengthOf(vector: Float32Array): number {
  return Math.sqrt(dot(vector, vector));
}

function unit(vector: Float32Array): Float32Array {
  const length = lengthOf(vector);
  return length === 0 ? vector : vector.map((each) => each / length);
}

function checkNumbers(vectors: Float32Array): void {
  if (vectors.every(Number.isFinite)) return;
  throw new TabserveError('invalid-argument', 'A vector has NaN or an infinite number in it.');
}
