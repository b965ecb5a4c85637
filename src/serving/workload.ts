/** How much there is to do for a model: more workers for a backlog, and rest when there is nothing. */
import type { RunResult } from '../wire/protocol.js';
import type { Environment } from './environment.js';
import type { ExtraWorkers } from './extra-workers.js';
import { ModelReplica } from './replica.js';
import type { RequestQueue, Slots } from './request-queue.js';
import type { DeploymentSettings } from './types.js';

/**
 * Milliseconds of work per worker that are worth another one: starting it takes a part of that, on
 * a processor that the first one needs too.
 */
const worthwhile = 1_500;

/** The deployment, as its workload sees it. */
export interface WorkloadHost {
  readonly environment: Environment;
  readonly settings: DeploymentSettings;
  readonly queue: RequestQueue;
  /** Ends with the deployment. */
  readonly signal: AbortSignal;
  /** What serves now. */
  replica(): ModelReplica | undefined;
  /** Milliseconds that a worker may be silent while it loads. */
  patience(): number;
  /** Nobody has asked anything for the time that `idleTimeout` says. */
  unload(): void;
}

/** The requests of one deployment, as far as their number counts. */
export class Workload {
  readonly #host: WorkloadHost;
  /** Only where a backlog has asked for them. */
  #extras: ExtraWorkers | undefined;
  /** Milliseconds that a request takes in a worker, and its run on the device, of late. */
  #typical: { request: number; run: number } | undefined;
  #requests = 0;
  #stopIdle: () => void = () => undefined;

  constructor(host: WorkloadHost) {
    this.#host = host;
  }

  /** How many workers serve the model. */
  get workers(): number {
    return (this.#host.replica() ? 1 : 0) + (this.#extras?.count ?? 0);
  }

  /** Whether no request is under way. */
  get isIdle(): boolean {
    return this.#requests === 0;
  }

  /** Milliseconds that a run has taken of late, if one has. */
  get typicalRun(): number | undefined {
    return this.#typical?.run;
  }

  /** The model in one of the further workers, if these are its slots. */
  find(slots: Slots): ModelReplica | undefined {
    return this.#extras?.find(slots);
  }

  /**
   * A request begins.
   *
   * @param behind - How many come after it.
   */
  begin(behind: number): void {
    this.#requests += 1;
    this.#stopIdle();
    this.#extras?.wake();
    this.#considerMoreWorkers(behind);
  }

  /** A request has ended. */
  end(): void {
    this.#requests -= 1;
    this.rest();
  }

  /**
   * What serves now has answered.
   *
   * @param shared - How many requests the run was for.
   */
  note({ decode, preprocess, ...timings }: RunResult['timings'], shared: number): void {
    const inference = timings.inference / shared;
    const latest = decode + preprocess + inference;
    const { request, run } = this.#typical ?? { request: latest, run: inference };
    this.#typical = { request: (3 * request + latest) / 4, run: (3 * run + inference) / 4 };
  }

  /** Something else serves, whose times are not known. */
  forgetTimes(): void {
    this.#typical = undefined;
  }

  /** Has the model unloaded after a while, unless a request comes. */
  rest(): void {
    this.#stopIdle();
    const { settings, signal, environment, unload, replica } = this.#host;
    const { idleTimeout } = settings;
    if (this.#requests > 0 || signal.aborted) return;
    this.#extras?.rest();
    if (idleTimeout === null || !replica()) return;
    this.#stopIdle = environment.after(idleTimeout, unload);
  }

  /** The deployment is given up. */
  stop(): void {
    this.#stopIdle();
  }

  /** Ends the further workers when they have answered what they have. */
  closeExtras(): void {
    this.#extras?.close();
  }

  /** Settles when those that were closed have answered. */
  async extrasIdle(): Promise<void> {
    await this.#extras?.idle();
  }

  #considerMoreWorkers(behind: number): void {
    const { environment, settings, queue, signal, replica, patience } = this.#host;
    const { plan } = replica() ?? {};
    if (plan?.device !== 'wasm' || plan.threads > 1 || !this.#typical) return;
    const backlog = (this.#requests + behind) * this.#typical.request;
    if (backlog / this.workers < worthwhile || this.workers >= settings.maxWorkers) return;
    const wake = async () => {
      const { ExtraWorkers } = await environment.background();
      if (signal.aborted || replica()?.plan !== plan) return;
      const { idleTimeout: _, ...own } = settings;
      this.#extras ??= new ExtraWorkers(environment, own, queue, ModelReplica.load);
      this.#extras.start(plan, patience());
    };
    // Without them it takes longer.
    wake().catch(() => undefined);
  }
}
