/** Which class does this text belong to? The worker's half. */
import { TabserveError } from '../../base/errors.js';
import { list, mapOf, nullable, number, object, string, whole } from '../../base/shape.js';
import { numbersOf } from '../../base/tensor.js';
import { findTensor, misfit } from '../graph.js';
import { activate, classFacts, topK, withComplement } from '../scores.js';
import { textTask } from '../text-task.js';
import type {
  Classification,
  TextClassificationManifest,
  TextClassificationOptions,
} from './types.js';

/** Classification of texts. */
export const textClassification = textTask<
  TextClassificationManifest,
  TextClassificationOptions,
  Classification[]
>({
  name: 'text-classification',
  options: object({
    topK: whole(1),
    threshold: nullable(number),
    thresholds: nullable(mapOf(number)),
    allow: nullable(list(string)),
    deny: nullable(list(string)),
  }),
  open(model) {
    const { manifest, labels, outputs, where } = model;
    const { name, activation } = manifest.output;
    const facts = classFacts(model, manifest.output);
    const classes = findTensor(outputs, name, 'output.name', where).shape.at(-1);
    const isOfOne = classes === 1 && labels.length === 2;
    if (typeof classes === 'number' && classes !== labels.length && !isOfOne) {
      throw misfit(where, 'labels', `${labels.length} labels`, `${classes} classes`);
    }
    return {
      outputs: [name],
      interpret(found, options) {
        const logits = found[name];
        const raw = activate(logits ? numbersOf(logits) : [], activation);
        const scores = withComplement(raw, labels.length);
        if (scores.length === labels.length) return topK(scores, labels, options, facts);
        throw new TabserveError(
          'model-invalid',
          `The model "${manifest.name}" answers ${scores.length} numbers; its labels name ${labels.length} classes.`,
        );
      },
    };
  },
});
