/** Files that may be in one of several places. */

import { isTabserveError, messageOf, TabserveError } from '../base/errors.js';
import type { Fallback } from '../base/types.js';

/** What came from the first place that had it. */
export interface Found<T> {
  value: T;
  /** One entry if it was not the first place. */
  fallbacks: readonly Fallback[];
}

/**
 * Gets something from the first of `places` that has it. A later place is a substitution, which is
 * reported and warned of.
 *
 * @param get - Fetches and checks; what it throws counts as "not here".
 * @throws the signal's reason; else what the first place threw, with the others' messages added.
 */
export async function firstOf<T, Place extends string | Blob>(
  places: readonly Place[],
  get: (place: Place, isFirst: boolean) => Promise<T>,
  signal?: AbortSignal,
): Promise<Found<T>> {
  const failures: unknown[] = [];
  for (const place of places) {
    try {
      const value = await get(place, failures.length === 0);
      if (failures.length === 0) return { value, fallbacks: [] };
      const [from, to, reason] = [String(places[0]), String(place), messageOf(failures[0])];
      console.warn(`tabserve: ${from} could not be used, ${to} is used instead. ${reason}`);
      return { value, fallbacks: [{ from, to, reason }] };
    } catch (error) {
      signal?.throwIfAborted();
      failures.push(error);
    }
  }
  const [first, ...others] = failures;
  if (others.length === 0 || !isTabserveError(first)) {
    throw first ?? new TabserveError('internal', 'There is no place to look for the file.');
  }
  const tried = others.map((each) => messageOf(each)).join(' ');
  throw new TabserveError(first.code, `${first.message} Tried instead: ${tried}`, {
    cause: first.cause,
    details: { ...first.details, alsoTried: places.slice(1).join(' ') },
    retryable: first.retryable,
  });
}
