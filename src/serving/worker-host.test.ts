/** Who shares a worker with whom, and when it ends. */
import * as Comlink from 'comlink';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TabserveError, toErrorRecord } from '../base/errors.js';
import { version } from '../base/version.js';
import { type TestWorker, type WorkerScope, workerStage } from '../testing/worker.js';
import { liveWorkers } from '../wire/connection.js';
import type { PageApi, StartRequest } from '../wire/protocol.js';
import { WorkerLease } from './worker-host.js';

vi.mock('../wire/package-files.js', () => ({
  workerSource: async () => 'script',
  workerFile: () => null,
  packSource: async () => 'pack',
  packFile: () => null,
  engineBinary: () => 'https://page/engine.wasm',
  engineRest: () => 'https://page/rest.wasm',
  embeddedModel: () => ({}),
}));

let starts: StartRequest[];
let startErrors: TabserveError[];
let stage: ReturnType<typeof workerStage>;

function serve(scope: WorkerScope): void {
  const api = {
    start: async (request: StartRequest) => {
      const error = startErrors.shift();
      if (error) return { error: toErrorRecord(error) };
      starts.push(request);
      const page = Comlink.wrap<PageApi>(request.page as unknown as Comlink.Endpoint);
      if (request.binary === null) {
        await page.keepBinary({ url: `engine ${starts.length}`, fallbacks: [] } as never);
      }
      return { value: null };
    },
    finish: async () => ({ value: null }),
    survey: async () => ({ value: 'alive' }),
  };
  Comlink.expose(api, scope as unknown as Comlink.Endpoint);
  scope.postMessage({ tabserve: 'ready', flavour: 'wasm', version });
}

const config = { device: 'wasm', flavour: 'wasm', threads: 1, assets: { cdn: false } } as const;
const other = { ...config, assets: { cdn: false, wasmUrl: 'https://elsewhere/' } };
const worker = () => [...stage.alive].at(-1) as TestWorker;
const leases: WorkerLease[] = [];
const take = (...args: Parameters<typeof WorkerLease.take>) => {
  const lease = WorkerLease.take(...args);
  leases.push(lease);
  return lease;
};
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

beforeEach(() => {
  starts = [];
  startErrors = [];
  stage = workerStage(serve);
  vi.stubGlobal('Worker', stage.Worker);
  vi.stubGlobal('document', Object.assign(new EventTarget(), { baseURI: 'https://page/' }));
  vi.stubGlobal('navigator', {});
});
afterEach(async () => {
  for (const lease of leases.splice(0)) lease.release();
  await settle();
  expect([stage.alive.size, liveWorkers.size]).toEqual([0, 0]);
  vi.unstubAllGlobals();
});

it('classifiers of one configuration share a worker, and its queue', async () => {
  // However it is written.
  const { threads, ...rest } = config;
  const [one, two] = [take(config), take({ threads, ...rest })];
  const [first, second] = await Promise.all([one.connect(), two.connect()]);
  expect(first).toBe(second);
  expect(one.slots).toBe(two.slots);
  expect(stage.urls).toHaveLength(1);
});

it.each([
  ['an own one', () => take(config, true)],
  ['another one of the same kind', () => take(config, false, 1)],
  ['one with more threads', () => take({ ...config, threads: 2 })],
  ['one with packs', () => take({ ...config, packs: ['text'] })],
  ['one whose engine comes from elsewhere', () => take(other)],
])('%s is another worker', async (_name, takeOther) => {
  const [one, two] = [take(config), takeOther()];
  expect(await one.connect()).not.toBe(await two.connect());
  expect(one.slots).not.toBe(two.slots);
  expect(stage.alive.size).toBe(2);
});

it('ends with the last one who has a share in it, however often each gives it up', async () => {
  const [one, two] = [take(config), take(config)];
  const connection = await one.connect();
  one.release();
  one.release();
  await settle();
  expect(connection.end).toBeUndefined();
  expect(await two.connect()).toBe(connection);
  two.release();
  await settle();
  expect(connection.end?.code).toBe('destroyed');
  expect(stage.alive.size).toBe(0);
  // Who comes then gets another one.
  expect(await take(config).connect()).not.toBe(connection);
});

it('ends also where the last share is given up while it starts', async () => {
  const lease = take(config);
  const connecting = lease.connect();
  lease.release();
  const connection = await connecting;
  await settle();
  expect(connection.end?.code).toBe('destroyed');
  expect(stage.alive.size).toBe(0);
});

it('tells all who share it of its death, and starts anew for who asks', async () => {
  const [one, two] = [take(config), take(config)];
  const told: string[] = [];
  one.onDeath = ({ code }) => told.push(`one ${code}`);
  two.onDeath = ({ code }) => told.push(`two ${code}`);
  const first = await one.connect();
  worker().dispatchEvent(new Event('messageerror'));
  expect(told).toEqual(['one worker-crashed', 'two worker-crashed']);
  const second = await two.connect();
  expect(second).not.toBe(first);
  expect(await one.connect()).toBe(second);
  expect(await second.call('survey', null)).toBe('alive');
});

it('goes on telling the others when one leaves at the news', async () => {
  const [one, two, three] = [take(config), take(config), take(config)];
  const told: string[] = [];
  one.onDeath = () => one.release();
  two.onDeath = () => two.release();
  three.onDeath = () => told.push('three');
  await one.connect();
  worker().dispatchEvent(new Event('messageerror'));
  expect(told).toEqual(['three']);
});

it('tries again after a start that failed', async () => {
  const lease = take(config);
  startErrors.push(new TabserveError('worker-crashed', 'It fell.'));
  await expect(lease.connect()).rejects.toMatchObject({ code: 'worker-crashed' });
  await settle();
  expect(stage.alive.size).toBe(0);
  expect((await lease.connect()).end).toBeUndefined();
});

it('hands the engine’s binary on to later workers of the same engine', async () => {
  const at = (wasmUrl: string) => ({ ...config, assets: { cdn: false, wasmUrl } });
  await take(at('https://one/')).connect();
  await settle();
  await take({ ...at('https://one/'), threads: 2 }, true).connect();
  expect(starts[1]?.binary).toMatchObject({ url: 'engine 1' });
  await take(at('https://two/')).connect();
  expect(starts[2]?.binary).toBeNull();
});
