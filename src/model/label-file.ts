/** Label files as people have them. */
import { TabserveError } from '../base/errors.js';
import { parseColumns, parseLabels } from './labels.js';
import type { LabelDetails, LabelSet } from './manifest-core.js';

/** The first bytes of what Git leaves where a file is kept in its large file storage. */
const pointerStart = 'version https://git-lfs.github.com/spec/';

/**
 * Refuses a Git LFS pointer.
 *
 * @throws TabserveError `model-invalid`, with the cure.
 */
export function refusePointer(text: string, where: string): void {
  if (!text.startsWith(pointerStart)) return;
  throw new TabserveError(
    'model-invalid',
    `${where} is a Git LFS pointer, which stands for the file where a repository was cloned without it. Fetch the file itself with "git lfs pull", and serve that.`,
    { details: { url: where, firstBytes: pointerStart } },
  );
}

/** Decodes a text: by its byte order mark, or as UTF-16 by its zeros, else as UTF-8, else, where it is none, as Latin-1. */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  // Without a mark, UTF-16 shows by the zeros beside its letters.
  if (bytes.length > 1 && (first === 0) !== (second === 0)) {
    return new TextDecoder(first === 0 ? 'utf-16be' : 'utf-16le').decode(bytes);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** Reads a label file. Errors as {@link parseLabelFile}. */
export function readLabels(bytes: Uint8Array, where: string): LabelSet {
  return parseLabelFile(decodeText(bytes), where);
}

/**
 * Reads a label file: lines in the order of the output, lines with a number before (`3 cat`, `3,cat`,
 * `3: cat`) or behind (`cat,3`, `cat 3`), lines of label, short form and group with tabs between, or JSON,
 * also as Python writes it: a list, labels by number, numbers by label, or objects with a `name` or a
 * `label`, perhaps with `short` and `group`.
 *
 * @param where - What messages call it.
 * @throws TabserveError `model-invalid` for a Git LFS pointer, `manifest-invalid` for what holds no
 *   labels: other JSON, a web page, no text at all.
 */
export function parseLabelFile(text: string, where: string): LabelSet {
  const clean = text.replace(/^\uFEFF/, '').trimEnd();
  refusePointer(clean, where);
  if (/^\s*[[{]/.test(clean)) {
    const value = asJson(clean) ?? asJson(fromPython(clean));
    const set = value === undefined ? undefined : setIn(value);
    if (set) return set;
    if (value !== undefined) {
      throw new TabserveError(
        'manifest-invalid',
        `${where} is JSON, but holds no labels: a list of them, an object that gives a label by its number, or one that gives a number by its label.`,
        { details: { url: where } },
      );
    }
  }
  const problem =
    clean === ''
      ? 'is empty'
      : clean.includes('\0')
        ? 'is no text'
        : /^\s*<(!doctype|html|\?xml)/i.test(clean)
          ? 'is a web page: servers often send one when a file does not exist'
          : undefined;
  if (problem) {
    throw new TabserveError(
      'manifest-invalid',
      `${where} ${problem}. Expected one label per line.`,
      {
        details: { url: where },
      },
    );
  }
  const lines = clean.split(/\r\n|\n|\r/);
  const columns = parseColumns(clean);
  if (columns) return columns;
  const listed = lines.map((line) => /^\s*-\s+(\S.*)$/.exec(line)?.[1]);
  if (listed.every((label) => label !== undefined)) {
    return { labels: listed.map((label) => unquoted(label) ?? '') };
  }
  return { labels: numbered(lines) ?? parseLabels(lines.join('\n')) };
}

function setIn(value: unknown): LabelSet | undefined {
  const labels = labelsIn(value);
  if (!labels) return undefined;
  // Those with numbers may stand in another order than their classes.
  if (!Array.isArray(value) || !value.every(hasLabel)) return { labels };
  if (!value.every(isDescribed)) return undefined;
  return {
    labels,
    labelDetails: value.map(({ short, group }) => ({
      ...(short && { short }),
      ...(group && { group }),
    })),
  };
}

function hasLabel(entry: unknown): entry is { label: string } {
  return (
    typeof entry === 'object' &&
    entry !== null &&
    'label' in entry &&
    !('id' in entry || 'index' in entry)
  );
}

function isDescribed(entry: { label: string }): entry is LabelDetails & { label: string } {
  const { label, short = '', group = '' } = entry as Record<string, unknown>;
  return [label, short, group].every((each) => typeof each === 'string');
}

/**
 * The labels in parsed JSON: a list; labels by number (also torchvision's `{"0": ["n0144…", "tench"]}`);
 * numbers by label; or any of these under a usual key.
 */
export function labelsIn(value: unknown): string[] | undefined {
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every((each) => typeof each === 'string')) return value;
    return inOrder(value.map(numberAndName));
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.entries(value);
  const byNumber = entries.map(([key, each]) => [Number(key), nameIn(each)] as const);
  const byLabel = entries.map(([key, each]) => [Number(each), key] as const);
  const isNumber = entries.every(([, each]) => typeof each === 'number' || /^\d+$/.test(`${each}`));
  const found = inOrder(byNumber) ?? (isNumber ? inOrder(byLabel) : undefined);
  if (found) return found;
  for (const key of [
    'id2label',
    'labels',
    'names',
    'classes',
    'class_names',
    'categories',
    'label2id',
  ]) {
    const inner: unknown = Object.hasOwn(value, key)
      ? (value as Record<string, unknown>)[key]
      : undefined;
    const labels = inner === undefined ? undefined : labelsIn(inner);
    if (labels) return labels;
  }
  return undefined;
}

/** One of a list of objects, or of pairs, with its number if it has one. */
function numberAndName(value: unknown, index: number): readonly [number, string | undefined] {
  if (typeof value !== 'object' || value === null) return [index, undefined];
  if (Array.isArray(value)) return [Number(value[0]), nameIn(value)];
  const { id, index: at, name, label } = value as Record<string, unknown>;
  return [Number(id ?? at ?? index), nameIn(name ?? label)];
}

function nameIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  // A WordNet number and the name.
  const last: unknown = Array.isArray(value) && value.length === 2 ? value[1] : undefined;
  return typeof last === 'string' ? last : undefined;
}

/** Labels by their numbers, if these run from 0 or from 1 without a gap. */
function inOrder(pairs: readonly (readonly [number, string | undefined])[]): string[] | undefined {
  if (pairs.length === 0) return undefined;
  const base = pairs.some(([number]) => number === 0) ? 0 : 1;
  const labels: string[] = [];
  for (const [number, label] of pairs) {
    const at = number - base;
    if (!Number.isInteger(at) || at < 0 || at >= pairs.length) return undefined;
    if (label === undefined || labels[at] !== undefined) return undefined;
    labels[at] = label;
  }
  return labels;
}

/** Lines with the number of their label, in any order, perhaps under a heading. */
function numbered(lines: readonly string[]): string[] | undefined {
  const heads = /^\W*(index|id|label|class|name)/i.test(lines[0] ?? '');
  for (const rows of heads ? [lines, lines.slice(1)] : [lines]) {
    const before = rows.map((line) =>
      /^\s*"?(\d{1,7})"?(?:\s*[,;:.)=|]\s*|\s+-\s+|\s+)(\S.*)$/.exec(line),
    );
    const behind = rows.map((line) => /^(.*\S)(?:\s*[,;:=|]\s*|\s+)"?(\d{1,7})"?\s*$/.exec(line));
    const found =
      inOrder(before.map((match) => [Number(match?.[1]), unquoted(match?.[2])])) ??
      inOrder(behind.map((match) => [Number(match?.[2]), unquoted(match?.[1])]));
    // "class 0", "class 1", …: the number is all that tells them apart.
    if (found && new Set(found).size > found.length / 2) return found;
  }
  return undefined;
}

function unquoted(text: string | undefined): string | undefined {
  const quoted = /^(["'])(.*)\1$/.exec(text?.trim() ?? '');
  // CSV doubles the quotes within.
  return quoted ? quoted[2]?.replaceAll('""', '"') : text?.trim();
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Python's `repr` of strings, numbers, lists, tuples and dicts as JSON: quotes doubled, its escapes
 * rewritten, numbers as keys quoted.
 */
export function fromPython(text: string): string {
  return text.replace(
    /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([{,]\s*)(-?\d+)(\s*:)|([()])|,(\s*[\])}])/gs,
    (_all, single, double, before, number, colon, bracket, end) => {
      const string: string | undefined = single ?? double;
      if (string !== undefined) return JSON.stringify(unescaped(string));
      if (number !== undefined) return `${before}"${number}"${colon}`;
      if (bracket !== undefined) return bracket === '(' ? '[' : ']';
      return end;
    },
  );
}

function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))/gis, (_all, hex, unicode, other) => {
    const code: string | undefined = hex ?? unicode;
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    return ({ n: '\n', t: '\t', r: '\r' } as Record<string, string>)[other] ?? other;
  });
}
