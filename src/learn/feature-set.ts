/** The features of a data set, in the worker that learns from them. */
import { TabserveError } from '../base/errors.js';

/** Most bytes of one set. */
const mostBytes = 2 ** 30;

/** Most numbers that are fitted on at once: they take eight bytes each. */
const mostFitted = 2 ** 25;

type Numbers = Float32Array | Uint8Array;

/** Rows of one length and type, by number. */
export class FeatureSet {
  readonly #rows = new Map<number, Numbers>();
  #columns = 0;

  /** Numbers of each row; 0 before the first. */
  get columns(): number {
    return this.#columns;
  }

  /**
   * Keeps rows. One with a number that is there already is replaced.
   *
   * @param features - The rows, one after the other; they are kept as they are.
   * @throws TabserveError `invalid-argument` for another length than the set's, NaN or infinity;
   *   `out-of-memory` beyond 1 GiB.
   */
  add(ids: readonly number[], features: Numbers): void {
    if (ids.length === 0) return;
    const columns = features.length / ids.length;
    const wanted = this.#columns || columns;
    if (!Number.isInteger(columns) || columns !== wanted || columns === 0) {
      throw new TabserveError(
        'invalid-argument',
        `There are ${features.length} numbers for ${ids.length} examples; each has to have ${wanted}.`,
      );
    }
    const wrong = features.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) {
      throw new TabserveError(
        'invalid-argument',
        `Features may not be NaN or infinite: example ${Math.floor(wrong / columns)} of these has ${features[wrong]}.`,
      );
    }
    const bytes = (this.#rows.size + ids.length) * columns * features.BYTES_PER_ELEMENT;
    if (bytes > mostBytes) {
      throw new TabserveError(
        'out-of-memory',
        `There is no room for more than ${mostBytes / 2 ** 20} MiB of features. Take fewer examples, or a base with a shorter embedding.`,
      );
    }
    this.#columns = columns;
    for (const [place, id] of ids.entries()) {
      this.#rows.set(id, features.subarray(place * columns, (place + 1) * columns));
    }
  }

  forget(ids: readonly number[]): void {
    for (const id of ids) this.#rows.delete(id);
  }

  /** @throws TabserveError `internal` for a number that is not there. */
  row(id: number): Numbers {
    const row = this.#rows.get(id);
    if (row) return row;
    throw new TabserveError('internal', `There are no features of example ${id}.`);
  }

  /**
   * The rows of these numbers, which are bytes.
   *
   * @throws TabserveError `invalid-argument` where they are not.
   */
  bytes(ids: readonly number[]): Uint8Array[] {
    return ids.map((id) => {
      const row = this.row(id);
      if (row instanceof Uint8Array) return row;
      throw new TabserveError(
        'invalid-argument',
        'A network is trained on pixels. Create the trainer with "base: { pixels }".',
      );
    });
  }

  /**
   * The rows of these numbers, one after the other.
   *
   * @throws TabserveError `out-of-memory` for more than 2²⁵ numbers.
   */
  gather(ids: readonly number[]): { data: Float32Array; rows: number; columns: number } {
    const { columns } = this;
    if (ids.length * columns > mostFitted) {
      throw new TabserveError(
        'out-of-memory',
        `A head is fitted on at most ${Math.floor(mostFitted / columns)} examples with ${columns} features each; there are ${ids.length}. Take fewer of them.`,
      );
    }
    const data = new Float32Array(ids.length * columns);
    for (const [place, id] of ids.entries()) data.set(this.row(id), place * columns);
    return { data, rows: ids.length, columns };
  }
}
