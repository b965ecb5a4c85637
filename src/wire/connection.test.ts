/** One worker from its start to its end: every call ends, and nothing of it is left. */
import * as Comlink from 'comlink';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TabserveError, toErrorRecord } from '../base/errors.js';
import { version } from '../base/version.js';
import { MemoryLocks } from '../testing/locks.js';
import { type TestWorker, type WorkerScope, workerStage } from '../testing/worker.js';
import { Connection, liveWorkers, newRequestId, type PageServices } from './connection.js';
import type { PageApi, Reply, StartRequest } from './protocol.js';

vi.mock('./package-files.js', () => ({
  workerSource: async () => 'script',
  workerFile: () => null,
  packSource: async () => 'pack',
  packFile: () => null,
  engineBinary: () => 'https://page/engine.wasm',
  engineRest: () => 'https://page/rest.wasm',
  embeddedModel: () => ({}),
}));

/** What the worker of the test does; what a test does not say is answered with nothing. */
class Script {
  started: StartRequest | undefined;
  page: Comlink.Remote<PageApi> | undefined;
  readonly heard: string[] = [];
  run = async (_request: unknown): Promise<Reply<unknown>> => ({ value: null });
  onStart = async (): Promise<Reply<null>> => ({ value: null });
  onFinish = async (): Promise<Reply<null>> => ({ value: null });

  readonly serve = (scope: WorkerScope): void => {
    const api = {
      start: async (request: StartRequest) => {
        this.started = request;
        this.page = Comlink.wrap<PageApi>(request.page as unknown as Comlink.Endpoint);
        void locks.request(request.lockName, () => new Promise(() => undefined));
        return this.onStart();
      },
      load: (request: unknown) => this.run(request),
      unload: (request: unknown) => this.run(request),
      cancel: (id: number) => void this.heard.push(`cancel ${id}`),
      ping: () => void this.heard.push('ping'),
      finish: () => {
        this.heard.push('finish');
        return this.onFinish();
      },
    };
    Comlink.expose(api, scope as unknown as Comlink.Endpoint);
    scope.postMessage({ tabserve: 'ready', flavour: 'wasm', version });
  };
}

const services = {
  labels: async (bytes: Uint8Array) => ({ value: [`${bytes.length}`] }),
} as unknown as PageServices;

let script: Script;
let locks: MemoryLocks;
let stage: ReturnType<typeof workerStage>;
const config = { device: 'wasm', flavour: 'wasm', threads: 1, assets: { cdn: false } } as const;
const legacy = () => ({ binary: null });
const open = (more = {}) => Connection.open({ ...config, ...more }, legacy(), services);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    ({ code, message }: TabserveError) => code ?? message,
  );
const worker = () => [...stage.alive].at(-1) as TestWorker;
const request = { requestId: 7 } as never;
const forEver = () => new Promise<never>(() => undefined);

/** Messages come by the event loop, which stands under no fake clock. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets time pass in the steps in which silence is looked for. */
async function pass(milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 500) {
    vi.advanceTimersByTime(500);
    await settle();
  }
}

beforeEach(() => {
  script = new Script();
  locks = new MemoryLocks();
  stage = workerStage(script.serve, locks);
  vi.stubGlobal('Worker', stage.Worker);
  vi.stubGlobal('document', Object.assign(new EventTarget(), { baseURI: 'https://page/' }));
  vi.stubGlobal('location', new URL('https://page/'));
  vi.stubGlobal('navigator', { locks });
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'],
  });
});
afterEach(async () => {
  for (const each of [...liveWorkers]) each.close();
  await settle();
  await pass(2_500);
  expect([stage.alive.size, liveWorkers.size, vi.getTimerCount()]).toEqual([0, 0, 0]);
  expect(locks.names).toEqual([]);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the start of a worker', () => {
  it('tells it all that it needs to know', async () => {
    const connection = await open({ threads: 3, packs: ['text'] });
    expect(script.started).toMatchObject({
      device: 'wasm',
      threads: 3,
      wasmUrls: ['https://page/engine.wasm'],
      binary: null,
      packs: [],
    });
    expect(locks.names).toEqual([script.started?.lockName]);
    expect(liveWorkers).toEqual(new Set([connection]));
  });

  it('gives every worker a lock of its own', async () => {
    await open();
    const { lockName } = script.started ?? {};
    await open();
    expect(script.started?.lockName).not.toBe(lockName);
  });

  it('that fails ends the worker', async () => {
    script.onStart = async () => ({
      error: toErrorRecord(new TabserveError('network', 'A pack is missing.')),
    });
    expect(await codeOf(open())).toBe('network');
    expect(stage.alive.size).toBe(0);
    // What it held is free again.
    await settle();
    expect(locks.names).toEqual([]);
  });

  it('with an address that is none starts no worker', async () => {
    expect(await codeOf(open({ assets: { wasmUrl: 'https://' } }))).toBe('invalid-argument');
    expect(stage.urls).toEqual([]);
  });

  it('does not wait for ever for an answer', async () => {
    script.onStart = forEver;
    const opening = codeOf(open());
    await settle();
    await pass(6_000);
    // A worker that answers its pings lives: it only takes its time over the start.
    expect(script.heard).toContain('ping');
    worker().isDeaf = true;
    await pass(8_000);
    expect(await opening).toBe('worker-crashed');
  });
});

