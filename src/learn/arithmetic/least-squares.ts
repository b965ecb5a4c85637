/**
 * Linear regression by least squares, exactly: of all coefficients that fit best, those with the least squared
 * length, as scikit-learn's `LinearRegression`.
 *
 * Source: G. Golub and C. Van Loan, Matrix Computations, 4th edition, 5.4.2 (Householder reflections with
 * column pivoting) and 5.5.6 (the minimum norm by a complete orthogonal decomposition).
 */
import type { Rows } from './features.js';
import { addTimes, dot } from './vectors.js';

/** A column with less than this part left beside the others is one of their sums: float32 tells no more. */
const smallest = 1e-6;

/** Coefficients for each column, and what is added to their sum. */
export interface LinearFormula {
  weights: Float64Array;
  intercept: number;
}

/**
 * Fits, with a pause after each column.
 *
 * @param rows - At least one.
 * @param targets - One for each row.
 */
export function* leastSquares(
  { data, rows, columns }: { data: ArrayLike<number> } & Pick<Rows, 'rows' | 'columns'>,
  targets: ArrayLike<number>,
): Generator<void, LinearFormula> {
  const centres = new Float64Array(columns);
  const lengths = new Float64Array(columns);
  const scaled: Float64Array[] = [];
  for (let j = 0; j < columns; j++) {
    const column = Float64Array.from({ length: rows }, (_, i) => data[i * columns + j] as number);
    centres[j] = centre(column);
    // One that never changes has no length, and no part in the answer.
    const length = norm(column, 0) || 1;
    lengths[j] = length;
    scaled.push(column.map((value) => value / length));
    yield;
  }
  const wanted = Float64Array.from(targets);
  const middle = centre(wanted);
  const { order, reflectors } = yield* triangulate(scaled, [wanted], smallest);
  const rank = reflectors.length;
  // The triangle's rows, in the columns' own units, as columns: their best answer is found the same way.
  const lying = Array.from({ length: rank }, (_, i) =>
    Float64Array.from(order, (j, place) =>
      place < i ? 0 : ((scaled[place] as Float64Array)[i] as number) * (lengths[j] as number),
    ),
  );
  const second = yield* triangulate(lying, [], null);
  const found = new Float64Array(columns);
  for (let i = 0; i < rank; i++) {
    const own = lying[i] as Float64Array;
    found[i] = ((wanted[i] as number) - dot(own, 0, found, 0, i)) / (own[i] as number);
  }
  for (const [k, reflector] of [...second.reflectors.entries()].reverse()) {
    reflect(reflector, found, k);
  }
  const weights = new Float64Array(columns);
  for (const [place, j] of order.entries()) weights[j] = found[place] as number;
  return { weights, intercept: middle - dot(weights, 0, centres, 0, columns) };
}

/** What a reflection turns on its head, from its own place on. */
interface Reflector {
  vector: Float64Array;
  square: number;
}

/**
 * Turns columns into an upper triangle, in place.
 *
 * @param further - Vectors that are turned with them.
 * @param tolerance - Columns are taken in the order of what is left of them, down to this part of the
 *   first. `null` takes them as they come.
 */
function* triangulate(
  columns: Float64Array[],
  further: readonly Float64Array[],
  tolerance: number | null,
): Generator<void, { order: number[]; reflectors: Reflector[] }> {
  const order = columns.map((_, j) => j);
  const reflectors: Reflector[] = [];
  const most = Math.min(columns.length, columns[0]?.length ?? 0);
  let first = 0;
  for (let k = 0; k < most; k++) {
    if (tolerance !== null) {
      const left = columns.slice(k).map((column) => norm(column, k));
      const best = k + left.indexOf(Math.max(...left));
      swap(columns, k, best);
      swap(order, k, best);
    }
    const column = columns[k] as Float64Array;
    const size = norm(column, k);
    if (k === 0) first = size;
    if (size <= (tolerance ?? 0) * first) break;
    const corner = (column[k] as number) > 0 ? -size : size;
    const vector = column.slice(k);
    vector[0] = (vector[0] as number) - corner;
    const reflector = { vector, square: dot(vector, 0, vector, 0, vector.length) };
    for (const each of [...columns.slice(k + 1), ...further]) reflect(reflector, each, k);
    column.fill(0, k);
    column[k] = corner;
    reflectors.push(reflector);
    yield;
  }
  return { order, reflectors };
}

function reflect({ vector, square }: Reflector, numbers: Float64Array, from: number): void {
  const { length } = vector;
  addTimes((-2 * dot(vector, 0, numbers, from, length)) / square, vector, 0, numbers, from, length);
}

/** Brings the mean to 0. @returns What it was. */
function centre(numbers: Float64Array): number {
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  for (let i = 0; i < numbers.length; i++) numbers[i] = (numbers[i] as number) - mean;
  return mean;
}

function norm(numbers: Float64Array, from: number): number {
  return Math.sqrt(dot(numbers, from, numbers, from, numbers.length - from));
}

function swap<Item>(list: Item[], a: number, b: number): void {
  const one = list[a] as Item;
  list[a] = list[b] as Item;
  list[b] = one;
}
