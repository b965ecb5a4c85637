/**
 * Normalizers of `tokenizer.json`, to the character as Hugging Face's tokenizers have them.
 *
 * `@huggingface/tokenizers` walks texts in units of UTF-16, and takes JavaScript's `\s`, `trim()` and
 * `toLowerCase()`, which differ from Rust's for some characters; its `Precompiled` is NFKC. So these
 * are written anew.
 *
 * Rust's tables of categories are those of Unicode 8 and 13, the browser's are newer: characters that were
 * added since, of rare scripts, may be taken for marks or punctuation here and not there.
 *
 * Source: tokenizers 0.23, `tokenizers/src/normalizers/`.
 */
import { openCharsmap } from './charsmap.js';
import { type Fields, flag, isFields, list, text, unknownPart } from './json.js';
import { patternOf } from './patterns.js';

/** Makes a text fit to be cut into tokens. */
export type Normalizer = (text: string) => string;

/**
 * @param config - `normalizer` of the file.
 * @param where - What messages call the file.
 * @throws TabserveError `unsupported`, `model-invalid`.
 */
export function openNormalizer(config: unknown, where: string): Normalizer {
  if (config === null || config === undefined) return (text) => text;
  if (!isFields(config)) throw unknownPart('normalizer', config, where);
  switch (config.type) {
    case 'Sequence': {
      const parts = list(config, 'normalizers').map((part) => openNormalizer(part, where));
      return (text) => parts.reduce((done, part) => part(done), text);
    }
    case 'BertNormalizer':
      return bert(config);
    case 'Precompiled': {
      const map = text(config, 'precompiled_charsmap');
      return map === undefined ? (text) => text : openCharsmap(map, where);
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const { type } = config;
      return (text) => text.normalize(type);
    }
    case 'Nmt':
      return (text) =>
        text
          .replace(/(?![\t\n\f\r\0\u0080-\u008e\u0090-\u009e])\p{Cc}/gu, '')
          .replace(/[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/gu, ' ');
    case 'Lowercase':
      return lowercase;
    case 'StripAccents':
      return (text) => text.replace(/\p{M}/gu, '');
    case 'Strip': {
      const isLeft = flag(config, 'strip_left', true);
      const isRight = flag(config, 'strip_right', true);
      return (text) => {
        const rest = isLeft ? text.replace(/^\p{White_Space}+/u, '') : text;
        return isRight ? withoutEnd(rest) : rest;
      };
    }
    case 'Prepend': {
      const before = text(config, 'prepend') ?? '';
      return (text) => (text === '' ? text : before + text);
    }
    case 'Replace': {
      const pattern = patternOf(config.pattern, where);
      const content = text(config, 'content') ?? '';
      return (text) => text.replace(pattern, () => content);
    }
    default:
      throw unknownPart('normalizer', config, where);
  }
}

/** Source: `tokenizers/src/normalizers/bert.rs`. */
function bert(config: Fields): Normalizer {
  const isLower = flag(config, 'lowercase', true);
  const isCleaned = flag(config, 'clean_text', true);
  const isSpaced = flag(config, 'handle_chinese_chars', true);
  const isStripped = typeof config.strip_accents === 'boolean' ? config.strip_accents : isLower;
  return (given) => {
    let text = given;
    if (isCleaned) {
      text = text
        .replace(/(?![\t\n\r])[\0\ufffd\p{Cc}\p{Cf}\p{Co}]/gu, '')
        .replace(/\p{White_Space}/gu, ' ');
    }
    if (isSpaced) text = text.replace(chinese, ' $& ');
    if (isStripped) text = text.normalize('NFD').replace(/\p{Mn}/gu, '');
    return isLower ? lowercase(text) : text;
  };
}

/** What BERT takes for Chinese characters. */
const chinese =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

/** Character by character: JavaScript makes another sigma at a word's end. */
function lowercase(text: string): string {
  return text.includes('Σ')
    ? Array.from(text, (char) => char.toLowerCase()).join('')
    : text.toLowerCase();
}

/** Without the white space at its end. A pattern that is anchored there would take quadratic time. */
function withoutEnd(text: string): string {
  let end = text.length;
  while (end > 0 && /\p{White_Space}/u.test(text[end - 1] as string)) end -= 1;
  return text.slice(0, end);
}
