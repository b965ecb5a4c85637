/** When what serves is compared with other backends: late enough to be in nobody's way, and one at a time. */
import type { BackendChoice } from './backend-choice.js';
import type { Environment } from './environment.js';
import { pause } from './pause.js';
import type { ModelReplica } from './replica.js';
import type { RivalHost } from './rivals.js';
import type { TransitionLane } from './transitions.js';

/** What a {@link TrialSchedule} is made of. */
export interface TrialScheduleParts {
  environment: Environment;
  lane: TransitionLane;
  choice: BackendChoice;
  /** What trials and checks may do with the deployment. */
  host: RivalHost;
  /** What serves now. */
  replica(): ModelReplica | undefined;
}

/** Milliseconds that the first requests have for themselves before another device is tried. */
const beforeTrial = 500;

/** The same before a device is checked. */
const beforeCheck = 2_000;

/** Begins the trials and checks of one deployment. Each is a transition of its lane. */
export class TrialSchedule {
  readonly #parts: TrialScheduleParts;
  #isTrying = false;
  #isChecking = false;
  #quietUntil = 0;

  constructor(parts: TrialScheduleParts) {
    this.#parts = parts;
  }

  /** Begins no trial and no check for so many milliseconds. */
  beQuiet(milliseconds: number): void {
    this.#quietUntil = this.#parts.environment.now() + milliseconds;
  }

  /** Begins what is worth knowing, once something serves. */
  consider(): void {
    this.#considerRivals();
    this.#considerCheck();
  }

  /** Tries backends that may be better than the one in use, until one is. */
  #considerRivals(): void {
    const { environment, lane, choice, host, replica } = this.#parts;
    if (!choice.rival || !replica() || this.#isTrying) return;
    this.#isTrying = true;
    const trials = lane.run('trial', async (signal) => {
      await this.#quiet(beforeTrial, signal);
      for (;;) {
        const { rival } = choice;
        const current = replica();
        if (!rival || !current) return;
        const { tryRival } = await environment.background();
        signal.throwIfAborted();
        const hasMoved = await tryRival(host, rival, current, signal);
        choice.tried(hasMoved);
      }
    });
    const end = () => {
      this.#isTrying = false;
    };
    // What gave it up has another one begun when it has ended itself.
    trials.then(end, end);
  }

  /** Checks a GPU that serves and that nothing was compared with yet. */
  #considerCheck(): void {
    const { environment, lane, host, replica } = this.#parts;
    if (replica()?.verified !== 'none' || this.#isChecking || environment.savesData()) return;
    this.#isChecking = true;
    const check = lane.run('check', async (signal) => {
      await this.#quiet(beforeCheck, signal);
      const current = replica();
      if (current?.verified !== 'none') return;
      const { checkServing } = await environment.background();
      signal.throwIfAborted();
      await checkServing(host, current, signal);
    });
    const end = () => {
      this.#isChecking = false;
    };
    check.then(end, end);
  }

  /** Waits so many milliseconds, and for as long as {@link beQuiet} says. */
  async #quiet(milliseconds: number, signal: AbortSignal): Promise<void> {
    const { environment } = this.#parts;
    for (let left = milliseconds; left > 0; left = this.#quietUntil - environment.now()) {
      await pause(environment, left, signal);
    }
  }
}
