/**
 * What is alive on the page, for tests that look for leaks after they have destroyed everything. Not
 * part of the public API: found at `globalThis[Symbol.for('tabserve.diagnostics')]`, and any version
 * may change it.
 */
import { liveWorkers } from '../wire/connection.js';
import { liveDeployments } from './deployment.js';
import { networkListeners } from './environment.js';
import { pageBudget } from './held-payload.js';
import { loadedModels } from './replica.js';

/** What {@link diagnostics} counts. All are 0 when everything was destroyed and its work has ended. */
export interface Diagnostics {
  /** Deployments that were not destroyed, those of preloads too. */
  deployments: number;
  /** Workers that run. */
  workers: number;
  /** Models in them that were not unloaded. */
  models: number;
  /** Listeners for the network. */
  listeners: number;
  /** Requests whose payload may still hold something, such as a video frame. */
  payloads: number;
  /** Bytes that those hold. */
  heldBytes: number;
}

/** What is alive now. */
export function diagnostics(): Diagnostics {
  return {
    deployments: liveDeployments.size,
    workers: liveWorkers.size,
    models: loadedModels.size,
    listeners: networkListeners.size,
    payloads: pageBudget.open,
    heldBytes: pageBudget.held,
  };
}

/**
 * Puts {@link diagnostics} where tests find it. Its `end()` gives all deployments up, so that what is
 * left then is nobody's, whatever the test itself has ended.
 */
export function exposeDiagnostics(): void {
  const end = () => {
    for (const deployment of [...liveDeployments]) deployment.destroy();
  };
  const place = globalThis as Record<symbol, unknown>;
  place[Symbol.for('tabserve.diagnostics')] = Object.assign(() => diagnostics(), { end });
}
