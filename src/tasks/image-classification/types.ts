/** What both halves of the task say to each other, and the model's author to both. */
import type { ModelInput, Preprocess } from '../../input/image/manifest.js';
import type { PixelRect } from '../../input/image/types.js';
import type { CoreManifest } from '../../model/manifest-core.js';
import type { WithEmbedding } from '../image-embedding/types.js';
import type { ScoresOutput } from '../scores.js';

export type { Classification, ScoresOutput as ModelOutput } from '../scores.js';

/** The contents of `model.json` for a classifier of pictures. */
export interface ModelManifest extends CoreManifest {
  task: 'image-classification';
  /** One per class, in the order of the output: inline, or a text file with one per line. */
  labels: string[] | { url: string };
  input: ModelInput;
  preprocess: Preprocess;
  output: ScoresOutput & WithEmbedding;
}

/** The options of one request, complete. */
export interface ClassificationOptions {
  /** The part of the upright picture to look at; `null` for all of it. */
  crop: PixelRect | null;
  /** Whether the picture may be reduced while it is decoded. */
  quality: 'exact' | 'fast';
  /** At most so many answers. */
  topK: number;
  /** Least score, or `null` for none: scores need not be of 0…1. */
  threshold: number | null;
  /** Least scores of single classes, by their labels, or `null`. */
  thresholds: Readonly<Record<string, number>> | null;
  /** Only these labels, or `null` for all. */
  allow: readonly string[] | null;
  /** Not these labels, or `null`. */
  deny: readonly string[] | null;
}
