/** Further workers for a model that has more requests than one can answer soon. */
import type { BackendPlan } from './backends.js';
import type { Environment, Lease } from './environment.js';
import { pause } from './pause.js';
import type { LoadReplica, ModelReplica, ModelSettings } from './replica.js';
import type { RequestQueue, Slots } from './request-queue.js';

/** Milliseconds that extra workers are kept without need. */
const keptIdle = 10_000;

/**
 * Times that one may fail to start, and milliseconds between them: at first the model may not be in the
 * store yet, from which they take it.
 */
const mostRefusals = 2;
const afterRefusal = 1_000;

/** What {@link ExtraWorkers} serve. */
export interface ExtraWorkersOptions extends ModelSettings {
  ownWorker: boolean;
  /** Workers in all, the first one included. */
  maxWorkers: number;
}

/**
 * On a page that is not cross-origin isolated the engine has one thread: what makes use of the other
 * cores is a second worker with the same model. It is started for a backlog, from what is compiled
 * and stored already, and ended when there was none for a while. What becomes of it changes no
 * answer: if it does not start, or dies, its requests go to the others.
 */
export class ExtraWorkers {
  readonly #environment: Environment;
  readonly #options: ExtraWorkersOptions;
  readonly #queue: RequestQueue;
  readonly #load: LoadReplica;
  readonly #extras = new Map<Slots, { replica: ModelReplica; lease: Lease; nth: number }>();
  #life = new AbortController();
  #closing: Promise<unknown> = Promise.resolve();
  #starting = false;
  /** How many failed to start. */
  #refusals = 0;
  #stopTimer: () => void = () => undefined;

  constructor(
    environment: Environment,
    options: ExtraWorkersOptions,
    queue: RequestQueue,
    load: LoadReplica,
  ) {
    this.#load = load;
    this.#environment = environment;
    this.#options = options;
    this.#queue = queue;
  }

  /** How many there are. */
  get count(): number {
    return this.#extras.size;
  }

  /** Whose slots these are, if one of these workers'. */
  find(slots: Slots): ModelReplica | undefined {
    return this.#extras.get(slots)?.replica;
  }

  /**
   * Starts another worker, unless one is starting, or could not be started.
   *
   * @param plan - What the first worker runs on.
   * @param patience - Milliseconds that a worker may be silent while it loads.
   */
  start(plan: BackendPlan, patience: number): void {
    if (this.#starting || 1 + this.count >= this.#options.maxWorkers) return;
    if (this.#refusals >= mostRefusals) return;
    void this.#start(plan, patience);
  }

  /** Ends them unless they are needed again soon. */
  rest(): void {
    this.#stopTimer();
    if (this.#extras.size === 0) return;
    this.#stopTimer = this.#environment.after(keptIdle, () => this.close());
  }

  /** They are needed. */
  wake(): void {
    this.#stopTimer();
  }

  /** Sends them no more requests, and ends each when it has answered those it has. */
  close(): void {
    this.#stopTimer();
    this.#life.abort();
    this.#life = new AbortController();
    this.#refusals = 0;
    const ends = [...this.#extras].map(async ([slots, { replica, lease }]) => {
      this.#queue.close(slots);
      await replica.idle();
      replica.unload();
      lease.release();
    });
    this.#closing = Promise.all([this.#closing, ...ends]);
    this.#extras.clear();
  }

  /** Settles when those that were closed have answered their last requests. */
  async idle(): Promise<void> {
    await this.#closing;
  }

  async #start(plan: BackendPlan, patience: number): Promise<void> {
    const { ownWorker, maxWorkers: _, ...settings } = this.#options;
    const { device, flavour, threads } = plan;
    const { signal } = this.#life;
    const { assets, packs } = settings;
    const config = { device, flavour, threads, assets, packs };
    const taken = [...this.#extras.values()].map(({ nth }) => nth);
    let nth = 1;
    while (taken.includes(nth)) nth += 1;
    const lease = this.#environment.takeLease(config, ownWorker, nth);
    const { slots } = lease;
    this.#starting = true;
    let isDead = false;
    lease.onDeath = () => {
      isDead = true;
      this.#extras.get(slots)?.replica.unload();
      if (this.#extras.delete(slots)) this.#queue.close(slots);
      lease.release();
    };
    try {
      const options = { signal, patience, local: true };
      const replica = await this.#load(this.#environment, lease, plan, settings, options);
      if (isDead) return replica.unload();
      if (signal.aborted) replica.unload();
      signal.throwIfAborted();
      this.#extras.set(slots, { replica, lease, nth });
      this.#queue.open(slots);
    } catch {
      lease.release();
      if (signal.aborted) return;
      this.#refusals += 1;
      await pause(this.#environment, afterRefusal, signal).catch(() => undefined);
    } finally {
      this.#starting = false;
    }
  }
}
