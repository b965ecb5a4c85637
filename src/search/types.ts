/** What the page asks of the search in a worker. */
import type { SimilarityMetric } from './vectors.js';

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
