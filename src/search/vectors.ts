/** An exact search for the nearest of many vectors. Knows no model and no thread. */
import { TabserveError } from '../base/errors.js';
import { Best } from './best.js';

/**
 * How alike two vectors are: `cosine` of the angle between them, −1…1, or their `dot` product, which is
 * the same for vectors of length 1 and needs no normalisation.
 */
export type SimilarityMetric = 'cosine' | 'dot';

/** An entry of an index, and how alike it is. */
export interface Neighbour {
  id: string;
  /** The greater, the more alike: see {@link SimilarityMetric}. */
  score: number;
}

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
  #dimensions = 0;
  #ids: string[] = [];
  #places = new Map<string, number>();
  #vectors = new Float32Array(0);

  constructor(metric: SimilarityMetric) {
    this.metric = metric;
  }

  /** How many vectors there are. */
  get size(): number {
    return this.#ids.length;
  }

  /** Numbers of each vector; 0 before the first. */
  get dimensions(): number {
    return this.#dimensions;
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
    this.#reserve(this.size + fresh, length);
    this.#dimensions = length;
    for (const [i, id] of ids.entries()) {
      const place = this.#places.get(id) ?? this.#ids.length;
      if (place === this.#ids.length) {
        this.#ids.push(id);
        this.#places.set(id, place);
      }
      const vector = vectors.subarray(i * length, (i + 1) * length);
      this.#vectors.set(this.metric === 'cosine' ? unit(vector) : vector, place * length);
    }
  }

  /** Takes vectors away. @returns How many were there. */
  remove(ids: readonly string[]): number {
    const gone = new Set(ids.filter((id) => this.#places.has(id)));
    if (gone.size === 0) return 0;
    const { dimensions } = this;
    let place = 0;
    for (const [from, id] of this.#ids.entries()) {
      if (gone.has(id)) continue;
      if (place !== from) {
        this.#vectors.copyWithin(place * dimensions, from * dimensions, (from + 1) * dimensions);
        this.#ids[place] = id;
      }
      place += 1;
    }
    this.#ids.length = place;
    this.#places = new Map(this.#ids.map((id, i) => [id, i]));
    if (place === 0) this.#dimensions = 0;
    return gone.size;
  }

  /**
   * The most alike, the best first, ties by the order in which they were added. Each vector is looked
   * at: nothing is approximate.
   *
   * @throws TabserveError `invalid-argument` as {@link add}.
   */
  nearest(query: Float32Array, k: number): Neighbour[] {
    if (this.size === 0) return [];
    this.#checkLength(query.length);
    checkNumbers(query);
    const wanted = this.metric === 'cosine' ? unit(query) : query;
    const best = new Best(Math.min(k, this.size));
    const { dimensions } = this;
    const vectors = this.#vectors;
    for (let place = 0; place < this.size; place++) {
      best.offer(dot(vectors, place * dimensions, wanted, dimensions), place);
    }
    return best.sorted().map(({ score, place }) => ({ id: this.#ids[place] as string, score }));
  }

  /** The index as it is written down: see {@link from}. */
  content(): { header: IndexHeader; vectors: Float32Array<ArrayBuffer> } {
    const { metric, dimensions } = this;
    const header = { metric, dimensions, ids: [...this.#ids] };
    return { header, vectors: this.#vectors.slice(0, this.size * dimensions) };
  }

  /** An index of what {@link content} gave. */
  static from({ metric, ids }: IndexHeader, vectors: Float32Array): VectorIndex {
    const index = new VectorIndex(metric);
    index.add(ids, vectors);
    return index;
  }

  #checkLength(length: number): void {
    const expected = this.#dimensions || length;
    if (length === expected && Number.isInteger(length) && length > 0 && length <= mostDimensions) {
      return;
    }
    throw new TabserveError(
      'invalid-argument',
      `A vector has ${length} numbers; ${this.#dimensions ? `those of this index have ${expected}` : `1 to ${mostDimensions} are possible`}. Vectors of different models cannot be compared.`,
      { details: { found: length, expected } },
    );
  }

  #reserve(count: number, length: number): void {
    const needed = count * length;
    if (needed > mostNumbers) {
      throw new TabserveError(
        'out-of-memory',
        `An index holds at most ${mostNumbers} numbers; ${count} vectors of ${length} are ${needed}.`,
        { details: { found: needed, limit: mostNumbers } },
      );
    }
    if (needed <= this.#vectors.length) return;
    // Twice as much each time, so that adding one by one does not copy all of them each time.
    const grown = new Float32Array(
      Math.min(mostNumbers, Math.max(needed, 2 * this.#vectors.length)),
    );
    grown.set(this.#vectors.subarray(0, this.size * this.#dimensions));
    this.#vectors = grown;
  }
}

/** In double precision, by four sums, which the processor adds side by side. */
function dot(vectors: Float32Array, start: number, query: Float32Array, length: number): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < length; i += 4) {
    const at = start + i;
    a += (vectors[at] as number) * (query[i] as number);
    b += (vectors[at + 1] as number) * (query[i + 1] as number);
    c += (vectors[at + 2] as number) * (query[i + 2] as number);
    d += (vectors[at + 3] as number) * (query[i + 3] as number);
  }
  for (; i < length; i++) a += (vectors[start + i] as number) * (query[i] as number);
  return a + b + (c + d);
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, each) => sum + each * each, 0));
  return length === 0 ? vector : vector.map((each) => each / length);
}

function checkNumbers(vectors: Float32Array): void {
  if (vectors.every(Number.isFinite)) return;
  throw new TabserveError('invalid-argument', 'A vector has NaN or an infinite number in it.');
}
