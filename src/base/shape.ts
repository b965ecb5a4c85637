/**
 * Checks of the shape of messages. The worker needs few kinds of them, and every page downloads them.
 */

/**
 * Says what is wrong with `value`, or nothing.
 *
 * @param at - Where the value is: names joined by dots.
 */
export type Check = (value: unknown, at: string) => string | undefined;

/** A check by a test, and what it wants in words. */
export function is(wanted: string, test: (value: unknown) => boolean): Check {
  return (value, at) =>
    test(value)
      ? undefined
      : `"${at || 'the argument'}" is ${shown(value)} where it has to be ${wanted}`;
}

export const string = is('a string', (value) => typeof value === 'string');
export const boolean = is('true or false', (value) => typeof value === 'boolean');
export const number = is('a number', (value) => typeof value === 'number' && !Number.isNaN(value));
export const nothing = is('nothing', (value) => value == null);
export const record = is('an object', isObject);
export const url = is(
  'an absolute URL',
  (value) => typeof value === 'string' && URL.canParse(value),
);

/** Whatever it is: somebody else will look at it. */
export const anything: Check = () => undefined;

/** A whole number of at least `least`, at most `most`. */
export function whole(least = -Infinity, most = Infinity): Check {
  return is(
    `a whole number from ${least} to ${most}`,
    (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
  );
}

/** One of these values. */
export function oneOf(...values: readonly unknown[]): Check {
  return is(values.map((value) => JSON.stringify(value)).join(' or '), (value) =>
    values.includes(value),
  );
}

/** Made by one of these classes. */
export function madeBy(...classes: readonly (abstract new (...args: never[]) => unknown)[]): Check {
  return is(`a ${classes.map(({ name }) => name).join(' or ')}`, (value) =>
    classes.some((each) => value instanceof each),
  );
}

/** What both take. */
export function all(one: Check, other: Check): Check {
  return (value, at) => one(value, at) ?? other(value, at);
}

/** `null`, or what `check` takes. */
export function nullable(check: Check): Check {
  return (value, at) => (value === null ? undefined : check(value, at));
}

/** Nothing, or what `check` takes. */
export function optional(check: Check): Check {
  return (value, at) => (value === undefined ? undefined : check(value, at));
}

/** An array of at least `least` such items, at most `most`. */
export function list(item: Check, least = 0, most = Infinity): Check {
  const array = is(
    `a list of ${least} to ${most}`,
    (value) => Array.isArray(value) && value.length >= least && value.length <= most,
  );
  return (value, at) =>
    array(value, at) ?? first(Object.entries(value as unknown[]), () => item, at);
}

/** An object with such values. */
export function mapOf(check: Check): Check {
  return (value, at) =>
    record(value, at) ?? first(Object.entries(value as object), () => check, at);
}

/** An object with these fields; it may have others. */
export function object(fields: Readonly<Record<string, Check>>): Check {
  const entries = Object.keys(fields);
  return (value, at) =>
    record(value, at) ??
    first(
      entries.map((name) => [name, (value as Record<string, unknown>)[name]]),
      (name) => fields[name] as Check,
      at,
    );
}

/** An object whose `kind` says which fields it has. */
export function byKind(kinds: Readonly<Record<string, Readonly<Record<string, Check>>>>): Check {
  const kind = object({ kind: oneOf(...Object.keys(kinds)) });
  const checks = new Map(Object.entries(kinds).map(([name, fields]) => [name, object(fields)]));
  return (value, at) =>
    kind(value, at) ?? checks.get((value as { kind: string }).kind)?.(value, at);
}

function first(
  entries: readonly (readonly [string, unknown])[],
  checkOf: (name: string) => Check,
  at: string,
): string | undefined {
  for (const [name, value] of entries) {
    const problem = checkOf(name)(value, at ? `${at}.${name}` : name);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  return isObject(value) ? Object.prototype.toString.call(value) : String(value);
}
