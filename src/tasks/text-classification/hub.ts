/**
 * Classifiers of texts on the Hugging Face hub as manifests.
 *
 * The reference is transformers 5.23: what its pipeline for text classification does with the logits.
 */
import { scoresOutput } from '../../model/complete.js';
import { asFields, isFields } from '../../model/hub-fields.js';
import { labelsOf } from '../../model/hub-labels.js';
import { checkManifest } from '../../model/manifest-check.js';
import type { HubTask } from '../../model/translation.js';
import { architectureOf } from '../hub-pictures.js';
import { textInput, textPreprocess, tokenizerAssets, tokenizerConfigFile } from '../hub-texts.js';
import { manifestCheck } from './manifest.js';
import type { TextClassificationManifest } from './types.js';

/** Repositories of classifiers of texts. */
export const hubTask: HubTask = {
  name: 'text-classification',
  reads: [tokenizerConfigFile],
  recognises: ({ config, preprocessor }) =>
    preprocessor === undefined &&
    isFields(config) &&
    /ForSequenceClassification$/.test(architectureOf(config)),
  describe({ where, config, more, find, addressOf }) {
    const warnings: string[] = [];
    const fields = asFields(config, where, 'config.json');
    const tokenizer = { where, config: fields, more, find, addressOf };
    const labels = labelsOf(fields, where, warnings);
    const { license, problem_type: problem } = fields;
    const isMulti = problem === 'multi_label_classification' || labels.length === 1;
    return {
      fields: {
        task: 'text-classification',
        ...(typeof license === 'string' && { license }),
        labels,
        assets: tokenizerAssets(tokenizer),
        input: { ids: 'input_ids' },
        preprocess: textPreprocess(tokenizer, warnings),
        output: {
          name: 'logits',
          activation: problem === 'regression' ? 'none' : isMulti ? 'sigmoid' : 'softmax',
        },
      },
      warnings,
    };
  },
  check: (manifest, where) => checkManifest(manifest, where, [manifestCheck]),
  complete({ manifest, inputs, outputs, where }, graph) {
    const known = manifest as TextClassificationManifest;
    const { labels, output } = known;
    const count = Array.isArray(labels) ? labels.length : null;
    const { output: scores, meaning } = scoresOutput(outputs, graph, count, where);
    return {
      ...known,
      input: textInput(inputs, where),
      output: {
        name: scores.name,
        activation: meaning.kind === 'probabilities' ? 'none' : output.activation,
      },
    } as TextClassificationManifest;
  },
};
