/**
 * The two passes of resampling for what {@link Passes} does not do: vertically first, or without
 * rounding in between. Rows are held until all are there, which is rarely needed, and so in plain code.
 */
import { type AxisTaps, precisionBits } from './taps.js';

/** In which order the passes come, and what is between them. */
export type HeldOrder =
  /** Vertically first, rounded to bytes in between, as Pillow for tall pictures. */
  | 'vertical-first'
  /** Horizontally first, nothing rounded or cut off in between, as OpenCV. */
  | 'unrounded'
  /** Horizontally first, in the whole numbers of OpenCV's `INTER_LINEAR` for bytes. */
  | 'opencv-linear';

const one = 2 ** precisionBits;

/** As `Passes`. */
export class HeldPasses {
  readonly #columns: AxisTaps;
  readonly #rows: AxisTaps;
  readonly #order: HeldOrder;
  readonly #width: number;
  /** Four-byte pixels that the window depends on. */
  readonly #pixels: Uint8Array<ArrayBuffer>;
  #pushed = 0;

  constructor(columns: AxisTaps, rows: AxisTaps, order: HeldOrder) {
    this.#columns = columns;
    this.#rows = rows;
    this.#order = order;
    this.#width = columns.to - columns.from;
    this.#pixels = new Uint8Array(this.#width * (rows.to - rows.from) * 4);
  }

  /** Where the next `rows` rows of four-byte pixels are to be written. */
  band(rows: number): Uint8Array<ArrayBuffer> {
    const from = this.#pushed * this.#width * 4;
    return this.#pixels.subarray(from, from + rows * this.#width * 4);
  }

  /** Takes the first `rows` rows of {@link band}. */
  horizontal(rows: number): void {
    this.#pushed += rows;
  }

  /** @param order - Which bytes of a pixel to take, one or three of them. */
  vertical(order: readonly number[]): Uint8Array {
    const columns = this.#columns;
    const rows = this.#rows;
    const wide = this.#width;
    const narrow = columns.first.length;
    const high = rows.to - rows.from;
    const low = rows.first.length;
    const result = new Uint8ClampedArray(narrow * low * order.length);
    const isVerticalFirst = this.#order === 'vertical-first';
    // One channel at a time: what lies in between is as large as one narrowed picture.
    for (const [channel, byte] of order.entries()) {
      // The channel where it lies: a copy would be larger than the picture.
      const source = this.#pixels.subarray(byte);
      const write = (i: number, value: number) => {
        result[i * order.length + channel] = byteOf(value);
      };
      if (this.#order === 'opencv-linear') {
        const between = new Float64Array(narrow * high);
        const scaled = (each: number, weight: number) => each * elevenBits(weight);
        const cut = (each: number, weight: number) => ((each >> 4) * elevenBits(weight)) >> 16;
        pass(
          source,
          columns,
          high,
          4,
          4 * wide,
          narrow,
          false,
          (i, _, sum) => {
            between[i] = sum;
          },
          scaled,
        );
        pass(
          between,
          rows,
          narrow,
          narrow,
          1,
          narrow,
          true,
          (i, _, sum) => {
            result[i * order.length + channel] = (sum + 2) >> 2;
          },
          cut,
        );
      } else if (isVerticalFirst) {
        const between = new Float64Array(wide * low);
        pass(source, rows, wide, 4 * wide, 4, wide, true, (i, value) => {
          between[i] = byteOf(value);
        });
        pass(between, columns, low, 1, wide, narrow, false, write);
      } else {
        const between = new Float64Array(narrow * high);
        pass(source, columns, high, 4, 4 * wide, narrow, false, (i, value) => {
          between[i] = value;
        });
        pass(between, rows, narrow, narrow, 1, narrow, true, write);
      }
    }
    return new Uint8Array(result.buffer);
  }

  release(): void {}
}

/**
 * One pass over one channel.
 *
 * @param lines - How many lines lie beside each other across the axis.
 * @param step - From one tap's number to the next one's.
 * @param apart - From one line to the next one, in `from`.
 * @param stride - Numbers in a row of the result.
 * @param isVertical - Whether the axis goes down.
 * @param write - Is given each result, at its place, and the sum that it was made of.
 * @param term - What a number adds to the sum.
 */
function pass(
  from: ArrayLike<number>,
  { first, count, size, weights }: AxisTaps,
  lines: number,
  step: number,
  apart: number,
  stride: number,
  isVertical: boolean,
  write: (at: number, value: number, sum: number) => void,
  term: (value: number, weight: number) => number = (value, weight) => value * weight,
): void {
  for (let i = 0; i < first.length; i++) {
    for (let line = 0; line < lines; line++) {
      let at = line * apart + (first[i] as number) * step;
      let sum = 0;
      for (let t = 0; t < (count[i] as number); t++) {
        sum += term(from[at] as number, weights[i * size + t] as number);
        at += step;
      }
      write(isVertical ? i * stride + line : line * stride + i, sum / one, sum);
    }
  }
}

/** A weight of OpenCV's `INTER_RESIZE_COEF_BITS`. */
function elevenBits(weight: number): number {
  return Math.round((weight / one) * 2048);
}

/** Halves up, cut off at 0 and 255, as Pillow's `clip8` and OpenCV's `FixedPtCast`. */
function byteOf(value: number): number {
  return Math.min(255, Math.max(0, Math.floor(value + 0.5)));
}
