/** Waiting that ends when a signal says so. */

import { deferred } from './deferred.js';

/**
 * `promise`, unless the signal comes first: then rejects with its reason. The promise goes on; what
 * becomes of it is the caller's to clean up.
 */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (!signal) return promise;
  // Else its own failure, after the abort, would count as unhandled.
  promise.catch(() => undefined);
  signal.throwIfAborted();
  const { promise: aborted, reject } = deferred<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
