/** From examples to a head: what it is fitted on, what is held out, and what comes of it. */
import { type ReadyFeatures, readyFeatures } from './arithmetic/features.js';
import { countsOf, stratifiedFolds, stratifiedHoldOut } from './arithmetic/folds.js';
import {
  balancedImportance,
  fitHead,
  type Head,
  logitsOf,
  restored,
} from './arithmetic/softmax.js';
import { crossValidate } from './arithmetic/weight-decay.js';
import { argmax } from './evaluate/report.js';
import { fitTemperature } from './evaluate/temperature.js';
import type { ExampleList, FitResult, HeadSettings, JobProgress, UnseenScores } from './types.js';

/** Where nothing can be held out to choose a decay by. In the scale of features of squared length 1. */
const usualDecay = 1e-3;

/** More examples are not cross-validated for the evaluation: a part of them is held out. */
const mostFolded = 3_000;
const automaticHoldOut = 0.2;

/** So many of them are enough to choose the decay by. */
const enoughToChoose = 1_500;

/** Of the head that is kept. */
export const lastFit = { tolerance: 1e-6, mostSteps: 1_000 };

/** What of the work each stage is, roughly. */
const preparing = 0.1;
const choosing = 0.7;

/**
 * Fits a head, with pauses.
 *
 * @param raw - The features of the examples, in their order.
 * @param report - Hears how far it is.
 */
export function* fitExamples(
  raw: { data: Float32Array; rows: number; columns: number },
  { ids, classes, count }: ExampleList,
  settings: HeadSettings,
  report: (progress: JobProgress) => void,
): Generator<void, FitResult> {
  const { seed, balanced } = settings;
  report({ stage: 'prepare', done: 0 });
  const features = yield* readyFeatures(raw);
  const all = classes.map((_, row) => row);
  const importance = balanced ? balancedImportance(classes, countsOf(classes, count)) : undefined;
  const parts = { features, classes, count, importance };
  const given =
    settings.weightDecay === null ? undefined : settings.weightDecay / features.meanSquare;

  const fraction = settings.holdOut || (ids.length > mostFolded ? automaticHoldOut : 0);
  const isOut = fraction > 0 ? stratifiedHoldOut(classes, fraction, seed) : null;
  const seen = isOut ? all.filter((row) => !isOut[row]) : all;
  const out = isOut ? all.filter((row) => isOut[row]) : [];
  const chosenBy = sampleOf(seen, classes, given === undefined ? enoughToChoose : Infinity, seed);
  const folds = Math.min(
    settings.folds,
    ...countsOf(
      chosenBy.map((row) => classes[row] as number),
      count,
    ).filter((each) => each > 0),
  );

  let decay = given ?? usualDecay;
  let tried: FitResult['tried'] = [];
  let unseen: UnseenScores | null = null;
  // Folds choose the decay, and show what is unseen unless a part is held out for that.
  if (folds >= 2 && !(isOut && given !== undefined)) {
    const found = yield* crossValidate(
      { ...parts, rows: chosenBy },
      {
        folds,
        seed,
        weightDecay: given,
        onProgress: (done) =>
          report({ stage: 'cross-validate', done: preparing + (choosing - preparing) * done }),
      },
    );
    // For more examples less decay: together they weigh the same against it.
    decay = found.weightDecay * (chosenBy.length / seen.length);
    tried = found.tried.map(({ weightDecay, loss }) => ({
      weightDecay: weightDecay * features.meanSquare,
      loss,
    }));
    if (!isOut) unseen = unseenOf(chosenBy, found.logits, ids, 'folds', folds);
  }
  report({ stage: 'fit', done: choosing });
  let start: Head | undefined;
  if (isOut && out.length > 0) {
    start = yield* fitHead({ ...parts, rows: seen }, { ...lastFit, weightDecay: decay });
    const logits = out.map((row) => logitsOf(start as Head, features, row));
    unseen = unseenOf(out, logits, ids, 'hold-out', 1);
  }
  const head = yield* fitHead({ ...parts, rows: all }, { ...lastFit, weightDecay: decay, start });
  return {
    kind: 'head',
    head: { ...partsOf(head, features), temperature: temperatureOf(unseen, ids, classes, count) },
    weightDecay: decay * features.meanSquare,
    tried,
    unseen,
    steps: head.minimum.steps,
    converged: head.minimum.converged,
  };
}

function partsOf(head: Head, features: ReadyFeatures) {
  const { weights, biases } = restored(head, features);
  return { weights: weights.data, biases };
}

/** At most so many rows, of each class its share. */
function sampleOf(
  rows: readonly number[],
  classes: ArrayLike<number>,
  most: number,
  seed: number,
): readonly number[] {
  if (rows.length <= most) return rows;
  const parts = Math.ceil(rows.length / most);
  const part = stratifiedFolds(
    rows.map((row) => classes[row] as number),
    parts,
    seed,
  );
  return rows.filter((_row, place) => part[place] === 0);
}

function unseenOf(
  rows: readonly number[],
  logits: readonly Float64Array[],
  ids: readonly number[],
  method: UnseenScores['method'],
  folds: number,
): UnseenScores {
  return {
    ids: rows.map((row) => ids[row] as number),
    logits: Float64Array.from(logits.flatMap((row) => [...row])),
    method,
    folds,
  };
}

/**
 * The temperature by the scores of what was not seen; 1 where all of that was right, which says only
 * that the scores could be surer.
 */
export function temperatureOf(
  unseen: UnseenScores | null,
  ids: readonly number[],
  classes: readonly number[],
  count: number,
): number {
  if (!unseen) return 1;
  const classOf = new Map(ids.map((id, row) => [id, classes[row] as number]));
  const truth = unseen.ids.map((id) => classOf.get(id) as number);
  const rows = truth.map((_, at) => unseen.logits.subarray(at * count, (at + 1) * count));
  const isRight = truth.every((is, at) => argmax(rows[at] as Float64Array) === is);
  return isRight ? 1 : fitTemperature(rows, truth);
}
