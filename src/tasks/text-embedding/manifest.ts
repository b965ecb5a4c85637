/** What `model.json` says of an embedder of texts. */
import * as v from 'valibot';
import { coreFields, type ManifestCheck, name } from '../../model/manifest-check.js';
import { textAssetsSchema, textInputSchema, textPreprocessSchema } from '../text-manifest.js';
import type { TextEmbeddingManifest } from './types.js';

/** Its part of the manifest, with the core's. */
export const manifestCheck: ManifestCheck<TextEmbeddingManifest> = {
  task: 'text-embedding',
  schema: v.object({
    ...coreFields,
    task: v.literal('text-embedding'),
    assets: textAssetsSchema,
    input: textInputSchema,
    preprocess: textPreprocessSchema,
    output: v.object({
      name,
      pooling: v.optional(
        v.picklist(['none', 'mean', 'mean-sqrt', 'max', 'cls', 'last-token'] as const),
      ),
      normalize: v.optional(v.boolean()),
    }),
  }) as v.GenericSchema<unknown, TextEmbeddingManifest>,
};
