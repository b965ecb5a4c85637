/** What `model.json` says of a classifier of texts. */
import * as v from 'valibot';
import {
  coreFields,
  labels,
  type ManifestCheck,
  name,
  thresholds,
} from '../../model/manifest-check.js';
import { textAssetsSchema, textInputSchema, textPreprocessSchema } from '../text-manifest.js';
import type { TextClassificationManifest } from './types.js';

/** Its part of the manifest, with the core's. */
export const manifestCheck: ManifestCheck<TextClassificationManifest> = {
  task: 'text-classification',
  schema: v.object({
    ...coreFields,
    task: v.literal('text-classification'),
    labels,
    assets: textAssetsSchema,
    input: textInputSchema,
    preprocess: textPreprocessSchema,
    output: v.object({
      name,
      activation: v.picklist(['softmax', 'sigmoid', 'none', 'log-softmax'] as const),
      thresholds,
    }),
  }) as v.GenericSchema<unknown, TextClassificationManifest>,
};
