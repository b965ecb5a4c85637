/** What `model.json` says of an embedder of pictures. */
import * as v from 'valibot';
import { fitPreprocess, inputSchema, preprocessSchema } from '../../input/image/manifest-schema.js';
import { coreFields, type ManifestCheck, name } from '../../model/manifest-check.js';
import type { EmbeddingManifest } from './types.js';

/** An output that is an embedding. */
export const embeddingOutput = v.object({
  name,
  pooling: v.optional(v.picklist(['none', 'mean', 'cls', 'average'] as const)),
});

/** Its part of the manifest, with the core's. */
export const manifestCheck: ManifestCheck<EmbeddingManifest> = {
  task: 'image-embedding',
  schema: v.object({
    ...coreFields,
    task: v.literal('image-embedding'),
    input: inputSchema,
    preprocess: preprocessSchema,
    output: embeddingOutput,
  }),
  fit: fitPreprocess,
};
