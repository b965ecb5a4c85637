import { beforeEach, describe, expect, it } from 'vitest';
import { type ErrorCode, TabserveError } from '../base/errors.js';
import type { BackendPlan } from './backends.js';
import { Deployment } from './deployment.js';
import { pageBudget } from './held-payload.js';
import { loadedModels } from './replica.js';
import {
  type Answer,
  plansOf,
  type Source,
  settingsOf,
  settle,
  World,
  wasm,
  webgpu,
} from './testing/world.js';
import type { DeploymentSettings, RequestOptions } from './types.js';

let world: World;
beforeEach(() => {
  world = new World();
  loadedModels.clear();
});

const error = (code: ErrorCode) => new TabserveError(code, code);

function deploy(rivals: BackendPlan[] = [], settings: Partial<DeploymentSettings> = {}) {
  return new Deployment({
    task: world.task,
    settings: settingsOf('m', settings),
    plan: async () => plansOf(...rivals),
    environment: world,
  });
}

type Deployed = ReturnType<typeof deploy>;

let nextId = 1;
function ask(
  deployment: Deployed,
  source: Partial<Source> = {},
  more: Partial<RequestOptions> = {},
) {
  const request: RequestOptions = {
    captureNow: true,
    priority: 'normal',
    behind: 0,
    signal: new AbortController().signal,
    timeLeft: () => null,
    ...more,
  };
  return deployment.run({ id: nextId++, ...source }, {}, request);
}

/** What becomes of a promise, as text. */
async function fate(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (reason: unknown) => (reason instanceof TabserveError ? reason.code : String(reason)),
  );
}

async function ready(...args: Parameters<typeof deploy>) {
  const deployment = deploy(...args);
  const loading = deployment.load();
  await world.advance(100);
  await loading;
  return deployment;
}

async function expectNothingLeft() {
  await world.advance(60_000);
  expect({
    workers: world.workers.length,
    hosts: world.hosts.size,
    timers: world.timers,
    listeners: world.listeners.size,
    payloads: world.payloads.size,
    held: pageBudget.held,
    open: pageBudget.open,
    models: loadedModels.size,
  }).toEqual({
    workers: 0,
    hosts: 0,
    timers: 0,
    listeners: 0,
    payloads: 0,
    held: 0,
    open: 0,
    models: 0,
  });
}

describe('transitions that meet', () => {
  it('refreshes while it moves to a faster device, at any moment of it', async () => {
    for (let moment = 0; moment < 60; moment += 1) {
      world = new World();
      world.speed = { wasm: 10, webgpu: 2 };
      const deployment = await ready([webgpu]);
      await world.advance(430 + moment);
      world.version = 2;
      const refreshed = fate(deployment.renew({}));
      await world.advance(2_000);
      expect(await refreshed).toBe('done');
      const answer = ask(deployment);
      await world.advance(100);
      expect(((await answer).answer as Answer).version).toBe(2);
      expect(deployment.serving?.plan.device).toBe('webgpu');
      expect(world.models).toEqual([2]);
      deployment.destroy();
      await expectNothingLeft();
    }
  });

  it('unloads each version that two refreshes at once replace, once', async () => {
    const deployment = await ready();
    const both = [deployment.renew({}), deployment.renew({})];
    await world.advance(500);
    await Promise.all(both);
    const loads = world.log.filter((line) => line.startsWith('load'));
    const unloads = world.log.filter((line) => line.startsWith('unload'));
    expect(loads).toHaveLength(3);
    expect(new Set(unloads).size).toBe(2);
    expect(world.models).toHaveLength(1);
    deployment.destroy();
    await expectNothingLeft();
  });

  it('refreshes although the worker dies in the middle', async () => {
    const deployment = await ready();
    world.version = 2;
    const refreshed = fate(deployment.renew({}));
    await world.advance(5);
    world.workers[0]?.die(error('worker-crashed'));
    await world.advance(5_000);
    expect(await refreshed).toBe('done');
    expect(world.models).toEqual([2]);
    expect(deployment.state).toBe('ready');
    deployment.destroy();
    await expectNothingLeft();
  });

  it('keeps the version in use when a refresh fails or is aborted', async () => {
    const deployment = await ready();
    world.version = 2;
    world.loadErrors.push(error('network'));
    const failed = fate(deployment.renew({}));
    await world.advance(100);
    expect(await failed).toBe('network');
    const controller = new AbortController();
    const aborted = fate(deployment.renew({ signal: controller.signal }));
    await world.advance(5);
    controller.abort('enough');
    await world.advance(100);
    expect(await aborted).toBe('enough');
    expect(world.models).toEqual([1]);
    deployment.destroy();
    await expectNothingLeft();
  });

  it('goes on with its trials after a refresh', async () => {
    world.speed = { wasm: 10, webgpu: 2 };
    const deployment = await ready([webgpu]);
    await world.advance(300);
    const refreshed = deployment.renew({});
    await world.advance(3_000);
    await refreshed;
    expect(deployment.serving?.plan.device).toBe('webgpu');
    deployment.destroy();
    await expectNothingLeft();
  });
});

