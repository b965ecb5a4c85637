/** What both halves of the task say to each other, and the model's author to both. */
import type { TextInput, TextPreprocess } from '../../input/text/types.js';
import type { CoreManifest } from '../../model/manifest-core.js';

/** The network's output, and how it becomes one vector. */
export interface TextEmbeddingOutput {
  /** The tensor's name in the graph. */
  name: string;
  /**
   * Of `[1, tokens, D]`, over the tokens of the text:
   * - `mean`: their mean.
   * - `mean-sqrt`: their sum, divided by the root of their number.
   * - `max`: the largest, for each dimension.
   * - `cls`: the first token.
   * - `last-token`: the last token.
   *
   * Of `[1, D]`, `none`: the output is the vector.
   * @default 'none'
   */
  pooling?: 'none' | 'mean' | 'mean-sqrt' | 'max' | 'cls' | 'last-token' | undefined;
  /** Whether the vector is divided by its Euclidean length, unless a request asks otherwise. @default false */
  normalize?: boolean | undefined;
}

/** The contents of `model.json` for an embedder of texts. */
export interface TextEmbeddingManifest extends CoreManifest {
  task: 'text-embedding';
  input: TextInput;
  preprocess: TextPreprocess;
  output: TextEmbeddingOutput;
}

/** The options of one request, complete. */
export interface TextEmbeddingOptions {
  /** Whether the vector is divided by its length; `null` for what the manifest says. */
  normalize: boolean | null;
}
