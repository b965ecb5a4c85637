/** Vectors in the memory of WebAssembly, and their dot products with one (`dots.wat`). */
import { TabserveError } from '../base/errors.js';
import binary from './dots.wat';

/** Numbers that the code takes at a time: rows are filled up with zeros to a multiple of it. */
const lanes = 16;
const page = 2 ** 16;

/** The code, as `dots.wat` exports it. Places are in bytes. */
interface Code {
  dots(row: number, stride: number, count: number, query: number, into: number): void;
}

let compiled: WebAssembly.Module | undefined;

/** Rows of one length. Begins empty, and grows. */
export class Rows {
  /** Numbers of each row. */
  readonly length: number;
  readonly #stride: number;
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  readonly #code: Code;
  #numbers: Float32Array<ArrayBuffer>;
  /** Rows that there is room for, beside the query and a score for each. */
  #capacity = 0;

  constructor(length: number) {
    this.length = length;
    this.#stride = Math.ceil(length / lanes) * lanes;
    compiled ??= new WebAssembly.Module(binary);
    const imports = { search: { memory: this.#memory } };
    this.#code = new WebAssembly.Instance(compiled, imports).exports as unknown as Code;
    this.#numbers = new Float32Array(this.#memory.buffer);
  }

  /**
   * Makes room.
   *
   * @throws TabserveError `out-of-memory`
   */
  reserve(count: number): void {
    if (count <= this.#capacity) return;
    // Half as much again each time, so that adding one by one does not grow each time.
    const capacity = Math.max(count, Math.ceil(1.5 * this.#capacity));
    const missing = 4 * this.#numbersFor(capacity) - this.#memory.buffer.byteLength;
    if (missing > 0) {
      try {
        this.#memory.grow(Math.ceil(missing / page));
      } catch (cause) {
        throw new TabserveError(
          'out-of-memory',
          `There is no memory for an index of ${count} vectors of ${this.length} numbers.`,
          { cause },
        );
      }
      this.#numbers = new Float32Array(this.#memory.buffer);
    }
    this.#capacity = capacity;
  }

  /** Writes a row, for which room was made. */
  set(place: number, row: Float32Array): void {
    this.#numbers.set(row, this.#placeOf(place));
  }

  /** The row as it is in memory, until there is more room. */
  get(place: number): Float32Array {
    const at = this.#placeOf(place);
    return this.#numbers.subarray(at, at + this.length);
  }

  /** Overwrites a row with another one. */
  move(from: number, to: number): void {
    const at = this.#placeOf(from);
    this.#numbers.copyWithin(this.#placeOf(to), at, at + this.#stride);
  }

  /**
   * The dot products of the first `count` rows with `query`, in single precision; valid until the next
   * call.
   */
  dots(query: Float32Array, count: number): Float32Array {
    this.#numbers.set(query, 0);
    const scores = this.#placeOf(this.#capacity);
    this.#code.dots(4 * this.#placeOf(0), 4 * this.#stride, count, 0, 4 * scores);
    return this.#numbers.subarray(scores, scores + count);
  }

  /** The query comes first, and the scores last. */
  #placeOf(row: number): number {
    return this.#stride * (row + 1);
  }

  #numbersFor(rows: number): number {
    return this.#placeOf(rows) + rows;
  }
}

/**
 * How far {@link Rows.dots} may be from the right value at most: for vectors of these lengths.
 *
 * The error of a sum of products is at most the number of roundings that a product goes through, times
 * half a unit in the last place, times the sum of the products' sizes, which no lengths' product is
 * below (Higham, Accuracy and Stability of Numerical Algorithms, 3.1; Cauchy–Schwarz).
 */
export function largestError(numbers: number, one: number, other: number): number {
  const roundings = Math.ceil(numbers / lanes) + 5;
  return roundings * 2 ** -24 * one * other * 1.01;
}
