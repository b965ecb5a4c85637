/**
 * From a worker's script to a worker that has said it runs.
 *
 * A worker must come from the page's own origin, so the script that is part of this package is
 * started from a `blob:` address. Where the page's policy forbids that, the script's file is tried.
 */

import { deferred } from '../base/deferred.js';
import { isTabserveError, messageOf } from '../base/errors.js';
import { part } from '../base/part.js';
import type { Fallback } from '../base/types.js';
import { version } from '../base/version.js';
import { type AssetOptions, named } from './assets.js';
import { packFile, packSource, workerFile, workerSource } from './package-files.js';
import { type EngineFlavour, isReadyMessage, type PackName } from './protocol.js';
import { trustedScriptUrl } from './trusted-types.js';

/** Milliseconds that a worker's script may take to load and run. */
const startTimeout = 20_000;

/** A worker that runs. */
export interface StartedWorker {
  worker: Worker;
  /** Addresses of the packs that are not part of its script. */
  packs: readonly string[];
  /** What was replaced on the way. */
  fallbacks: readonly Fallback[];
  /** Frees the script once the worker is gone; the engine's threads are started from it too. */
  dispose(): void;
}

/** Policies do not change while a page lives: a second try would only be reported once more. */
let blobRefusal: string | undefined;

/**
 * Starts a worker from the file that `workerUrl` names; without that option from the inlined script,
 * else from the file beside tabserve's own.
 *
 * @param packs - What the worker is to have besides.
 * @throws TabserveError `network` when a pack cannot be loaded; `worker-blocked`, saying of each of them why it did not start.
 */
export async function startWorker(
  flavour: EngineFlavour,
  options: AssetOptions,
  packs: readonly PackName[],
): Promise<StartedWorker> {
  const given = options.workerUrl;
  let refusal: unknown;
  if (given === undefined) {
    try {
      if (blobRefusal !== undefined) throw new Error(blobRefusal);
      return { ...(await startInlined(flavour, packs)), packs: [], fallbacks: [] };
    } catch (reason) {
      // This build has no such worker at all, or a pack could not be loaded.
      if (isTabserveError(reason, 'unsupported') || isTabserveError(reason, 'network')) {
        throw reason;
      }
      refusal = reason;
    }
  }
  const url =
    given === undefined ? workerFile(flavour) : named(given, `worker-${flavour}.js`, '.js');
  const { startFile } = await part(import('./worker-file.js'));
  const started = await startFile(url, (from) => startFrom(from, flavour), refusal);
  const besideIt = (name: PackName) => new URL(`packs/${name}.js`, started.url).href;
  const files = packs.map(given === undefined ? packFile : besideIt);
  return { ...started, packs: files.filter((file) => file !== null), dispose: () => undefined };
}

async function startInlined(
  flavour: EngineFlavour,
  packs: readonly PackName[],
): Promise<Pick<StartedWorker, 'worker' | 'dispose'>> {
  const sources = await Promise.all([...packs.map(packSource), workerSource(flavour)]);
  const url = URL.createObjectURL(new Blob([sources.join('\n')], { type: 'text/javascript' }));
  const dispose = () => URL.revokeObjectURL(url);
  try {
    return { worker: await startFrom(url, flavour), dispose };
  } catch (error) {
    dispose();
    const why = `From its inlined script (a blob: address): ${messageOf(error)}.`;
    if (error instanceof Violation) blobRefusal = why;
    throw new Error(why);
  }
}

/** The page's policy forbids it. */
class Violation extends Error {}

/** Settles when the worker has spoken, or will not. */
async function startFrom(url: string, flavour: EngineFlavour): Promise<Worker> {
  const { promise, resolve, reject } = deferred<void>();
  let violation: Violation | undefined;
  // A worker of the page's may start one too, and has no document.
  const violations: EventTarget = globalThis.document ?? globalThis;
  const onViolation = (event: Event) => {
    const { effectiveDirective, blockedURI, originalPolicy } =
      event as SecurityPolicyViolationEvent;
    if (!/^(worker|script)-src|trusted-types/.test(effectiveDirective)) return;
    violation = new Violation(
      `${effectiveDirective} of the Content-Security-Policy forbids ${blockedURI}; the policy is "${originalPolicy}"`,
    );
  };
  violations.addEventListener('securitypolicyviolation', onViolation);
  const timer = setTimeout(
    () => reject(new Error(`it gave no sign of life in ${startTimeout / 1000} seconds`)),
    startTimeout,
  );
  // The violation's event may come after the error's; it is the better explanation.
  const refuse = (error: Error) => setTimeout(() => reject(violation ?? error), 10);
  let worker: Worker | undefined;
  try {
    worker = new Worker(trustedScriptUrl(url), { name: `tabserve-${flavour}` });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      refuse(new Error(event.message || 'the browser did not load it'));
    });
    worker.addEventListener('message', ({ data }) => {
      if (!isReadyMessage(data)) return;
      if (data.version === version && data.flavour === flavour) return resolve();
      reject(
        new Error(
          `it is the ${data.flavour} worker of tabserve ${data.version}, and this page's script wants the ${flavour} worker of tabserve ${version}`,
        ),
      );
    });
  } catch (error) {
    refuse(error as Error);
  }
  try {
    await promise;
    return worker as Worker;
  } catch (error) {
    worker?.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
    violations.removeEventListener('securitypolicyviolation', onViolation);
  }
}