describe('load', () => {
  it('tells a late listener what is known of the load', async () => {
    const deployment = deploy();
    void deployment.load();
    await world.advance(10);
    const heard: number[][] = [];
    const loading = deployment.load({ onProgress: (...bytes) => heard.push(bytes) });
    await world.advance(100);
    await loading;
    expect(heard).toEqual([[1, 2, 0]]);
    deployment.destroy();
    await expectNothingLeft();
  });

  it('leaves nothing when it is destroyed at any moment', async () => {
    for (let moment = 0; moment < 20; moment += 1) {
      const deployment = deploy([webgpu]);
      const loaded = fate(deployment.load());
      await world.advance(moment);
      deployment.destroy();
      expect(await loaded).toMatch(moment < 15 ? 'destroyed' : 'done');
      await expectNothingLeft();
    }
  });

  it('fails for good reasons at once, and is tried again when there is a network', async () => {
    const deployment = deploy();
    world.loadErrors.push(error('network'));
    const loaded = fate(deployment.load());
    await world.advance(100);
    expect(await loaded).toBe('network');
    expect(deployment.state).toBe('failed');
    expect(world.workers).toEqual([]);
    world.goOnline();
    await world.advance(100);
    expect(deployment.state).toBe('ready');
    deployment.destroy();
    await expectNothingLeft();
  });

  it('can be given up while the browser does not answer about its backends', async () => {
    const deployment = new Deployment({
      task: world.task,
      settings: settingsOf('m'),
      plan: () => new Promise(() => undefined),
      environment: world,
    });
    const controller = new AbortController();
    const loaded = fate(deployment.load({ signal: controller.signal }));
    controller.abort('enough');
    expect(await loaded).toBe('enough');
    deployment.destroy();
    await expectNothingLeft();
  });

  it('steps down to another backend, and says so', async () => {
    const deployment = new Deployment({
      task: world.task,
      settings: settingsOf('m'),
      plan: async () => ({ ...plansOf(), plans: [webgpu, wasm] }),
      environment: world,
    });
    world.loadErrors.push(error('model-invalid'));
    const loaded = deployment.load();
    await world.advance(100);
    await loaded;
    expect(deployment.state).toBe('degraded');
    expect(deployment.serving?.plan.device).toBe('wasm');
    expect(deployment.serving?.fallbacks).toEqual([
      { from: 'webgpu', to: 'wasm', reason: 'model-invalid' },
    ]);
    deployment.destroy();
    await expectNothingLeft();
  });
});

