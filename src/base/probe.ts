/** What workers tell each other about a model's outputs, by way of the page. */

/** An output, or what is needed of it to be compared. At most 34 KB. */
export interface OutputDigest {
  name: string;
  type: string;
  dims: readonly number[];
  /** Every how many numbers one is in `sample`. */
  step: number;
  /** All numbers in their order, or every n-th of many. */
  sample: Float64Array;
  /** The root mean square of each of a number of parts of equal length. */
  blocks: Float64Array;
}

/** What a device was compared with: what WASM computes, or what the model's author recorded. */
export type ComparedWith = 'reference' | 'self-test';

/** What became of comparing a device with what is right. */
export interface Finding {
  by: ComparedWith;
  /** Where the outputs differ, in words, with both numbers; `null` where they do not. */
  difference: string | null;
}
