/** Which columns of a table a model needs, and the coefficients of those that are linear. */

import { TabserveError } from '../base/errors.js';
import { shown } from '../base/shown.js';
import type { TableColumn, TableRow } from '../input/table/types.js';
import type { LinearModel } from '../tasks/explanation/linear.js';
import { type Random, random } from '../tasks/explanation/masks.js';
import type { GraphFacts } from '../tasks/explanation/types.js';
import type { Prediction } from '../tasks/tabular/types.js';
import { ask, type Explainable, inRange, type RequestTreatment } from './model.js';

export type { LinearModel } from '../tasks/explanation/linear.js';

/** A model of tables, as far as it is asked here. */
export interface PredictingModel {
  readonly info: { readonly model: { readonly columns: readonly TableColumn[] } };
  /** As `TabularModel.predict()` for several rows. */
  predict(
    rows: readonly TableRow[],
    options?: { signal?: AbortSignal; priority?: 'high' | 'normal' | 'low'; topK?: number },
  ): Promise<Prediction[]>;
}

/** How good predictions are: the more the better. */
export type Metric = (predictions: readonly Prediction[], truth: readonly unknown[]) => number;

/** Options of {@link permutationImportance}. */
export interface PermutationOptions extends Omit<RequestTreatment, 'timeout'> {
  /** How often each column is shuffled, 1 to 1000. @default 5 */
  repeats?: number;
  /** The same number shuffles alike. @default 1 */
  seed?: number;
  /**
   * What is lost.
   * @default `accuracy` where the model gives a class, the coefficient of determination `r2` where it
   *   gives a value
   */
  metric?: 'accuracy' | 'r2' | Metric;
  /** Only these columns, by name. @default all */
  columns?: readonly string[];
  /** Hears of every shuffled table. */
  onprogress?: (progress: { done: number; total: number }) => void;
}

/** What a column does for the predictions. */
export interface ColumnImportance {
  column: string;
  /** What the metric loses on average when the column is shuffled. */
  mean: number;
  /** The standard deviation of that, over the repeats. */
  deviation: number;
  /** One for each repeat. */
  losses: number[];
}

/**
 * How much worse a model gets when a column's values are shuffled among the rows: by that much it relies
 * on them. Columns that say the same as each other each seem to matter little.
 *
 * Source: Breiman, "Random Forests", 2001; as scikit-learn's `permutation_importance`.
 *
 * @param rows - Of data that the model was not trained on.
 * @param truth - For each row its class's label, or its value.
 * @returns The metric on the rows as they are, and what each column does for it.
 * @throws TabserveError `invalid-argument`; as `TabularModel.predict()`; or `signal.reason`.
 */
export async function permutationImportance(
  model: PredictingModel,
  rows: readonly TableRow[],
  truth: readonly (string | number)[],
  options: PermutationOptions = {},
): Promise<{ score: number; columns: ColumnImportance[] }> {
  const { repeats = 5, seed = 1, signal, priority = 'low', onprogress } = options;
  inRange(repeats, 'repeats', 1, 1000);
  inRange(seed, 'seed', 0, 2 ** 32 - 1);
  if (rows.length === 0 || rows.length !== truth.length) {
    throw new TabserveError(
      'invalid-argument',
      `There are ${rows.length} rows and ${truth.length} true answers; expected as many of both, and some.`,
      { details: { rows: rows.length, truth: truth.length } },
    );
  }
  const wrong = truth.findIndex((each) => typeof each !== 'string' && !Number.isFinite(each));
  if (wrong >= 0) throw untrue(wrong, truth[wrong]);
  const known = model.info.model.columns.map(({ name }) => name);
  const columns = options.columns ?? known;
  const other = columns.find((name) => !known.includes(name));
  if (other !== undefined) {
    throw new TabserveError(
      'invalid-argument',
      `The model has no column "${other}". It has ${known.slice(0, 20).join(', ')}.`,
      { details: { option: 'columns', column: other } },
    );
  }
  const predict = (table: readonly TableRow[]) =>
    model.predict(table, { priority, ...(signal && { signal }) });
  const predictions = await predict(rows);
  const metric = metricOf(options.metric, predictions, truth);
  const score = metric(predictions, truth);
  const total = columns.length * repeats;
  const found: ColumnImportance[] = [];
  let done = 0;
  for (const column of columns) {
    const place = known.indexOf(column);
    const next = random((seed + Math.imul(place + 1, 0x9e3779b1)) >>> 0);
    const losses: number[] = [];
    for (let repeat = 0; repeat < repeats; repeat++) {
      signal?.throwIfAborted();
      const shuffled = withColumn(rows, column, place, shuffledPlaces(rows.length, next));
      losses.push(score - metric(await predict(shuffled), truth));
      done += 1;
      onprogress?.({ done, total });
    }
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / repeats;
    const spread = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / repeats;
    found.push({ column, mean, deviation: Math.sqrt(spread), losses });
  }
  return { score, columns: found };
}

