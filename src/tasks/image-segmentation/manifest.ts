/** What `model.json` says of a segmenter. */
import * as v from 'valibot';
import { fitPreprocess, inputSchema, preprocessSchema } from '../../input/image/manifest-schema.js';
import { coreFields, type ManifestCheck, name } from '../../model/manifest-check.js';
import type { SegmentationManifest } from './types.js';

/** Its part of the manifest, with the core's. */
export const manifestCheck: ManifestCheck<SegmentationManifest> = {
  task: 'image-segmentation',
  schema: v.object({
    ...coreFields,
    task: v.literal('image-segmentation'),
    input: inputSchema,
    preprocess: preprocessSchema,
    output: v.variant('kind', [
      v.object({ kind: v.literal('semantic'), name }),
      v.object({
        kind: v.literal('mask'),
        name,
        activation: v.picklist(['sigmoid', 'none', 'min-max'] as const),
      }),
    ]),
  }),
  fit(manifest, refuse) {
    fitPreprocess(manifest, refuse);
    const { output, labels } = manifest;
    if (output.kind === 'semantic' && labels === undefined) {
      throw refuse('labels', 'nothing', 'one for each class of a "semantic" output');
    }
  },
};