describe('a call', () => {
  it('gives the value, or the worker’s error with all that it says', async () => {
    const connection = await open();
    script.run = async () => ({ value: { modelId: 3 } });
    expect(await connection.call('load', request)).toEqual({ modelId: 3 });
    const error = new TabserveError('model-invalid', 'No.', { details: { model: 'm' } });
    script.run = async () => ({ error: toErrorRecord(error) });
    const failed = connection.call('load', request).catch((reason: unknown) => reason);
    expect(await failed).toMatchObject({
      code: 'model-invalid',
      message: 'No.',
      details: { model: 'm' },
    });
    // An answer is no death.
    expect(connection.end).toBeUndefined();
  });

  it('that is aborted ends at once, here and there', async () => {
    const connection = await open();
    script.run = forEver;
    const controller = new AbortController();
    const called = connection.call('load', request, { signal: controller.signal });
    controller.abort('enough');
    await expect(called).rejects.toBe('enough');
    await settle();
    expect(script.heard).toEqual(['cancel 7']);
    // One that was aborted before is not even sent.
    await expect(connection.call('load', request, { signal: controller.signal })).rejects.toBe(
      'enough',
    );
    await settle();
    expect(script.heard).toEqual(['cancel 7']);
  });

  it('leaves no listener on the signal', async () => {
    const connection = await open();
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, 'addEventListener');
    const removed = vi.spyOn(signal, 'removeEventListener');
    await connection.call('load', request, { signal });
    expect(added).toHaveBeenCalledTimes(1);
    expect(removed.mock.calls[0]?.[1]).toBe(added.mock.calls[0]?.[1]);
  });

  it.each(['device-lost', 'worker-crashed'] as const)(
    'that ends in %s ends the worker, and all other calls with it',
    async (code) => {
      const connection = await open();
      const deaths: string[] = [];
      connection.onDeath = (error) => deaths.push(error.code);
      script.run = forEver;
      const other = codeOf(connection.call('load', request));
      await settle();
      script.run = async () => ({ error: toErrorRecord(new TabserveError(code, 'Gone.')) });
      expect(await codeOf(connection.call('load', request))).toBe(code);
      expect(await other).toBe(code);
      expect(deaths).toEqual([code]);
      expect(await codeOf(connection.call('load', request))).toBe(code);
      expect(stage.alive.size).toBe(0);
    },
  );

  it('numbers are never given twice', () => {
    const numbers = Array.from({ length: 100 }, newRequestId);
    expect(new Set(numbers).size).toBe(100);
  });
});

