/**
 * From text to the numbers of its tokens, as Hugging Face's tokenizers do it.
 *
 * Vocabularies and merges are `@huggingface/tokenizers`'; what it does otherwise than the original
 * (see `normalizers.ts`, `pre-tokenizers.ts`), and what it leaves out (truncation, pairs), is here.
 */
import { Tokenizer as Core } from '@huggingface/tokenizers';
import { isTabserveError, messageOf, TabserveError } from '../../base/errors.js';
import { openAddedTokens } from './added-tokens.js';
import { type Fields, flag, isFields, list, text as textIn, unknownPart } from './json.js';
import { openNormalizer } from './normalizers.js';
import { openPreTokenizer } from './pre-tokenizers.js';
import { openTemplate } from './template.js';

/** A text, or two, in tokens. */
export interface Encoded {
  /** Numbers in the vocabulary, special tokens included. */
  ids: number[];
  /** Per token, which of the two texts it belongs to. */
  typeIds: number[];
  /** Per token, whether it is none of a text, but one that stands around texts. */
  specials: boolean[];
  /** Whether something was left out, because there is room for no more. */
  isTruncated: boolean;
}

/** How a tokenizer is used. */
export interface TokenizerOptions {
  /** Most tokens, special ones included. */
  maxTokens: number;
  /** What messages call the file. */
  where: string;
}

/** A tokenizer, opened. */
export interface Tokenizer {
  /** Most tokens of an encoding. */
  readonly maxTokens: number;
  /** Fills short texts up in a batch. */
  readonly padId: number;
  readonly padTypeId: number;
  /** Whether texts are filled up from the left. */
  readonly padsLeft: boolean;
  /**
   * @param pair - A second text, to be judged together with the first.
   * @throws TabserveError `model-invalid` where the vocabulary has no token for something.
   */
  encode(text: string, pair?: string | null): Encoded;
  /** A token as the vocabulary has it: `##ing`, `Ġday`. */
  tokenOf(id: number): string;
}

/** Bytes of the largest `tokenizer.json` that is read: that of a vocabulary of half a million. */
const mostBytes = 2 ** 27;

/** Tokens of the largest vocabulary. */
const mostTokens = 4_000_000;

/** Code units that are cut into tokens at first, for each token that there is room for. */
const unitsPerToken = 64;

/**
 * @param file - `tokenizer.json`.
 * @param config - `tokenizer_config.json`, if there is one.
 * @throws TabserveError `model-invalid` where it is no tokenizer; `unsupported` where it has parts that
 *   nobody here knows.
 */
