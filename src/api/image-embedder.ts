/// <reference lib="esnext.disposable" preserve="true" />
/** What a picture is like, as a vector: a handle on a model of the task `image-embedding`. */
import type { ImageSource } from '../input/image/capture.js';
import type { CapturedImage } from '../input/image/types.js';
import type { EmbeddingManifest, EmbeddingOptions } from '../tasks/image-embedding/types.js';
import type { AssetOptions } from '../wire/assets.js';
import {
  type ImageModelInfo,
  type ImageModelOptions,
  type ImageRequestOptions,
  imageKind,
  imageModelInfo,
  isList,
} from './image-model.js';
import { availabilityOf, createHandle, ModelHandle, preloadHandle } from './model-handle.js';
import { checkClassifyOptions, imageOptions } from './options.js';
import type { Availability, CreateOptions } from './types.js';

/** Options of `ImageEmbedder.create()`. */
export interface ImageEmbedderOptions extends Omit<ImageModelOptions<EmbeddingManifest>, 'model'> {
  /**
   * As `ImageClassifier.create()` takes it: a model of the task `image-embedding`, or a classifier
   * whose manifest names its embedding (`output.embedding`).
   * @default the embedded model `photos`, whose embeddings have 1,280 numbers
   */
  model?: ImageModelOptions<EmbeddingManifest>['model'];
}

/** Options of {@link ImageEmbedder.embed}. */
export interface EmbedOptions extends ImageRequestOptions {
  /** Whether the vector is divided by its Euclidean length. @default false */
  normalize?: boolean;
}

const kind = imageKind('image-embedding', 'image');

/**
 * A model that makes vectors of pictures, such that pictures that are alike have vectors that are. Its
 * code in the worker is loaded with it.
 *
 * @example
 * ```ts
 * const embedder = await ImageEmbedder.create();
 * const [a, b] = await embedder.embed([oneFile, anotherFile]);
 * console.log(similarity(a, b));
 * ```
 */
export class ImageEmbedder extends ModelHandle<ImageSource, CapturedImage> {
  /** As `ImageClassifier.availability()`. */
  static async availability(
    options: Pick<ImageEmbedderOptions, 'model' | 'device' | keyof AssetOptions> = {},
  ): Promise<Availability> {
    return availabilityOf(kind, options as CreateOptions);
  }

  /**
   * Loads a model; without one, the embedded model.
   *
   * @throws TabserveError as `ImageClassifier.create()`; `unsupported` for a model of another task.
   */
  static async create(options: ImageEmbedderOptions = {}): Promise<ImageEmbedder> {
    return createHandle(kind, (parts) => new ImageEmbedder(parts), options as CreateOptions);
  }

  /** Loads worker, engine and model ahead, as `ImageClassifier.preload()`. */
  static async preload(
    options: Omit<ImageEmbedderOptions, 'signal' | 'monitor'> = {},
  ): Promise<void> {
    return preloadHandle(kind, options as CreateOptions);
  }

  /** What the embedder runs on, and why. It has no labels. */
  get info(): ImageModelInfo {
    return imageModelInfo(this.serving);
  }

  /**
   * The vector of a picture: as many numbers as the model's output has dimensions.
   *
   * @throws TabserveError as `ImageClassifier.classify()`; or `signal.reason`.
   */
  async embed(image: ImageSource, options?: EmbedOptions): Promise<Float32Array>;
  /**
   * The vectors of several pictures, in their order. As `ImageClassifier.classify()` takes several.
   */
  async embed(images: readonly ImageSource[], options?: EmbedOptions): Promise<Float32Array[]>;
  async embed(
    images: ImageSource | readonly ImageSource[],
    options: EmbedOptions = {},
  ): Promise<Float32Array | Float32Array[]> {
    checkClassifyOptions(options, `${imageOptions} normalize`);
    const { crop = null, quality = 'exact', normalize = false } = options;
    const question: EmbeddingOptions = { crop, quality, normalize: Boolean(normalize) };
    const answer = isList(images)
      ? this.askAll(images, options, question, 'image')
      : this.ask(images, options, question);
    return (await answer) as Float32Array | Float32Array[];
  }
}
