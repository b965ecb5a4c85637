/** What both halves of the task say to each other, and the model's author to both. */
import type { ImageRequest } from '../../input/image/checks.js';
import type { ModelInput, Preprocess } from '../../input/image/manifest.js';
import type { CoreManifest } from '../../model/manifest-core.js';

/** The network's output, and how it becomes one vector. */
export interface EmbeddingOutput {
  /** The tensor's name in the graph. */
  name: string;
  /**
   * - `none`: the output is the vector, `[1, D]`.
   * - `mean`: the mean over the tokens of `[1, T, D]`.
   * - `cls`: the first token of `[1, T, D]`.
   * - `average`: the mean over height and width of `[1, D, h, w]` (global average pooling).
   * @default 'none'
   */
  pooling?: 'none' | 'mean' | 'cls' | 'average' | undefined;
}

/** Where a model of another task names its embedding: `output.embedding`. */
export interface WithEmbedding {
  /** What the picture is like, as an `ImageEmbedder` and a `Trainer` take it. @default none */
  embedding?: EmbeddingOutput | undefined;
}

/** The contents of `model.json` for an embedder of pictures. */
export interface EmbeddingManifest extends CoreManifest {
  task: 'image-embedding';
  input: ModelInput;
  preprocess: Preprocess;
  output: EmbeddingOutput;
}

/** The options of one request, complete. */
export interface EmbeddingOptions extends ImageRequest {
  /** Whether the vector is divided by its length. */
  normalize: boolean;
}
