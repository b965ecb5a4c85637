/** The names of a model's classes. */

/** Names under which label files lie beside a graph, in the order in which they are looked for. */
export const labelFileNames: readonly string[] = [
  'labels.txt',
  'classes.txt',
  'imagenet_classes.txt',
  'class_names.json',
  'labels.json',
  'class_names.txt',
];

/** WordNet's number of a class, which ImageNet's own lists put before its name. */
const wordNetId = /^n\d{8}\s+/;

/**
 * Splits a label file: one label per line, in the order of the output; the last line may be empty.
 * Where every line begins with a WordNet number (`n01440764 tench`), the numbers are left out.
 */
export function parseLabels(text: string): string[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const numbered = lines.every((line) => wordNetId.test(line));
  return lines.map((line) => (numbered ? line.replace(wordNetId, '') : line).trim());
}
