/** What exporters write into a graph's `metadata_props`. */
import { fromPython, labelsIn } from '../label-file.js';

/** What {@link readMetadata} finds; what is absent was not said. */
export interface ModelFacts {
  labels?: { labels: string[]; from: string };
  /** `metadata_props` of Ultralytics' exporter. */
  ultralytics?: { task: string };
  /** `Image.BitmapPixelFormat` of Custom Vision and Windows ML. */
  colorOrder?: 'RGB' | 'BGR' | 'GRAY';
  /** `Image.NominalPixelRange` of the same. */
  range?: 'bytes' | 'unit' | 'signed-unit' | 'video';
  /** `Image.ColorSpaceGamma` where it is not that of pictures. */
  isLinear?: boolean;
  /** Three numbers each, of 0…1. */
  mean?: number[];
  std?: number[];
  /** Height and width. */
  size?: [number, number];
}

/** Keys under which labels are kept. */
const labelKeys = [
  'names',
  'labels',
  'classes',
  'class_names',
  'id2label',
  'class_labels',
  'categories',
  'label_names',
  'classnames',
  'label2id',
  'class_to_idx',
  'vocab',
];

/** Reads the metadata of a graph. */
export function readMetadata(metadata: ReadonlyMap<string, string>): ModelFacts {
  const facts: ModelFacts = {};
  const get = (name: string) =>
    [...metadata].find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
  for (const key of labelKeys) {
    const text = get(key);
    const labels = text === undefined ? undefined : labelsOf(text);
    if (!labels) continue;
    facts.labels = { labels, from: `metadata "${key}"` };
    break;
  }
  const task = get('task');
  if (
    task !== undefined &&
    (get('imgsz') !== undefined || /ultralytics/i.test(get('author') ?? ''))
  ) {
    facts.ultralytics = { task };
  }
  const format = get('Image.BitmapPixelFormat');
  if (format !== undefined) {
    facts.colorOrder = /gray/i.test(format) ? 'GRAY' : /^bgr/i.test(format) ? 'BGR' : 'RGB';
  }
  const range = get('Image.NominalPixelRange');
  if (range !== undefined) {
    facts.range = /0_255/.test(range)
      ? 'bytes'
      : /16_235/.test(range)
        ? 'video'
        : /1_1|-1/.test(range.replace(/0_1/, ''))
          ? 'signed-unit'
          : 'unit';
  }
  if (/linear/i.test(get('Image.ColorSpaceGamma') ?? '')) facts.isLinear = true;
  for (const [field, keys] of [
    ['mean', ['mean', 'image_mean', 'pixel_mean']],
    ['std', ['std', 'image_std', 'pixel_std']],
  ] as const) {
    const numbers = keys
      .map((key) => numbersOf(get(key)))
      .find((each) => each?.length === 3 || each?.length === 1);
    if (numbers) facts[field] = numbers;
  }
  const size = numbersOf(get('imgsz') ?? get('input_size') ?? get('image_size'))?.slice(-2);
  if (size?.length && size.every((each) => Number.isInteger(each) && each >= 1 && each <= 16384)) {
    facts.size = [size[0] as number, size.at(-1) as number];
  }
  return facts;
}

/** Labels as JSON, as Python writes a list or a dict, by lines, or by commas. */
export function labelsOf(text: string): string[] | undefined {
  const trimmed = text.trim();
  if (/^[[{(]/.test(trimmed)) {
    const value = json(trimmed) ?? json(fromPython(trimmed));
    return value === undefined ? undefined : labelsIn(value);
  }
  const parts = trimmed.split(/\r?\n|[,;]/).map((part) => part.trim());
  return parts.length > 1 && parts.every((part) => part !== '') ? parts : undefined;
}

function numbersOf(text: string | undefined): number[] | undefined {
  const value =
    text === undefined ? undefined : json(text.trim().replace(/^\((.*?),?\)$/s, '[$1]'));
  const list = typeof value === 'number' ? [value] : value;
  return Array.isArray(list) && list.every((each) => typeof each === 'number') ? list : undefined;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
