/** A platform for tests: a clock that stands still, and workers that do what they are told. */
import { TabserveError } from '../../base/errors.js';
import type { PageTask } from '../../tasks/task.js';
import type { WorkerConfig } from '../../wire/connection.js';
import type { BackendPlan, BackendPlans } from '../backends.js';
import * as background from '../background.js';
import type { Environment, Lease, WorkerLink } from '../environment.js';
import { Slots } from '../request-queue.js';
import type { DeploymentSettings } from '../types.js';

/** What a worker says of a model that it was told to forget. */
export const unloaded = 'The model was unloaded from its worker.';

/** Lets everything happen that does not wait for the clock. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** What a fake worker answers: which version answered, and what it was asked. */
export interface Answer {
  model: string;
  version: number;
  source: Source;
  /** What the worker was sent. */
  payload: unknown;
}

/** A source of the fake task. */
export interface Source {
  id: number;
  lasting?: boolean;
  /** Milliseconds that a capture takes; `Infinity` for one that never ends. */
  takes?: number;
  bytes?: number;
}

interface Payload {
  source: Source;
  isOpen: boolean;
}

export class World implements Environment {
  clock = 0;
  /** The version of the model that a load gets now. */
  version = 1;
  /** Errors for the next loads, starts and runs, one each. */
  readonly loadErrors: TabserveError[] = [];
  readonly startErrors: TabserveError[] = [];
  readonly runErrors: TabserveError[] = [];
  /** Milliseconds that things take. */
  takes = { start: 5, load: 10, run: 3, probe: 2 };
  /** Milliseconds that a run takes by `probe`, by device. */
  speed: Record<string, number> = { wasm: 10, webgpu: 20 };
  /** What a probe finds. */
  difference: string | null = null;
  /** Whether models have a self-test, and what is found by it. */
  selfTest: { difference: string | null } | null = null;
  /** Whether loads find no network. */
  isOffline = false;
  /** Whether the page is hidden: its timers go off at whole seconds only, the workers' as ever. */
  isHidden = false;
  readonly hosts = new Set<FakeHost>();
  readonly listeners = new Set<() => void>();
  /** Every load and unload that a worker did. */
  readonly log: string[] = [];
  readonly payloads = new Set<Payload>();
  readonly #timers = new Map<number, { at: number; isPage: boolean; callback: () => void }>();
  #nextTimer = 1;

  now = () => this.clock;

  after = (milliseconds: number, callback: () => void) => this.#after(milliseconds, true, callback);

  /** As {@link after}, in a worker. */
  afterInWorker = (milliseconds: number, callback: () => void) =>
    this.#after(milliseconds, false, callback);

  #after(milliseconds: number, isPage: boolean, callback: () => void): () => void {
    const id = this.#nextTimer++;
    this.#timers.set(id, { at: this.clock + milliseconds, isPage, callback });
    return () => void this.#timers.delete(id);
  }

  onOnline = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  savesData = () => false;

  background = async () => background;

  takeLease = (config: WorkerConfig, own: boolean, nth = 0): Lease => {
    const key = own ? null : `${config.device} ${config.threads} ${nth}`;
    const known = [...this.hosts].find((host) => key !== null && host.key === key);
    const host = known ?? new FakeHost(this, key, config.device);
    this.hosts.add(host);
    return new FakeLease(host);
  };

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Workers that run. */
  get workers(): FakeWorker[] {
    return [...this.hosts].flatMap(({ worker }) => (worker ? [worker] : []));
  }

  /** Models in workers that run, each by its version. */
  get models(): number[] {
    return this.workers.flatMap(({ models }) => [...models.values()]);
  }

  /** Lets so much time pass, timer by timer. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.clock + milliseconds;
    await settle();
    for (;;) {
      const [next] = [...this.#timers].sort(([, a], [, b]) => this.#due(a) - this.#due(b));
      if (!next || this.#due(next[1]) > end) break;
      this.#timers.delete(next[0]);
      this.clock = Math.max(this.clock, this.#due(next[1]));
      next[1].callback();
      await settle();
    }
    this.clock = end;
  }

  #due({ at, isPage }: { at: number; isPage: boolean }): number {
    return isPage && this.isHidden ? Math.ceil(at / 1_000) * 1_000 : at;
  }

  goOnline(): void {
    this.isOffline = false;
    for (const listener of [...this.listeners]) listener();
  }

  /** Its payloads are counted until they are closed. */
  readonly task: PageTask<Source, Payload> = {
    name: 'fake',
    isLasting: ({ lasting = true }) => lasting,
    capture: (source) =>
      new Promise((resolve) => {
        const end = () => resolve(this.#open(source));
        const { takes = 0 } = source;
        if (takes === 0) end();
        else if (Number.isFinite(takes)) this.after(takes, end);
      }),
    transfer: () => [],
    expectedBytes: ({ bytes = 0 }) => bytes,
    bytes: ({ source }) => source.bytes ?? 0,
    copy: ({ source }) => this.#open(source),
    close: (payload) => {
      payload.isOpen = false;
      this.payloads.delete(payload);
    },
  };

  #open(source: Source): Payload {
    const payload = { source, isOpen: true };
    this.payloads.add(payload);
    return payload;
  }
}

