/** Boxes on their way from a network's outputs to answers. */
import { TabserveError } from '../../base/errors.js';
import { numbersOf, type Tensor, type Tensors } from '../../base/tensor.js';

/** Boxes, scores and classes, one of each for every candidate. */
export interface Candidates {
  /** Left, top, right and bottom in pixels of the network's input. */
  readonly boxes: Float64Array;
  /** 0…1. */
  readonly scores: Float64Array;
  /** Places among the labels. */
  readonly classes: Uint32Array;
}

/** Gathers candidates. */
export class CandidateList {
  readonly #boxes: number[] = [];
  readonly #scores: number[] = [];
  readonly #classes: number[] = [];
  readonly #threshold: number;

  /** @param threshold - Those below are let go. */
  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  /**
   * Adds one by its corners, unless its score is too low.
   *
   * @throws TabserveError `model-invalid` for what is no number.
   */
  add(
    score: number,
    index: number,
    corners: () => readonly [number, number, number, number],
  ): void {
    if (Number.isNaN(score)) throw notANumber();
    if (score < this.#threshold) return;
    const box = corners();
    if (box.some(Number.isNaN)) throw notANumber();
    this.#boxes.push(...box);
    this.#scores.push(score);
    this.#classes.push(index);
  }

  done(): Candidates {
    return {
      boxes: Float64Array.from(this.#boxes),
      scores: Float64Array.from(this.#scores),
      classes: Uint32Array.from(this.#classes),
    };
  }
}

/** Corners of a box that is given by its middle, width and height. */
export function around(
  x: number,
  y: number,
  width: number,
  height: number,
): [number, number, number, number] {
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
}

/** A tensor of rows. */
export interface Rows {
  values: ArrayLike<number>;
  /** How many rows. */
  count: number;
  /** Numbers in a row. */
  length: number;
}

/**
 * An output as rows of numbers, without its batch dimension of 1.
 *
 * @param length - How many numbers a row has; `null` for any number.
 * @throws TabserveError `model-invalid` for another shape.
 */
export function rowsOf(outputs: Tensors, name: string, length: number | null): Rows {
  const tensor = outputOf(outputs, name);
  const dims =
    tensor.dims.length === 3 && tensor.dims[0] === 1 ? tensor.dims.slice(1) : tensor.dims;
  const [count = 0, found = 0] = dims;
  if (dims.length !== 2 || (length !== null && found !== length)) {
    throw unfit(name, tensor, `[1, N, ${length ?? 'numbers'}]`);
  }
  return { values: numbersOf(tensor), count, length: found };
}

/** An output, which the engine has given. */
export function outputOf(outputs: Tensors, name: string): Tensor {
  const tensor = outputs[name];
  if (!tensor) throw new TabserveError('internal', `The engine gave no "${name}".`);
  return tensor;
}

/** The error for an output of another shape. */
export function unfit(name: string, { dims }: Tensor, wanted: string): TabserveError {
  return new TabserveError(
    'model-invalid',
    `The model answered [${dims.join(', ')}] as "${name}", where its manifest's "output" wants ${wanted}.`,
    { details: { output: name, found: dims.join(), expected: wanted } },
  );
}

function notANumber(): TabserveError {
  return new TabserveError(
    'model-invalid',
    'The model answered NaN. Its weights are damaged, or its preprocessing does not fit it.',
  );
}
