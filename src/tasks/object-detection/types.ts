/** What both halves of the task say to each other, and the model's author to both. */
import type { ImageRequest } from '../../input/image/checks.js';
import type { ModelInput, Preprocess } from '../../input/image/manifest.js';
import type { CoreManifest } from '../../model/manifest-core.js';

/** `logits` and `boxes` of one row per query: DETR, YOLOS, RT-DETR and their kin. */
export interface DetrOutput {
  format: 'detr';
  /** The tensor `[1, queries, classes]`. */
  logits: string;
  /** The tensor `[1, queries, 4]`: middle, width and height as fractions of the picture. */
  boxes: string;
  /**
   * - `softmax`: the last class is "no object", and a query is an object of its best class, as DETR's
   *   and YOLOS' `post_process_object_detection`.
   * - `sigmoid`: the best scores over all queries and classes, as many as there are queries, as
   *   RT-DETR's.
   */
  activation: 'softmax' | 'sigmoid';
  /**
   * How many of the best scores `sigmoid` takes, 1…100,000; 100 as Conditional and Deformable DETR's
   * `top_k`.
   * @default as many as there are queries
   */
  best?: number | undefined;
}

/**
 * YOLOv8, v9, 11 and 12 as Ultralytics exports them: one tensor `[1, 4 + classes, N]`, or with the last
 * two dimensions the other way round, of middle, width and height in pixels of the input, and scores.
 */
export interface YoloOutput {
  format: 'yolo';
  name: string;
}

/**
 * YOLOX: one tensor `[1, N, 5 + classes]` of box, objectness and scores. The boxes are relative to the
 * grids of the strides, unless `decoded`.
 */
export interface YoloxOutput {
  format: 'yolox';
  name: string;
  /** Pixels of the input that a cell of each grid stands for, in the order of the rows. @default [8, 16, 32] */
  strides?: number[] | undefined;
  /** Whether the graph has turned boxes into pixels of the input. @default false */
  decoded?: boolean | undefined;
}

/**
 * One tensor `[1, N, 6]` of corners in pixels of the input, score and class: YOLOv10, and exports with
 * their own suppression (`nms=True`).
 */
export interface EndToEndOutput {
  format: 'end-to-end';
  name: string;
}

/** Tensors for corners, scores and classes, after a suppression in the graph: SSD and others. */
export interface SsdOutput {
  format: 'ssd';
  /** The tensor `[1, N, 4]` or `[N, 4]`. */
  boxes: string;
  /** The tensor `[1, N]` or `[N]`, best first or not. */
  scores: string;
  /** The tensor `[1, N]` or `[N]` of class numbers, of any type. */
  classes: string;
  /** The tensor with how many of the rows count. @default all */
  count?: string | undefined;
  /** Order of a box's numbers; `yxyx` is TensorFlow's. @default 'xyxy' */
  corners?: 'xyxy' | 'yxyx' | undefined;
  /** Whether boxes are fractions of the input; else its pixels. @default true */
  normalized?: boolean | undefined;
  /** The class number of the first label: 1 where 0 is the background. @default 0 */
  firstClass?: number | undefined;
}

/** How the network's outputs become boxes. */
export type DetectionOutput = (
  | DetrOutput
  | YoloOutput
  | YoloxOutput
  | EndToEndOutput
  | SsdOutput
) & {
  /** Least score where a request names none, 0…1. @default 0.5 */
  threshold?: number | undefined;
  /**
   * Two boxes of a class that overlap by more than this (intersection over union, 0…1) are one object,
   * where a request names nothing; `null` leaves all.
   * @default 0.7 for `yolo`, 0.45 for `yolox`, as their authors'; `null` for the others, which need none
   */
  iou?: number | null | undefined;
};

/** The contents of `model.json` for a detector. */
export interface DetectionManifest extends CoreManifest {
  task: 'object-detection';
  /** One per class, without "no object". */
  labels: string[] | { url: string };
  input: ModelInput;
  preprocess: Preprocess;
  output: DetectionOutput;
}

/** A box in pixels of the upright picture, from its top left corner, cut to the picture. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** An object in a picture. */
export interface DetectedObject {
  /** The class, as the model's author calls it. */
  label: string;
  /** 0…1. */
  score: number;
  /** The class's place among the labels. */
  index: number;
  box: Box;
}

/** The options of one request, complete. */
export interface DetectionOptions extends ImageRequest {
  /** At most so many objects. */
  topK: number;
  /** Least score; `null` for the manifest's. */
  threshold: number | null;
  /** See `DetectionOutput.iou`: `'model'` for the manifest's, `null` for none. */
  iou: number | null | 'model';
}
