/// <reference lib="esnext.disposable" preserve="true" />
/** Which part of a picture shows what: a handle on a model of the task `image-segmentation`. */
import type { ImageSource } from '../input/image/capture.js';
import type { CapturedImage } from '../input/image/types.js';
import type {
  Segmentation,
  SegmentationManifest,
  SegmentationOptions,
} from '../tasks/image-segmentation/types.js';
import type { AssetOptions } from '../wire/assets.js';
import {
  type ImageModelInfo,
  type ImageModelOptions,
  type ImageRequestOptions,
  imageKind,
  imageModelInfo,
  isList,
  withModel,
} from './image-model.js';
import { availabilityOf, createHandle, ModelHandle, preloadHandle } from './model-handle.js';
import { checkClassifyOptions, imageOptions, inRange } from './options.js';
import type { Availability } from './types.js';

/** Options of `ImageSegmenter.create()`. */
export type ImageSegmenterOptions = ImageModelOptions<SegmentationManifest>;

/** Options of {@link ImageSegmenter.segment}. */
export interface SegmentOptions extends ImageRequestOptions {
  /** Whether the answer has an `ImageBitmap` to draw over the picture. @default false */
  overlay?: boolean;
  /** Of the overlay, 0…1. @default 0.5 for classes, 1 for a mask */
  opacity?: number;
}

const kind = imageKind('image-segmentation', 'image');

/**
 * A model that says of each pixel what it shows, or how much it belongs to the subject. Its code in the
 * worker is loaded with it.
 *
 * @example
 * ```ts
 * const segmenter = await ImageSegmenter.create({ model: 'hf:owner/name' });
 * const found = await segmenter.segment(file, { overlay: true });
 * if (found.kind === 'semantic') console.log(found.segments);
 * ```
 */
export class ImageSegmenter extends ModelHandle<ImageSource, CapturedImage> {
  /** As `ImageClassifier.availability()`. */
  static async availability(
    options: Pick<ImageSegmenterOptions, 'model' | 'device' | keyof AssetOptions>,
  ): Promise<Availability> {
    return availabilityOf(kind, withModel(options, 'ImageSegmenter'));
  }

  /**
   * Loads a model. There is no embedded one: `model` has to name it.
   *
   * @throws TabserveError as `ImageClassifier.create()`; `unsupported` for a model of another task.
   */
  static async create(options: ImageSegmenterOptions): Promise<ImageSegmenter> {
    const complete = withModel(options, 'ImageSegmenter');
    return createHandle(kind, (parts) => new ImageSegmenter(parts), complete);
  }

  /** Loads worker, engine and model ahead, as `ImageClassifier.preload()`. */
  static async preload(options: Omit<ImageSegmenterOptions, 'signal' | 'monitor'>): Promise<void> {
    return preloadHandle(kind, withModel(options, 'ImageSegmenter'));
  }

  /** What the segmenter runs on, and why. */
  get info(): ImageModelInfo {
    return imageModelInfo(this.serving);
  }

  /**
   * The map of a picture: of its size, rows from the top. What kind it is the model says.
   *
   * @throws TabserveError as `ImageClassifier.classify()`; or `signal.reason`.
   */
  async segment(image: ImageSource, options?: SegmentOptions): Promise<Segmentation>;
  /**
   * The maps of several pictures, in their order. As `ImageClassifier.classify()` takes several; all of
   * the maps are held at once.
   */
  async segment(images: readonly ImageSource[], options?: SegmentOptions): Promise<Segmentation[]>;
  async segment(
    images: ImageSource | readonly ImageSource[],
    options: SegmentOptions = {},
  ): Promise<Segmentation | Segmentation[]> {
    checkClassifyOptions(options, `${imageOptions} overlay opacity`);
    inRange(options.opacity, 'opacity', 0, 1);
    const { crop = null, quality = 'exact', overlay = false, opacity = null } = options;
    const question: SegmentationOptions = { crop, quality, overlay: Boolean(overlay), opacity };
    const answer = isList(images)
      ? this.askAll(images, options, question, 'image')
      : this.ask(images, options, question);
    return (await answer) as Segmentation | Segmentation[];
  }
}
