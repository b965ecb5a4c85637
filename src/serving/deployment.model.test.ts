/**
 * Random sequences of everything that can happen to deployments, in any order, against what has to
 * hold whatever happens. `TABSERVE_SEQUENCES=10000` runs so many; `src/testing/seed.ts` says which.
 */
import { setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ErrorCode, TabserveError } from '../base/errors.js';
import type { BackendPlans } from './backends.js';
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

setMaxListeners(0);

const sequences = Number(process.env.TABSERVE_SEQUENCES ?? 300);

const codes: readonly ErrorCode[] = [
  'network',
  'worker-crashed',
  'device-lost',
  'out-of-memory',
  'model-invalid',
  'unsupported',
  'worker-blocked',
];

const which = fc.nat({ max: 2 });
const code = fc.constantFrom(...codes);

/** What can happen; `which` is a deployment, and `n` whatever else is to be chosen. */
const step = fc.oneof(
  fc.record({
    op: fc.constant('create' as const),
    which,
    rivals: fc.nat({ max: 2 }),
    named: fc.boolean(),
    idle: fc.boolean(),
  }),
  fc.record({
    op: fc.constant('ask' as const),
    which,
    lasting: fc.boolean(),
    takes: fc.constantFrom(0, 0, 5, 300, 300, Number.POSITIVE_INFINITY),
    now: fc.boolean(),
    priority: fc.constantFrom('high' as const, 'normal' as const, 'low' as const),
    behind: fc.constantFrom(0, 0, 10_000),
  }),
  fc.record({ op: fc.constantFrom('load' as const, 'renew' as const, 'destroy' as const), which }),
  fc.record({ op: fc.constant('abort' as const), n: fc.nat({ max: 9 }) }),
  fc.record({ op: fc.constant('die' as const), n: fc.nat({ max: 3 }), code }),
  fc.record({
    op: fc.constantFrom('failLoad' as const, 'failStart' as const, 'failRun' as const),
    code,
  }),
  fc.record({
    op: fc.constantFrom(
      'update' as const,
      'offline' as const,
      'online' as const,
      'hide' as const,
      'show' as const,
      'faster' as const,
      'wrong' as const,
    ),
  }),
  fc.record({ op: fc.constant('turns' as const), n: fc.nat({ max: 12 }) }),
  fc.record({ op: fc.constant('sleep' as const), n: fc.constantFrom(1_000, 60_000) }),
  fc.record({
    op: fc.constant('wait' as const),
    n: fc.constantFrom(1, 3, 5, 8, 10, 15, 100, 500, 1_000, 12_000),
  }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Deployed = ReturnType<typeof deploy>;

interface Call {
  controller: AbortController;
  settled: Promise<unknown>;
  isOver: boolean;
  /** Whether nothing but an abort or the end of its deployment ends it. */
  isStuck: boolean;
}

function deploy(world: World, name: string, plans: BackendPlans, idle: boolean) {
  return new Deployment({
    task: world.task,
    settings: settingsOf(name, { idleTimeout: idle ? 700 : null }),
    plan: async () => plans,
    environment: world,
  });
}

/** One run of the sequence. */
class Run {
  readonly world = new World();
  readonly deployments: (Deployed | undefined)[] = [];
  readonly calls: Call[] = [];
  readonly all: Deployed[] = [];
  #nextId = 1;

  async do(step: Step): Promise<void> {
    const { world } = this;
    switch (step.op) {
      case 'create': {
        const rivals = [webgpu, { ...wasm, threads: 2 }].slice(0, step.rivals);
        this.deployments[step.which]?.destroy();
        // A GPU that is asked for by name serves before anything was compared with it.
        const plans = step.named ? { ...plansOf(), plans: [webgpu, wasm] } : plansOf(...rivals);
        const deployment = deploy(world, `m${step.which}`, plans, step.idle);
        this.deployments[step.which] = deployment;
        this.all.push(deployment);
        return;
      }
      case 'ask':
        return this.#ask(step);
      case 'load':
        return this.#call(step.which, (deployment, signal) => deployment.load({ signal }));
      case 'renew': {
        const { version } = world;
        return this.#call(step.which, async (deployment, signal) => {
          await deployment.renew({ signal });
          // Whatever serves now was loaded after the call.
          const modelId = deployment.serving?.loaded.modelId ?? -1;
          const found = world.workers.flatMap(({ models }) => models.get(modelId) ?? []);
          for (const each of found) expect(each).toBeGreaterThanOrEqual(version);
        });
      }
      case 'destroy':
        this.deployments[step.which]?.destroy();
        return;
      case 'abort':
        this.calls.at(-1 - step.n)?.controller.abort(new Error('aborted'));
        return;
      case 'die':
        world.workers[step.n]?.die(new TabserveError(step.code, 'It died.'));
        return;
      case 'failLoad':
        world.loadErrors.push(new TabserveError(step.code, 'The load fails.'));
        return;
      case 'failStart':
        world.startErrors.push(new TabserveError(step.code, 'The start fails.'));
        return;
      case 'failRun':
        world.runErrors.push(new TabserveError(step.code, 'The run fails.'));
        return;
      case 'update':
        world.version += 1;
        return;
      case 'wrong':
        world.difference ??= 'other numbers';
        return;
      case 'faster':
        world.speed = { wasm: 10, webgpu: 2 };
        return;
      case 'offline':
        world.isOffline = true;
        return;
      case 'online':
        return world.goOnline();
      case 'hide':
      case 'show':
        world.isHidden = step.op === 'hide';
        return;
      case 'turns':
        for (let turn = 0; turn < step.n; turn += 1) await Promise.resolve();
        return;
      case 'sleep':
        // Frozen: time passes, and no timer goes off before the page is back.
        world.clock += step.n;
        return;
      case 'wait':
        return world.advance(step.n);
    }
  }

  #ask(step: Extract<Step, { op: 'ask' }>): void {
    const { lasting, takes, now, priority, behind } = step;
    const source: Source = { id: this.#nextId++, lasting, takes };
    const oldest = this.world.version;
    this.#call(
      step.which,
      async (deployment, signal) => {
        const request = { captureNow: now, priority, behind, signal, timeLeft: () => null };
        const { answer, attempts } = await deployment.run(source, {}, request);
        const { model, version, source: answered } = answer as Answer;
        expect(model).toBe(`m${step.which}`);
        expect(answered).toBe(source);
        expect(version).toBeLessThanOrEqual(this.world.version);
        expect(attempts).toBeLessThanOrEqual(2);
        expect(oldest).toBeLessThanOrEqual(this.world.version);
      },
      !Number.isFinite(takes),
    );
  }

  #call(
    index: number,
    make: (deployment: Deployed, signal: AbortSignal) => Promise<unknown>,
    isStuck = false,
  ): void {
    const deployment = this.deployments[index];
    if (!deployment) return;
    const controller = new AbortController();
    const call: Call = { controller, isOver: false, isStuck, settled: Promise.resolve() };
    call.settled = make(deployment, controller.signal)
      .catch((error: unknown) => {
        // What fails is one of the errors that were planted, or an abort, never a defect.
        const isDefect = !(error instanceof Error) || error.name === 'AssertionError';
        if (isDefect) throw error;
        if (error instanceof TabserveError) expect(error.code).not.toBe('internal');
        else expect(error.message).toBe('aborted');
      })
      .finally(() => {
        call.isOver = true;
      });
    call.settled.catch(() => undefined);
    this.calls.push(call);
  }

  /** When nothing new happens, everything ends, and what is left serves. */
  async finish(): Promise<void> {
    const { world } = this;
    world.loadErrors.length = 0;
    world.startErrors.length = 0;
    world.runErrors.length = 0;
    world.isHidden = false;
    world.goOnline();
    await world.advance(120_000);
    for (const { isOver, isStuck, settled } of this.calls) {
      if (!isStuck) expect(isOver, 'every call ends').toBe(true);
      if (isOver) await settled;
    }
    for (const deployment of this.deployments) {
      if (!deployment || deployment.state === 'destroyed') continue;
      const asked = deployment.run(
        { id: 0 },
        {},
        {
          captureNow: true,
          priority: 'normal',
          behind: 0,
          signal: new AbortController().signal,
          timeLeft: () => null,
        },
      );
      await world.advance(30_000);
      await asked;
      expect(deployment.state).toMatch(/ready|degraded/);
      const fallbacks = deployment.serving?.fallbacks.length ?? 0;
      expect(deployment.state === 'degraded').toBe(fallbacks > 0);
    }
    await world.advance(60_000);
    // Each has its one model, unless it is idle, and no worker has one that nobody uses.
    const serving = this.deployments.reduce((sum, each) => sum + workersOf(each), 0);
    expect(world.models).toHaveLength(serving);
    expect(loadedModels.size).toBe(serving);
    for (const deployment of this.deployments) deployment?.destroy();
    await settle();
    for (const { isOver, settled } of this.calls) {
      expect(isOver, 'destroy() ends every call').toBe(true);
      await settled;
    }
    await world.advance(60_000);
    expect({
      workers: world.workers.length,
      hosts: world.hosts.size,
      timers: world.timers,
      listeners: world.listeners.size,
      payloads: [...world.payloads].filter(({ source }) => Number.isFinite(source.takes ?? 0))
        .length,
      open: pageBudget.open,
      held: pageBudget.held,
      models: loadedModels.size,
    }).toEqual({
      workers: 0,
      hosts: 0,
      timers: 0,
      listeners: 0,
      payloads: 0,
      open: 0,
      held: 0,
      models: 0,
    });
  }
}

function workersOf(deployment: Deployed | undefined): number {
  return deployment && deployment.state !== 'destroyed' ? deployment.workers : 0;
}

it(`${sequences} random sequences leave nothing lost`, { timeout: 3_600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      loadedModels.clear();
      pageBudget.open = 0;
      pageBudget.held = 0;
      const run = new Run();
      await run.do({ op: 'create', which: 0, rivals: 1, named: false, idle: false });
      await run.do({ op: 'load', which: 0 });
      for (const each of steps) await run.do(each);
      await run.finish();
    }),
    { numRuns: sequences },
  );
});
