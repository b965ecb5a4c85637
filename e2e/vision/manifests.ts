/** What the golden graphs are whose authors have written no `config.json`. */
import type { DetectionOutput, Preprocess } from '../../src/index.js';

/** The input of most of them. */
export const detectorInput = {
  name: 'images',
  layout: 'NCHW',
  dtype: 'float32',
  width: 64,
  height: 64,
  channels: 3,
  colorOrder: 'RGB',
} as const;
const opencv = { filter: 'bilinear', antialias: false, reference: 'opencv' } as const;
const letterbox = { policy: 'letterbox', width: 64, height: 64, ...opencv } as const;
const background: [number, number, number] = [114, 114, 114];

/** Detectors without a repository. */
export const detectors: Record<
  string,
  { input: object; preprocess: Preprocess; output: DetectionOutput }
> = {
  yolo: {
    input: detectorInput,
    preprocess: { resize: letterbox, background },
    output: { format: 'yolo', name: 'output0' },
  },
  yolox: {
    input: { ...detectorInput, colorOrder: 'BGR' },
    preprocess: {
      resize: { ...letterbox, align: 'top-left', rounding: 'floor' },
      scale: 1,
      background,
    },
    output: { format: 'yolox', name: 'output' },
  },
  ssd: {
    input: { ...detectorInput, name: 'image_tensor', layout: 'NHWC', dtype: 'uint8' },
    preprocess: { resize: { policy: 'exact', width: 64, height: 64 } },
    output: {
      format: 'ssd',
      boxes: 'detection_boxes',
      scores: 'detection_scores',
      classes: 'detection_classes',
      count: 'num_detections',
      corners: 'yxyx',
      firstClass: 1,
    },
  },
};

/** A segmenter that gives a mask. */
export const segmenter = {
  task: 'image-segmentation',
  input: { ...detectorInput, name: 'input' },
  preprocess: { resize: { policy: 'exact', width: 64, height: 64 } },
  output: { kind: 'mask', name: 'mask', activation: 'sigmoid' },
};
