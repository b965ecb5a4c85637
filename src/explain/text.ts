/** Which parts of a text speak for a class. */
import { TabserveError } from '../base/errors.js';
import type { TextOrigin } from '../input/text/types.js';
import type { Begun } from '../tasks/explanation/types.js';
import type { TextSource } from '../tasks/text-page.js';
import {
  ask,
  type ClassName,
  type Explainable,
  inRange,
  placeOf,
  type RequestTreatment,
  tryAll,
} from './model.js';

/** A classifier of texts that was created with `explanations: true`. */
export type ExplainableTexts = Explainable;

/** Options of `explain()` for a text. */
export interface TextExplainOptions extends RequestTreatment {
  /** The class, by its label or its place. @default the one that the model finds first */
  class?: ClassName;
  /** How many variants one run is about, 1 to 64. @default 'auto': 4, or what the graph takes */
  batch?: number;
  /** Hears of it while it goes on. */
  onprogress?: (progress: { done: number; total: number }) => void;
}

/** What a token does for a class. */
export interface TokenImportance {
  /** As the vocabulary has it: `##ing`, `Ġday`. */
  token: string;
  /** The score that the class loses without it: negative where it speaks against the class. */
  importance: number;
}

/** Why a text was taken for a class. */
export interface TextExplanation {
  readonly method: 'leave-one-out';
  /** The class that is explained. */
  readonly label: string;
  readonly index: number;
  /** What the model gives it for the whole text. */
  readonly score: number;
  /** Of the text, in its order, without the special ones that stand around it. */
  readonly tokens: readonly TokenImportance[];
}

/** Explains a text. See `explain()`. */
export async function explainText(
  classifier: ExplainableTexts,
  text: TextSource,
  options: TextExplainOptions = {},
): Promise<TextExplanation> {
  const { batch, onprogress } = options;
  inRange(batch, 'batch', 1, 64);
  const own = { topK: 1, threshold: null, thresholds: null, allow: null, deny: null };
  const target = placeOf(classifier, options.class);
  const begun = await ask<Begun>(
    classifier,
    { kind: 'begin', source: text },
    { kind: 'begin', own, target, activation: false },
    options,
  );
  const { tokens, specials, first, isFixed, padId } = begun.origin as TextOrigin;
  const ofText = tokens.flatMap((token, at) =>
    specials[at] ? [] : [{ token, place: first + at }],
  );
  if (ofText.length === 0) {
    throw new TabserveError('invalid-argument', 'The text has no tokens that could be left out.');
  }
  const score = begun.scores[begun.target] as number;
  const importance: number[] = [];
  let done = 0;
  const total = ofText.length;
  await tryAll(classifier, {
    begun,
    // Nothing at all cannot be asked about; one that is filled up can.
    variants: {
      kind: 'tokens',
      places: ofText.map(({ place }) => place),
      isFixed: isFixed || tokens.length === 1,
      padId,
    },
    total,
    baseline: 'zero',
    batch,
    treatment: options,
    onPart(part, from) {
      for (const [at, without] of part.scores.entries()) importance[from + at] = score - without;
      done += part.scores.length;
      onprogress?.({ done, total });
    },
  });
  const { labels } = classifier.info.model;
  return {
    method: 'leave-one-out',
    label: labels?.[begun.target] ?? `class ${begun.target}`,
    index: begun.target,
    score,
    tokens: ofText.map(({ token }, at) => ({ token, importance: importance[at] as number })),
  };
}
