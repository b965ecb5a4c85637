/** Chooses the weight decay by cross-validation, and keeps what each example was taken for meanwhile. */
import { stratifiedFolds } from './folds.js';
import { type Examples, fitHead, type Head, logitsOf, softmaxInPlace } from './softmax.js';

/** What cross-validation found. */
export interface CrossValidation {
  /** The best, in the scale of the features. */
  weightDecay: number;
  folds: number;
  /** The mean cross entropy of held-out examples for each that was tried. */
  tried: readonly { weightDecay: number; loss: number }[];
  /** The scores before softmax of each example of `rows`, by the head that had not seen it. */
  logits: Float64Array[];
}

/** Options of {@link crossValidate}. */
export interface CrossValidationOptions {
  folds: number;
  seed: number;
  /** The one value to use. @default the best of several */
  weightDecay?: number | undefined;
  /** Hears how much is done, 0…1. */
  onProgress?: ((done: number) => void) | undefined;
}

/** For features whose squared length is 1 on average: from nearly none to all. */
const grid = [1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/** Beside the best of these. */
const finer = [Math.sqrt(10), Math.sqrt(0.1)];

/** Held-out losses need no more digits. */
const stop = { tolerance: 1e-4, mostSteps: 300 };

/** How often in a row the loss may get worse before weaker decays are not tried. */
const patience = 2;

/**
 * Fits on all folds but one and asks about that one, for each fold and each decay, from the strongest to
 * the weakest, each starting where the one before has ended.
 */
export function* crossValidate(
  examples: Examples,
  { folds, seed, weightDecay, onProgress }: CrossValidationOptions,
): Generator<void, CrossValidation> {
  const { rows, classes } = examples;
  const part = stratifiedFolds(
    rows.map((row) => classes[row] as number),
    folds,
    seed,
  );
  const others = Array.from({ length: folds }, (_, fold) =>
    rows.filter((_row, place) => part[place] !== fold),
  );
  let heads: (Head | undefined)[] = new Array(folds).fill(undefined);
  const rounds = weightDecay === undefined ? grid.length + finer.length : 1;
  let begun = 0;
  const tried: (Pick<CrossValidation, 'logits' | 'weightDecay'> & {
    loss: number;
    heads: Head[];
  })[] = [];
  const attempt = function* (decay: number, starts: readonly (Head | undefined)[]) {
    const fitted: Head[] = [];
    for (let fold = 0; fold < folds; fold++) {
      onProgress?.((begun + fold / folds) / rounds);
      const here: Examples = { ...examples, rows: others[fold] ?? [] };
      fitted.push(yield* fitHead(here, { ...stop, weightDecay: decay, start: starts[fold] }));
    }
    begun += 1;
    const logits = rows.map((row, place) =>
      logitsOf(fitted[part[place] as number] as Head, examples.features, row),
    );
    const loss = meanLoss(logits, rows, classes);
    tried.push({ weightDecay: decay, loss, logits, heads: fitted });
    return { fitted, loss };
  };
  if (weightDecay !== undefined) {
    yield* attempt(weightDecay, heads);
  } else {
    let least = Infinity;
    let worse = 0;
    for (const decay of grid) {
      const { fitted, loss } = yield* attempt(decay, heads);
      heads = fitted;
      worse = loss < least ? 0 : worse + 1;
      least = Math.min(least, loss);
      if (worse >= patience) break;
    }
    const best = bestOf(tried);
    for (const factor of finer) yield* attempt(best.weightDecay * factor, best.heads);
  }
  const best = bestOf(tried);
  return {
    weightDecay: best.weightDecay,
    folds,
    tried: tried.map(({ weightDecay, loss }) => ({ weightDecay, loss })),
    logits: best.logits,
  };
}

function bestOf<Try extends { loss: number }>(tried: readonly Try[]): Try {
  return tried.reduce((best, each) => (each.loss < best.loss ? each : best));
}

/** The mean cross entropy. */
function meanLoss(
  logits: readonly Float64Array[],
  rows: readonly number[],
  classes: ArrayLike<number>,
): number {
  let sum = 0;
  for (const [place, row] of rows.entries()) {
    const scores = (logits[place] as Float64Array).slice();
    const own = scores[classes[row] as number] as number;
    sum += softmaxInPlace(scores) - own;
  }
  return sum / rows.length;
}
