/** What `model.json` says of a classifier of pictures. */
import * as v from 'valibot';
import { fitPreprocess, inputSchema, preprocessSchema } from '../../input/image/manifest-schema.js';
import {
  coreFields,
  labels,
  type ManifestCheck,
  name,
  tensorTest,
  tests,
  thresholds,
} from '../../model/manifest-check.js';
import { embeddingOutput } from '../image-embedding/manifest.js';
import type { ModelManifest } from './types.js';

/** Its part of the manifest, with the core's. */
export const manifestCheck: ManifestCheck<ModelManifest> = {
  task: 'image-classification',
  schema: v.object({
    ...coreFields,
    task: v.literal('image-classification'),
    labels,
    input: inputSchema,
    preprocess: preprocessSchema,
    output: v.object({
      name,
      activation: v.picklist(['softmax', 'sigmoid', 'none', 'log-softmax'] as const),
      thresholds,
      scale: v.optional(v.pipe(v.number(), v.finite(), v.minValue(Number.MIN_VALUE))),
      zeroPoint: v.optional(v.pipe(v.number(), v.integer())),
      embedding: v.optional(embeddingOutput),
    }),
    selfTest: tests(
      v.union([
        v.object({ image: name, index: v.pipe(v.number(), v.integer(), v.minValue(0)) }),
        tensorTest,
      ]),
    ),
  }),
  fit: fitPreprocess,
};
