/** One request on its way through the queue into a worker, and a second time if the worker is lost. */
import { deferred } from '../base/deferred.js';
import { isTabserveError } from '../base/errors.js';
import type { PageTask } from '../tasks/task.js';
import type { RunResult } from '../wire/protocol.js';
import type { Environment } from './environment.js';
import type { HeldPayload } from './held-payload.js';
import type { ModelReplica } from './replica.js';
import type { RequestQueue, Slots } from './request-queue.js';
import type { RequestOptions, Served } from './types.js';

/** A payload on its way, and the milliseconds that capturing it took. */
interface Captured<Payload> {
  payload: Payload;
  took: number;
}

/** Milliseconds that a capture may keep a slot of the worker; then it goes on without one. */
const captureInSlot = 100;

/** Errors of a worker that has to be replaced; a request that it met can be made again. */
const losses = ['worker-crashed', 'device-lost', 'out-of-memory'] as const;

/** The deployment, as its requests see it. */
export interface RequestHost {
  /** The model's own task. */
  readonly task: string;
  readonly environment: Environment;
  readonly queue: RequestQueue;
  /** Milliseconds that a worker may be silent over a run. */
  readonly patience: number;
  /** Loads the model if it is not there, without waiting for it. */
  wake(): void;
  /** Whose slots these are. */
  find(slots: Slots): ModelReplica | undefined;
  /** A worker has answered. */
  answered(replica: ModelReplica, result: RunResult): void;
  /** A worker has too little memory. */
  outOfMemory(replica: ModelReplica, error: unknown): void;
}

/**
 * Has a request answered in its turn; a second time if the worker is lost during the first.
 *
 * @throws TabserveError what the task's capture and the worker say; the signal's reason.
 */
export async function serveRequest<Source, Payload>(
  host: RequestHost,
  held: HeldPayload<Source, Payload>,
  options: object,
  { priority, signal, timeLeft }: RequestOptions,
): Promise<Served> {
  const { environment, queue } = host;
  const { task } = held;
  const { now } = environment;
  const began = now();
  let captured = undefined as Captured<Payload> | undefined;
  try {
    for (let attempts = 1, turns = 1; ; turns += 1) {
      host.wake();
      const slot = await queue.enter(turns > 1 ? 'again' : priority, signal);
      const { slots, leave } = slot;
      const replica = host.find(slots);
      const done = replica?.begin();
      try {
        signal.throwIfAborted();
        // It was lost in the same moment.
        if (!replica || replica.connection.end) continue;
        timeLeft();
        const waited = now() - began - (captured?.took ?? 0);
        if (!captured) {
          const beganCapture = now();
          const capture = held.take(attempts === 1, signal).then((payload) => {
            captured = { payload, took: now() - beganCapture };
          });
          if (!(await isSoon(capture, environment))) {
            // Whoever asks a slow server for its picture is not to keep others from the worker.
            done?.();
            leave();
            await capture;
            continue;
          }
        }
        const { payload, took } = captured as unknown as Captured<Payload>;
        captured = undefined;
        const result = await send(host, replica, task, payload, options, signal, timeLeft);
        return { ...result, device: replica.plan.device, captured: took, attempts, waited };
      } catch (error) {
        // Another's request may have shown that the model has to be loaded elsewhere.
        const isUnloaded = replica?.isUnloaded && isTabserveError(error, 'destroyed');
        const isLost = isUnloaded || losses.some((code) => isTabserveError(error, code));
        if (replica && isTabserveError(error, 'out-of-memory')) host.outOfMemory(replica, error);
        if (!isLost || attempts > 1 || held.isSpent) throw error;
        attempts += 1;
      } finally {
        done?.();
        leave();
      }
    }
  } finally {
    if (captured) task.close(captured.payload);
  }
}

/** Whether the capture ends while it may keep a slot. @throws as the capture does. */
async function isSoon(capture: Promise<void>, environment: Environment): Promise<boolean> {
  const { promise: late, resolve } = deferred<false>();
  const cancel = environment.after(captureInSlot, () => resolve(false));
  try {
    return await Promise.race([capture.then(() => true), late]);
  } finally {
    cancel();
  }
}

async function send<Source, Payload>(
  host: RequestHost,
  replica: ModelReplica,
  task: PageTask<Source, Payload>,
  captured: Payload,
  options: object,
  signal: AbortSignal,
  timeLeft: () => number | null,
): Promise<RunResult> {
  let result: RunResult;
  let payload = captured;
  try {
    signal.throwIfAborted();
    if (replica.connection.isElsewhere) payload = (await task.portable?.(payload)) ?? payload;
    const waiting = { signal, patience: host.patience };
    const transfer = task.transfer(payload);
    const by = task.name === host.task ? null : task.name;
    result = await replica.run(payload, transfer, options, by, timeLeft(), waiting);
  } finally {
    // What was handed over is empty here; what was not has no other owner.
    task.close(payload);
  }
  host.answered(replica, result);
  return result;
}
