/**
 * Features as a head is fitted on them: centred, brought to a common size, and in as few dimensions as
 * they need. None of that changes what is fitted, but how fast.
 */
import { addTimes, dot } from './vectors.js';

/** Rows of numbers, one after the other. */
export interface Rows {
  readonly data: Float64Array;
  readonly rows: number;
  readonly columns: number;
}

/** Features made ready for fitting. */
export interface ReadyFeatures extends Rows {
  /** Numbers of a row as it came. */
  readonly dimensions: number;
  /** What a squared length of 1 here was before, on average. */
  readonly meanSquare: number;
  /**
   * Weights and biases as they apply to the rows as they came.
   *
   * @param weights - One row for each class.
   */
  restore(weights: Rows, biases: Float64Array): { weights: Rows; biases: Float64Array };
}

/** A direction that is left with this part of a row's length is rounding. */
const smallest = 1e-9;

/** Where subtraction leaves less than this part, it has lost digits, and is done once more. */
const cancelled = 0.1;

/**
 * Centres, scales, and rotates where there are fewer rows than columns.
 *
 * The bias is free, so that the centre of the features does not matter; the penalty is the length of the
 * weights, which no rotation changes. The rotation is that of modified Gram–Schmidt with a second pass
 * (Å. Björck, "Numerics of Gram-Schmidt orthogonalization", 1994), with a pause after each row.
 */
export function* readyFeatures(raw: {
  data: ArrayLike<number>;
  rows: number;
  columns: number;
}): Generator<void, ReadyFeatures> {
  const { data, rows, columns } = raw;
  const centre = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      centre[j] = (centre[j] as number) + (data[i * columns + j] as number);
    }
  }
  // The sum first: a column that never changes is then exactly at its centre.
  for (let j = 0; j < columns; j++) centre[j] = (centre[j] as number) / rows;
  const centred = new Float64Array(rows * columns);
  let square = 0;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const value = (data[i * columns + j] as number) - (centre[j] as number);
      centred[i * columns + j] = value;
      square += (value * value) / rows;
    }
  }
  // Features that are all the same have no size.
  const meanSquare = square > 0 ? square : 1;
  const scale = 1 / Math.sqrt(meanSquare);
  for (let i = 0; i < centred.length; i++) centred[i] = scale * (centred[i] as number);
  yield;
  const whole: Rows = { data: centred, rows, columns };
  const { rotated, basis } =
    rows < columns ? yield* rotate(whole) : { rotated: whole, basis: null };
  return {
    ...rotated,
    dimensions: columns,
    meanSquare,
    restore(weights, biases) {
      const full = new Float64Array(weights.rows * columns);
      const free = biases.slice();
      for (let c = 0; c < weights.rows; c++) {
        for (let a = 0; a < weights.columns; a++) {
          const weight = scale * (weights.data[c * weights.columns + a] as number);
          if (basis) addTimes(weight, basis[a] as Float64Array, 0, full, c * columns, columns);
          else full[c * columns + a] = weight;
        }
        free[c] = (free[c] as number) - dot(centre, 0, full, c * columns, columns);
      }
      return { weights: { data: full, rows: weights.rows, columns }, biases: free };
    },
  };
}

function* rotate({
  data,
  rows,
  columns,
}: Rows): Generator<void, { rotated: Rows; basis: Float64Array[] }> {
  const basis: Float64Array[] = [];
  const places = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    const row = data.slice(i * columns, (i + 1) * columns);
    const before = Math.sqrt(dot(row, 0, row, 0, columns));
    let left = before;
    for (let pass = 0; pass < 2; pass++) {
      if (pass > 0 && left > cancelled * before) break;
      for (const [a, each] of basis.entries()) {
        const place = dot(row, 0, each, 0, columns);
        places[i * rows + a] = (places[i * rows + a] as number) + place;
        addTimes(-place, each, 0, row, 0, columns);
      }
      left = Math.sqrt(dot(row, 0, row, 0, columns));
    }
    if (left > smallest * Math.max(before, smallest)) {
      places[i * rows + basis.length] = left;
      basis.push(row.map((value) => value / left));
    }
    yield;
  }
  // Rows that are all the same leave no direction; one that is zero everywhere stands for it.
  const dimensions = Math.max(1, basis.length);
  if (basis.length === 0) basis.push(new Float64Array(columns));
  const rotated = new Float64Array(rows * dimensions);
  for (let i = 0; i < rows; i++) {
    rotated.set(places.subarray(i * rows, i * rows + dimensions), i * dimensions);
  }
  return { rotated: { data: rotated, rows, columns: dimensions }, basis };
}
