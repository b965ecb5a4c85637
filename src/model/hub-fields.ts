/** Reading the fields of a repository's JSON files, which others wrote, and saying what is wrong. */
import { TabserveError } from '../base/errors.js';
import type { ResizeFilter } from './manifest.js';

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** Pixels. */
export interface Size {
  width: number;
  height: number;
}

/** As wide as high. */
export const square = (side: number): Size => ({ width: side, height: side });

/** `size` as transformers' `SizeDict` has it, after its three spellings. */
export type AnySize =
  | Size
  | { shortest: number; longest?: number }
  /** `longest_edge` alone, or `max_height` and `max_width`. */
  | { fit: Size; rounding: 'half-up' | 'floor' };

/** Pillow's `Resampling` codes. */
export const filters: readonly ResizeFilter[] = [
  'nearest',
  'lanczos',
  'bilinear',
  'bicubic',
  'box',
  'hamming',
];

/** Keys of a size, in groups that exclude each other. */
export const sizeKeys = [
  ['height', 'width'],
  ['shortest_edge', 'longest_edge'],
  ['max_height', 'max_width'],
] as const;

/** The three spellings of a size: a number, `[height, width]`, or an object. */
export function readSize(
  value: unknown,
  field: string,
  shortest: boolean,
  where: string,
  file: string,
): AnySize | undefined {
  if (value === undefined || value === null) return undefined;
  if (isPixels(value)) return shortest ? { shortest: value } : square(value);
  if (Array.isArray(value) && value.length === 2 && value.every(isPixels)) {
    return { height: value[0] as number, width: value[1] as number };
  }
  if (isFields(value)) {
    const used = sizeKeys.flatMap((keys) => keys.find((key) => value[key] != null) ?? []);
    const [one, other] = used;
    if (one !== undefined && other !== undefined) {
      const named = [`${field}.${other}`, value[other], `${field}.${one}`, value[one]] as const;
      throw contradiction(where, file, ...named);
    }
    const { height, width, shortest_edge: shortest, longest_edge: longest } = value;
    const { max_height: maxHeight, max_width: maxWidth } = value;
    if (isPixels(height) && isPixels(width)) return { height, width };
    if (isPixels(maxHeight) && isPixels(maxWidth)) {
      return { fit: { height: maxHeight, width: maxWidth }, rounding: 'floor' };
    }
    if (isPixels(shortest) && isPixels(longest)) return { shortest, longest };
    if (isPixels(shortest) && longest == null) return { shortest };
    if (isPixels(longest) && shortest == null) return { fit: square(longest), rounding: 'half-up' };
  }
  throw invalid(
    where,
    file,
    field,
    value,
    'a number, [height, width], {height, width}, {shortest_edge}, {shortest_edge, longest_edge}, {longest_edge} or {max_height, max_width}',
  );
}

export function asExact(size: AnySize, field: string, where: string, file: string): Size {
  if ('height' in size) return size;
  throw invalid(where, file, field, size, 'a height and a width');
}

export function filterOf(code: unknown, where: string, file: string): ResizeFilter {
  const filter = typeof code === 'number' ? filters[code] : undefined;
  if (filter) return filter;
  throw invalid(where, file, 'resample', code, `one of Pillow's codes, 0 to ${filters.length - 1}`);
}

export function channelValues(
  fields: Fields,
  name: string,
  fallback: readonly number[],
  where: string,
  file: string,
): number[] {
  const value = fields[name] ?? fallback;
  if (isNumber(value)) return [value, value, value];
  if (Array.isArray(value) && value.length === 3 && value.every(isNumber)) return [...value];
  throw invalid(where, file, name, value, 'a number, or three, one per channel');
}

export function boolean(
  fields: Fields,
  name: string,
  fallback: boolean,
  where: string,
  file: string,
): boolean {
  const value = fields[name] ?? fallback;
  if (typeof value === 'boolean') return value;
  throw invalid(where, file, name, value, 'true or false');
}

export function number(
  fields: Fields,
  name: string,
  fallback: number,
  where: string,
  file: string,
  least: number,
  most: number,
): number {
  const value = fields[name] ?? fallback;
  if (isNumber(value) && value >= least && value <= most) return value;
  throw invalid(where, file, name, value, `a number from ${least} to ${most}`);
}

export function asFields(value: unknown, where: string, file: string): Fields {
  if (isFields(value)) return value;
  throw invalid(where, file, '(the whole file)', value, 'an object');
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Python's `round`. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

export function isPixels(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 16384;
}

export function invalid(
  where: string,
  file: string,
  field: string,
  found: unknown,
  expected: string,
): TabserveError {
  return new TabserveError(
    'manifest-invalid',
    `${where}: ${file}: the field "${field}" is wrong: found ${shown(found)}, expected ${expected}.`,
    { details: { manifest: where, field, found: shown(found), expected } },
  );
}

export function contradiction(
  where: string,
  file: string,
  field: string,
  found: unknown,
  other: string,
  otherFound: unknown,
): TabserveError {
  return new TabserveError(
    'manifest-invalid',
    `${where}: ${file}: the fields "${field}" (${shown(found)}) and "${other}" (${shown(otherFound)}) contradict each other.`,
    { details: { manifest: where, field, other } },
  );
}

export function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing').slice(0, 120);
}
