/** When two values from outside mean the same. */

const ids = new WeakMap<object, number>();
let nextId = 1;

/**
 * Names a value: two values have the same identity exactly if they ask for the same.
 *
 * Plain data is compared by content, whatever the order of its keys, and a key without a value is
 * none. A URL is its address. Everything else that has no content to look at (a `Blob`, a folder's
 * handle, a buffer, a function) is the same only as itself.
 */
export function identityOf(value: unknown): string {
  if (value instanceof URL) return JSON.stringify(value.href);
  if (typeof value === 'function') return named(value);
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
  }
  if (Array.isArray(value)) return `[${value.map(identityOf).join()}]`;
  if (!isPlain(value)) {
    return named(value);
  }
  const entries = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${identityOf(each)}`).join()}}`;
}

function named(value: object): string {
  const id = ids.get(value) ?? nextId++;
  ids.set(value, id);
  return `#${id}`;
}

/** Whether it is an object literal, of this realm or another. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
