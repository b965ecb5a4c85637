/**
 * One worker, from its start to its death.
 *
 * comlink leaves calls pending for ever when the worker dies, and cannot carry an AbortSignal. Here
 * every call ends: with the answer, the caller's abort, or the worker's death, which is noticed
 * by its `error` event, by the Web Lock that it held, or by its silence.
 */

import * as Comlink from 'comlink';
import { deferred } from '../base/deferred.js';
import {
  asTabserveError,
  type ErrorDetails,
  fromErrorRecord,
  isTabserveError,
  messageOf,
  TabserveError,
  toErrorRecord,
} from '../base/errors.js';
import type { Device, Fallback } from '../base/types.js';
import type { KeyQuestion } from '../model/protection/types.js';
import { type AssetOptions, restUrls, wasmUrls } from './assets.js';
import type { ProgressListener } from './progress.js';
import type {
  EngineBinary,
  EngineFlavour,
  PackName,
  PageApi,
  Reply,
  WorkerApi,
} from './protocol.js';
import { type StartedWorker, startWorker } from './worker-start.js';

/** Milliseconds that a worker whose script runs may take to say so again. */
const startPatience = 5_000;

/** Milliseconds that a worker may be silent over a call that does not say otherwise. */
const defaultPatience = 60_000;

/** Milliseconds of silence after which a worker is asked whether it lives. */
const pingAfter = 1_000;

/** Milliseconds that a worker is given, when it is ended, to put into the store what it was about to. */
const lastPatience = 2_000;

/** How often silence is looked for, in milliseconds. */
const watchInterval = 500;

/** What a worker is started with. */
export interface WorkerConfig {
  device: Device;
  flavour: EngineFlavour;
  /** Threads of the WASM backend; 1 on WebGPU. */
  threads: number;
  assets: AssetOptions;
  /** Packs of tasks that it is to have besides. @default none */
  packs?: readonly PackName[];
}

/** What the page does for a worker, whichever it is. */
export type PageServices = Pick<
  PageApi,
  | 'rasteriseSvg'
  | 'embedded'
  | 'given'
  | 'expectManifest'
  | 'validate'
  | 'translate'
  | 'complete'
  | 'labels'
  | 'explain'
>;

/** What outlives a worker. */
export interface WorkerLegacy {
  /** The engine's binary, once a worker has loaded it. */
  binary: EngineBinary | null;
}

/** The calls of {@link WorkerApi} that answer. */
type CallName = Exclude<keyof WorkerApi, 'cancel' | 'ping' | 'finish'>;
type CallValue<Name extends CallName> =
  Awaited<ReturnType<WorkerApi[Name]>> extends Reply<infer Value> ? Value : never;

async function keyMissing({ model, keyId }: KeyQuestion): Promise<never> {
  throw new TabserveError(
    'key-missing',
    `"${model}" is encrypted with the key "${keyId}", and the page has given none. Pass the option "decryptionKey".`,
    { details: { model, keyId } },
  );
}

let nextRequestId = 1;

/** A number that names a request to the worker. */
export function newRequestId(): number {
  return nextRequestId++;
}

/** Workers that have been started and not been ended. */
export const liveWorkers = new Set<Connection>();

/** Settles when the store has what this page's workers have loaded. */
export async function allStored(): Promise<void> {
  await Promise.all([...liveWorkers].map((each) => each.stored()));
}

/** A running worker. */
export class Connection {
  /** What was replaced to get the worker started. */
  readonly fallbacks: readonly Fallback[];
  readonly #worker: Worker;
  readonly #api: Comlink.Remote<WorkerApi>;
  readonly #page: MessagePort;
  readonly #legacy: WorkerLegacy;
  readonly #disposeScript: () => void;
  /** How to reject each call under way, and how long the worker may be silent over it. */
  readonly #pending = new Map<(error: unknown) => void, number>();
  readonly #progress = new Map<number, ProgressListener>();
  readonly #keys = new Map<number, (question: KeyQuestion) => Promise<CryptoKey>>();
  readonly #lockWatch = new AbortController();
  #lastHeard = 0;
  #pinged = false;
  #watch: ReturnType<typeof setInterval> | undefined;
  #end: TabserveError | undefined;
  #closing: Promise<unknown> | undefined;

