/** Waiting by a clock that comes from outside. */
import type { Environment } from './environment.js';

/** Waits so long, or rejects with the signal's reason. */
export function pause(
  environment: Pick<Environment, 'after'>,
  milliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const end = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = environment.after(milliseconds, () => {
      signal.removeEventListener('abort', end);
      resolve();
    });
    signal.addEventListener('abort', end, { once: true });
  });
}
