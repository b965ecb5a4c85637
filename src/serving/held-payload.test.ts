/** What is captured is closed once, by whoever has it last, whenever it comes. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { PageTask } from '../tasks/task.js';
import { HeldPayload, PayloadBudget } from './held-payload.js';

interface Frame {
  nth: number;
}

/** Frames that were opened and not closed. Closing one twice fails. */
let open: Set<Frame>;
let made: number;
/** What captures and copies wait for. */
let captures: ((error?: Error) => void)[];
let copies: (() => void)[];
let budget: PayloadBudget;
let copying: 'at once' | 'later' | 'never';
beforeEach(() => {
  open = new Set();
  made = 0;
  captures = [];
  copies = [];
  budget = new PayloadBudget(100);
  copying = 'at once';
});

function frame(): Frame {
  const opened = { nth: made++ };
  open.add(opened);
  return opened;
}

const task: PageTask<string, Frame> = {
  name: 'frames',
  isLasting: (source) => source === 'file',
  capture: () =>
    new Promise((resolve, reject) => {
      captures.push((error) => (error ? reject(error) : resolve(frame())));
    }),
  transfer: () => [],
  expectedBytes: (source) => (source === 'large canvas' ? 600 : 60),
  bytes: () => 40,
  copy: () => {
    if (copying === 'never') return null;
    if (copying === 'at once') return frame();
    return new Promise((resolve) => copies.push(() => resolve(frame())));
  },
  close: (closed) => {
    if (!open.delete(closed)) throw new Error(`Frame ${closed.nth} was closed before.`);
  },
};

const settle = () => new Promise((resolve) => setImmediate(resolve));
const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => 'taken',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

describe.each([
  ['a file', 'file', true],
  ['a canvas that is captured at the call', 'canvas', true],
  ['a canvas that is captured in its turn', 'canvas', false],
])('the capture of %s', (_name, source, now) => {
  it('that ends after an abort leaves nothing open', async () => {
    const held = new HeldPayload(task, source, now, budget);
    const controller = new AbortController();
    const taken = outcome(held.take(true, controller.signal));
    await settle();
    controller.abort('timeout');
    expect(await taken).toBe('timeout');
    held.release();
    for (const end of captures) end();
    await settle();
    expect([made, open.size, budget.open, budget.held]).toEqual([1, 0, 0, 0]);
  });

  it('that ends between the abort and the release leaves nothing open', async () => {
    const held = new HeldPayload(task, source, now, budget);
    const controller = new AbortController();
    const taken = outcome(held.take(true, controller.signal));
    await settle();
    controller.abort('timeout');
    for (const end of captures) end();
    expect(await taken).toBe('timeout');
    await settle();
    held.release();
    await settle();
    expect([made, open.size, budget.held]).toEqual([1, 0, 0]);
  });

  it('that fails after the release is nobody’s error', async () => {
    const held = new HeldPayload(task, source, now, budget);
    const { signal } = new AbortController();
    const taken = outcome(held.take(true, signal));
    held.release();
    for (const end of captures) end(new Error('broken'));
    expect(await taken).toMatch(/The request has ended|broken/);
    await settle();
    expect([open.size, budget.open]).toEqual([0, 0]);
  });
});

describe('a second attempt', () => {
  it('has a copy, and the first one what was captured', async () => {
    const held = new HeldPayload(task, 'canvas', true, budget);
    expect(budget.held).toBe(60);
    captures[0]?.();
    const { signal } = new AbortController();
    const first = await held.take(true, signal);
    expect([held.isSpent, budget.held]).toEqual([false, 40]);
    const second = await held.take(false, signal);
    expect([held.isSpent, made]).toEqual([true, 2]);
    held.release();
    held.release();
    await settle();
    // They are the caller's.
    expect(open).toEqual(new Set([first, second]));
    expect([budget.open, budget.held]).toEqual([0, 0]);
  });

  it('is none where nothing can be copied', async () => {
    copying = 'never';
    const held = new HeldPayload(task, 'canvas', true, budget);
    captures[0]?.();
    const taken = await held.take(true, new AbortController().signal);
    expect(held.isSpent).toBe(true);
    held.release();
    await settle();
    expect(open).toEqual(new Set([taken]));
  });

  it('closes a copy that comes when nobody wants it any more', async () => {
    copying = 'later';
    const held = new HeldPayload(task, 'canvas', true, budget);
    captures[0]?.();
    const controller = new AbortController();
    const taken = outcome(held.take(true, controller.signal));
    await settle();
    controller.abort('timeout');
    expect(await taken).toBe('timeout');
    held.release();
    for (const end of copies) end();
    await settle();
    expect([made, open.size]).toEqual([2, 0]);
  });

  it('captures what lasts once more, and holds nothing meanwhile', async () => {
    const held = new HeldPayload(task, 'file', true, budget);
    const { signal } = new AbortController();
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const taking = held.take(true, signal);
      captures[attempt]?.();
      task.close(await taking);
      expect([budget.held, open.size, captures.length]).toEqual([0, 0, attempt + 1]);
    }
    held.release();
  });
});

it('counts what is under way, and refuses what would be too much', () => {
  const first = new HeldPayload(task, 'canvas', true, budget);
  expect(() => new HeldPayload(task, 'canvas', true, budget)).toThrow(/would add 60/);
  // A refusal holds nothing, and neither does what is captured in its turn.
  const later = new HeldPayload(task, 'canvas', false, budget);
  expect([budget.open, budget.held]).toEqual([2, 60]);
  first.release();
  later.release();
  expect([budget.open, budget.held]).toEqual([0, 0]);
});

it('takes one that is too large alone, where nothing else is held', () => {
  const held = new HeldPayload(task, 'large canvas', true, budget);
  expect(budget.held).toBe(600);
  held.release();
});

it('counts nothing of a capture whose end and release meet, at every turn', async () => {
  for (let turns = 0; turns < 6; turns += 1) {
    const held = new HeldPayload(task, 'canvas', true, budget);
    captures.at(-1)?.();
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    held.release();
    await settle();
    expect([open.size, budget.held]).toEqual([0, 0]);
  }
});
