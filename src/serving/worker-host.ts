/** Workers as classifiers see them: shared between them, and replaced when they die. */

import type { TabserveError } from '../base/errors.js';
import { identityOf } from '../base/identity.js';
import { Connection, type WorkerConfig, type WorkerLegacy } from '../wire/connection.js';
import { pageServices } from './page-services.js';
import { Slots } from './request-queue.js';

/**
 * Requests that may be with a worker at a time: one in the engine, one being decoded, and two on
 * their way, so that the worker never waits for the page.
 */
const slotsPerWorker = 4;

/** A share in a worker, which lives as long as anybody has one. */
export class WorkerLease {
  readonly #host: WorkerHost;

  /** Is called when the worker has died; the next {@link connect} starts another. */
  onDeath: (error: TabserveError) => void = () => undefined;

  private constructor(host: WorkerHost) {
    this.#host = host;
    host.leases.add(this);
  }

  /**
   * A share in a worker of this configuration: in one that the page's classifiers share, or in one
   * of the caller's own. Ends with {@link release}.
   *
   * @param nth - Which of the shared ones, where one is not enough.
   */
  static take(config: WorkerConfig, own = false, nth = 0): WorkerLease {
    return new WorkerLease(WorkerHost.find(config, own ? null : identityOf([config, nth])));
  }

  /** Who may send the worker requests, in which order. */
  get slots(): Slots {
    return this.#host.slots;
  }

  /** The running worker, started if there is none. Errors as `Connection.open()`. */
  connect(): Promise<Connection> {
    return this.#host.connect();
  }

  /** Gives the share up. The last one ends the worker. Calling it again does nothing. */
  release(): void {
    if (this.#host.leases.delete(this)) this.#host.closeIfUnused();
  }
}

/** Keeps one worker. */
class WorkerHost {
  static readonly #shared = new Map<string, WorkerHost>();
  /** What workers leave to others of the same engine, for as long as a host holds it. */
  static readonly #legacies = new Map<string, WeakRef<WorkerLegacy>>();

  readonly slots = new Slots(slotsPerWorker);
  readonly leases = new Set<WorkerLease>();
  readonly #config: WorkerConfig;
  readonly #key: string | null;
  readonly #legacy: WorkerLegacy;
  #connection: Promise<Connection> | undefined;

  private constructor(config: WorkerConfig, key: string | null) {
    this.#config = config;
    this.#key = key;
    const engine = identityOf([config.flavour, config.assets]);
    this.#legacy = WorkerHost.#legacies.get(engine)?.deref() ?? { binary: null };
    WorkerHost.#legacies.set(engine, new WeakRef(this.#legacy));
  }

  /** @param key - Names a shared host; `null` asks for a new one. */
  static find(config: WorkerConfig, key: string | null): WorkerHost {
    const known = key === null ? undefined : WorkerHost.#shared.get(key);
    const host = known ?? new WorkerHost(config, key);
    if (key !== null) WorkerHost.#shared.set(key, host);
    return host;
  }

  connect(): Promise<Connection> {
    this.#connection ??= this.#open();
    return this.#connection;
  }

  closeIfUnused(): void {
    if (this.leases.size > 0) return;
    if (this.#key !== null) WorkerHost.#shared.delete(this.#key);
    this.#connection?.then(
      (connection) => connection.close(),
      () => undefined,
    );
    this.#connection = undefined;
  }

  async #open(): Promise<Connection> {
    try {
      const connection = await Connection.open(this.#config, this.#legacy, pageServices);
      connection.onDeath = (error) => {
        this.#connection = undefined;
        for (const lease of [...this.leases]) lease.onDeath(error);
      };
      // It may have died before anybody listened.
      if (connection.end) throw connection.end;
      return connection;
    } catch (error) {
      this.#connection = undefined;
      throw error;
    }
  }
}
