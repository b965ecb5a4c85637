/// <reference lib="esnext.disposable" preserve="true" />
/** What is in a picture, and where: a handle on a model of the task `object-detection`. */
import type { ImageSource } from '../input/image/capture.js';
import type { CapturedImage } from '../input/image/types.js';
import type {
  DetectedObject,
  DetectionManifest,
  DetectionOptions,
} from '../tasks/object-detection/types.js';
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

/** Options of `ObjectDetector.create()`. */
export type ObjectDetectorOptions = ImageModelOptions<DetectionManifest>;

/** Options of {@link ObjectDetector.detect}. */
export interface DetectOptions extends ImageRequestOptions {
  /** At most so many objects, the best ones. @default 100 */
  topK?: number;
  /** Only objects with at least this score, 0…1. @default what the manifest says, else 0.5 */
  threshold?: number;
  /**
   * Of two boxes of a class that overlap by more than this (intersection over union, 0…1) the better
   * one is taken; `null` takes both. @default what the manifest says, else what the model's family needs
   */
  iou?: number | null;
}

const kind = imageKind('object-detection', 'image');

/**
 * A model that finds objects in pictures. Its code in the worker is loaded with it.
 *
 * @example
 * ```ts
 * const detector = await ObjectDetector.create({ model: 'hf:owner/name' });
 * for (const { label, score, box } of await detector.detect(file)) draw(label, score, box);
 * ```
 */
export class ObjectDetector extends ModelHandle<ImageSource, CapturedImage> {
  /** As `ImageClassifier.availability()`. */
  static async availability(
    options: Pick<ObjectDetectorOptions, 'model' | 'device' | keyof AssetOptions>,
  ): Promise<Availability> {
    return availabilityOf(kind, withModel(options, 'ObjectDetector'));
  }

  /**
   * Loads a model. There is no embedded one: `model` has to name it.
   *
   * @throws TabserveError as `ImageClassifier.create()`; `unsupported` for a model of another task.
   */
  static async create(options: ObjectDetectorOptions): Promise<ObjectDetector> {
    const complete = withModel(options, 'ObjectDetector');
    return createHandle(kind, (parts) => new ObjectDetector(parts), complete);
  }

  /** Loads worker, engine and model ahead, as `ImageClassifier.preload()`. */
  static async preload(options: Omit<ObjectDetectorOptions, 'signal' | 'monitor'>): Promise<void> {
    return preloadHandle(kind, withModel(options, 'ObjectDetector'));
  }

  /** What the detector runs on, and why. */
  get info(): ImageModelInfo {
    return imageModelInfo(this.serving);
  }

  /**
   * The objects in a picture, by score. Boxes are in pixels of the upright picture, also where `crop`
   * names a part of it, and cut to what was looked at.
   *
   * @throws TabserveError as `ImageClassifier.classify()`; or `signal.reason`.
   */
  async detect(image: ImageSource, options?: DetectOptions): Promise<DetectedObject[]>;
  /** The objects in several pictures, in their order. As `ImageClassifier.classify()` takes several. */
  async detect(
    images: readonly ImageSource[],
    options?: DetectOptions,
  ): Promise<DetectedObject[][]>;
  async detect(
    images: ImageSource | readonly ImageSource[],
    options: DetectOptions = {},
  ): Promise<DetectedObject[] | DetectedObject[][]> {
    checkClassifyOptions(options, `${imageOptions} topK threshold iou`);
    if (options.iou !== null) inRange(options.iou, 'iou', 0, 1);
    const { crop = null, quality = 'exact', topK = 100, threshold = null, iou = 'model' } = options;
    const question: DetectionOptions = { crop, quality, topK, threshold, iou };
    const answer = isList(images)
      ? this.askAll(images, options, question, 'image')
      : this.ask(images, options, question);
    return (await answer) as DetectedObject[] | DetectedObject[][];
  }
}
