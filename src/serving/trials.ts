/** Whether a rival backend is worth moving to. */
import type { BackendPlan } from './backends.js';
import { tryOut } from './belief.js';
import type { ModelReplica } from './replica.js';

/** A rival has to need at most this share of the time, to be worth moving to. */
const worthMoving = 0.8;

/** What a {@link Trial} is given besides the two. */
export interface TrialOptions {
  signal: AbortSignal;
  /** Milliseconds that a worker may be silent over it. */
  patience: number;
  /** Milliseconds that a run of the current one has taken of late, if it has run. */
  typicalRun: number | undefined;
}

/** What a {@link Trial} finds. */
export interface Verdict {
  move: boolean;
  /** In words, for the plan that is kept. */
  reason: string;
}

/**
 * Compares two replicas of a model.
 *
 * @throws what says that the rival cannot be used; it becomes a fallback. The signal's reason.
 */
export type Trial = (
  current: ModelReplica,
  rival: ModelReplica,
  options: TrialOptions,
) => Promise<Verdict>;

/** Moves to a rival that computes the same and is measured to be faster by a fifth. */
export const trial: Trial = async (current, rival, { typicalRun, ...options }) => {
  const { theirs, ours } = await tryOut(rival, current, typicalRun, options);
  const times = `${nameOf(rival.plan)} ${theirs.toFixed(1)} ms a run, ${nameOf(current.plan)} ${ours.toFixed(1)} ms`;
  const move = theirs <= worthMoving * ours;
  return { move, reason: `measured to be ${move ? 'faster' : 'no slower'}: ${times}` };
};

/** What messages call a backend. */
export function nameOf({ device, threads }: BackendPlan): string {
  return threads > 1 ? `${device} with ${threads} threads` : device;
}