/** Fisher and Yates's shuffle of 0 to `count` − 1. */
export function shuffledPlaces(count: number, next: Random): Uint32Array {
  const places = Uint32Array.from({ length: count }, (_, at) => at);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(next() * (last + 1));
    const kept = places[last] as number;
    places[last] = places[other] as number;
    places[other] = kept;
  }
  return places;
}

function withColumn(
  rows: readonly TableRow[],
  column: string,
  place: number,
  order: Uint32Array,
): TableRow[] {
  const key = (row: TableRow) => (Array.isArray(row) ? place : column);
  return rows.map((row, at) => {
    const from = rows[order[at] as number] as TableRow;
    const value = Reflect.get(from, key(from));
    const copy = Array.isArray(row) ? [...row] : { ...row };
    Reflect.set(copy, key(row), value);
    return copy as TableRow;
  });
}

function metricOf(
  metric: PermutationOptions['metric'],
  [first]: readonly Prediction[],
  truth: readonly unknown[],
): Metric {
  if (typeof metric === 'function') {
    return (...args) => {
      const found = metric(...args);
      if (Number.isFinite(found)) return found;
      throw new TabserveError(
        'invalid-argument',
        `The function "metric" gave ${shown(found)}; it has to give a number.`,
        { details: { option: 'metric' } },
      );
    };
  }
  const own = first && 'value' in first ? 'r2' : 'accuracy';
  const name = metric ?? own;
  if (name !== own) {
    throw new TabserveError(
      'invalid-argument',
      `"metric" is ${shown(name)}; for what this model predicts there is ${own}, or a function.`,
      { details: { option: 'metric' } },
    );
  }
  if (name === 'accuracy') return accuracy;
  const wrong = truth.findIndex((each) => !Number.isFinite(Number(each)));
  if (wrong >= 0) throw untrue(wrong, truth[wrong]);
  if (truth.length > 1) return determination;
  throw new TabserveError(
    'invalid-argument',
    'R² takes two rows at least: a single one has no spread. Pass more rows, or a function as "metric".',
    { details: { rows: truth.length } },
  );
}

function untrue(row: number, value: unknown): TabserveError {
  return new TabserveError(
    'invalid-argument',
    `The true answer of row ${row} is ${shown(value)}; expected what the model predicts: a label, or a finite number.`,
    { details: { row } },
  );
}

function accuracy(predictions: readonly Prediction[], truth: readonly unknown[]): number {
  const right = predictions.filter(
    (each, at) => 'label' in each && each.label === String(truth[at]),
  );
  return right.length / predictions.length;
}

/** scikit-learn's `r2_score`. */
function determination(predictions: readonly Prediction[], truth: readonly unknown[]): number {
  const values = truth.map(Number);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let [missed, spread] = [0, 0];
  for (const [at, value] of values.entries()) {
    const each = predictions[at];
    missed += (value - (each && 'value' in each ? each.value : Number.NaN)) ** 2;
    spread += (value - mean) ** 2;
  }
  if (spread === 0) return missed === 0 ? 1 : 0;
  return 1 - missed / spread;
}

/**
 * The coefficients of a linear model, exactly as its graph has them, in units of its inputs: of
 * scikit-learn's linear classifiers and regressors, also after a scaler, and of `fitLinear()` of `tabserve/learn`.
 *
 * @param model - Created with `explanations: true`.
 * @returns Of a classifier's outputs the scores before their activation.
 * @throws TabserveError `unsupported` for a model that is not linear, or whose graph does not say so.
 */
export async function linearCoefficients(
  model: Explainable,
  options: RequestTreatment = {},
): Promise<LinearModel> {
  const { linear } = await ask<GraphFacts>(model, { kind: 'graph' }, { kind: 'graph' }, options);
  if (typeof linear !== 'string') return linear;
  throw new TabserveError(
    'unsupported',
    `The model has no coefficients to tell: ${linear}. permutationImportance() takes any model of tables.`,
  );
}
