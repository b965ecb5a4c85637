/** One text for one content: what is signed and authenticated. */

/**
 * JSON without white space, keys sorted by their UTF-16 code units, numbers and texts as ECMAScript writes
 * them.
 *
 * Source: RFC 8785, JSON Canonicalization Scheme.
 *
 * @param value - As `JSON.parse()` gives it.
 */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(',')}}`;
}

/** The same, as bytes with something before them that says what they are for. */
export function canonicalBytes(purpose: string, value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${purpose}\n${canonical(value)}`);
}

/** @throws RangeError for what is no base64. */
export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
  } catch (cause) {
    throw new RangeError('It is not base64.', { cause });
  }
}

export function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** The platform's cryptography, of which an insecure page has none. */
export function subtleCrypto(): SubtleCrypto | undefined {
  return globalThis.crypto?.subtle as SubtleCrypto | undefined;
}
