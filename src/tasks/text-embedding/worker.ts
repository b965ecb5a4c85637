/** What is this text like, as a vector? The worker's half. */
import { TabserveError } from '../../base/errors.js';
import { boolean, nullable, object } from '../../base/shape.js';
import { findTensor } from '../graph.js';
import { normalized } from '../image-embedding/pool.js';
import { textTask } from '../text-task.js';
import { poolTokens } from './pool.js';
import type { TextEmbeddingManifest, TextEmbeddingOptions } from './types.js';

/** Embedding of texts. */
export const textEmbedding = textTask<TextEmbeddingManifest, TextEmbeddingOptions, Float32Array>({
  name: 'text-embedding',
  options: object({ normalize: nullable(boolean) }),
  transfer: ({ buffer }) => [buffer],
  open({ manifest, outputs, where }) {
    const { name, pooling = 'none', normalize: usual = false } = manifest.output;
    findTensor(outputs, name, 'output.name', where);
    return {
      outputs: [name],
      interpret(found, { normalize }, mask) {
        const tensor = found[name];
        if (!tensor) throw new TabserveError('internal', `The engine gave no "${name}".`);
        const vector = poolTokens(tensor, pooling, mask);
        return (normalize ?? usual) ? normalized(vector) : vector;
      },
    };
  },
});
