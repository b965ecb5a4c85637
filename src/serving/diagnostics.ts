/**
 * What is alive on the page, for tests that look for leaks after they have destroyed everything. Not
 * part of the public API: found at `globalThis[Symbol.for('tabserve.diagnostics')]`, and any version
 * may change it.
 */
import { liveWorkers } from '../wire/connection.js';
import { pageBudget } from './held-payload.js';
import { loadedModels } from './replica.js';

/** What {@link diagnostics} counts. All are 0 when everything was destroyed and its work has ended. */
export interface Diagnostics {
  /** Workers that run. */
  workers: number;
  /** Models in them that were not unloaded. */
  models: number;
  /** Requests whose payload may still hold something, such as a video frame. */
  payloads: number;
  /** Bytes that those hold. */
  heldBytes: number;
}

/** What is alive now. */
export function diagnostics(): Diagnostics {
  return {
    workers: liveWorkers.size,
    models: loadedModels.size,
    payloads: pageBudget.open,
    heldBytes: pageBudget.held,
  };
}

/** Puts {@link diagnostics} where tests find it. */
export function exposeDiagnostics(): void {
  (globalThis as Record<symbol, unknown>)[Symbol.for('tabserve.diagnostics')] = diagnostics;
}
