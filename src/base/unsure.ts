/** What an unsure answer can still say. */

/** From this score on an answer speaks for itself. */
const sureFrom = 0.5;

/**
 * The coarse group that answers agree on where none of them is likely by itself: several terriers are a
 * dog. `undefined` where the best answer is sure enough, or where they do not agree.
 *
 * @param answers - By score, as `classify()` gives them.
 */
export function agreedGroup(
  answers: readonly { label: string; score: number; group?: string | undefined }[],
): string | undefined {
  const [best] = answers;
  if (!best?.group || best.score >= sureFrom || best.group === best.label) return undefined;
  const alike = answers.filter(({ group }) => group === best.group);
  const together = alike.reduce((sum, { score }) => sum + score, 0);
  return alike.length > 1 && together >= sureFrom ? best.group : undefined;
}
