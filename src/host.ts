/** The worker as classifiers see it: shared between them, and replaced when it dies. */
import { Connection, type WorkerConfig, type WorkerLegacy } from './connection.js';
import type { TabserveError } from './errors.js';
import { Places } from './lanes.js';

/** What a classifier hears from its host. */
export interface HostListener {
  /** The worker died; the next {@link WorkerHost.connect} starts another. */
  onWorkerDeath(error: TabserveError): void;
}

/**
 * Requests that may be with a worker at a time: one in the engine, one being decoded, and two on
 * their way, so that the worker never waits for the page.
 */
const placesPerWorker = 4;

/** Keeps one worker for as long as any classifier uses it. */
export class WorkerHost {
  static readonly #shared = new Map<string, WorkerHost>();
  /** What workers leave to others of the same engine, for as long as a host holds it. */
  static readonly #legacies = new Map<string, WeakRef<WorkerLegacy>>();

  /** Who may send the worker requests, in which order. */
  readonly places = new Places(placesPerWorker);
  readonly #config: WorkerConfig;
  readonly #key: string | null;
  readonly #legacy: WorkerLegacy;
  readonly #listeners = new Set<HostListener>();
  #connection: Promise<Connection> | undefined;

  private constructor(config: WorkerConfig, key: string | null) {
    this.#config = config;
    this.#key = key;
    const engine = JSON.stringify([config.flavour, config.assets]);
    this.#legacy = WorkerHost.#legacies.get(engine)?.deref() ?? { binary: null };
    WorkerHost.#legacies.set(engine, new WeakRef(this.#legacy));
  }

  /**
   * A host for workers of this configuration: the page's shared one, or one of the caller's own.
   * Ends with {@link leave}.
   */
  static join(config: WorkerConfig, listener: HostListener, own: boolean): WorkerHost {
    const key = own ? null : JSON.stringify(config);
    let host = key === null ? undefined : WorkerHost.#shared.get(key);
    if (!host) {
      host = new WorkerHost(config, key);
      if (key !== null) WorkerHost.#shared.set(key, host);
    }
    host.#listeners.add(listener);
    return host;
  }

  /** The running worker, started if there is none. Errors as `Connection.open()`. */
  connect(): Promise<Connection> {
    this.#connection ??= this.#open();
    return this.#connection;
  }

  /** Gives the host up. The last one to leave ends the worker. */
  leave(listener: HostListener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    if (this.#key !== null) WorkerHost.#shared.delete(this.#key);
    this.#connection?.then(
      (connection) => connection.close(),
      () => undefined,
    );
    this.#connection = undefined;
  }

  async #open(): Promise<Connection> {
    try {
      const connection = await Connection.open(this.#config, this.#legacy);
      connection.onDeath = (error) => {
        this.#connection = undefined;
        for (const listener of [...this.#listeners]) listener.onWorkerDeath(error);
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
