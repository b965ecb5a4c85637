/** Any JSON as a manifest: it is accepted, or refused with the field that is wrong. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import digits from '../../models/digits/model.json';
import { isTabserveError } from '../base/errors.js';
import { type ModelManifest, parseManifest } from './manifest.js';

/** A path of keys into a JSON value, and what to put there (`undefined`: nothing). */
interface Change {
  path: readonly string[];
  value: unknown;
}

const paths = pathsOf(digits);

const change: fc.Arbitrary<Change> = fc.record({
  path: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...paths) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(...paths), fc.constantFrom('__proto__', 'constructor', 'extra'))
        .map(([path, key]) => [...path.slice(0, -1), key]),
    },
  ),
  value: fc.oneof(
    fc.jsonValue(),
    fc.constant(undefined),
    fc.constantFrom(-1, 0, 1.5, 1e9, '', 'NCHW', [], {}, null, { polluted: true }),
  ),
});

test('whatever a manifest says, the answer is a manifest or what is wrong with it', () => {
  let refused = 0;
  const check = (text: string) => {
    try {
      const manifest = parseManifest(JSON.parse(text), 'fuzz');
      expect(Object.getPrototypeOf(manifest)).toBe(Object.prototype);
    } catch (error) {
      refused += 1;
      if (!isTabserveError(error, 'manifest-invalid')) throw error;
      expect(error.message).toMatch(/(found |there is no ).*, expected ./s);
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  };
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) =>
      check(apply(digits as unknown as ModelManifest, changes)),
    ),
    { numRuns: 1000 },
  );
  fc.assert(fc.property(fc.json(), check), { numRuns: 1000 });
  expect(refused).toBeGreaterThan(1000);
});

function pathsOf(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [at];
  const inside = Object.entries(value).flatMap(([key, part]) => pathsOf(part, [...at, key]));
  return at.length === 0 ? inside : [at, ...inside];
}

/** `manifest` with all changes made, as JSON: `__proto__` is a key like any other there. */
function apply(manifest: ModelManifest, changes: readonly Change[]): string {
  const root: unknown = JSON.parse(JSON.stringify(manifest));
  for (const { path, value: shared } of changes) {
    const value = structuredClone(shared);
    let at = root;
    for (const key of path.slice(0, -1)) {
      const next = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
      if (!isObject(next)) break;
      at = next;
    }
    const key = path.at(-1);
    if (!isObject(at) || key === undefined) continue;
    if (value === undefined) delete at[key];
    else
      Object.defineProperty(at, key, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
  return JSON.stringify(root);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
