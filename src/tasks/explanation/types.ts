/** What both halves of the task say to each other. */
import type { Tensors } from '../../base/tensor.js';
import type { LinearModel } from './linear.js';

/** What travels. */
export type ExplanationPayload =
  /** A source, as the model's own task takes it. */
  | { kind: 'begin'; payload: unknown }
  /** What that became: the network's inputs. */
  | { kind: 'variants'; feeds: Tensors }
  /** Nothing: what is asked for is in the graph. */
  | { kind: 'graph' };

/** What is put where a part of the input is hidden: 0, the input's own mean by channel, or the input, blurred. */
export type Baseline = 'zero' | 'mean' | 'blur';

/** Which variants of an input there are. The same numbers make the same ones, wherever they are made. */
export type Variants =
  /** A square, moved over the picture in rows, hides what is under it. Sizes in pixels of the input. */
  | { kind: 'occlusion'; window: number; stride: number }
  /** Random smooth masks: cells of a grid are kept with this probability. */
  | { kind: 'rise'; grid: number; probability: number; seed: number }
  /**
   * Pixels in the order of a map, greatest first: of variant `i` the first `fractions[i]` of them are
   * hidden, or all others.
   */
  | { kind: 'order'; map: Float32Array; fractions: readonly number[]; hide: 'first' | 'rest' }
  /** Each of these tokens is left out, by its place in the network's input. */
  | { kind: 'tokens'; places: readonly number[]; isFixed: boolean; padId: number };

/** The options of one request, complete. */
export type ExplanationOptions =
  | {
      kind: 'begin';
      /** The options of the model's own task. */
      own: object;
      /** The class, by its place in the output; `null` for the best one. */
      target: number | null;
      /** Whether the class activation map is wanted. */
      activation: boolean;
    }
  | {
      kind: 'variants';
      target: number;
      /** The score of the whole input. */
      score: number;
      variants: Variants;
      /** Which of them: `count` from `from` on. */
      from: number;
      count: number;
      baseline: Baseline;
    }
  | { kind: 'graph' };

/** What came of the whole input. */
export interface Begun {
  /** The network's inputs. */
  feeds: Tensors;
  /** Of every class. */
  scores: Float64Array;
  /** The class that is explained. */
  target: number;
  /** See `PreparedRequest.origin`. */
  origin: unknown;
  /** How many variants the network takes at once: any number, or exactly or at most so many. */
  capacity: number | null;
  /** The class activation map, where it was asked for. */
  activation: PlainMap | null;
}

/** What came of some variants. */
export interface Tried {
  /** The class's score for each of them. */
  scores: Float64Array;
  /**
   * Their part of the map's sum, `[height, width]` of the input: of `rise` the scores times the masks,
   * of `occlusion` what each square cost, where it was; else empty.
   */
  sum: Float32Array;
}

/** Numbers in rows. */
export interface PlainMap {
  width: number;
  height: number;
  data: Float32Array;
}

/** What the graph says of itself. */
export interface GraphFacts {
  /** The model's coefficients, if it is a linear one; else why it is none. */
  linear: LinearModel | string;
}