class FakeHost {
  readonly slots = new Slots(4);
  readonly leases = new Set<FakeLease>();
  worker: FakeWorker | undefined;
  #starting: Promise<FakeWorker> | undefined;

  constructor(
    readonly world: World,
    readonly key: string | null,
    readonly device: string,
  ) {}

  connect(): Promise<FakeWorker> {
    this.#starting ??= new Promise((resolve, reject) => {
      this.world.afterInWorker(this.world.takes.start, () => {
        const error = this.world.startErrors.shift();
        if (error) this.#starting = undefined;
        if (error) return reject(error);
        const worker = new FakeWorker(this);
        if (this.leases.size > 0) this.worker = worker;
        else worker.close();
        resolve(worker);
      });
    });
    return this.#starting;
  }

  leave(lease: FakeLease): void {
    if (!this.leases.delete(lease) || this.leases.size > 0) return;
    this.world.hosts.delete(this);
    this.worker?.close();
    this.worker = undefined;
  }

  lose(error: TabserveError): void {
    this.worker = undefined;
    this.#starting = undefined;
    for (const lease of [...this.leases]) lease.onDeath(error);
  }
}

class FakeLease implements Lease {
  onDeath: (error: TabserveError) => void = () => undefined;

  constructor(readonly host: FakeHost) {
    host.leases.add(this);
  }

  get slots(): Slots {
    return this.host.slots;
  }

  connect(): Promise<WorkerLink> {
    return this.host.connect() as unknown as Promise<WorkerLink>;
  }

  release(): void {
    this.host.leave(this);
  }
}

type Request = {
  requestId: number;
  modelId: number;
  payload: Payload;
  model: { name: string };
  reference: unknown;
};

export class FakeWorker {
  end: TabserveError | undefined;
  readonly fallbacks = [];
  /** Versions by model. */
  readonly models = new Map<number, number>();
  readonly #names = new Map<number, string>();
  readonly #pending = new Set<(error: unknown) => void>();

  constructor(readonly host: FakeHost) {}

  followProgress(_requestId: number, report: (...bytes: [number, number, number]) => void) {
    report(1, 2, 0);
    return () => undefined;
  }

