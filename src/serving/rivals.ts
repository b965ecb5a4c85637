/** What goes on beside the requests: rival backends are tried, and a GPU that serves is checked. */
import { messageOf } from '../base/errors.js';
import type { Fallback } from '../base/types.js';
import type { BackendPlan } from './backends.js';
import { checkByRecord, checkByWasm, reference } from './belief.js';
import type { Environment, Lease } from './environment.js';
import type { LoadReplica, ModelReplica, ModelSettings } from './replica.js';
import { nameOf, type Trial, trial as trialByTime } from './trials.js';

/** The deployment, as its rivals see it. */
export interface RivalHost {
  readonly environment: Environment;
  readonly settings: ModelSettings;
  readonly load: LoadReplica;
  /** Milliseconds that a worker of which nothing is known may be silent. */
  readonly patience: number;
  /** Milliseconds that a run has taken of late, if one has. */
  readonly typicalRun: number | undefined;
  /** How rivals are compared. @default by outputs and time */
  readonly trial: Trial | undefined;
  takeLease(plan: BackendPlan): Lease;
  /**
   * Requests go to `replica` from now on; those that have begun end where they are.
   *
   * @param isForGood - Whether what served is not to be gone back to.
   */
  moveTo(
    replica: ModelReplica,
    lease: Lease,
    reason: string,
    former: ModelReplica,
    isForGood?: boolean,
  ): void;
  /** The one in use stays, and this is why. */
  settle(current: ModelReplica, reason: string): void;
  /** Something was given up. */
  degrade(fallback: Fallback): void;
  /** What is known of the one in use has changed. */
  describe(): void;
}

/**
 * Loads the model on `plan` beside the one in use, and moves there if it is better.
 *
 * @returns Whether it moved.
 * @throws the signal's reason.
 */
export async function tryRival(
  host: RivalHost,
  plan: BackendPlan,
  current: ModelReplica,
  laneSignal: AbortSignal,
): Promise<boolean> {
  const { lease, options } = leaseFor(host, plan, laneSignal);
  const { trial = trialByTime, environment, settings, load } = host;
  let replica: ModelReplica | undefined;
  try {
    replica = await load(environment, lease, plan, settings, options);
    const { typicalRun } = host;
    const { move, reason } = await trial(current, replica, { ...options, typicalRun });
    options.signal.throwIfAborted();
    if (move) {
      host.moveTo(replica, lease, reason, current);
      return true;
    }
    host.settle(current, reason);
  } catch (error) {
    replica?.unload();
    lease.release();
    laneSignal.throwIfAborted();
    // Where the one in use was lost, that says nothing about the rival.
    if (!current.connection.end) {
      const [from, to] = [nameOf(plan), nameOf(current.plan)];
      host.degrade({ from, to, reason: messageOf(error) });
    }
    return false;
  }
  replica.unload();
  lease.release();
  host.describe();
  return false;
}

/**
 * Compares a GPU that serves with what the model's author recorded, or with WASM, which takes over
 * where the GPU computes otherwise. What cannot be compared goes on as it is, and says that it was not;
 * so does what WASM cannot take over.
 *
 * @throws the signal's reason.
 */
export async function checkServing(
  host: RivalHost,
  current: ModelReplica,
  laneSignal: AbortSignal,
): Promise<void> {
  const { patience } = host;
  const known = await checkByRecord(current, { signal: laneSignal, patience });
  if (known === null) return host.describe();
  const { lease, options } = leaseFor(host, reference, laneSignal);
  const { device } = current.plan;
  try {
    const found = await checkByWasm(host, current, lease, known, options);
    if (!found) {
      lease.release();
      host.describe();
      return;
    }
    const { replica, reason } = found;
    if (options.signal.aborted) {
      replica.unload();
      throw options.signal.reason;
    }
    host.moveTo(replica, lease, reference.reason, current, true);
    host.degrade({ from: device, to: 'wasm', reason });
  } catch (error) {
    lease.release();
    laneSignal.throwIfAborted();
    if (known === undefined || current.connection.end) return;
    const reason = `${known}. WASM cannot take over: ${messageOf(error)}`;
    host.degrade({ from: device, to: device, reason });
  }
}

/** A worker beside the one in use, whose death ends what is done in it. */
function leaseFor(host: RivalHost, plan: BackendPlan, laneSignal: AbortSignal) {
  const lease = host.takeLease(plan);
  const lost = new AbortController();
  lease.onDeath = (error) => lost.abort(error);
  const signal = AbortSignal.any([laneSignal, lost.signal]);
  return { lease, options: { signal, patience: host.patience } };
}
