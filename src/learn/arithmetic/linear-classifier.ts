/** Linear classifiers of tables: scikit-learn's `LogisticRegression(C)` and `LinearSVC(C)`. */
import type { Rows } from './features.js';
import type { LinearFormula } from './least-squares.js';
import { minimise } from './minimise.js';
import { softmaxInPlace } from './softmax.js';
import { addTimes, dot } from './vectors.js';

/** Which. */
export type LinearClassifier = 'logistic-regression' | 'linear-svm';

/** What is fitted on, and how. */
export interface ClassifierProblem extends Pick<Rows, 'rows' | 'columns'> {
  data: ArrayLike<number>;
  /** The class of each row. */
  classes: ArrayLike<number>;
  /** How many classes there are, 2 at least. */
  count: number;
  kind: LinearClassifier;
  /** The loss of all rows times this, plus half of the weights' squared length, becomes small. */
  c: number;
}

/** Formulas, and what finding them took. */
export interface LinearClassifierFit {
  /** Of two classes one, for the second of them; else one for each. */
  formulas: LinearFormula[];
  steps: number;
  converged: boolean;
}

/** How near to the minimum: the largest slope of the mean loss by a weight in its unit. */
const stop = { tolerance: 1e-7, mostSteps: 20_000 };

/** Turns the scores of a row into the slopes of its loss. @returns The loss. */
type RowLoss = (scores: Float64Array, target: number) => number;

/**
 * Fits, with a pause after each pass over the rows.
 *
 * The objectives are those of scikit-learn: the logistic loss of two classes, the cross entropy of more, with free
 * intercepts; or the squared hinge, one class against the others, with the intercept among the weights whose length
 * counts, as LIBLINEAR has it (R.-E. Fan et al., "LIBLINEAR: a library for large linear classification", 2008).
 */
export function* fitLinearClassifier(
  problem: ClassifierProblem,
): Generator<void, LinearClassifierFit> {
  const { kind, count, classes, rows } = problem;
  const table = levelled(problem);
  const isSvm = kind === 'linear-svm';
  if (!isSvm && count > 2) return yield* fitFormulas(problem, table, classes, count, crossEntropy);
  const positives = count > 2 ? Array.from({ length: count }, (_, c) => c) : [1];
  const fits: LinearClassifierFit[] = [];
  for (const positive of positives) {
    const signs = Float64Array.from({ length: rows }, (_, i) => (classes[i] === positive ? 1 : -1));
    fits.push(yield* fitFormulas(problem, table, signs, 1, isSvm ? squaredHinge : logistic));
  }
  return {
    formulas: fits.flatMap(({ formulas }) => formulas),
    steps: fits.reduce((sum, { steps }) => sum + steps, 0),
    converged: fits.every(({ converged }) => converged),
  };
}

/** Columns of mean 0, in which the objective is about as steep in each: the same is fitted on them, and faster. */
interface Levelled {
  data: Float64Array;
  centres: Float64Array;
  units: Float64Array;
}

function levelled({ data, rows, columns, c }: ClassifierProblem): Levelled {
  const centres = new Float64Array(columns);
  const squares = new Float64Array(columns);
  const own = Float64Array.from(data);
  for (let i = 0; i < rows; i++) addTimes(1 / rows, own, i * columns, centres, 0, columns);
  for (let i = 0; i < rows; i++) {
    addTimes(-1, centres, 0, own, i * columns, columns);
    for (let j = 0; j < columns; j++) {
      squares[j] = (squares[j] as number) + (own[i * columns + j] as number) ** 2 / rows;
    }
  }
  // A column curves the loss by its variance, and the penalty by what a weight costs.
  const units = squares.map((square) => Math.sqrt(square + 1 / (c * rows)));
  for (let i = 0; i < own.length; i++) {
    own[i] = (own[i] as number) / (units[i % columns] as number);
  }
  return { data: own, centres, units };
}

/** @param outputs - How many formulas are fitted together. */
function* fitFormulas(
  { rows, columns, kind, c }: ClassifierProblem,
  { data, centres, units }: Levelled,
  targets: ArrayLike<number>,
  outputs: number,
  lossOf: RowLoss,
): Generator<void, LinearClassifierFit> {
  const offset = outputs * columns;
  const decay = 1 / (c * rows);
  const scores = new Float64Array(outputs);
  const found = new Float64Array(offset + outputs);
  /** In the units of the columns as they came. */
  const formula = (x: Float64Array, k: number): LinearFormula => {
    const weights = units.map((unit, j) => (x[k * columns + j] as number) / unit);
    return { weights, intercept: (x[offset + k] as number) - dot(weights, 0, centres, 0, columns) };
  };
  const minimum = yield* minimise(
    (x, gradient) => {
      gradient.fill(0);
      let value = 0;
      for (let i = 0; i < rows; i++) {
        for (let k = 0; k < outputs; k++) {
          scores[k] = (x[offset + k] as number) + dot(data, i * columns, x, k * columns, columns);
        }
        value += lossOf(scores, targets[i] as number) / rows;
        for (let k = 0; k < outputs; k++) {
          const slope = (scores[k] as number) / rows;
          if (slope === 0) continue;
          gradient[offset + k] = (gradient[offset + k] as number) + slope;
          addTimes(slope, data, i * columns, gradient, k * columns, columns);
        }
      }
      for (let k = 0; k < outputs; k++) {
        const { weights, intercept } = formula(x, k);
        const counted = kind === 'linear-svm' ? intercept : 0;
        value += (decay / 2) * (dot(weights, 0, weights, 0, columns) + counted ** 2);
        for (let j = 0; j < columns; j++) {
          const slope = (weights[j] as number) - counted * (centres[j] as number);
          const place = k * columns + j;
          gradient[place] = (gradient[place] as number) + (decay * slope) / (units[j] as number);
        }
        gradient[offset + k] = (gradient[offset + k] as number) + decay * counted;
      }
      return value;
    },
    found,
    stop,
  );
  const formulas = Array.from({ length: outputs }, (_, k) => formula(found, k));
  return { formulas, steps: minimum.steps, converged: minimum.converged };
}

function logistic(scores: Float64Array, sign: number): number {
  const margin = sign * (scores[0] as number);
  const power = Math.exp(-Math.abs(margin));
  scores[0] = (-sign * (margin > 0 ? power : 1)) / (1 + power);
  return Math.log1p(power) + Math.max(0, -margin);
}

function squaredHinge(scores: Float64Array, sign: number): number {
  const lacking = Math.max(0, 1 - sign * (scores[0] as number));
  scores[0] = -2 * sign * lacking;
  return lacking ** 2;
}

function crossEntropy(scores: Float64Array, own: number): number {
  const ownScore = scores[own] as number;
  const loss = softmaxInPlace(scores) - ownScore;
  scores[own] = (scores[own] as number) - 1;
  return loss;
}
