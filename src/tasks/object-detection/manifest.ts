/** What `model.json` says of a detector. */
import * as v from 'valibot';
import { fitPreprocess, inputSchema, preprocessSchema } from '../../input/image/manifest-schema.js';
import { coreFields, labels, type ManifestCheck, name } from '../../model/manifest-check.js';
import type { DetectionManifest } from './types.js';

const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const common = {
  threshold: v.optional(fraction),
  iou: v.optional(v.nullable(fraction)),
};

/** Its part of the manifest, with the core's. */
export const manifestCheck: ManifestCheck<DetectionManifest> = {
  task: 'object-detection',
  schema: v.object({
    ...coreFields,
    task: v.literal('object-detection'),
    labels,
    input: inputSchema,
    preprocess: preprocessSchema,
    output: v.variant('format', [
      v.object({
        format: v.literal('detr'),
        logits: name,
        boxes: name,
        activation: v.picklist(['softmax', 'sigmoid'] as const),
        best: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000))),
        ...common,
      }),
      v.object({ format: v.literal('yolo'), name, ...common }),
      v.object({
        format: v.literal('yolox'),
        name,
        strides: v.optional(
          v.pipe(
            v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096))),
            v.minLength(1),
            v.maxLength(16),
          ),
        ),
        decoded: v.optional(v.boolean()),
        ...common,
      }),
      v.object({ format: v.literal('end-to-end'), name, ...common }),
      v.object({
        format: v.literal('ssd'),
        boxes: name,
        scores: name,
        classes: name,
        count: v.optional(name),
        corners: v.optional(v.picklist(['xyxy', 'yxyx'] as const)),
        normalized: v.optional(v.boolean()),
        firstClass: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1000))),
        ...common,
      }),
    ]),
  }),
  fit: fitPreprocess,
};
