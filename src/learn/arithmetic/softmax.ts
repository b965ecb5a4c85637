/**
 * Multinomial logistic regression: the head that a `Trainer` puts on a backbone.
 *
 * It minimises the mean cross entropy plus `weightDecay / 2` times the squared length of the weights; the
 * biases are free. scikit-learn's `LogisticRegression(C)` minimises the same with
 * `weightDecay = 1 / (C · examples)`.
 */
import type { ReadyFeatures, Rows } from './features.js';
import { type Minimum, minimise, type StopWhen } from './minimise.js';
import { addTimes, dot } from './vectors.js';

/** Weights, a row for each class, and a bias for each. */
export interface Head {
  weights: Rows;
  biases: Float64Array;
}

/** What a head is fitted on. */
export interface Examples {
  features: Rows;
  /** Which rows. */
  rows: readonly number[];
  /** The class of every row, whether it is used or not. */
  classes: ArrayLike<number>;
  /** How many classes there are. */
  count: number;
  /** What each row counts for; they are brought to a mean of 1. @default 1 each */
  importance?: ArrayLike<number> | undefined;
}

/** How it is fitted. */
export interface FitOptions extends StopWhen {
  /** In the features' own scale. */
  weightDecay: number;
  /** Where to start. @default zeros */
  start?: Head | undefined;
}

/** Fits a head, with a pause after each pass over the examples. */
export function* fitHead(
  examples: Examples,
  { weightDecay, start, ...stop }: FitOptions,
): Generator<void, Head & { minimum: Minimum }> {
  const { features, rows, classes, count, importance } = examples;
  const { data, columns } = features;
  const offset = count * columns;
  const units = unitsOf(features, rows, weightDecay);
  const inUnits = (weights: Float64Array, power: 1 | -1) =>
    weights.map((weight, i) => weight * (units[i % columns] as number) ** power);
  const parameters = new Float64Array(offset + count);
  if (start) {
    parameters.set(inUnits(start.weights.data, 1));
    parameters.set(start.biases, offset);
  }
  const weights = new Float64Array(offset);
  const shares = sharesOf(rows, importance);
  const scores = new Float64Array(count);
  const minimum = yield* minimise(
    (x, gradient) => {
      gradient.fill(0);
      for (let i = 0; i < offset; i++) {
        weights[i] = (x[i] as number) / (units[i % columns] as number);
      }
      let value = 0;
      for (const [place, row] of rows.entries()) {
        const share = shares[place] as number;
        const own = classes[row] as number;
        for (let c = 0; c < count; c++) {
          scores[c] =
            (x[offset + c] as number) + dot(data, row * columns, weights, c * columns, columns);
        }
        const ownScore = scores[own] as number;
        value += share * (softmaxInPlace(scores) - ownScore);
        for (let c = 0; c < count; c++) {
          const error = share * ((scores[c] as number) - (c === own ? 1 : 0));
          gradient[offset + c] = (gradient[offset + c] as number) + error;
          addTimes(error, data, row * columns, gradient, c * columns, columns);
        }
      }
      for (let i = 0; i < offset; i++) {
        const weight = weights[i] as number;
        value += (weightDecay / 2) * weight * weight;
        gradient[i] =
          ((gradient[i] as number) + weightDecay * weight) / (units[i % columns] as number);
      }
      return value;
    },
    parameters,
    stop,
  );
  return {
    weights: { data: inUnits(parameters.slice(0, offset), -1), rows: count, columns },
    biases: parameters.slice(offset),
    minimum,
  };
}

/** Units of the weights in which the objective is about as steep in each column: the same is fitted, and faster. */
function unitsOf({ data, columns }: Rows, rows: readonly number[], weightDecay: number) {
  const squares = new Float64Array(columns);
  for (const row of rows) {
    for (let j = 0; j < columns; j++) {
      squares[j] = (squares[j] as number) + (data[row * columns + j] as number) ** 2 / rows.length;
    }
  }
  // A column curves the loss by its square, and the penalty by the decay. Against the largest of them, so that fitting
  // stops as early as it does without units where all columns are alike.
  const most = squares.reduce((a, b) => Math.max(a, b), 0) || 1;
  return squares.map((square) => Math.sqrt((square + weightDecay) / most) || 1);
}

/** What each row has of the mean. */
function sharesOf(rows: readonly number[], importance: Examples['importance']): Float64Array {
  const shares = Float64Array.from(rows, (row) => importance?.[row] ?? 1);
  const sum = shares.reduce((total, each) => total + each, 0);
  return shares.map((each) => each / sum);
}

/**
 * Turns scores into probabilities.
 *
 * @returns The logarithm of the sum of their exponentials.
 */
export function softmaxInPlace(scores: Float64Array): number {
  let most = -Infinity;
  for (const each of scores) most = Math.max(most, each);
  let sum = 0;
  for (let c = 0; c < scores.length; c++) {
    const power = Math.exp((scores[c] as number) - most);
    scores[c] = power;
    sum += power;
  }
  for (let c = 0; c < scores.length; c++) scores[c] = (scores[c] as number) / sum;
  return most + Math.log(sum);
}

/** The scores of a row before softmax. */
export function logitsOf({ weights, biases }: Head, features: Rows, row: number): Float64Array {
  const { columns } = features;
  return biases.map(
    (bias, c) => bias + dot(features.data, row * columns, weights.data, c * columns, columns),
  );
}

/** The head as it applies to the features as they came. */
export function restored(head: Head, features: ReadyFeatures): Head {
  return features.restore(head.weights, head.biases);
}

/**
 * What examples of each class have to count for so that every class counts for the same, as
 * scikit-learn's `class_weight="balanced"`.
 */
export function balancedImportance(
  classes: ArrayLike<number>,
  counts: readonly number[],
): Float64Array {
  const present = counts.filter((count) => count > 0).length;
  return Float64Array.from(
    classes,
    (each) => classes.length / (present * (counts[each] as number)),
  );
}
