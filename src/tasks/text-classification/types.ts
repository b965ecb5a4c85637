/** What both halves of the task say to each other, and the model's author to both. */
import type { TextInput, TextPreprocess } from '../../input/text/types.js';
import type { CoreManifest } from '../../model/manifest-core.js';
import type { ScoresOutput } from '../scores.js';

export type { Classification } from '../scores.js';

/** The contents of `model.json` for a classifier of texts. */
export interface TextClassificationManifest extends CoreManifest {
  task: 'text-classification';
  /** One per class, in the order of the output: inline, or a text file with one per line. */
  labels: string[] | { url: string };
  input: TextInput;
  preprocess: TextPreprocess;
  /** `sigmoid` where several labels may be right at once. */
  output: ScoresOutput;
}

/** The options of one request, complete. */
export interface TextClassificationOptions {
  /** At most so many answers. */
  topK: number;
  /** Least score, or `null` for none. */
  threshold: number | null;
  /** Least scores of single classes, by their labels, or `null`. */
  thresholds: Readonly<Record<string, number>> | null;
  /** Only these labels, or `null` for all. */
  allow: readonly string[] | null;
  /** Not these labels, or `null`. */
  deny: readonly string[] | null;
}
