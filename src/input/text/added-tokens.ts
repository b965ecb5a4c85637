/**
 * Tokens that stand in texts as they are, whatever the vocabulary makes of the rest: `added_tokens` of
 * `tokenizer.json`.
 *
 * `@huggingface/tokenizers` does not heed `single_word`, and takes other characters for white space.
 *
 * Source: tokenizers 0.23, `tokenizers/src/tokenizer/added_vocabulary.rs` (`find_matches`).
 */
import { type Fields, flag } from './json.js';

/** Cuts a text at tokens: their numbers, and the texts between them, none of which is empty. */
export type AddedTokens = (text: string) => (string | number)[];

interface Added {
  content: string;
  id: number;
  isWord: boolean;
  takesLeft: boolean;
  takesRight: boolean;
}

/** @param tokens - With `content` and `id`; of those with the same content the first counts. */
export function openAddedTokens(tokens: readonly Fields[]): AddedTokens {
  const byStart = new Map<string, Added[]>();
  const known = new Set<string>();
  for (const token of tokens) {
    const { content, id } = token as { content: string; id: number };
    const start = content[0];
    if (start === undefined || known.has(content)) continue;
    known.add(content);
    const alike = byStart.get(start) ?? [];
    byStart.set(start, alike);
    alike.push({
      content,
      id,
      isWord: flag(token, 'single_word'),
      takesLeft: flag(token, 'lstrip'),
      takesRight: flag(token, 'rstrip'),
    });
  }
  // Of several that begin at the same place the longest is meant.
  for (const alike of byStart.values()) alike.sort((a, b) => b.content.length - a.content.length);
  return (text) => {
    const parts: (string | number)[] = [];
    let done = 0;
    let at = 0;
    while (at < text.length) {
      const found = byStart
        .get(text[at] as string)
        ?.find(({ content }) => text.startsWith(content, at));
      if (!found) {
        at += 1;
        continue;
      }
      let start = at;
      let end = at + found.content.length;
      at = end;
      if (found.isWord && (endsInWord(text, start) || beginsWord(text, end))) continue;
      if (found.takesLeft) while (start > done && isSpace(text, start - 1)) start -= 1;
      if (found.takesRight) while (isSpace(text, end)) end += 1;
      if (start > done) parts.push(text.slice(done, start));
      parts.push(found.id);
      done = end;
    }
    if (done < text.length) parts.push(text.slice(done));
    return parts;
  };
}

function isSpace(text: string, at: number): boolean {
  return at < text.length && /\p{White_Space}/u.test(text[at] as string);
}

// `\w` of Rust's regular expressions; a character has two units of UTF-16 at most.
function endsInWord(text: string, end: number): boolean {
  const before = text.slice(Math.max(0, end - 2), end);
  return /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u.test(before);
}

function beginsWord(text: string, start: number): boolean {
  const after = text.slice(start, start + 2);
  return /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u.test(after);
}
