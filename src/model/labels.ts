/** The names of a model's classes. */

/** Splits a label file: one label per line, in the order of the output; the last line may be empty. */
export function parseLabels(text: string): string[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => line.trim());
}
