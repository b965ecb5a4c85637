/** Sources of others with single phrases changed. A phrase that a new version does not say fails the build. */

/** Phrases as they are, and as they are to be. */
export type Words = readonly (readonly [theirs: string | RegExp, ours: string])[];

/**
 * @param id - The file, for messages.
 * @throws Error for a phrase that is not there.
 */
export function saidDifferently(code: string, words: Words, id: string): string {
  return words.reduce((text, [theirs, ours]) => replaced(text, theirs, ours, id), code);
}

/** As {@link saidDifferently}, for one of them. */
export function replaced(code: string, theirs: string | RegExp, ours: string, id: string): string {
  const text = code.replaceAll(theirs, ours);
  if (text === code) throw new Error(`${id} does not say ${theirs}: see what it says now.`);
  return text;
}
