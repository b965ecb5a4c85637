/** The names of a model's classes. */
import type { LabelSet } from './manifest-core.js';

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

/** Lines of label, short form and group, with tabs between; `undefined` for a text of other lines. */
export function parseColumns(text: string): LabelSet | undefined {
  const lines = text.trimEnd().split(/\r\n|\n|\r/);
  const rows = lines.map((line) => line.split('\t').map((each) => each.trim()));
  if (rows.some(({ length }) => length !== 3)) return undefined;
  return {
    labels: rows.map(([label = '']) => label),
    labelDetails: rows.map(([, short, group]) => ({
      ...(short && { short }),
      ...(group && { group }),
    })),
  };
}