export function openTokenizer(
  file: Uint8Array,
  config: Uint8Array | undefined,
  { maxTokens, where }: TokenizerOptions,
): Tokenizer {
  const fields = parsed(file, where);
  const settings = config ? parsed(config, `the tokenizer_config.json beside ${where}`) : {};
  checkModel(fields, where);
  const normalizer = openNormalizer(fields.normalizer, where);
  const preTokenizer = openPreTokenizer(fields.pre_tokenizer, where);
  const added = list(fields, 'added_tokens');
  const isNormalized = (token: Fields) => flag(token, 'normalized', !flag(token, 'special'));
  const literal = openAddedTokens(added.filter((token) => !isNormalized(token)));
  const normalized = openAddedTokens(
    added
      .filter(isNormalized)
      .map((token) => ({ ...token, content: normalizer(token.content as string) })),
  );
  const contents = new Map(added.map(({ id, content }) => [id as number, content as string]));
  const model = modelOf(fields, settings, where);
  const addedIds = new Map(added.map(({ id, content }) => [content as string, id as number]));
  const idOf = (token: string) => addedIds.get(token) ?? model.tokens_to_ids.get(token);
  const template = openTemplate(fields.post_processor, idOf, where);
  const pads = isFields(fields.padding) ? fields.padding : {};
  const padToken = textIn(pads, 'pad_token') ?? tokenIn(settings.pad_token);
  const padId = whole(pads.pad_id) ?? (padToken === undefined ? undefined : idOf(padToken));
  const side = textIn(settings, 'padding_side') ?? textIn(pads, 'direction') ?? 'right';
  const cutsLeft = textIn(settings, 'truncation_side') === 'left';
  const { model_input_names: names } = settings;
  // Transformers does not give these where the tokenizer's settings leave them out.
  const isTyped = !Array.isArray(names) || names.includes('token_type_ids');

  const { unknown, isFused, hasBytes } = unknownsOf(fields.model as Fields, idOf);
  const unknownIds = (text: string): number[] => {
    const bytes = hasBytes && !model.tokens_to_ids.has(text) ? bytesOf(text, model) : undefined;
    if (bytes) return bytes;
    if (unknown !== undefined) return [unknown];
    throw new TabserveError(
      'model-invalid',
      `The vocabulary in ${where} has no token for a part of this text, and none for what is unknown.`,
      { details: { file: where } },
    );
  };
  /** Adds the tokens of a piece, within which the model looks for them. */
  const addPiece = (piece: string, ids: number[]) => {
    let rest = '';
    const addRest = () => {
      if (rest !== '') ids.push(...unknownIds(rest));
      rest = '';
    };
    for (const token of model.encode([piece])) {
      const id = model.tokens_to_ids.get(token) ?? unknown;
      if (id === unknown && isFused) {
        rest += token;
        continue;
      }
      addRest();
      if (id === unknown) ids.push(...unknownIds(token));
      else ids.push(id as number);
    }
    addRest();
  };
  const tokensOf = (text: string): number[] => {
    const ids: number[] = [];
    for (const [at, section] of literal(text).entries()) {
      const parts = typeof section === 'number' ? [section] : normalized(normalizer(section));
      for (const [within, part] of parts.entries()) {
        if (typeof part === 'number') ids.push(part);
        else for (const piece of preTokenizer([part], at + within === 0)) addPiece(piece, ids);
      }
    }
    return ids;
  };
  return {
    maxTokens,
    padId: padId ?? 0,
    padTypeId: whole(pads.pad_type_id) ?? 0,
    padsLeft: side.toLowerCase() === 'left',
    encode(text, pair = null) {
      const room = Math.max(0, maxTokens - template.specials(pair !== null));
      // Of a long text only so much is looked at as there is room for.
      // Which of two is the longer one matters where one token is left over.
      const isLong = (tokens: readonly number[]) =>
        tokens.length > room && (pair === null || room % 2 === 0);
      const read = (text: string) => {
        for (let units = unitsPerToken * (room + 1); ; units *= 2) {
          const part = cutsLeft ? text : beginning(text, units);
          const tokens = tokensOf(wellFormed(part));
          if (part === text || isLong(tokens)) return tokens;
        }
      };
      const { isCut, ...parts } = truncated(
        read(text),
        pair === null ? null : read(pair),
        room,
        cutsLeft,
      );
      const { ids, typeIds, specials } = template.join(parts.first, parts.second);
      const types = isTyped ? typeIds : typeIds.map(() => 0);
      return { ids, typeIds: types, specials, isTruncated: isCut };
    },
    tokenOf: (id) => contents.get(id) ?? model.vocab[id] ?? `[${id}]`,
  };
}

/** About so many code units, up to a space if there is one. */
function beginning(text: string, units: number): string {
  if (text.length <= units) return text;
  const space = text.lastIndexOf(' ', units);
  return text.slice(0, space > units / 2 ? space : units);
}

/** Half a character, which no tokenizer has seen, is what Python's makes of it: U+FFFD. */
function wellFormed(text: string): string {
  return text.replace(
    /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    '\ufffd',
  );
}

/** Leaves out tokens of the longer text first, as `truncation=True` does in Transformers. */
function truncated(first: number[], second: number[] | null, room: number, cutsLeft: boolean) {
  const all = first.length + (second?.length ?? 0);
  if (all <= room) return { first, second, isCut: false };
  const keep = (ids: number[], count: number) =>
    cutsLeft ? ids.slice(ids.length - count) : ids.slice(0, count);
  if (second === null) return { first: keep(first, room), second, isCut: true };
  let [one, two] = [first.length, second.length];
  // Source: `LongestFirst` of tokenizers/src/utils/truncation.rs.
  const isSwapped = one > two;
  if (isSwapped) [one, two] = [two, one];
  two = one > room ? one : Math.max(one, room - one);
  if (one + two > room) {
    one = Math.floor(room / 2);
    two = one + (room % 2);
  }
  if (isSwapped) [one, two] = [two, one];
  return { first: keep(first, one), second: keep(second, two), isCut: true };
}

