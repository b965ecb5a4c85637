/** What is asked of a model that is to be explained. tabserve's classifiers of pictures and texts have it. */

import { isTabserveError, TabserveError } from '../base/errors.js';
import { shown } from '../base/shown.js';
import { type ExplanationSource, explanationPage } from '../tasks/explanation/page.js';
import type {
  Baseline,
  Begun,
  ExplanationOptions,
  Tried,
  Variants,
} from '../tasks/explanation/types.js';
import type { PageTask } from '../tasks/task.js';

/** How every request of an explanation is treated. */
export interface RequestTreatment {
  /** Drops what is left. The promise rejects with `signal.reason`. */
  signal?: AbortSignal;
  /**
   * How urgent the requests are. Other requests to the model have their turn between them.
   * @default 'low'
   */
  priority?: 'high' | 'normal' | 'low';
  /** Milliseconds after which the promise rejects with `timeout`, for each request. @default none */
  timeout?: number;
}

/** A model that was created with `explanations: true`. */
export interface Explainable {
  /** As in `model.json`. */
  readonly task: string;
  readonly info: { readonly model: { readonly labels?: readonly string[] } };
  /** @internal */
  askBy<From, Sent>(
    wrap: (own: PageTask<unknown, unknown>) => PageTask<From, Sent>,
    source: From,
    options: object,
    common: RequestTreatment,
  ): Promise<unknown>;
}

/** A class: its place in the model's output, or its label. */
export type ClassName = number | string;

/** Requests that are on their way at a time: enough to keep two workers busy. */
const lanes = 3;

/** Variants of one request, where the network takes any number: few enough to let others in between. */
const defaultBatch = 4;

/** Has a model asked once, by the task of explanations. */
export async function ask<Answer>(
  model: Explainable,
  source: ExplanationSource,
  options: ExplanationOptions,
  { signal, priority = 'low', timeout }: RequestTreatment,
): Promise<Answer> {
  if (typeof model?.askBy !== 'function') {
    throw new TabserveError(
      'invalid-argument',
      'There is no model to explain. Pass an ImageClassifier, a TextClassifier or a TabularModel.',
    );
  }
  const common = {
    priority,
    ...(signal && { signal }),
    ...(timeout !== undefined && { timeout }),
  };
  return (await model.askBy(explanationPage, source, options, common)) as Answer;
}

/**
 * The place of a class in the output; `null` for none.
 *
 * @throws TabserveError `invalid-argument` for a label that the model does not have.
 */
export function placeOf({ info }: Explainable, name: ClassName | undefined): number | null {
  if (name === undefined) return null;
  const { labels = [] } = info.model;
  const place = typeof name === 'number' ? name : labels.indexOf(name);
  if (Number.isInteger(place) && place >= 0 && place < labels.length) return place;
  throw new TabserveError(
    'invalid-argument',
    `The model has no class ${shown(name)}. It has ${labels.length} classes: their labels are in info.model.labels.`,
    { details: { option: 'class', class: name } },
  );
}

/** What all variants of an input are about. */
export interface Trial {
  begun: Begun;
  variants: Variants;
  total: number;
  baseline: Baseline;
  /** @default as many as the network takes, at most 4 */
  batch: number | undefined;
  treatment: RequestTreatment;
  /**
   * Hears of each part, in any order.
   *
   * @param from - The first of its variants.
   */
  onPart(part: Tried, from: number): void;
}

/**
 * Runs all variants of an input, a few at a time, in the model's own queue.
 *
 * @returns Whether the network could be asked about several at a time, as its graph says.
 */
export async function tryAll(
  model: Explainable,
  { begun, variants, total, baseline, batch, treatment, onPart }: Trial,
): Promise<{ isBatched: boolean }> {
  const { feeds, target, scores, capacity } = begun;
  const siblingFailed = new AbortController();
  const { signal: given } = treatment;
  const signal = AbortSignal.any(given ? [given, siblingFailed.signal] : [siblingFailed.signal]);
  const one = async (from: number, count: number) => {
    const options: ExplanationOptions = {
      kind: 'variants',
      target,
      score: scores[target] as number,
      variants,
      from,
      count,
      baseline,
    };
    const source = { kind: 'variants', feeds } as const;
    onPart(await ask<Tried>(model, source, options, { ...treatment, signal }), from);
  };
  let size = Math.max(
    1,
    Math.min(batch ?? defaultBatch, capacity ?? Number.POSITIVE_INFINITY, total),
  );
  let done = 0;
  let isBatched = true;
  // Graphs may say that they take any number, and mean one: the first request tells.
  try {
    await one(0, size);
  } catch (error) {
    if (size === 1 || batch !== undefined || !isTabserveError(error, 'model-invalid')) throw error;
    isBatched = false;
    size = 1;
    await one(0, size);
  }
  done = size;
  const lane = async () => {
    while (done < total) {
      const from = done;
      const count = Math.min(size, total - from);
      done += count;
      await one(from, count);
    }
  };
  try {
    await Promise.all(Array.from({ length: lanes }, lane));
  } catch (error) {
    siblingFailed.abort(error);
    throw error;
  }
  return { isBatched };
}

/**
 * Checks a number out of the options.
 *
 * @throws TabserveError `invalid-argument`, naming the option.
 */
export function inRange(
  value: number | undefined,
  option: string,
  least: number,
  most: number,
  isWhole = true,
): void {
  if (value === undefined) return;
  const fits = typeof value === 'number' && value >= least && value <= most;
  if (fits && (!isWhole || Number.isInteger(value))) return;
  throw new TabserveError(
    'invalid-argument',
    `"${option}" is ${shown(value)}; expected ${isWhole ? 'a whole number' : 'a number'} from ${least} to ${most}.`,
    { details: { option } },
  );
}
