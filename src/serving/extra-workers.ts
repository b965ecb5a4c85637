/** Further workers for a model that has more requests than one can answer soon. */
import type { BackendPlan } from './backends.js';
import { type ModelSettings, Replica } from './replica.js';
import type { Lane, Places } from './request-queue.js';
import { WorkerLease } from './worker-host.js';

/**
 * Milliseconds of work per worker that are worth another one: starting it takes a part of that, on
 * a processor that the first one needs too.
 */
const worthwhile = 1_500;

/** Milliseconds that extra workers are kept without need. */
const keptIdle = 10_000;

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
  readonly #options: ExtraWorkersOptions;
  readonly #lane: Lane;
  readonly #extras = new Map<Places, { replica: Replica; lease: WorkerLease; nth: number }>();
  #life = new AbortController();
  #closing: Promise<unknown> = Promise.resolve();
  #starting = false;
  /** Whether one failed to start: there is no use in trying again. */
  #refused = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ExtraWorkersOptions, lane: Lane) {
    this.#options = options;
    this.#lane = lane;
  }

  /** How many there are. */
  get count(): number {
    return this.#extras.size;
  }

  /** Whose places these are, if one of these workers'. */
  find(places: Places): Replica | undefined {
    return this.#extras.get(places)?.replica;
  }

  /**
   * Starts another worker if there is work enough.
   *
   * @param plan - What the first worker runs on.
   * @param backlog - Milliseconds of work that are waiting.
   * @param patience - Milliseconds that a worker may be silent while it loads.
   */
  consider(plan: BackendPlan, backlog: number, patience: number): void {
    const workers = 1 + this.#extras.size;
    const isPossible = plan.device === 'wasm' && plan.threads === 1 && !this.#refused;
    if (!isPossible || this.#starting || workers >= this.#options.maxWorkers) return;
    if (backlog / workers >= worthwhile) void this.#start(plan, patience);
  }

  /** Ends them unless they are needed again soon. */
  rest(): void {
    clearTimeout(this.#timer);
    if (this.#extras.size > 0) this.#timer = setTimeout(() => this.close(), keptIdle);
  }

  /** They are needed. */
  wake(): void {
    clearTimeout(this.#timer);
  }

  /** Sends them no more requests, and ends each when it has answered those it has. */
  close(): void {
    clearTimeout(this.#timer);
    this.#life.abort();
    this.#life = new AbortController();
    this.#refused = false;
    const ends = [...this.#extras].map(async ([places, { replica, lease }]) => {
      this.#lane.close(places);
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
    const config = { device, flavour, threads, assets: settings.assets };
    const taken = [...this.#extras.values()].map(({ nth }) => nth);
    let nth = 1;
    while (taken.includes(nth)) nth += 1;
    const lease = WorkerLease.take(config, ownWorker, nth);
    const { places } = lease;
    this.#starting = true;
    let isDead = false;
    lease.onDeath = () => {
      isDead = true;
      if (this.#extras.delete(places)) this.#lane.close(places);
      lease.release();
    };
    try {
      const replica = await Replica.load(lease, plan, settings, { signal, patience, local: true });
      if (isDead) return;
      if (signal.aborted) replica.unload();
      signal.throwIfAborted();
      this.#extras.set(places, { replica, lease, nth });
      this.#lane.open(places);
    } catch {
      if (!signal.aborted) this.#refused = true;
      lease.release();
    } finally {
      this.#starting = false;
    }
  }
}
