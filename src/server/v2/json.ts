/**
 * JSON as clients of the Open Inference Protocol write it. Python's `json` writes `NaN`, `Infinity` and
 * `-Infinity` bare, and whole numbers of any size: `JSON.parse` refuses the former and rounds the
 * latter.
 */
import { messageOf } from '../../base/errors.js';
import { ServerError } from '../http/errors.js';

/** What is in JSON, with exact whole numbers where those do not fit a `number`. */
export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

/** Strings; whole numbers of 16 digits and more; names of numbers. What is in between stays. */
const special =
  /"[^"\\]*(?:\\[\s\S][^"\\]*)*"|(?<![\w.+-])-?\d{16,}(?![\w.+-])|(?<![\w.])-?(?:NaN|Infinity)(?![\w.])/g;

/**
 * Reads JSON.
 *
 * @param what - What messages call it.
 * @throws ServerError 400.
 */
export function parseJson(bytes: Uint8Array, what = 'The body'): Json {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ServerError(400, `${what} is not UTF-8.`, { cause });
  }
  try {
    if (!/NaN|Infinity|\d{16}/.test(text)) return JSON.parse(text) as Json;
    return parseSpecial(text);
  } catch (cause) {
    throw new ServerError(400, `${what} is no JSON: ${messageOf(cause).slice(0, 200)}`, { cause });
  }
}

/** Has what JSON has no words for travel as marked strings. The mark cannot be foretold. */
function parseSpecial(text: string): Json {
  const mark = `${crypto.randomUUID()}:`;
  const marked = text.replace(special, (found) =>
    found.startsWith('"') ? found : `"${mark}${found}"`,
  );
  return JSON.parse(marked, (_key, value: unknown) => {
    if (typeof value !== 'string' || !value.startsWith(mark)) return value;
    const number = value.slice(mark.length);
    return /\d/.test(number) ? exact(number) : Number(number);
  }) as Json;
}

function exact(digits: string): number | bigint {
  // BigInt takes time with the square of the digits; no datatype has so many.
  if (digits.length > 40) return Number(digits);
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}

/** Whether it is an object, not a list. */
export function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value in an error message. */
export function shown(value: Json | undefined): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value);
}
