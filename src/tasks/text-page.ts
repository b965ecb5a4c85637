/** What the page does for tasks of texts. */
import { TabserveError } from '../base/errors.js';
import type { CapturedText } from '../input/text/types.js';
import type { PageTask } from './task.js';

/** A text; or two that are judged together, such as a question and its answer. */
export type TextSource = string | { readonly text: string; readonly pair: string };

/** Code units of the longest text that is taken. Models read a few thousand. */
const mostUnits = 10_000_000;

/** The page half of a task of texts. */
export function textPage(name: string): PageTask<TextSource, CapturedText> {
  return {
    name,
    pack: 'text',
    // What it is cannot change, but it is here already.
    isLasting: () => false,
    capture: async (source) => capturedText(source),
    transfer: () => [],
    expectedBytes: (source) => 2 * (typeof source === 'string' ? source.length : 0),
    bytes: ({ text, pair }) => 2 * (text.length + (pair?.length ?? 0)),
    copy: (payload) => payload,
    close: () => undefined,
  };
}

/** @throws TabserveError `invalid-argument`. */
function capturedText(source: TextSource): CapturedText {
  const { text, pair } =
    typeof source === 'object' && source !== null ? source : { text: source, pair: null };
  for (const [field, value] of [
    ['text', text],
    ['pair', pair ?? ''],
  ] as const) {
    if (typeof value !== 'string') {
      throw new TabserveError(
        'invalid-argument',
        `A text is a string, or { text, pair }; "${field}" is ${value === null ? 'null' : `a ${typeof value}`}.`,
        { details: { option: field } },
      );
    }
    if (value.length > mostUnits) {
      throw new TabserveError(
        'invalid-argument',
        `"${field}" has ${value.length} characters; at most ${mostUnits} are taken. Pass the part that matters.`,
        { details: { option: field, length: value.length } },
      );
    }
  }
  return { text, pair: pair ?? null };
}
