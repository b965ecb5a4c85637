/** Where to load a model after a failure: the next backend, or a smaller setting of the same one. */

import { isTabserveError } from '../base/errors.js';
import type { BackendPlan } from './backends.js';

/** What {@link planAfter} decides. */
export interface StepDown {
  /** Backends still worth trying, the one to take first. */
  plans: readonly BackendPlan[];
  /** In words. */
  from: string;
  to: string;
}

/** Failures that lie in a backend's abilities, and that another backend may not have. */
const ofTheBackend = ['model-invalid', 'out-of-memory'] as const;

/**
 * Failures that may pass, and say something about the backend when they repeat. `unsupported` among
 * them: for a while after a GPU was lost, browsers have none.
 */
const ofTheMoment = ['unsupported', 'worker-blocked', 'worker-crashed', 'device-lost'] as const;

/**
 * The backends to try after `error`.
 *
 * @param plans - Those before, the failed one first.
 * @param isTrusted - Whether the failed one has worked, and not been lost repeatedly since.
 * @returns `undefined` when nothing but another attempt on the same one is left.
 */
export function planAfter(
  plans: readonly BackendPlan[],
  error: unknown,
  isTrusted: boolean,
): StepDown | undefined {
  const [plan, next, ...others] = plans;
  if (!plan) return undefined;
  if (plan.threads > 1 && isTabserveError(error, 'out-of-memory')) {
    // Every thread has a stack and a worker of its own.
    const smaller = { ...plan, threads: 1, reason: 'memory ran out with more threads' };
    const rest = next ? [next, ...others] : [];
    return { plans: [smaller, ...rest], from: `${plan.threads} threads`, to: '1 thread' };
  }
  const telling = isTrusted ? ofTheBackend : [...ofTheBackend, ...ofTheMoment];
  if (!next || !telling.some((code) => isTabserveError(error, code))) return undefined;
  return { plans: [next, ...others], from: plan.device, to: next.device };
}