describe('requests', () => {
  it('do not keep others from the worker while their capture takes long', async () => {
    const stuck = await ready();
    const other = await ready();
    const controller = new AbortController();
    const fates = Array.from({ length: 4 }, () =>
      fate(ask(stuck, { takes: Number.POSITIVE_INFINITY }, { signal: controller.signal })),
    );
    await world.advance(500);
    const same = ask(stuck);
    const elsewhere = ask(other);
    await world.advance(100);
    expect(((await same).answer as Answer).version).toBe(1);
    expect(((await elsewhere).answer as Answer).version).toBe(1);
    controller.abort('enough');
    expect(await Promise.all(fates)).toEqual(Array(4).fill('enough'));
    const last = fate(ask(stuck, { takes: Number.POSITIVE_INFINITY }));
    await world.advance(500);
    stuck.destroy();
    expect(await last).toBe('destroyed');
    other.destroy();
    await expectNothingLeft();
  });

  it('are answered when a slow capture ends, also after a worker has died meanwhile', async () => {
    const deployment = await ready();
    const slow = ask(deployment, { takes: 1_000 });
    await world.advance(500);
    world.workers[0]?.die(error('worker-crashed'));
    await world.advance(5_000);
    expect(await slow).toMatchObject({ attempts: 1, captured: 1_000 });
    deployment.destroy();
    await expectNothingLeft();
  });

  it('end on the version that they began with, also beside a capture that gave up its slot', async () => {
    const deployment = await ready();
    world.takes.run = 2_000;
    const slow = ask(deployment, { takes: 300 });
    const first = ask(deployment);
    await world.advance(200);
    world.version = 2;
    const renewal = deployment.renew({});
    await world.advance(5_000);
    await renewal;
    expect([await first, await slow].map(({ answer }) => (answer as Answer).version)).toEqual([
      1, 2,
    ]);
    deployment.destroy();
    await expectNothingLeft();
  });

  it('close what was captured when an abort falls between capture and send', async () => {
    const deployment = await ready();
    for (let turns = 0; turns < 30; turns += 1) {
      const controller = new AbortController();
      const asked = fate(
        ask(deployment, { lasting: turns % 2 === 0 }, { signal: controller.signal }),
      );
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      controller.abort('enough');
      await world.advance(10);
      expect(await asked).toBe('enough');
      expect(world.payloads.size).toBe(0);
    }
    deployment.destroy();
    await expectNothingLeft();
  });

  it('close what a slow capture gave when nobody wants it any more', async () => {
    const deployment = await ready();
    const controller = new AbortController();
    const asked = fate(ask(deployment, { takes: 300 }, { signal: controller.signal }));
    await world.advance(250);
    world.takes.start = 10_000;
    world.workers[0]?.die(error('worker-crashed'));
    await world.advance(500);
    // It was captured and waits for a worker.
    expect(world.payloads.size).toBe(1);
    controller.abort('enough');
    expect(await asked).toBe('enough');
    expect(world.payloads.size).toBe(0);
    deployment.destroy();
    await expectNothingLeft();
  });

  it('begin another load where the one before has just failed, at every turn', async () => {
    for (let turns = 0; turns < 20; turns += 1) {
      const deployment = deploy();
      const loaded = fate(deployment.load());
      await world.advance(7);
      world.workers[0]?.die(error('network'));
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      let asked = 'waits for ever';
      void fate(ask(deployment)).then((found) => {
        asked = found;
      });
      await world.advance(5_000);
      expect(await loaded).toBe('network');
      expect(asked).toMatch(/done|network/);
      deployment.destroy();
      await expectNothingLeft();
    }
  });

  it('keep a model that was about to be unloaded', async () => {
    const deployment = await ready([], { idleTimeout: 100 });
    // The idle time ends while the lane is busy, and a request comes before it is free.
    world.takes.load = 1_000;
    const renewed = fate(deployment.renew({}));
    await world.advance(500);
    world.takes.run = 2_000;
    const asked = ask(deployment);
    await world.advance(3_000);
    expect(await renewed).toBe('done');
    expect((await asked).attempts).toBe(1);
    deployment.destroy();
    await expectNothingLeft();
  });

  it('are refused beyond the bytes that may be held, also within one tick', async () => {
    const deployment = await ready();
    const fates = Array.from({ length: 40 }, () =>
      fate(ask(deployment, { lasting: false, bytes: 2 ** 24 })),
    );
    await world.advance(1_000);
    const all = await Promise.all(fates);
    expect(all.filter((each) => each === 'done')).toHaveLength(16);
    expect(all.filter((each) => each === 'queue-full')).toHaveLength(24);
    deployment.destroy();
    await expectNothingLeft();
  });

  it('are made again once when the worker dies, and then given up', async () => {
    const deployment = await ready();
    const once = ask(deployment, { lasting: false });
    await world.advance(1);
    world.workers[0]?.die(error('worker-crashed'));
    await world.advance(5_000);
    expect((await once).attempts).toBe(2);
    const twice = fate(ask(deployment));
    await world.advance(1);
    world.workers[0]?.die(error('worker-crashed'));
    // After the pause before a second start.
    await world.advance(1_016);
    world.workers[0]?.die(error('worker-crashed'));
    await world.advance(10_000);
    expect(await twice).toBe('worker-crashed');
    expect(deployment.restarts).toBe(3);
    expect(deployment.state).toBe('ready');
    deployment.destroy();
    await expectNothingLeft();
  });

  it('get a fresh worker when memory ran out', async () => {
    const deployment = await ready();
    world.runErrors.push(error('out-of-memory'));
    const asked = ask(deployment);
    await world.advance(5_000);
    expect((await asked).attempts).toBe(2);
    expect(deployment.state).toBe('ready');
    deployment.destroy();
    await expectNothingLeft();
  });

  it('bring an idle model back', async () => {
    const deployment = await ready([], { idleTimeout: 1_000 });
    await world.advance(2_000);
    expect([world.workers.length, deployment.workers]).toEqual([0, 0]);
    const asked = ask(deployment);
    await world.advance(100);
    await asked;
    expect(deployment.state).toBe('ready');
    deployment.destroy();
    await expectNothingLeft();
  });

  it('reject after destroy()', async () => {
    const deployment = await ready();
    deployment.destroy();
    expect(await fate(ask(deployment))).toBe('destroyed');
    expect(await fate(deployment.load())).toBe('destroyed');
    expect(await fate(deployment.renew({}))).toBe('destroyed');
    await settle();
    await expectNothingLeft();
  });
});