function parsed(bytes: Uint8Array, where: string): Fields {
  if (bytes.length > mostBytes) {
    throw new TabserveError(
      'model-invalid',
      `${where} has ${bytes.length} bytes; a tokenizer has at most ${mostBytes}.`,
      { details: { file: where } },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new TabserveError('model-invalid', `${where} is not JSON: ${messageOf(cause)}`, {
      cause,
      details: { file: where },
    });
  }
  if (isFields(value)) return value;
  throw new TabserveError('model-invalid', `${where} is not an object of JSON.`, {
    details: { file: where },
  });
}

/** What the library takes on trust. */
function checkModel({ model, added_tokens: added = [] }: Fields, where: string): void {
  const refuse = (field: string, expected: string) =>
    new TabserveError('model-invalid', `${where} is no tokenizer: "${field}" is not ${expected}.`, {
      details: { file: where, field },
    });
  if (!isFields(model)) throw refuse('model', 'an object');
  const { vocab, merges, type } = model;
  const isId = (id: unknown) =>
    Number.isInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 31;
  if (type === 'Unigram' || Array.isArray(vocab)) {
    const entries = Array.isArray(vocab) ? vocab : [];
    if (entries.length === 0 || entries.length > mostTokens)
      throw refuse('model.vocab', 'a vocabulary');
    const isEntry = (entry: unknown) =>
      Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number';
    if (!entries.every(isEntry)) throw refuse('model.vocab', 'a list of tokens and scores');
    if (!isId(model.unk_id) || (model.unk_id as number) >= entries.length) {
      throw refuse('model.unk_id', 'a place in the vocabulary');
    }
  } else {
    if (!isFields(vocab)) throw refuse('model.vocab', 'a vocabulary');
    const ids = Object.values(vocab);
    if (
      ids.length === 0 ||
      ids.length > mostTokens ||
      !ids.every((id) => isId(id) && (id as number) < 2 * mostTokens)
    ) {
      throw refuse('model.vocab', 'a vocabulary of numbered tokens');
    }
    if (!['WordPiece', 'BPE', 'WordLevel'].includes(String(type))) {
      throw unknownPart('model', model, where);
    }
  }
  if (type === 'BPE') {
    const prefix = model.continuing_subword_prefix;
    if (typeof prefix === 'string' && prefix !== '') {
      throw unknownPart('kind of BPE', { type: `continuing_subword_prefix ${prefix}` }, where);
    }
    const isMerge = (merge: unknown) =>
      typeof merge === 'string' ||
      (Array.isArray(merge) &&
        merge.length === 2 &&
        merge.every((part) => typeof part === 'string'));
    if (!Array.isArray(merges) || merges.length > mostTokens || !merges.every(isMerge)) {
      throw refuse('model.merges', 'a list of pairs');
    }
    if (merges.length === 0 && model.dropout) throw refuse('model.dropout', 'null');
  }
  const isToken = (token: unknown) =>
    isFields(token) &&
    typeof token.content === 'string' &&
    isId(token.id) &&
    (token.id as number) < 2 * mostTokens;
  if (!Array.isArray(added) || added.length > mostTokens || !added.every(isToken)) {
    throw refuse('added_tokens', 'a list of tokens');
  }
}

/** What is used of the library: a model, without what stands around it. */
interface Model {
  tokens_to_ids: Map<string, number>;
  /** Tokens by their numbers. */
  vocab: string[];
  /** Of Unigram. */
  scores?: number[];
  encode(pieces: string[]): string[];
}

function modelOf(fields: Fields, settings: Fields, where: string): Model {
  const model = fields.model as Fields;
  try {
    const { model: opened } = new Core(
      {
        added_tokens: [],
        normalizer: null,
        pre_tokenizer: null,
        post_processor: null,
        decoder: null,
        model:
          model.type === 'BPE' && (model.merges as unknown[]).length === 0
            ? { ...model, merges: [] }
            : model,
      } as never,
      settings as never,
    ) as unknown as { model: Model };
    // The library makes the unknown token's own text as unlikely as what is unknown.
    const own = Array.isArray(model.vocab) && model.vocab[model.unk_id as number]?.[1];
    if (typeof own === 'number' && opened.scores) opened.scores[model.unk_id as number] = own;
    return opened;
  } catch (cause) {
    if (isTabserveError(cause)) throw cause;
    throw new TabserveError('model-invalid', `${where} cannot be used: ${messageOf(cause)}`, {
      cause,
      details: { file: where },
    });
  }
}

/** What becomes of what the vocabulary has not. */
function unknownsOf(fields: Fields, idOf: (token: string) => number | undefined) {
  const { unk_id: place } = fields;
  const isUnigram = Array.isArray(fields.vocab);
  const token = textIn(fields, 'unk_token');
  return {
    unknown: isUnigram ? (place as number) : token === undefined ? undefined : idOf(token),
    isFused: isUnigram || flag(fields, 'fuse_unk'),
    hasBytes: isUnigram && flag(fields, 'byte_fallback'),
  };
}

/** A text as tokens of its bytes, where the vocabulary has all of them. */
function bytesOf(text: string, { tokens_to_ids: ids }: Model): number[] | undefined {
  const bytes = Array.from(new TextEncoder().encode(text), (byte) =>
    ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
  );
  return bytes.includes(undefined) ? undefined : (bytes as number[]);
}

/** A token, which settings give as its text, or with more about it. */
function tokenIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : isFields(value) ? textIn(value, 'content') : undefined;
}

function whole(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}
