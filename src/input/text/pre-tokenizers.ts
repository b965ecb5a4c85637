/**
 * Pre-tokenizers of `tokenizer.json`: a text becomes the pieces within which tokens are looked for, as
 * Hugging Face's tokenizers cut it.
 *
 * `@huggingface/tokenizers` leaves some of their behaviours out, and takes JavaScript's `\s`, `\w` and
 * `\d`, which know less than Rust's. So these are written anew.
 *
 * Source: tokenizers 0.23, `tokenizers/src/pre_tokenizers/`, `tokenizers/src/tokenizer/normalizer.rs`
 * (`split`).
 */
import { type Fields, flag, isFields, list, text, unknownPart } from './json.js';
import { patternOf } from './patterns.js';

/**
 * Cuts a text.
 *
 * @param isFirst - Whether the text stands at the beginning of the whole.
 */
export type PreTokenizer = (pieces: readonly string[], isFirst: boolean) => string[];

/** What becomes of a match: see `SplitDelimiterBehavior`. */
type Behaviour = 'removed' | 'isolated' | 'mergedwithprevious' | 'mergedwithnext' | 'contiguous';

/**
 * @param config - `pre_tokenizer` of the file.
 * @param where - What messages call the file.
 * @throws TabserveError `unsupported`.
 */
export function openPreTokenizer(config: unknown, where: string): PreTokenizer {
  if (config === null || config === undefined) return (pieces) => [...pieces];
  if (!isFields(config)) throw unknownPart('pre-tokenizer', config, where);
  switch (config.type) {
    case 'Sequence': {
      const parts = list(config, 'pretokenizers').map((part) => openPreTokenizer(part, where));
      return (pieces, isFirst) => parts.reduce((done, part) => part(done, isFirst), [...pieces]);
    }
    case 'BertPreTokenizer':
      return each((piece) =>
        split(piece, /\p{White_Space}+/gu, 'removed').flatMap((word) =>
          split(word, punctuation, 'isolated'),
        ),
      );
    case 'Whitespace':
      return each((piece) => piece.match(words) ?? []);
    case 'WhitespaceSplit':
      return each((piece) => split(piece, /\p{White_Space}/gu, 'removed'));
    case 'Punctuation': {
      const behaviour = behaviourOf(config, 'isolated', where);
      return each((piece) => split(piece, punctuation, behaviour));
    }
    case 'Digits': {
      const behaviour = flag(config, 'individual_digits') ? 'isolated' : 'contiguous';
      return each((piece) => split(piece, /\p{N}/gu, behaviour));
    }
    case 'CharDelimiterSplit': {
      const pattern = patternOf({ String: text(config, 'delimiter') ?? ' ' }, where);
      return each((piece) => split(piece, pattern, 'removed'));
    }
    case 'Split': {
      const pattern = patternOf(config.pattern, where);
      const behaviour = behaviourOf(config, 'isolated', where);
      const isInverted = flag(config, 'invert');
      return each((piece) => split(piece, pattern, behaviour, isInverted));
    }
    case 'ByteLevel':
      return byteLevel(config);
    case 'Metaspace':
      return metaspace(config);
    default:
      throw unknownPart('pre-tokenizer', config, where);
  }
}

function each(cut: (piece: string) => string[]): PreTokenizer {
  return (pieces) => pieces.flatMap(cut);
}

/** ASCII's, and Unicode's. */
const punctuation = /[\p{P}$+<=>^`|~]/gu;

/** `\w+|[^\w\s]+` as Rust's regular expressions read it. */
const words =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;

function behaviourOf(config: Fields, otherwise: Behaviour, where: string): Behaviour {
  const found = text(config, 'behavior')?.toLowerCase() ?? otherwise;
  if (/^(removed|isolated|mergedwithprevious|mergedwithnext|contiguous)$/.test(found)) {
    return found as Behaviour;
  }
  throw unknownPart('behaviour', found, where);
}

/** Cuts at what a pattern matches; where inverted, at what it does not. Empty pieces go. */
export function split(
  piece: string,
  pattern: RegExp,
  behaviour: Behaviour,
  isInverted = false,
): string[] {
  const parts: { text: string; isMatch: boolean }[] = [];
  let last = 0;
  const add = (from: number, to: number, isMatch: boolean) => {
    if (to > from) parts.push({ text: piece.slice(from, to), isMatch: isMatch !== isInverted });
  };
  for (const { index, 0: match } of piece.matchAll(pattern)) {
    add(last, index, false);
    add(index, index + match.length, true);
    last = index + match.length;
  }
  add(last, piece.length, false);
  const result: string[] = [];
  let former: boolean | undefined;
  for (const [at, { text, isMatch }] of parts.entries()) {
    switch (behaviour) {
      case 'removed':
        if (!isMatch) result.push(text);
        break;
      case 'isolated':
        result.push(text);
        break;
      case 'contiguous':
        if (isMatch === former) result[result.length - 1] += text;
        else result.push(text);
        break;
      case 'mergedwithprevious':
        if (isMatch && former === false) result[result.length - 1] += text;
        else result.push(text);
        break;
      case 'mergedwithnext':
        if (!isMatch && parts[at - 1]?.isMatch) result[result.length - 1] += text;
        else result.push(text);
    }
    former = isMatch;
  }
  return result;
}

/** GPT-2's pattern, in which Rust's `\s` is Unicode's white space. */
const gpt2 =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** The printable character that stands for each byte: `bytes_char()`. */
const byteChars = ((): readonly string[] => {
  let more = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad);
    return String.fromCharCode(isPrintable ? byte : more++);
  });
})();

function byteLevel(config: Fields): PreTokenizer {
  const isPrefixed = flag(config, 'add_prefix_space', true);
  const isSplit = flag(config, 'use_regex', true);
  const encoder = new TextEncoder();
  return each((piece) => {
    const text = isPrefixed && !piece.startsWith(' ') ? ` ${piece}` : piece;
    const parts = isSplit ? split(text, gpt2, 'isolated') : [text];
    return parts.map((part) =>
      Array.from(encoder.encode(part), (byte) => byteChars[byte] as string).join(''),
    );
  });
}

function metaspace(config: Fields): PreTokenizer {
  const mark = text(config, 'replacement') ?? '▁';
  const scheme =
    text(config, 'prepend_scheme') ?? (flag(config, 'add_prefix_space', true) ? 'always' : 'never');
  const isSplit = flag(config, 'split', true);
  return (pieces, isFirst) =>
    pieces.flatMap((piece, at) => {
      const marked = piece.replaceAll(' ', mark);
      const isPrepended = scheme === 'always' || (scheme === 'first' && isFirst && at === 0);
      const text = isPrepended && !marked.startsWith(mark) ? mark + marked : marked;
      return isSplit ? split(text, patternOf({ String: mark }, ''), 'mergedwithnext') : [text];
    });
}
