/** What both halves of the task say to each other, and the model's author to both. */
import type { ModelInput, Preprocess } from '../../input/image/manifest.js';
import type { PixelRect } from '../../input/image/types.js';
import type { CoreManifest } from '../../model/manifest-core.js';

/** The network's output tensor, `[batch, classes]`. */
export interface ModelOutput {
  /** The tensor's name in the graph. */
  name: string;
  /** What turns the output into scores: `softmax` or `sigmoid` for logits, `none` for scores. */
  activation: 'softmax' | 'sigmoid' | 'none';
}

/** A picture and what the model must say of it, tried before an update is switched to. */
export interface SelfTest {
  /** Relative to the manifest, or absolute. */
  image: string;
  /** The class that must come first, by its place in the output. */
  index: number;
}

/** The contents of `model.json` for a classifier of pictures. */
export interface ModelManifest extends CoreManifest {
  task: 'image-classification';
  /** One per class, in the order of the output: inline, or a text file with one per line. */
  labels: string[] | { url: string };
  input: ModelInput;
  preprocess: Preprocess;
  output: ModelOutput;
  /** What an update of this model must get right before it is used. */
  selfTest?: SelfTest[] | undefined;
}

/** One answer. */
export interface Classification {
  /** The class, as the model's author calls it. */
  label: string;
  /** 0…1. With a softmax output, all classes' scores add up to 1. */
  score: number;
  /** The class's place in the model's output. */
  index: number;
}

/** The options of one request, complete. */
export interface ClassificationOptions {
  /** The part of the upright picture to look at; `null` for all of it. */
  crop: PixelRect | null;
  /** Whether the picture may be reduced while it is decoded. */
  quality: 'exact' | 'fast';
  /** At most so many answers. */
  topK: number;
  /** Least score, 0…1. */
  threshold: number;
  /** Only these labels, or `null` for all. */
  allow: readonly string[] | null;
  /** Not these labels, or `null`. */
  deny: readonly string[] | null;
}
