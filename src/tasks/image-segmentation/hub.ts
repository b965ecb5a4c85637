/**
 * Segmenters of the Hugging Face hub as manifests: semantic ones, and those that remove backgrounds.
 *
 * The reference is transformers 5.23: `post_process_semantic_segmentation`.
 */
import { TabserveError } from '../../base/errors.js';
import { asFields } from '../../model/hub-fields.js';
import { labelsOf } from '../../model/hub-labels.js';
import { describeHubPicture } from '../../model/huggingface.js';
import { checkManifest } from '../../model/manifest-check.js';
import type { OnnxModel } from '../../model/onnx/graph.js';
import { meaningOf } from '../../model/onnx/scores.js';
import type { CompleteRequest, HubTask } from '../../model/translation.js';
import { architectureOf, completeInput } from '../hub-pictures.js';
import { manifestCheck } from './manifest.js';
import type { SegmentationManifest } from './types.js';

const semantic = /ForSemanticSegmentation$/;
/** Classes of models that give one mask; their code is not part of Transformers. */
const matting = /^(BriaRMBG|BiRefNet|ISNet|U2Net)/i;

/** Repositories of segmenters. */
export const hubTask: HubTask = {
  name: 'image-segmentation',
  recognises({ config }) {
    const architecture = architectureOf(config);
    return semantic.test(architecture) || matting.test(architecture);
  },
  describe({ where, config, preprocessor, processor }) {
    const warnings: string[] = [];
    const fields = asFields(config, where, 'config.json');
    const isMask = matting.test(architectureOf(config));
    const picture = describeHubPicture({ where, config, preprocessor, processor }, warnings);
    const { license } = fields;
    return {
      fields: {
        task: 'image-segmentation',
        ...(typeof license === 'string' && { license }),
        ...(!isMask && { labels: labelsOf(fields, where, warnings) }),
        ...picture,
        output: isMask
          ? { kind: 'mask', name: 'output', activation: 'sigmoid' }
          : { kind: 'semantic', name: 'logits' },
      },
      warnings,
    };
  },
  check: (manifest, where) => checkManifest(manifest, where, [manifestCheck]),
  complete,
};

/** Names, types, and whether a mask is made of logits, which only the graph tells. */
function complete(request: CompleteRequest, graph: OnnxModel | null): SegmentationManifest {
  const { outputs, where } = request;
  const { input, preprocess, output, ...rest } = request.manifest as SegmentationManifest;
  const maps = outputs.filter(({ shape }) => shape.length === 4 || shape.length === 3);
  const found =
    maps.find(({ name }) => name === 'logits') ??
    maps.find(({ shape }) => shape.length === 4) ??
    maps[0];
  if (!found) {
    const all = outputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join('; ');
    throw new TabserveError(
      'model-invalid',
      `${where} answers ${all || 'nothing'}; a segmenter answers planes, [1, classes, height, width].`,
      { details: { model: where, found: all } },
    );
  }
  const isDone = graph !== null && meaningOf(graph, found.name).kind === 'probabilities';
  return {
    ...rest,
    ...completeInput({ input, preprocess }, request),
    output: {
      ...output,
      name: found.name,
      ...(output.kind === 'mask' && isDone && { activation: 'none' }),
    },
  };
}
