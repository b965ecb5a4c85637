/** What the tab that holds the models does for itself and for the others. */
import { untilAborted } from '../../base/abort.js';
import { TabserveError } from '../../base/errors.js';
import { identityOf } from '../../base/identity.js';
import type { ProgressListener } from '../../wire/progress.js';
import type { LoadedModel, LoadRequest, ProbeRequest, RunRequest } from '../../wire/protocol.js';
import type { Lease, WorkerLink } from '../environment.js';
import type { SharedCall } from './messages.js';

/** How a call is made. */
export interface HeldCallOptions {
  signal: AbortSignal;
  /** Milliseconds that the worker may be silent over it. */
  patience: number;
  /** Of a load. */
  onProgress?: ProgressListener | undefined;
}

/** A model in the worker, or on its way there, and who uses it. */
interface SharedModel {
  readonly users: Set<string>;
  readonly listeners: Set<ProgressListener>;
  readonly life: AbortController;
  readonly connection: WorkerLink;
  loaded: Promise<LoadedModel>;
}

/**
 * A worker for clients in several tabs. What they load alike is loaded once, and unloaded when the
 * last of them has left it.
 */
export class Holder {
  readonly #lease: Lease;
  readonly #newRequestId: () => number;
  /** The newest of each kind, by what was asked for. */
  readonly #newest = new Map<string, SharedModel>();
  /** What each client has, by the `requestId` of its load. */
  readonly #clients = new Map<string, Map<number, SharedModel>>();

  /**
   * @param newRequestId - A number for a request to the worker.
   * @param onDeath - Hears of a worker that died by itself; all models are gone then.
   */
  constructor(lease: Lease, newRequestId: () => number, onDeath: (error: TabserveError) => void) {
    this.#lease = lease;
    this.#newRequestId = newRequestId;
    lease.onDeath = (error) => {
      this.#newest.clear();
      this.#clients.clear();
      onDeath(error);
    };
  }

  /** What was replaced to get the worker started. */
  async start(): Promise<WorkerLink['fallbacks']> {
    return (await this.#lease.connect()).fallbacks;
  }

  /** Models that are loaded or loading. */
  get models(): number {
    return new Set([...this.#clients.values()].flatMap((models) => [...models.values()])).size;
  }

  /**
   * Makes a client's call. Errors as `Connection.call()`.
   *
   * @param request - As the worker takes it, with the client's own numbers; it is written to.
   */
  async call(
    client: string,
    name: SharedCall,
    request: unknown,
    options: HeldCallOptions,
  ): Promise<unknown> {
    switch (name) {
      case 'load':
        return this.#load(client, request as LoadRequest, options);
      case 'unload':
        this.#leave(client, request as number);
        return null;
      case 'run':
      case 'probe': {
        const asked = request as RunRequest | ProbeRequest;
        const model = this.#clients.get(client)?.get(asked.modelId);
        if (!model) throw new TabserveError('worker-crashed', 'The model is gone with its worker.');
        const { modelId } = await model.loaded;
        // The same object: what it hands over is known by it.
        Object.assign(asked, { requestId: this.#newRequestId(), modelId });
        return model.connection.call(name, asked as never, options);
      }
    }
  }

  /** A client has ended. */
  forget(client: string): void {
    for (const id of this.#clients.get(client)?.keys() ?? []) this.#leave(client, id);
  }

  /** Ends the worker as if it had died. */
  async replace(reason: unknown): Promise<void> {
    (await this.#lease.connect()).replace(reason);
  }

  /** Gives the worker up. */
  close(): void {
    this.#lease.onDeath = () => undefined;
    for (const client of [...this.#clients.keys()]) this.forget(client);
    this.#lease.release();
  }

  async #load(
    client: string,
    request: LoadRequest,
    { signal, patience, onProgress }: HeldCallOptions,
  ): Promise<LoadedModel> {
    const connection = await untilAborted(this.#lease.connect(), signal);
    const { requestId, ...what } = request;
    const key = identityOf(what);
    const known = this.#newest.get(key);
    // Whoever has it and asks again wants the version that is current now.
    const model =
      known && !known.users.has(client) ? known : this.#begin(key, request, connection, patience);
    model.users.add(client);
    const models = this.#clients.get(client) ?? new Map<number, SharedModel>();
    this.#clients.set(client, models.set(requestId, model));
    if (onProgress) model.listeners.add(onProgress);
    try {
      return { ...(await untilAborted(model.loaded, signal)), modelId: requestId };
    } catch (error) {
      this.#leave(client, requestId);
      throw error;
    } finally {
      if (onProgress) model.listeners.delete(onProgress);
    }
  }

  #begin(key: string, request: LoadRequest, connection: WorkerLink, patience: number): SharedModel {
    const requestId = this.#newRequestId();
    const life = new AbortController();
    const listeners = new Set<ProgressListener>();
    const unfollow = connection.followProgress(requestId, (...bytes) => {
      for (const listener of listeners) listener(...bytes);
    });
    const loaded = connection
      .call('load', { ...request, requestId }, { signal: life.signal, patience })
      .finally(unfollow);
    const model = { users: new Set<string>(), listeners, life, connection, loaded };
    this.#newest.set(key, model);
    loaded.catch(() => {
      if (this.#newest.get(key) === model) this.#newest.delete(key);
    });
    life.signal.addEventListener('abort', () => {
      if (this.#newest.get(key) === model) this.#newest.delete(key);
      // Also where the abort crosses the answer: the load's number is the model's.
      if (!connection.end)
        connection.call('unload', requestId, { patience: 0 }).catch(() => undefined);
    });
    return model;
  }

  #leave(client: string, id: number): void {
    const models = this.#clients.get(client);
    const model = models?.get(id);
    if (!models || !model) return;
    models.delete(id);
    if (models.size === 0) this.#clients.delete(client);
    model.users.delete(client);
    if (model.users.size === 0) {
      model.life.abort(new TabserveError('destroyed', 'Nobody wants the model any more.'));
    }
  }
}