describe('rivals', () => {
  it('stay out where they are not faster, and the reason is told', async () => {
    const deployment = await ready([webgpu]);
    await world.advance(2_000);
    expect(deployment.serving?.plan).toMatchObject({ device: 'wasm' });
    expect(deployment.serving?.plan.reason).toMatch(/no slower/);
    expect(world.models).toEqual([1]);
    deployment.destroy();
    await expectNothingLeft();
  });

  it('that fail become a fallback', async () => {
    const deployment = await ready([webgpu]);
    world.loadErrors.push(error('model-invalid'));
    await world.advance(2_000);
    expect(deployment.state).toBe('degraded');
    expect(deployment.serving?.fallbacks).toMatchObject([{ from: 'webgpu', to: 'wasm' }]);
    expect(world.workers).toHaveLength(1);
    deployment.destroy();
    await expectNothingLeft();
  });
});

it('starts a second worker for a backlog, and ends it when there is none', async () => {
  const deployment = await ready();
  world.takes.run = 400;
  const first = ask(deployment);
  await world.advance(500);
  await first;
  const all = Array.from({ length: 2_000 }, () => ask(deployment));
  await world.advance(100);
  expect(deployment.workers).toBe(2);
  await world.advance(400 * 300);
  await Promise.all(all);
  await world.advance(20_000);
  expect(deployment.workers).toBe(1);
  deployment.destroy();
  await expectNothingLeft();
});

