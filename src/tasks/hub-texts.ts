/**
 * What repositories of models of texts have in common: their tokenizer, and the names of the inputs.
 *
 * The reference is transformers 5.23.
 */
import { TabserveError } from '../base/errors.js';
import type { TensorInfo } from '../base/tensor.js';
import type { TextInput, TextPreprocess } from '../input/text/types.js';
import { type Fields, isFields } from '../model/hub-fields.js';
import type { FileReference } from '../model/manifest-core.js';

/** The files of a tokenizer, as repositories name them. */
export const tokenizerFile = 'tokenizer.json';
export const tokenizerConfigFile = 'tokenizer_config.json';

/** Tokens of a model that says nowhere how many it takes. */
const usualTokens = 512;

/** Most tokens that a manifest may allow. */
const mostTokens = 100_000;

/** Values of `model_type` whose tables of positions begin with places for padding. */
const offsetPositions =
  /^(roberta|xlm-roberta|xlm-roberta-xl|camembert|mpnet|longformer|data2vec-text|ibert|mvp|luke)$/;

/** What a repository says of its tokenizer. */
export interface HubTokenizer {
  where: string;
  config: Fields;
  more: Readonly<Record<string, unknown>>;
  find(path: string): FileReference | undefined;
  addressOf(path: string): string;
}

/**
 * The tokenizer's files.
 *
 * @throws TabserveError `model-not-found` without a `tokenizer.json`, with its address.
 */
export function tokenizerAssets({
  where,
  more,
  find,
  addressOf,
}: HubTokenizer): Record<string, FileReference> {
  const file = find(tokenizerFile);
  if (!file) {
    throw new TabserveError(
      'model-not-found',
      `${where} is a model of texts, and its tokenizer is missing: there is no ${addressOf(tokenizerFile)}. Without it tabserve cannot turn texts into tokens. Save it with Transformers' save_pretrained() of a fast tokenizer.`,
      { details: { model: where, url: addressOf(tokenizerFile) } },
    );
  }
  const config = isFields(more[tokenizerConfigFile]) ? find(tokenizerConfigFile) : undefined;
  return { [tokenizerFile]: file, ...(config && { [tokenizerConfigFile]: config }) };
}

/**
 * How many tokens the model takes.
 *
 * @param warnings - Is told what was assumed.
 * @param told - What another file says.
 */
export function textPreprocess(
  { config, more }: HubTokenizer,
  warnings: string[],
  told?: unknown,
): TextPreprocess {
  const settings = isFields(more[tokenizerConfigFile]) ? more[tokenizerConfigFile] : {};
  const { model_type: type, max_position_embeddings: positions, n_positions: older } = config;
  const table = size(positions) ?? size(older);
  const isOffset = typeof type === 'string' && offsetPositions.test(type);
  const room = table === undefined ? undefined : table - (isOffset ? 2 : 0);
  // Tokenizers without a limit of their own say 10³⁰.
  const limits = [size(told) ?? size(settings.model_max_length), room].filter(
    (each) => each !== undefined && each >= 1,
  ) as number[];
  if (limits.length === 0) {
    warnings.push(`no file says how many tokens the model takes; ${usualTokens} were taken.`);
  }
  return { maxTokens: Math.min(...(limits.length > 0 ? limits : [usualTokens])) };
}

function size(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= mostTokens
    ? (value as number)
    : undefined;
}

/** What exporters call the inputs. */
const names = {
  ids: /^(input_ids|input\.1|ids|tokens)$/,
  attentionMask: /^(attention_mask|input_mask|mask)$/,
  typeIds: /^(token_type_ids|segment_ids|type_ids)$/,
  positionIds: /^position_ids$/,
} as const;

/**
 * The graph's inputs.
 *
 * @throws TabserveError `model-invalid` for one that nobody here can fill.
 */
export function textInput(inputs: readonly TensorInfo[], where: string): TextInput {
  const input: Partial<TextInput> = {};
  for (const { name, type, shape } of inputs) {
    const kind = (Object.keys(names) as (keyof typeof names)[]).find((key) =>
      names[key].test(name),
    );
    if (!kind || input[kind] !== undefined) {
      throw new TabserveError(
        'model-invalid',
        `${where} takes "${name}" (${type} [${shape.join(', ')}]); a model of texts takes input_ids, attention_mask, token_type_ids and position_ids. Write a model.json, and give further inputs a value in "constants".`,
        { details: { model: where, found: name } },
      );
    }
    input[kind] = name;
  }
  const { ids } = input;
  if (ids !== undefined) return { ...input, ids };
  const all = inputs.map(({ name }) => name).join(', ');
  throw new TabserveError(
    'model-invalid',
    `${where} takes ${all || 'nothing'}; a model of texts takes input_ids.`,
    { details: { model: where, found: all } },
  );
}
