/** What pages that learn a head together say to each other. All of it is plain data. */
import type { Example } from './dataset.js';
import type { PrivacySpent } from './privacy.js';

/** A head that many pages learn, after a number of rounds. */
export interface SharedHead {
  /** The base's name and version, the same for all. */
  base: string;
  /** The classes, in the order of the head. */
  labels: readonly string[];
  /** Numbers of the base's embedding. */
  dimensions: number;
  /** Averages that were made; 0 for the first. */
  round: number;
  /** Class by class its weights, as many as there are dimensions, and then a bias for each class. */
  parameters: Float32Array;
}

/** What a page changed in a round. */
export interface HeadUpdate extends Omit<SharedHead, 'parameters'> {
  /** What is to be added to the head's parameters. */
  change: Float32Array;
  /** What it counts for: its examples. With noise 1, as their number would tell something, too. */
  weight: number;
  /**
   * What whoever sees all of this page's updates up to this round can learn at most: no set of examples is more than
   * e^epsilon times as likely than any other, but for delta, if the page took part in each round alike. `null`
   * without noise: nothing is promised.
   */
  privacy: PrivacySpent | null;
}

/** Options of `Trainer.exportUpdate`. */
export interface UpdateOptions {
  /** Those that are learnt from. @default all */
  examples?: Iterable<Pick<Example, 'id' | 'label'>>;
  /** Passes over them. @default 5 */
  epochs?: number;
  /** @default 10 */
  batchSize?: number;
  /**
   * Of plain gradient descent, for the biases; for the weights it is divided by the mean squared length of the
   * features, so that it fits any base. @default 0.5
   */
  learningRate?: number;
  /** The change is brought to this length at most. @default none */
  clip?: number;
  /**
   * The standard deviation of the normal noise that is added to each number of the change, as a part of `clip`. It
   * comes from the system's secret source, not from the seed. @default 0
   */
  noiseMultiplier?: number;
  /** The chance that the promise of privacy does not hold. @default 1e-5 */
  delta?: number;
  /** Of the order of the examples. @default 1 */
  seed?: number;
  signal?: AbortSignal;
}
