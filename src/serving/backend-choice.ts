/** Which backend a deployment runs on, what may turn out better, and what was given up on the way. */
import { untilAborted } from '../base/abort.js';
import { messageOf } from '../base/errors.js';
import type { Fallback } from '../base/types.js';
import type { BackendPlan, BackendPlans, LaterPlans } from './backends.js';
import type { Environment } from './environment.js';
import { Losses } from './losses.js';
import { planAfter } from './step-down.js';

/**
 * The backends of one deployment, the one in use and those that are left. It knows nothing of workers:
 * whoever has it ends those of a backend that it has gone on from.
 */
export class BackendChoice {
  readonly #plan: () => Promise<BackendPlans>;
  readonly #clock: Pick<Environment, 'now'>;
  /** Backends still worth trying; the first is in use. Empty before the first load. */
  #plans: readonly BackendPlan[] = [];
  /** The first of them, as it was planned. */
  #planned: BackendPlan | undefined;
  /** What is not known yet about the backends. */
  #later: Promise<LaterPlans> | undefined;
  /** Backends that may turn out better than those; each is tried once. */
  #rivals: readonly BackendPlan[] = [];
  /** What was given up. */
  readonly fallbacks: Fallback[] = [];
  /** Workers and GPUs that were lost. */
  readonly losses = new Losses();

  /** @param plan - Which backends there are. Is asked once, by the first load. */
  constructor(plan: () => Promise<BackendPlans>, clock: Pick<Environment, 'now'>) {
    this.#plan = plan;
    this.#clock = clock;
  }

  /** The backend to load on; `undefined` before {@link ask}. */
  get current(): BackendPlan | undefined {
    return this.#plans[0];
  }

  /** The next one to compare with it. */
  get rival(): BackendPlan | undefined {
    return this.#rivals[0];
  }

  /**
   * Finds out which backends there are.
   *
   * @throws TabserveError what the plan does; the signal's reason.
   */
  async ask(signal: AbortSignal): Promise<void> {
    const { plans, laterPlans } = await untilAborted(this.#plan(), signal);
    this.#plans = plans;
    this.#planned = plans[0];
    this.#later = laterPlans;
  }

  /**
   * Takes in what was not known at first. By the time that something is loaded, the browser has
   * answered about its GPU.
   *
   * @param loaded - The plan by which it was loaded.
   * @returns That plan, with what is known now.
   * @throws the signal's reason.
   */
  async learn(loaded: BackendPlan, signal: AbortSignal): Promise<BackendPlan> {
    if (!this.#later) return loaded;
    const { rivals, reason, fallbacks } = await untilAborted(this.#later, signal);
    this.#later = undefined;
    this.#rivals = rivals;
    const plan = {
      ...loaded,
      // A step down has a better one.
      reason: loaded === this.#planned ? reason : loaded.reason,
      fallbacks: [...new Set([...fallbacks, ...loaded.fallbacks])],
    };
    this.#plans = [plan, ...this.#plans.slice(1)];
    return plan;
  }

  /** The plan in use stays, for this reason. @returns The same with it. */
  settle(plan: BackendPlan, reason: string): BackendPlan {
    const settled = { ...plan, reason };
    this.#plans = this.#plans.map((each) => (each === plan ? settled : each));
    return settled;
  }

  /**
   * The deployment has moved to this one.
   *
   * @param isForGood - Whether the others are not to be gone back to.
   */
  move(plan: BackendPlan, isForGood: boolean): void {
    this.#plans = [plan, ...(isForGood ? [] : this.#plans)];
  }

  /** The rival was compared. Where the deployment has moved to it, there is no use in others. */
  tried(hasMoved: boolean): void {
    this.#rivals = hasMoved ? [] : this.#rivals.slice(1);
  }

  /** Whether there is neither another backend after such an error nor a smaller setting. */
  isLast(error: unknown): boolean {
    return planAfter(this.#plans, error, true) === undefined;
  }

  /**
   * Goes on to another backend, or a smaller setting, if the error is one that it may not have.
   *
   * @param hasServed - Whether anything has been loaded yet.
   */
  stepDown(error: unknown, hasServed: boolean): boolean {
    const { tooOften, words } = this.losses.gpuVerdict(this.#clock.now());
    const next = planAfter(this.#plans, error, hasServed && !tooOften);
    if (!next) return false;
    const { from, to, plans } = next;
    this.fallbacks.push({ from, to, reason: `${words}${messageOf(error)}` });
    this.#plans = plans;
    this.losses.forgive();
    return true;
  }

  /** The worker was lost, and with it the GPU if it had one. */
  noteGpuLoss(): void {
    if (this.current?.device === 'webgpu') this.losses.addGpu(this.#clock.now());
  }
}
