/** What both halves of the task say to each other, and the model's author to both. */
import type { ImageRequest } from '../../input/image/checks.js';
import type { ModelInput, Preprocess } from '../../input/image/manifest.js';
import type { PixelRect } from '../../input/image/types.js';
import type { CoreManifest } from '../../model/manifest-core.js';

/**
 * A class for each pixel: logits or scores `[1, classes, h, w]` of any size, or the numbers of the
 * classes themselves, `[1, h, w]` or `[1, 1, h, w]` of whole numbers.
 */
export interface SemanticOutput {
  kind: 'semantic';
  /** The tensor's name in the graph. */
  name: string;
}

/** One plane, `[1, 1, h, w]` or `[1, h, w]` of any size: how much each pixel belongs to the subject. */
export interface MaskOutput {
  kind: 'mask';
  /** The tensor's name in the graph. */
  name: string;
  /**
   * What makes 0…1 of it: `sigmoid` for logits, `none` for what is that already, `min-max` for what is
   * to be stretched from its least to its greatest number, as U²-Net's.
   */
  activation: 'sigmoid' | 'none' | 'min-max';
}

/** How the network's output becomes an answer. */
export type SegmentationOutput = SemanticOutput | MaskOutput;

/** The contents of `model.json` for a segmenter. */
export interface SegmentationManifest extends CoreManifest {
  task: 'image-segmentation';
  input: ModelInput;
  preprocess: Preprocess;
  output: SegmentationOutput;
}

/** One class of a picture. */
export interface Segment {
  /** The class, as the model's author calls it. */
  label: string;
  /** The class's place among the labels, and its number in the map. */
  index: number;
  /** Pixels of the map. */
  pixels: number;
  /** Of all pixels of the map, 0…1. */
  share: number;
}

/** What maps of both kinds have. */
interface PictureMap {
  /** The part of the upright picture that the map is of. */
  region: PixelRect;
  /**
   * Pixels of the map: those of `region`, unless it has more than 2²⁵ (33 million), of which the map
   * is then a smaller picture.
   */
  width: number;
  /** See `width`. */
  height: number;
  /**
   * The map as a picture to draw over the other one; the caller's to close. `null` unless it was
   * asked for.
   */
  overlay: ImageBitmap | null;
}

/** Which class each pixel shows. */
export interface SemanticMap extends PictureMap {
  kind: 'semantic';
  /** Numbers of classes, rows from the top; {@link noClass} where the model did not look. */
  map: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
  /** The number in `map` of what the model's crop leaves out: 255, or 65535 in a `Uint16Array`. */
  noClass: number;
  /** The classes that there are, the largest first. */
  segments: Segment[];
}

/** How much each pixel belongs to the subject. */
export interface SubjectMask extends PictureMap {
  kind: 'mask';
  /** 0…255, rows from the top; 0 where the model did not look. */
  alpha: Uint8ClampedArray<ArrayBuffer>;
  /** The mean of it, 0…1. */
  share: number;
}

/** What a segmenter answers: a map of labels, or one mask, by what its model gives. */
export type Segmentation = SemanticMap | SubjectMask;

/** The options of one request, complete. */
export interface SegmentationOptions extends ImageRequest {
  /** Whether to make the overlay. */
  overlay: boolean;
  /** Of the overlay, 0…1; `null` for 0.5 for classes and 1 for a mask. */
  opacity: number | null;
}
