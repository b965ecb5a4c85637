/**
 * Random sequences of what can happen to models on a page, in any order, against what has to hold
 * whatever happens. `TABSERVE_SEQUENCES=10000` runs so many; `src/testing/seed.ts` says which.
 */
import { setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ErrorCode, TabserveError } from '../../base/errors.js';
import { unloaded, type World } from './world.js';

setMaxListeners(0);

const code = fc.constantFrom<ErrorCode>(
  'network',
  'worker-crashed',
  'device-lost',
  'out-of-memory',
  'model-invalid',
  'unsupported',
  'worker-blocked',
);

/** What happens around models, whoever asks them what; `n` is whatever is to be chosen. */
export const incidents = [
  fc.record({ op: fc.constant('abort' as const), n: fc.nat({ max: 9 }) }),
  fc.record({ op: fc.constant('die' as const), n: fc.nat({ max: 4 }), code }),
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
  fc.record({ op: fc.constantFrom('busy' as const, 'busy' as const, 'quick' as const) }),
  fc.record({ op: fc.constant('turns' as const), n: fc.nat({ max: 12 }) }),
  fc.record({ op: fc.constant('sleep' as const), n: fc.constantFrom(1_000, 60_000) }),
  fc.record({
    op: fc.constant('wait' as const),
    n: fc.constantFrom(1, 3, 5, 8, 10, 15, 100, 500, 1_000, 12_000),
  }),
] as const;

export type Incident = (typeof incidents)[number] extends fc.Arbitrary<infer T> ? T : never;

/** Has it happen. */
export async function happen(world: World, calls: Calls, incident: Incident): Promise<void> {
  const fails = () =>
    new TabserveError('code' in incident ? incident.code : 'internal', 'Planted.');
  switch (incident.op) {
    case 'abort':
      return calls.abort(incident.n);
    case 'die':
      return world.workers[incident.n]?.die(fails());
    case 'failLoad':
      return void world.loadErrors.push(fails());
    case 'failStart':
      return void world.startErrors.push(fails());
    case 'failRun':
      return void world.runErrors.push(fails());
    case 'update':
      world.version += 1;
      return;
    case 'wrong':
      world.difference ??= 'other numbers';
      return;
    case 'faster':
      world.speed = { wasm: 10, webgpu: 2 };
      return;
    case 'busy':
      // Whatever was captured waits.
      world.takes = { start: 3_000, load: 1_000, run: 2_000, probe: 2 };
      return;
    case 'quick':
      world.takes = { ...usual };
      return;
    case 'offline':
      world.isOffline = true;
      return;
    case 'online':
      return world.goOnline();
    case 'hide':
    case 'show':
      world.isHidden = incident.op === 'hide';
      return;
    case 'turns':
      for (let turn = 0; turn < incident.n; turn += 1) await Promise.resolve();
      return;
    case 'sleep':
      // Frozen: time passes, and no timer goes off before the page is back.
      world.clock += incident.n;
      return;
    case 'wait':
      return world.advance(incident.n);
  }
}

const usual = { start: 5, load: 10, run: 3, probe: 2 };

/** Nothing fails any more. */
export function calm(world: World): void {
  world.loadErrors.length = 0;
  world.startErrors.length = 0;
  world.runErrors.length = 0;
  world.takes = { ...usual };
  world.isHidden = false;
  world.goOnline();
}

interface Call {
  what: string;
  controller: AbortController;
  settled: Promise<unknown>;
  isOver: boolean;
  /** Whether nothing but an abort or the end of its model ends it. */
  isStuck: boolean;
}

/** Calls of a sequence. None fails but by an error that was planted, or by its abort. */
export class Calls {
  readonly #all: Call[] = [];

  make(what: string, call: (signal: AbortSignal) => Promise<unknown>, isStuck = false): void {
    const controller = new AbortController();
    const made: Call = { what, controller, isOver: false, isStuck, settled: Promise.resolve() };
    made.settled = call(controller.signal)
      .catch((error: unknown) => {
        if (error instanceof TabserveError) {
          expect(error.code, what).not.toBe('internal');
          // A model whose requests are under way is not taken from below them.
          expect(error.message, what).not.toBe(unloaded);
        } else if (!(error instanceof Error) || error.message !== 'aborted') throw error;
      })
      .finally(() => {
        made.isOver = true;
      });
    made.settled.catch(() => undefined);
    this.#all.push(made);
  }

  /** @param n - Which, from the latest on. */
  abort(n: number): void {
    this.#all.at(-1 - n)?.controller.abort(new Error('aborted'));
  }

  /** @param all - Also those that are stuck. */
  async expectOver(all: boolean): Promise<void> {
    for (const { what, isOver, isStuck, settled } of this.#all) {
      if (all || !isStuck) expect(isOver, `${what} ends`).toBe(true);
      if (isOver) await settled;
    }
  }
}

/**
 * The test of all this.
 *
 * @param usually - How many sequences there are where nobody says otherwise.
 * @param run - Runs one, and checks what has to hold.
 */
export function testSequences<Step>(
  usually: number,
  step: fc.Arbitrary<Step>,
  run: (steps: Step[]) => Promise<void>,
): void {
  const numRuns = Number(process.env.TABSERVE_SEQUENCES ?? usually);
  it(`${numRuns} random sequences leave nothing lost`, { timeout: 7_200_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }), run),
      { numRuns },
    );
  });
}
