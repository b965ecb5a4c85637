/** Labels in the language that a reader wants. */
import { TabserveError } from '../base/errors.js';
import type { CoreManifest, FileReference } from './manifest-core.js';

/** The language of answers, and the label file in it. */
export interface LabelTranslation {
  /** A language tag, as the manifest has it. */
  language: string;
  /** `undefined` for the model's own labels. */
  file: FileReference | undefined;
}

/**
 * The label file in the language that is wanted: `de` serves `de-AT` too, by the lookup of RFC 4647, 3.4.
 *
 * @param wanted - A tag that the model must have; or what a reader prefers, in order, where the model's own
 *   labels do if it has none of these; nothing for its own.
 * @throws TabserveError `invalid-argument` for a language that it has to have, and has not.
 */
export function translationFor(
  { name, language = 'en', translations = {} }: CoreManifest,
  wanted: string | readonly string[] | undefined,
): LabelTranslation {
  const own = { language, file: undefined };
  if (wanted === undefined) return own;
  const files = new Map<string, LabelTranslation>([[language.toLowerCase(), own]]);
  for (const [tag, file] of Object.entries(translations)) {
    files.set(tag.toLowerCase(), { language: tag, file });
  }
  for (const tag of [wanted].flat()) {
    for (let range = tag.toLowerCase(); range !== ''; range = shorter(range)) {
      const found = files.get(range);
      if (found) return found;
    }
  }
  if (typeof wanted !== 'string') return own;
  const possible = [...files.values()].map((each) => each.language);
  throw new TabserveError(
    'invalid-argument',
    `The model "${name}" has no labels in "${wanted}"; it has them in ${possible.join(', ')}. Choose one of these, or "auto".`,
    { details: { option: 'lang', model: name, found: wanted, expected: possible.join(', ') } },
  );
}

/** Without its last part, and without a single letter that would then be the last. */
function shorter(range: string): string {
  const end = range.lastIndexOf('-');
  return end < 0 ? '' : range.slice(0, end).replace(/-.$/, '');
}
