/**
 * What a deployment may do, and what may follow what: its states, and the one lane in which it
 * changes.
 */
import type { ClassifierState } from '../api/types.js';
import { TabserveError } from '../base/errors.js';

/** Which states may follow a state. `destroyed` is the end. */
export const followers: Readonly<Record<ClassifierState, readonly ClassifierState[]>> = {
  starting: ['ready', 'degraded', 'failed', 'destroyed'],
  ready: ['degraded', 'recovering', 'failed', 'destroyed'],
  degraded: ['recovering', 'failed', 'destroyed'],
  recovering: ['ready', 'degraded', 'failed', 'destroyed'],
  failed: ['recovering', 'destroyed'],
  destroyed: [],
};

/**
 * The transitions, and for which others each is given up. One is under way at a time; the others
 * wait. Whatever is under way is given up when the deployment is destroyed.
 *
 * - `load`: nothing is loaded; the model is.
 * - `recover`: the worker that served has died or is to be given up; the model is loaded again.
 * - `renew`: the current version is loaded beside the one in use, which then goes.
 * - `trial`: a rival backend is measured beside the one in use, and moved to if it is faster.
 * - `check`: a GPU that serves is compared with WASM, which takes over if it computes otherwise.
 * - `unload`: nobody has asked anything for a while.
 */
export const transitions = {
  load: [],
  recover: [],
  renew: ['recover'],
  trial: ['load', 'recover', 'renew', 'unload'],
  check: ['load', 'recover', 'renew', 'unload'],
  unload: [],
} as const satisfies Record<string, readonly string[]>;

/** One of {@link transitions}. */
export type Transition = keyof typeof transitions;

/** Why a transition was given up: for another one. */
export class Superseded extends Error {
  constructor(by: Transition) {
    super(`Given up for: ${by}.`);
  }
}

interface Waiting {
  kind: Transition;
  begin(signal: AbortSignal): Promise<unknown>;
  refuse(reason: unknown): void;
}

/** Runs transitions one after the other. Each has a signal of its own. */
export class TransitionLane {
  #underWay: { kind: Transition; controller: AbortController } | undefined;
  readonly #waiting: Waiting[] = [];
  #end: { reason: unknown } | undefined;

  /** The transition under way. */
  get current(): Transition | undefined {
    return this.#underWay?.kind;
  }

  /**
   * Runs a transition in its turn: at once if none is under way, and a recovery before all others
   * that wait.
   *
   * @param task - Has to end soon after its signal aborts, with nothing left of what it began.
   */
  run<T>(kind: Transition, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#end) return reject(this.#end.reason);
      const begin = (signal: AbortSignal) => task(signal).then(resolve, reject);
      const waiting = { kind, begin, refuse: reject };
      if (kind === 'recover') this.#waiting.unshift(waiting);
      else this.#waiting.push(waiting);
      const { kind: other, controller } = this.#underWay ?? {};
      const isGivenUp = other && (transitions[other] as readonly string[]).includes(kind);
      if (isGivenUp) controller?.abort(new Superseded(kind));
      this.#next();
    });
  }

  /** Aborts what is under way and refuses what waits or comes. */
  end(reason: unknown): void {
    this.#end = { reason };
    this.#underWay?.controller.abort(reason);
    for (const { refuse } of this.#waiting.splice(0)) refuse(reason);
  }

  #next(): void {
    if (this.#underWay) return;
    const next = this.#waiting.shift();
    if (!next) return;
    const controller = new AbortController();
    this.#underWay = { kind: next.kind, controller };
    void next.begin(controller.signal).finally(() => {
      this.#underWay = undefined;
      this.#next();
    });
  }
}

/** The state of a deployment, which changes as {@link followers} allow. */
export class DeploymentState {
  #current: ClassifierState = 'starting';
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get current(): ClassifierState {
    return this.#current;
  }

  /**
   * Goes to `next`; does nothing if it is there, or destroyed.
   *
   * @throws TabserveError `internal` when `next` may not follow.
   */
  go(next: ClassifierState): void {
    const before = this.#current;
    if (before === next || before === 'destroyed') return;
    if (!followers[before].includes(next)) {
      throw new TabserveError('internal', `A deployment that is ${before} went ${next}.`);
    }
    this.#current = next;
    this.#onChange();
  }
}
