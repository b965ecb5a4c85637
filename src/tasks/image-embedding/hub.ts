/**
 * Embedders of pictures of the Hugging Face hub as manifests: models without a head.
 *
 * The reference is transformers 5.23 and timm 1.0: the output that each model calls its embedding, or else
 * the class token, or the mean of what there is.
 */
import { TabserveError } from '../../base/errors.js';
import { asFields, isFields } from '../../model/hub-fields.js';
import { nameIn } from '../../model/hub-processors.js';
import { describeHubPicture } from '../../model/huggingface.js';
import { checkManifest } from '../../model/manifest-check.js';
import type { CompleteRequest, HubTask } from '../../model/translation.js';
import { architectureOf, completeInput, modelTypeOf } from '../hub-pictures.js';
import { manifestCheck } from './manifest.js';
import type { EmbeddingManifest, EmbeddingOutput } from './types.js';

/** Values of `model_type` whose `pooler_output` was trained to be the embedding. */
const withPooler = /^(siglip|clip|dinov2|dinov3)/;
/** Those whose tokens are all of parts of the picture: none is of the class. */
const withoutClassToken = /^(swin|swinv2|siglip|hiera|pvt|mobilevit|focalnet)/;

/** Repositories of embedders. */
export const hubTask: HubTask = {
  name: 'image-embedding',
  recognises({ config, preprocessor }) {
    if (isFields(config) && isFields(config.pretrained_cfg)) return config.num_classes === 0;
    const isHeadless = /(Model|ModelWithProjection)$/.test(architectureOf(config));
    const fields = isFields(preprocessor) ? preprocessor : {};
    const processor = isFields(fields.image_processor) ? fields.image_processor : fields;
    return isHeadless && (nameIn(processor) !== undefined || processor.image_mean !== undefined);
  },
  describe({ where, config, preprocessor, processor }) {
    const warnings: string[] = [];
    const { license } = asFields(config, where, 'config.json');
    return {
      fields: {
        task: 'image-embedding',
        ...(typeof license === 'string' && { license }),
        ...describeHubPicture({ where, config, preprocessor, processor }, warnings),
        // The name has to say the type until the graph is there.
        output: { name: modelTypeOf(config) || 'timm' },
      },
      warnings,
    };
  },
  check: (manifest, where) => checkManifest(manifest, where, [manifestCheck]),
  complete,
};

/** Names, types, and how the output becomes a vector, which only the graph tells. */
function complete(request: CompleteRequest): EmbeddingManifest {
  const { input, preprocess, output, ...rest } = request.manifest as EmbeddingManifest;
  return {
    ...rest,
    ...completeInput({ input, preprocess }, request),
    output: embeddingOutput(request, output.name),
  };
}

function embeddingOutput({ outputs, where }: CompleteRequest, type: string): EmbeddingOutput {
  const called = (name: string) => outputs.find((each) => each.name === name);
  const pooler = withPooler.test(type) ? called('pooler_output') : undefined;
  const flat = outputs.find(({ shape }) => shape.length === 2);
  const found =
    called('image_embeds') ?? pooler ?? called('last_hidden_state') ?? flat ?? outputs[0];
  const rank = found?.shape.length ?? 0;
  const name = found?.name ?? '';
  if (rank === 2) return { name, pooling: 'none' };
  if (rank === 3) return { name, pooling: withoutClassToken.test(type) ? 'mean' : 'cls' };
  if (rank === 4) return { name, pooling: 'average' };
  const all = outputs.map((each) => `${each.name} [${each.shape.join(', ')}]`).join('; ');
  throw new TabserveError(
    'model-invalid',
    `${where} answers ${all || 'nothing'}; an embedder answers a vector, tokens or maps.`,
    { details: { model: where, found: all } },
  );
}