  call(
    name: string,
    request: Request & number,
    { signal }: { signal?: AbortSignal },
  ): Promise<unknown> {
    const { world } = this.host;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.end) return Promise.reject(this.end);
    if (name === 'unload') {
      if (this.models.delete(request)) world.log.push(`unload ${request}`);
      return Promise.resolve(null);
    }
    return new Promise((resolve, reject) => {
      const { takes } = world;
      const time = name === 'load' ? takes.load : name === 'probe' ? takes.probe : takes.run;
      if (name === 'run') takeOver(request.payload);
      const cancel = world.afterInWorker(time, () => {
        finish();
        this.#answer(name, request, resolve, reject);
      });
      const fail = (error: unknown) => {
        finish();
        reject(error);
      };
      const onAbort = () => fail(signal?.reason);
      const finish = () => {
        cancel();
        this.#pending.delete(fail);
        signal?.removeEventListener('abort', onAbort);
      };
      this.#pending.add(fail);
      signal?.addEventListener('abort', onAbort);
    });
  }

  #answer(
    name: string,
    request: Request,
    resolve: (value: unknown) => unknown,
    reject: (error: unknown) => unknown,
  ): unknown {
    const { world, device } = this.host;
    if (name === 'load') {
      const error = world.loadErrors.shift();
      if (error) return reject(error);
      if (world.isOffline) return reject(new TabserveError('network', 'There is no network.'));
      const modelId = request.requestId;
      this.models.set(modelId, world.version);
      this.#names.set(modelId, request.model.name);
      world.log.push(`load ${modelId}`);
      const timings = { session: 5, warmup: 1 };
      const hasSelfTest = world.selfTest !== null;
      return resolve({ modelId, finding: null, hasSelfTest, fallbacks: [], timings });
    }
    if (name === 'probe') {
      const { [device]: time = null } = world.speed;
      const found = request.reference === 'self-test' ? world.selfTest : world;
      return resolve({ time, outputs: [], difference: found?.difference ?? null });
    }
    const error = world.runErrors.shift();
    if (error) return reject(error);
    const version = this.models.get(request.modelId);
    if (version === undefined) return reject(new TabserveError('destroyed', unloaded));
    if (request.payload.isOpen === false)
      return reject(new TabserveError('internal', 'It is closed.'));
    const { payload } = request;
    const { source } = payload;
    const model = this.#names.get(request.modelId);
    return resolve({
      answer: { model, version, source, payload },
      timings: { queue: 0, decode: 1, preprocess: 1, inference: 1 },
      shared: 1,
      wanted: 4,
    });
  }

  replace(): void {
    this.die(new TabserveError('worker-crashed', 'It was replaced.'));
  }

  /** Ends as a worker that dies. */
  die(error: TabserveError): void {
    if (this.end) return;
    this.#finish(error);
    this.host.lose(error);
  }

  close(): void {
    if (!this.end) this.#finish(new TabserveError('destroyed', 'It was ended.'));
  }

  #finish(error: TabserveError): void {
    this.end = error;
    this.models.clear();
    for (const fail of [...this.#pending]) fail(error);
  }
}

/** A frame or a bitmap that is transferred is the page's no more. */
function takeOver(payload: unknown): void {
  const { frame, bitmap } = payload as Record<'frame' | 'bitmap', { close(): void } | undefined>;
  (frame ?? bitmap)?.close();
}

export const wasm: BackendPlan = {
  device: 'wasm',
  flavour: 'wasm',
  threads: 1,
  reason: 'planned',
  fallbacks: [],
};

export const webgpu: BackendPlan = {
  device: 'webgpu',
  flavour: 'jspi',
  threads: 1,
  reason: 'not measured yet',
  fallbacks: [],
};

/** Plans that begin on WASM, with these rivals. */
export function plansOf(...rivals: BackendPlan[]): BackendPlans {
  const laterPlans = Promise.resolve({ rivals, reason: 'planned', fallbacks: [] });
  return { plans: [wasm], laterPlans };
}

export function settingsOf(name: string, more: Partial<DeploymentSettings> = {}) {
  return {
    model: { kind: 'name', name, version: null, fileUrls: {} },
    task: 'image-classification',
    packs: [],
    dtype: 'auto',
    taskSettings: {},
    hubUrl: 'https://hub/',
    stallTimeout: 1,
    assets: { cdn: false },
    ownWorker: false,
    maxWorkers: 2,
    idleTimeout: null,
    ...more,
  } satisfies DeploymentSettings;
}
