/** What both halves of the task say to each other, and the model's author to both. */
import type { AudioFeatures } from '../../input/audio/types.js';
import type { CoreManifest } from '../../model/manifest-core.js';
import type { ScoresOutput } from '../scores.js';

export type { Classification } from '../scores.js';

/** The network's input tensor: the features with a batch of 1 before them. */
export interface AudioInput {
  /** The tensor's name in the graph. */
  name: string;
  dtype: 'float32' | 'float16';
  /** Whether a dimension of one channel stands between batch and features. @default false */
  channelAxis?: boolean | undefined;
  /**
   * The name of the input that tells sound (1) from what a waveform was filled up with (0).
   * @default none
   */
  attentionMask?: string | undefined;
}

/** The contents of `model.json` for a classifier of sounds. */
export interface AudioManifest extends CoreManifest {
  task: 'audio-classification';
  /** One per class, in the order of the output: inline, or a text file with one per line. */
  labels: string[] | { url: string };
  input: AudioInput;
  /** How a sound becomes what the network takes. */
  preprocess: AudioFeatures;
  output: ScoresOutput;
}

/** The options of one request, complete. */
export interface AudioOptions {
  /** At most so many answers. */
  topK: number;
  /** Least score, 0…1. */
  threshold: number;
  /** Least scores of single classes, by their labels, or `null`. */
  thresholds: Readonly<Record<string, number>> | null;
  /** Only these labels, or `null` for all. */
  allow: readonly string[] | null;
  /** Not these labels, or `null`. */
  deny: readonly string[] | null;
}

/** What a model looks at, known before any request. */
export interface AudioWindow {
  /** Hz. */
  samplingRate: number;
  /** Of a longer sound only the first so many seconds are looked at. */
  seconds: number;
}

/** What became of one sound on its way to the network. */
export interface AudioReport {
  /** Seconds of it that the network was given. */
  seconds: number;
  /** Whether it went on after that. */
  isTruncated: boolean;
  /** Hz of the source, where it had to be resampled to the model's; else `null`. */
  resampledFrom: number | null;
  /** Whether the browser had resampled it before, in its own way. */
  isBrowserResampled: boolean;
}
