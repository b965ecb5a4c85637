/** What workers tell each other about a model's outputs, by way of the page. */

/** An output, or what is needed of it to be compared. At most 34 KB. */
export interface OutputDigest {
  name: string;
  type: string;
  dims: readonly number[];
  /** All numbers in their order, or every n-th of many. */
  sample: Float64Array;
  /** The root mean square of each of a number of parts of equal length. */
  blocks: Float64Array;
}

/** What became of comparing a device with the reference. */
export interface Finding {
  /** Where the outputs differ, in words, with both numbers; `null` where they do not. */
  difference: string | null;
}
