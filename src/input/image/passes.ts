/** The two passes of resampling in WebAssembly (`passes.wat`), and the memory that they work in. */
import { type Code, CodePool, reserve } from './code.js';
import binary from './passes.wat';
import type { AxisTaps } from './taps.js';

interface Exports extends Code {
  horizontal(
    band: number,
    width: number,
    rows: number,
    firsts: number,
    groups: number,
    weights: number,
    groupSize: number,
    outputs: number,
    into: number,
    stride: number,
  ): void;
  vertical(
    image: number,
    stride: number,
    firsts: number,
    pairs: number,
    weights: number,
    pairSize: number,
    outputs: number,
    into: number,
  ): void;
  pack(
    image: number,
    stride: number,
    width: number,
    rows: number,
    channels: number,
    order: number,
  ): void;
}

/** Taps where the code finds them. */
interface StoredTaps {
  firsts: number;
  counts: number;
  weights: number;
  /** Groups of taps that each output has room for. */
  size: number;
  outputs: number;
}

/** Where the order of a pixel's bytes is kept: the first 16 bytes. */
const orderAt = 0;

/** What is read behind the last pixel, at most. */
const slack = 16;

const pool = new CodePool<Exports>(binary);

/**
 * One picture's passes: it is written to {@link band}, piece by piece, and narrowed by
 * {@link horizontal}; {@link vertical} ends it.
 */
export class Passes {
  readonly #code = pool.acquire();
  readonly #columns: StoredTaps;
  readonly #rows: StoredTaps;
  readonly #width: number;
  readonly #stride: number;
  readonly #narrow: number;
  readonly #result: number;
  readonly #band: number;
  #narrowed = 0;

  /**
   * Passes for one picture. End them with {@link release}.
   *
   * @param columns - Horizontal taps.
   * @param rows - Vertical taps.
   */
  constructor(columns: AxisTaps, rows: AxisTaps) {
    this.#width = columns.to - columns.from;
    this.#stride = Math.ceil((columns.first.length * 4) / 16) * 16;
    this.#columns = layOut(columns, 4, orderAt + 16);
    this.#rows = layOut(rows, 2, endOf(this.#columns, 16));
    this.#narrow = endOf(this.#rows, 8);
    // The zero that pads an odd number of taps reads one row more.
    this.#result = this.#narrow + (rows.to - rows.from + 1) * this.#stride;
    this.#band = this.#result + rows.first.length * this.#stride + slack;
    reserve(this.#code.memory, this.#band);
    this.#store(columns, this.#columns, 4, 4);
    this.#store(rows, this.#rows, 2, this.#stride);
  }

  /** Keeps the memory for the next picture. */
  release(): void {
    pool.release(this.#code);
  }

  /** Where the next `rows` rows of four-byte pixels are to be written. */
  band(rows: number): Uint8Array<ArrayBuffer> {
    const length = rows * this.#width * 4;
    reserve(this.#code.memory, this.#band + length + slack);
    return new Uint8Array(this.#memory, this.#band, length);
  }

  /** Resamples the first `rows` rows of {@link band} horizontally. */
  horizontal(rows: number): void {
    const { firsts, counts, weights, size, outputs } = this.#columns;
    const into = this.#narrow + this.#narrowed * this.#stride;
    this.#code.horizontal(
      this.#band,
      this.#width,
      rows,
      firsts,
      counts,
      weights,
      size,
      outputs,
      into,
      this.#stride,
    );
    this.#narrowed += rows;
  }

  /**
   * Resamples vertically what has been narrowed.
   *
   * @param order - Which bytes of a pixel to take, one or three of them.
   */
  vertical(order: readonly number[]): Uint8Array {
    const { firsts, counts, weights, size, outputs } = this.#rows;
    this.#code.vertical(
      this.#narrow,
      this.#stride,
      firsts,
      counts,
      weights,
      size,
      outputs,
      this.#result,
    );
    const channels = order.length;
    const picked = [0, 4, 8, 12].flatMap((pixel) => order.map((byte) => pixel + byte));
    new Uint8Array(this.#memory, orderAt, 16).set(picked);
    const width = this.#columns.outputs;
    this.#code.pack(this.#result, this.#stride, width, outputs, channels, orderAt);
    return new Uint8Array(this.#memory, this.#result, outputs * width * channels).slice();
  }

  get #memory(): ArrayBuffer {
    return this.#code.memory.buffer as ArrayBuffer;
  }

  /**
   * @param group - Taps that are summed at a time.
   * @param step - Bytes from one tap's input to the next one's.
   */
  #store(taps: AxisTaps, stored: StoredTaps, group: number, step: number): void {
    const { first, count, size, weights } = taps;
    const outputs = first.length;
    const firsts = new Int32Array(this.#memory, stored.firsts, outputs);
    const counts = new Int32Array(this.#memory, stored.counts, outputs);
    const slots = stored.size * group;
    const parts = new Int16Array(this.#memory, stored.weights, outputs * slots * 2);
    parts.fill(0);
    for (let i = 0; i < outputs; i++) {
      const taps = count[i] as number;
      firsts[i] = (first[i] as number) * step;
      counts[i] = Math.max(1, Math.ceil(taps / group));
      for (let t = 0; t < taps; t++) {
        const weight = weights[i * size + t] as number;
        // A pair of taps is four numbers: high, high, low, low.
        const at = (i * slots + (t & ~1)) * 2 + (t & 1);
        parts[at] = weight >> 12;
        parts[at + 2] = weight & 4095;
      }
    }
  }
}

function layOut({ first, size }: AxisTaps, group: number, at: number): StoredTaps {
  const outputs = first.length;
  const aligned = Math.ceil((outputs * 4) / 16) * 16;
  return {
    firsts: at,
    counts: at + aligned,
    weights: at + 2 * aligned,
    size: Math.ceil(size / group),
    outputs,
  };
}

function endOf({ weights, size, outputs }: StoredTaps, groupBytes: number): number {
  return weights + Math.ceil((outputs * size * groupBytes) / 16) * 16;
}