describe('a device that is not believed yet', () => {
  const difference = 'output "scores" is 0.5 where 0.1 was computed';

  async function onGpu() {
    const deployment = new Deployment({
      task: world.task,
      settings: settingsOf('m'),
      plan: async () => ({ ...plansOf(), plans: [webgpu] }),
      environment: world,
    });
    const loading = deployment.load();
    await world.advance(100);
    await loading;
    return deployment;
  }

  it('goes on and says that it is checked when it computes what WASM does', async () => {
    const deployment = await onGpu();
    expect(deployment.serving?.verified).toBe('none');
    await world.advance(10_000);
    expect(deployment.serving).toMatchObject({ verified: 'reference', plan: { device: 'webgpu' } });
    expect(deployment.state).toBe('ready');
    expect(world.models).toHaveLength(1);
    deployment.destroy();
    await expectNothingLeft();
  });

  it('hands over to WASM when it does not, without losing a request', async () => {
    world.difference = difference;
    const deployment = await onGpu();
    const devices: string[] = [];
    for (let request = 0; request < 500; request += 1) {
      const answer = ask(deployment);
      await world.advance(10);
      devices.push((await answer).device);
    }
    expect([devices[0], devices.at(-1)]).toEqual(['webgpu', 'wasm']);
    expect(deployment.serving).toMatchObject({ verified: 'reference', plan: { device: 'wasm' } });
    expect(deployment.state).toBe('degraded');
    const [fallback] = deployment.serving?.fallbacks ?? [];
    expect(fallback).toMatchObject({ from: 'webgpu', to: 'wasm' });
    expect(fallback?.reason).toContain(difference);
    deployment.destroy();
    await expectNothingLeft();
  });

  it('is believed by the self-test of the model, without WASM', async () => {
    world.selfTest = { difference: null };
    world.difference = difference;
    const deployment = await onGpu();
    await world.advance(10_000);
    expect(deployment.serving).toMatchObject({ verified: 'self-test', fallbacks: [] });
    expect(world.log.filter((line) => line.startsWith('load'))).toHaveLength(1);
    deployment.destroy();
    await expectNothingLeft();
  });

  it('is left for WASM when it fails the self-test', async () => {
    world.selfTest = { difference };
    const deployment = await onGpu();
    await world.advance(10_000);
    expect(deployment.serving).toMatchObject({ verified: 'reference', plan: { device: 'wasm' } });
    const [fallback] = deployment.serving?.fallbacks ?? [];
    expect(fallback?.reason).toContain(
      `does not compute what the model's self-test records: ${difference}`,
    );
    deployment.destroy();
    await expectNothingLeft();
  });

  it('fails the self-test, says so, and goes on where WASM cannot run the model', async () => {
    world.selfTest = { difference };
    const deployment = await onGpu();
    world.loadErrors.push(error('model-invalid'));
    await world.advance(10_000);
    expect(deployment.state).toBe('degraded');
    expect(deployment.serving).toMatchObject({ verified: 'none', plan: { device: 'webgpu' } });
    const [fallback] = deployment.serving?.fallbacks ?? [];
    expect(fallback).toMatchObject({ from: 'webgpu', to: 'webgpu' });
    expect(fallback?.reason).toMatch(/self-test records: .*WASM cannot take over: model-invalid/);
    deployment.destroy();
    await expectNothingLeft();
  });

  it('is checked anew when the check was given up for another transition', async () => {
    world.difference = difference;
    const deployment = await onGpu();
    await world.advance(2_005);
    const renewal = deployment.renew({});
    await world.advance(10_000);
    await renewal;
    expect(deployment.serving).toMatchObject({ plan: { device: 'wasm' } });
    deployment.destroy();
    await expectNothingLeft();
  });

  it('is not moved to, however fast it is', async () => {
    world.difference = difference;
    world.speed = { wasm: 10, webgpu: 1 };
    const deployment = await ready([webgpu]);
    await world.advance(10_000);
    expect(deployment.serving).toMatchObject({ plan: { device: 'wasm' } });
    expect(deployment.serving?.fallbacks[0]?.reason).toContain(difference);
    deployment.destroy();
    await expectNothingLeft();
  });
});
