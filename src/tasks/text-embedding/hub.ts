/**
 * Embedders of texts on the Hugging Face hub as manifests: sentence-transformers' repositories, and
 * encoders without a head.
 *
 * The reference is sentence-transformers 5: `modules.json`, the folders that it names, and what it does
 * where there is none.
 */
import { TabserveError } from '../../base/errors.js';
import { asFields, type Fields, isFields, shown } from '../../model/hub-fields.js';
import { checkManifest } from '../../model/manifest-check.js';
import type { CompleteRequest, HubTask } from '../../model/translation.js';
import { architectureOf } from '../hub-pictures.js';
import { textInput, textPreprocess, tokenizerAssets, tokenizerConfigFile } from '../hub-texts.js';
import { manifestCheck } from './manifest.js';
import type { TextEmbeddingManifest, TextEmbeddingOutput } from './types.js';

const modulesFile = 'modules.json';
const poolingFile = '1_Pooling/config.json';
const sentenceFile = 'sentence_bert_config.json';
const promptsFile = 'config_sentence_transformers.json';

/** Repositories of embedders of texts. */
export const hubTask: HubTask = {
  name: 'text-embedding',
  reads: [tokenizerConfigFile, modulesFile, poolingFile, sentenceFile, promptsFile],
  recognises: ({ config, preprocessor }) =>
    preprocessor === undefined &&
    isFields(config) &&
    !isFields(config.pretrained_cfg) &&
    /(Model|ForMaskedLM|Encoder|EncoderModel)$/.test(architectureOf(config)) &&
    config.image_size === undefined,
  describe({ where, config, more, find, addressOf }) {
    const warnings: string[] = [];
    const fields = asFields(config, where, 'config.json');
    const tokenizer = { where, config: fields, more, find, addressOf };
    const sentence = isFields(more[sentenceFile]) ? more[sentenceFile] : {};
    const { license } = fields;
    const prefix = promptOf(more[promptsFile]);
    return {
      fields: {
        task: 'text-embedding',
        ...(typeof license === 'string' && { license }),
        assets: tokenizerAssets(tokenizer),
        input: { ids: 'input_ids' },
        preprocess: {
          ...textPreprocess(tokenizer, warnings, sentence.max_seq_length),
          ...(sentence.do_lower_case === true && { lowercase: true }),
          ...(prefix !== undefined && { prefix }),
        },
        output: { name: 'last_hidden_state', ...vectorOf(more, where, warnings) },
      },
      warnings,
    };
  },
  check: (manifest, where) => checkManifest(manifest, where, [manifestCheck]),
  complete,
};

/** What follows the network. */
function vectorOf(
  more: Readonly<Record<string, unknown>>,
  where: string,
  warnings: string[],
): Omit<TextEmbeddingOutput, 'name'> {
  const { [modulesFile]: modules, [poolingFile]: pooling } = more;
  if (!Array.isArray(modules)) {
    warnings.push('there is no modules.json; the mean of the tokens was taken.');
    return { pooling: 'mean' };
  }
  const types = modules.map((each) => (isFields(each) ? String(each.type) : ''));
  const other = types.find((type) => !/\.(Transformer|Pooling|Normalize)$/.test(type));
  if (other !== undefined) {
    throw new TabserveError(
      'unsupported',
      `${where}: modules.json has the module "${other}"; only Transformer, Pooling and Normalize are known. Export the whole model as one graph that answers sentence_embedding.`,
      { details: { model: where, found: other } },
    );
  }
  return {
    pooling: poolingOf(isFields(pooling) ? pooling : {}, where),
    normalize: types.some((type) => type.endsWith('.Normalize')),
  };
}

const modes: Readonly<Record<string, TextEmbeddingOutput['pooling']>> = {
  cls: 'cls',
  max: 'max',
  mean: 'mean',
  mean_sqrt_len_tokens: 'mean-sqrt',
  lasttoken: 'last-token',
};

/** Old files have a flag for each way; new ones name it. */
function poolingOf(config: Fields, where: string): TextEmbeddingOutput['pooling'] {
  const { pooling_mode: named } = config;
  const flags: Readonly<Record<string, string>> = {
    pooling_mode_cls_token: 'cls',
    pooling_mode_max_tokens: 'max',
    pooling_mode_mean_tokens: 'mean',
    pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len_tokens',
    pooling_mode_weightedmean_tokens: 'weightedmean',
    pooling_mode_lasttoken: 'lasttoken',
  };
  const set = Object.keys(flags).filter((flag) => config[flag] === true);
  const wanted = named ?? (set.length > 0 ? set.map((flag) => flags[flag]) : 'mean');
  const list = Array.isArray(wanted) ? wanted : [wanted];
  const [only] = list;
  const mode = list.length === 1 ? modes[String(only)] : undefined;
  if (mode) return mode;
  throw new TabserveError(
    'unsupported',
    `${where}: ${poolingFile} asks for the pooling ${shown(wanted)}; it takes one of ${Object.keys(modes).join(', ')}.`,
    { details: { model: where, found: shown(wanted) } },
  );
}

/** The prompt that stands before texts where none is asked for. */
function promptOf(file: unknown): string | undefined {
  if (!isFields(file) || !isFields(file.prompts)) return undefined;
  const { default_prompt_name: name, prompts } = file;
  const prompt = typeof name === 'string' ? prompts[name] : undefined;
  return typeof prompt === 'string' && prompt !== '' ? prompt : undefined;
}

/** Names and rank, which only the graph tells. */
function complete({ manifest, inputs, outputs, where }: CompleteRequest): TextEmbeddingManifest {
  const known = manifest as TextEmbeddingManifest;
  const called = (name: string) => outputs.find((each) => each.name === name);
  const whole = called('sentence_embedding');
  const tokens =
    called('last_hidden_state') ??
    called('token_embeddings') ??
    outputs.find(({ shape }) => shape.length === 3);
  const found = whole ?? tokens ?? outputs.find(({ shape }) => shape.length === 2);
  const rank = found?.shape.length;
  if (!found || (rank !== 2 && rank !== 3)) {
    const all = outputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join('; ');
    throw new TabserveError(
      'model-invalid',
      `${where} answers ${all || 'nothing'}; an embedder answers a vector, or one for each token.`,
      { details: { model: where, found: all } },
    );
  }
  return {
    ...known,
    input: textInput(inputs, where),
    output: {
      ...known.output,
      name: found.name,
      pooling: rank === 2 ? 'none' : known.output.pooling,
    },
  };
}
