/** Patterns of `tokenizer.json`, which are Oniguruma's, as JavaScript's. */
import { SplitPreTokenizer } from '@huggingface/tokenizers';
import { TabserveError } from '../../base/errors.js';
import { isFields, unknownPart } from './json.js';

/**
 * @param pattern - `{ "String": … }` or `{ "Regex": … }`.
 * @param where - What messages call the file.
 * @returns A pattern with the flags `g` and `u`.
 * @throws TabserveError `unsupported` where JavaScript has nothing like it.
 */
export function patternOf(pattern: unknown, where: string): RegExp {
  if (!isFields(pattern)) throw unknownPart('pattern', pattern, where);
  if (typeof pattern.String === 'string') {
    return new RegExp(pattern.String.replace(/[$()*+./?[\\\]^{|}]/g, '\\$&'), 'gu');
  }
  try {
    // The library translates the one syntax into the other.
    const { pattern: translated } = new SplitPreTokenizer({
      type: 'Split',
      pattern,
      behavior: 'Isolated',
      invert: true,
    } as never) as unknown as { pattern: RegExp | null };
    if (translated) return translated;
  } catch (cause) {
    throw new TabserveError(
      'unsupported',
      `A pattern in ${where} cannot be used here: ${JSON.stringify(pattern).slice(0, 200)}.`,
      { cause, details: { file: where } },
    );
  }
  throw unknownPart('pattern', pattern, where);
}