describe('the death of a worker', () => {
  async function opened() {
    const connection = await open();
    const deaths: TabserveError[] = [];
    connection.onDeath = (error) => deaths.push(error);
    script.run = forEver;
    const called = connection.call('load', request).catch((error: TabserveError) => error);
    await settle();
    return { connection, deaths, called };
  }

  it('is noticed by its lock', async () => {
    const { deaths, called } = await opened();
    worker().die();
    await settle();
    expect(await called).toMatchObject({ code: 'worker-crashed' });
    expect(deaths).toHaveLength(1);
    expect(deaths[0]?.message).toMatch(/sudden end/);
  });

  it.each([
    ['an error that nobody caught', () => new Event('error', { cancelable: true })],
    ['a message that cannot be read', () => new Event('messageerror')],
  ])('is noticed by %s', async (_name, event) => {
    const { deaths, called } = await opened();
    worker().dispatchEvent(event());
    expect(await called).toMatchObject({ code: 'worker-crashed' });
    expect(deaths).toHaveLength(1);
    expect(stage.alive.size).toBe(0);
  });

  it('is told once, whatever else shows it', async () => {
    const { deaths } = await opened();
    const dead = worker();
    dead.dispatchEvent(new Event('messageerror'));
    dead.dispatchEvent(new Event('messageerror'));
    dead.die();
    await settle();
    await pass(120_000);
    expect(deaths).toHaveLength(1);
  });

  it('is noticed by silence longer than anybody expects', async () => {
    const connection = await open();
    let died: TabserveError | undefined;
    connection.onDeath = (error) => {
      died = error;
    };
    script.run = forEver;
    const short = codeOf(connection.call('load', request, { patience: 3_000 }));
    const long = codeOf(connection.call('load', request, { patience: 10_000 }));
    await settle();
    worker().isDeaf = true;
    await pass(8_000);
    // A run may block the worker's thread for as long as the most patient call allows.
    expect(connection.end).toBeUndefined();
    await pass(4_000);
    expect([await short, await long]).toEqual(['worker-crashed', 'worker-crashed']);
    expect(died?.details.silence).toBeGreaterThan(10_000);
  });

  it('is not seen in a worker that answers when it is asked', async () => {
    const connection = await open();
    script.run = forEver;
    const called = connection.call('load', request, { patience: 3_000 });
    called.catch(() => undefined);
    await settle();
    await pass(60_000);
    expect(connection.end).toBeUndefined();
    expect(script.heard.filter((each) => each === 'ping').length).toBeGreaterThan(10);
  });

  it('is not seen in the silence of a page that slept', async () => {
    const connection = await open();
    script.run = forEver;
    connection.call('load', request, { patience: 3_000 }).catch(() => undefined);
    await settle();
    worker().isDeaf = true;
    // One look after an hour, as when a laptop was closed.
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 3_600_000);
    vi.advanceTimersByTime(500);
    expect(connection.end).toBeUndefined();
    vi.mocked(performance.now).mockRestore();
    worker().isDeaf = false;
    await settle();
  });

  it('is not looked for where nobody waits', async () => {
    const connection = await open();
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    await pass(1_500);
    // The watch that the start began has ended.
    expect(vi.getTimerCount()).toBe(0);
    script.run = forEver;
    const reject = vi.fn();
    connection.call('unload', 3 as never, { patience: 0 }).catch(reject);
    await settle();
    worker().isDeaf = true;
    await pass(300_000);
    expect(connection.end).toBeUndefined();
    expect(reject).not.toHaveBeenCalled();
  });

  it('without Web Locks is noticed by silence', async () => {
    vi.stubGlobal('navigator', {});
    const { deaths } = await opened();
    locks.release(script.started?.lockName ?? '');
    worker().die();
    await pass(63_000);
    expect(deaths[0]?.message).toMatch(/silence/);
  });

  it('where the page may not have locks, is noticed all the same', async () => {
    const refusing = new MemoryLocks();
    refusing.refusal = new DOMException('No.', 'SecurityError');
    vi.stubGlobal('navigator', { locks: refusing });
    const { deaths, connection } = await opened();
    await settle();
    expect(connection.end).toBeUndefined();
    worker().dispatchEvent(new Event('messageerror'));
    expect(deaths).toHaveLength(1);
  });

  it('by replace() counts as one', async () => {
    const { connection, deaths, called } = await opened();
    connection.replace(new Error('It has no memory left.'));
    expect(await called).toMatchObject({ code: 'worker-crashed' });
    expect(deaths[0]?.message).toMatch(/replaced: It has no memory left/);
  });

  it('of the GPU is one of the worker', async () => {
    const { deaths } = await opened();
    // It gets no answer: it is ended by saying so.
    void script.page?.deviceLost('A driver was updated.');
    await settle();
    expect(deaths[0]).toMatchObject({ code: 'device-lost' });
    expect(deaths[0]?.message).toMatch(/A driver was updated/);
  });
});

describe('what the page does for a worker', () => {
  it('is done by its services', async () => {
    await open();
    expect(await script.page?.labels(new Uint8Array(5), 'labels.txt')).toEqual({ value: ['5'] });
  });

  it('reports progress to whom it belongs, and only as long as that is wanted', async () => {
    const connection = await open();
    const heard: number[][] = [];
    const stop = connection.followProgress(4, (...bytes) => void heard.push(bytes));
    await script.page?.progress(4, 1, 2, 0);
    await script.page?.progress(5, 9, 9, 9);
    stop();
    await script.page?.progress(4, 2, 2, 0);
    expect(heard).toEqual([[1, 2, 0]]);
  });

  it('keeps the engine’s binary for those that come after it', async () => {
    const left = { binary: null as never };
    await Connection.open(config, left, services);
    const binary = { url: 'https://page/engine.wasm', fallbacks: [] } as never;
    await script.page?.keepBinary(binary);
    expect(left.binary).toEqual(binary);
    await Connection.open(config, left, services);
    expect(script.started?.binary).toEqual(binary);
  });
});

describe('close()', () => {
  it('ends all calls at once, and the worker when it has finished its writing', async () => {
    const connection = await open();
    const died = vi.fn();
    connection.onDeath = died;
    script.run = forEver;
    const called = codeOf(connection.call('load', request));
    let finish: (reply: Reply<null>) => void = () => undefined;
    script.onFinish = () => new Promise((resolve) => (finish = resolve));
    connection.close();
    expect(await called).toBe('destroyed');
    await settle();
    expect(script.heard).toEqual(['finish']);
    expect(stage.alive.size).toBe(1);
    finish({ value: null });
    await settle();
    expect([stage.alive.size, vi.getTimerCount()]).toEqual([0, 0]);
    expect(died).not.toHaveBeenCalled();
  });

  it('does not wait for ever for a worker that hangs', async () => {
    const connection = await open();
    script.onFinish = forEver;
    connection.close();
    await settle();
    expect(liveWorkers.size).toBe(1);
    await pass(2_000);
    expect([liveWorkers.size, stage.alive.size]).toEqual([0, 0]);
  });

  it('called twice ends one worker once', async () => {
    const connection = await open();
    const ended = worker();
    const terminated = vi.spyOn(ended, 'terminate');
    connection.close();
    connection.close();
    connection.replace(new Error('late'));
    await settle();
    await pass(3_000);
    expect(terminated).toHaveBeenCalledTimes(1);
  });
});