  /** Is called once, when the worker has died by itself. */
  onDeath: (error: TabserveError) => void = () => undefined;

  private constructor(
    { worker, fallbacks, dispose }: StartedWorker,
    page: MessagePort,
    legacy: WorkerLegacy,
  ) {
    this.#worker = worker;
    this.#legacy = legacy;
    this.fallbacks = fallbacks;
    this.#page = page;
    this.#disposeScript = dispose;
    liveWorkers.add(this);
    this.#api = Comlink.wrap<WorkerApi>(worker);
    worker.addEventListener('message', () => {
      this.#lastHeard = performance.now();
      this.#pinged = false;
    });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.#die(crashed(`an uncaught error: ${event.message}`));
    });
    worker.addEventListener('messageerror', () => this.#die(crashed('an unreadable message')));
  }

  /**
   * Starts a worker and waits for its first sign of life.
   *
   * @param legacy - What former workers have left; it is added to.
   * @param services - What the page does for the worker.
   * @throws TabserveError `worker-blocked` when the browser does not let it start; `worker-crashed`.
   */
  static async open(
    config: WorkerConfig,
    legacy: WorkerLegacy,
    services: PageServices,
  ): Promise<Connection> {
    // Before there is a worker: an address that is none throws.
    const urls = wasmUrls(config.flavour, config.assets);
    const [started] = await Promise.all([
      startWorker(config.flavour, config.assets, config.packs ?? []),
      // What they have loaded is not to be asked for again.
      ...[...liveWorkers].map((each) => each.#closing),
    ]);
    const { port1, port2 } = new MessageChannel();
    const connection = new Connection(started, port1, legacy);
    try {
      connection.#servePage(services);
      const lockName = `tabserve-worker-${crypto.getRandomValues(new Uint32Array(4)).join('-')}`;
      const start = {
        device: config.device,
        threads: config.threads,
        wasmUrls: urls,
        restUrls: restUrls(config.flavour, config.assets),
        binary: legacy.binary,
        lockName,
        packs: started.packs,
        page: port2,
      };
      await connection.call('start', Comlink.transfer(start, [port2]), { patience: startPatience });
      connection.#watchLock(lockName);
      return connection;
    } catch (error) {
      // A worker that nobody knows would live as long as the page.
      connection.#finish(asTabserveError(error, 'worker-crashed', messageOf(error)));
      throw error;
    }
  }

  /** Why no more calls can be made; `undefined` while they can. */
  get end(): TabserveError | undefined {
    return this.#end;
  }

  /**
   * Calls the worker.
   *
   * @param options - `signal` drops the call, here and in the worker. `patience`: milliseconds that
   *   the worker may be silent over it. A run on WASM blocks its thread, so this has to exceed the
   *   longest run; 0 for a call that nobody waits for.
   * @throws TabserveError what the worker answered, `worker-crashed`, `device-lost`, `destroyed`; or
   *   the signal's reason.
   */
  async call<Name extends CallName>(
    name: Name,
    request: Parameters<WorkerApi[Name]>[0],
    {
      signal,
      patience = defaultPatience,
    }: { signal?: AbortSignal | undefined; patience?: number } = {},
  ): Promise<CallValue<Name>> {
    signal?.throwIfAborted();
    if (this.#end) throw this.#end;
    const { promise, resolve, reject } = deferred<CallValue<Name>>();
    const onAbort = () => {
      if (typeof request === 'object' && request !== null && 'requestId' in request) {
        void this.#api.cancel(request.requestId);
      }
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#pending.set(reject, patience);
    this.#watchSilence();
    try {
      const send = this.#api[name] as unknown as (
        request: Parameters<WorkerApi[Name]>[0],
      ) => Promise<Reply<CallValue<Name>>>;
      send(request).then((reply) => {
        if ('value' in reply) return resolve(reply.value);
        const error = fromErrorRecord(reply.error);
        reject(error);
        // A worker whose GPU is gone blocks for good at its next run; a broken engine stays broken.
        const isFatal =
          isTabserveError(error, 'device-lost') || isTabserveError(error, 'worker-crashed');
        if (isFatal) this.#die(error);
      }, reject);
      return await promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#pending.delete(reject);
    }
  }

  /** Reports the progress of a load until the returned function is called. */
  followProgress(requestId: number, listener: ProgressListener): () => void {
    this.#progress.set(requestId, listener);
    return () => this.#progress.delete(requestId);
  }

  /** Answers for the keys of a load until the returned function is called. */
  serveKeys(requestId: number, keys: (question: KeyQuestion) => Promise<CryptoKey>): () => void {
    this.#keys.set(requestId, keys);
    return () => this.#keys.delete(requestId);
  }

  /** Ends the worker as if it had died: its host starts another. */
  replace(cause: unknown): void {
    const message = `The worker was replaced: ${messageOf(cause)}`;
    this.#die(new TabserveError('worker-crashed', message, { cause }));
  }

  /** Settles when the worker has put into the store what it was about to, or after two seconds. */
  stored(): Promise<unknown> {
    if (this.#closing) return this.#closing;
    let timer: ReturnType<typeof setTimeout> | undefined;
    return Promise.race([
      this.#api.finish(null),
      new Promise((resolve) => {
        timer = setTimeout(resolve, lastPatience);
      }),
    ]).finally(() => clearTimeout(timer));
  }

  /** Ends the worker. Pending calls reject with `destroyed`. */
  close(): void {
    this.#closing = this.stored();
    const error = new TabserveError('destroyed', 'The worker was ended by destroy().');
    this.#finish(error, this.#closing);
  }

  #servePage(services: PageServices): void {
    const api: PageApi = {
      progress: (requestId, ...bytes) => this.#progress.get(requestId)?.(...bytes),
      keepBinary: (binary) => {
        this.#legacy.binary = binary;
      },
      ...services,
      decryptionKey: async (requestId, question) => {
        try {
          const keys = this.#keys.get(requestId) ?? keyMissing;
          return { value: await keys(question) };
        } catch (error) {
          return { error: toErrorRecord(error) };
        }
      },
      deviceLost: (reason) =>
        this.#die(new TabserveError('device-lost', `The GPU device was lost: ${reason}`)),
    };
    Comlink.expose(api, this.#page);
  }

  /** A worker that is gone, for whatever reason, no longer holds its lock. */
  #watchLock(name: string): void {
    const { signal } = this.#lockWatch;
    navigator.locks
      ?.request(name, { signal }, () => this.#die(crashed('its sudden end')))
      .catch(
        // Aborted by #finish, or locks are not to be had here (an opaque origin).
        () => undefined,
      );
  }

  #watchSilence(): void {
    if (this.#watch !== undefined) return;
    let lastLook = performance.now();
    this.#lastHeard = lastLook;
    this.#watch = setInterval(() => {
      const now = performance.now();
      // A late look means that the page itself slept: the worker gets a new chance to speak.
      if (now - lastLook > 3 * watchInterval) this.#lastHeard = now;
      lastLook = now;
      const silence = now - this.#lastHeard;
      const limit = Math.max(...this.#pending.values());
      if (this.#pending.size === 0) {
        clearInterval(this.#watch);
        this.#watch = undefined;
      } else if (limit > 0 && silence > limit) {
        this.#die(crashed(`${Math.round(silence / 1000)} seconds of silence`, { silence }));
      } else if (silence > pingAfter && !this.#pinged) {
        this.#pinged = true;
        void this.#api.ping();
      }
    }, watchInterval);
  }

  #die(error: TabserveError): void {
    if (this.#end) return;
    this.#finish(error);
    this.onDeath(error);
  }

  /** @param isOver - Settles when the worker may be terminated. @default now */
  #finish(error: TabserveError, isOver?: Promise<unknown>): void {
    if (this.#end) return;
    this.#end = error;
    const terminate = () => {
      liveWorkers.delete(this);
      this.#worker.terminate();
      this.#page.close();
      this.#disposeScript();
    };
    if (isOver) isOver.then(terminate, terminate);
    else terminate();
    this.#lockWatch.abort();
    clearInterval(this.#watch);
    for (const reject of this.#pending.keys()) reject(error);
  }
}

function crashed(sign: string, details: ErrorDetails = {}): TabserveError {
  return new TabserveError(
    'worker-crashed',
    `The worker died (noticed by ${sign}). A new one is started.`,
    { details },
  );
}
