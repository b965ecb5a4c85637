/** What a picture is like, as a vector: a handle on a model of the task `image-embedding`. */
import type { ImageSource } from '../input/image/capture.js';
import type { CapturedImage } from '../input/image/types.js';
import type { EmbeddingOptions } from '../tasks/image-embedding/types.js';
import { imagePage } from '../tasks/image-page.js';
import {
  type CommonRequestOptions,
  createHandle,
  type HandleKind,
  ModelHandle,
} from './model-handle.js';
import { checkClassifyOptions } from './options.js';
import type { CreateOptions, PixelRect } from './types.js';

/** Options of {@link ImageEmbedder.embed}. */
export interface EmbedOptions extends CommonRequestOptions {
  /** The region of interest, in pixels of the upright image. @default the whole image */
  crop?: PixelRect;
  /** As `ClassifyOptions.quality`. @default 'exact' */
  quality?: 'exact' | 'fast';
  /** Whether the vector is divided by its Euclidean length. @default false */
  normalize?: boolean;
}

const kind: HandleKind<ImageSource, CapturedImage> = {
  task: imagePage('image-embedding', 'image'),
  taskSettings: ({ preprocessing = 'auto', maxPixels = 100_000_000 }) => ({
    preprocessing,
    maxPixels,
  }),
};

/**
 * A model that makes vectors of pictures, such that pictures that are alike have vectors that are.
 * Its code in the worker is loaded with it.
 */
export class ImageEmbedder extends ModelHandle<ImageSource, CapturedImage> {
  /**
   * Loads a model. There is no embedded one: `model` has to name it.
   *
   * @throws TabserveError as `ImageClassifier.create()`; `unsupported` for a model of another task.
   */
  static async create(
    options: CreateOptions & Required<Pick<CreateOptions, 'model'>>,
  ): Promise<ImageEmbedder> {
    return createHandle(kind, (parts) => new ImageEmbedder(parts), options);
  }

  /**
   * The vector of a picture: as many numbers as the model's output has dimensions.
   *
   * @throws TabserveError as `ImageClassifier.classify()`; or `signal.reason`.
   */
  async embed(image: ImageSource, options: EmbedOptions = {}): Promise<Float32Array> {
    const { crop = null, quality = 'exact', normalize = false } = options;
    checkClassifyOptions(options);
    const question: EmbeddingOptions = { crop, quality, normalize: Boolean(normalize) };
    return (await this.ask(image, options, question)) as Float32Array;
  }
}
