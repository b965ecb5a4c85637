/** What is this picture like, as a vector? The worker's half. */
import { TabserveError } from '../../base/errors.js';
import { boolean } from '../../base/shape.js';
import { inputDimensions } from '../../input/image/dimensions.js';
import type { ImageInput } from '../../input/image/prepare.js';
import type { CoreManifest } from '../../model/manifest-core.js';
import { checkInput, findTensor } from '../graph.js';
import { imageTask } from '../image-task.js';
import { normalized, pool } from './pool.js';
import type { EmbeddingManifest, EmbeddingOptions, WithEmbedding } from './types.js';

/** @param images - What this worker does with pictures. */
export function imageEmbedding(images: ImageInput) {
  return imageTask<EmbeddingManifest, EmbeddingOptions, Float32Array>(images, {
    name: 'image-embedding',
    options: { normalize: boolean },
    adopt(manifest) {
      const { output } = manifest as CoreManifest & { output?: WithEmbedding };
      const { embedding } = output ?? {};
      return (
        embedding &&
        ({ ...manifest, task: 'image-embedding', output: embedding } as EmbeddingManifest)
      );
    },
    transfer: ({ buffer }) => [buffer],
    open({ manifest, inputs, outputs, where }) {
      const { input, output } = manifest;
      checkInput(inputs, input, inputDimensions(input), where);
      findTensor(outputs, output.name, 'output.name', where);
      return {
        outputs: [output.name],
        interpret(outputs, { normalize }) {
          const tensor = outputs[output.name];
          if (!tensor) throw new TabserveError('internal', `The engine gave no "${output.name}".`);
          const vector = pool(tensor, output.pooling ?? 'none');
          return normalize ? normalized(vector) : vector;
        },
      };
    },
  });
}
