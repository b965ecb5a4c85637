/** What the page and the search in a worker say to each other. */

/**
 * How alike two vectors are: `cosine` of the angle between them, −1…1, or their `dot` product, which is
 * the same for vectors of length 1 and needs no normalisation.
 */
export type SimilarityMetric = 'cosine' | 'dot';

/** An entry of an index, and how alike it is. */
export interface Neighbour {
  id: string;
  /** The greater, the more alike: see {@link SimilarityMetric}. */
  score: number;
}

/** A request. `index` is the page's number for an index. */
export type SearchRequest =
  | { kind: 'create'; index: number; metric: SimilarityMetric }
  | { kind: 'add'; index: number; ids: readonly string[]; vectors: Float32Array }
  | { kind: 'remove'; index: number; ids: readonly string[] }
  | { kind: 'nearest'; index: number; query: Float32Array; k: number }
  | { kind: 'save'; index: number; name: string }
  | { kind: 'load'; index: number; name: string }
  /** Deletes what was saved. Answers whether there was any. */
  | { kind: 'forget'; name: string }
  | { kind: 'drop'; index: number };

/** What an index is after a request that changed it. */
export interface SearchState {
  size: number;
  dimensions: number;
  metric: SimilarityMetric;
}
