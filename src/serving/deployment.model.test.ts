/** Everything that can happen to deployments, in any order: see `testing/sequences.ts`. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { BackendPlans } from './backends.js';
import { Deployment } from './deployment.js';
import { pageBudget } from './held-payload.js';
import { loadedModels } from './replica.js';
import { Calls, calm, happen, incidents, testSequences } from './testing/sequences.js';
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

const which = fc.nat({ max: 2 });

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
    many: fc.constantFrom(1, 1, 6),
    patience: fc.constantFrom(undefined, undefined, 1, 150, 700),
  }),
  fc.record({ op: fc.constantFrom('load' as const, 'renew' as const, 'destroy' as const), which }),
  ...incidents,
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Deployed = ReturnType<typeof deploy>;

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
  readonly calls = new Calls();
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
        for (let nth = 0; nth < step.many; nth += 1) this.#ask(step);
        return;
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
      default:
        return happen(world, this.calls, step);
    }
  }

  #ask(step: Extract<Step, { op: 'ask' }>): void {
    const { lasting, takes, now, priority, behind, patience } = step;
    const source: Source = { id: this.#nextId++, lasting, takes };
    const oldest = this.world.version;
    this.#call(
      step.which,
      async (deployment, signal) => {
        const ends = this.#inTime(signal, patience);
        const request = { captureNow: now, priority, behind, signal: ends, timeLeft: () => null };
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

  /** The same signal, which is aborted after so many milliseconds too. */
  #inTime(signal: AbortSignal, milliseconds: number | undefined): AbortSignal {
    if (milliseconds === undefined) return signal;
    const clock = new AbortController();
    this.world.after(milliseconds, () => clock.abort(new Error('aborted')));
    return AbortSignal.any([signal, clock.signal]);
  }

  #call(
    index: number,
    make: (deployment: Deployed, signal: AbortSignal) => Promise<unknown>,
    isStuck = false,
  ): void {
    const deployment = this.deployments[index];
    if (deployment)
      this.calls.make(`a call of ${index}`, (signal) => make(deployment, signal), isStuck);
  }

  /** When nothing new happens, everything ends, and what is left serves. */
  async finish(): Promise<void> {
    const { world } = this;
    calm(world);
    await world.advance(120_000);
    await this.calls.expectOver(false);
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
    // destroy() ends every call.
    await this.calls.expectOver(true);
    await world.advance(60_000);
    expect({
      workers: world.workers.length,
      hosts: world.hosts.size,
      timers: world.timers,
      listeners: world.listeners.size,
      payloads: world.payloads.size,
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

testSequences(300, step, async (steps) => {
  loadedModels.clear();
  pageBudget.open = 0;
  pageBudget.held = 0;
  const run = new Run();
  await run.do({ op: 'create', which: 0, rivals: 1, named: false, idle: false });
  await run.do({ op: 'load', which: 0 });
  for (const each of steps) await run.do(each);
  await run.finish();
});
