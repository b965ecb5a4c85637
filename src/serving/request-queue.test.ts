import { describe, expect, it } from 'vitest';
import { RequestQueue, Slots } from './request-queue.js';

const never = new AbortController().signal;

/** Lets everything happen that does not wait for a timer. */
const settle = () => new Promise((resolve) => setTimeout(resolve));

/** Lanes of one worker, and the order in which their requests were let in. */
function arrange(capacity: number, names: readonly string[]) {
  const slots = new Slots(capacity);
  const order: string[] = [];
  const leaves: (() => void)[] = [];
  const lanes = Object.fromEntries(names.map((name) => [name, new RequestQueue()]));
  const ask = (
    lane: string,
    name: string,
    urgency: Parameters<RequestQueue['enter']>[0] = 'normal',
    signal = never,
  ) =>
    lanes[lane]?.enter(urgency, signal).then(
      ({ leave }) => {
        order.push(name);
        leaves.push(leave);
      },
      (error: unknown) => order.push(`${name}: ${error}`),
    );
  const finishAll = async () => {
    await settle();
    while (leaves.length > 0) {
      leaves.shift()?.();
      await settle();
    }
  };
  return { slots, order, leaves, lanes, ask, finishAll };
}

describe('Slots', () => {
  it('lets in as many as it has', async () => {
    const { slots, order, lanes, ask, leaves } = arrange(2, ['a']);
    for (const name of ['1', '2', '3']) void ask('a', name);
    await settle();
    expect(order).toEqual([]);
    lanes.a?.open(slots);
    await settle();
    expect(order).toEqual(['1', '2']);
    // Twice given back is given back once.
    leaves[0]?.();
    leaves[0]?.();
    await settle();
    void ask('a', '4');
    await settle();
    expect(order).toEqual(['1', '2', '3']);
  });

  it('takes turns between lanes, however many wait in one', async () => {
    const { slots, order, lanes, ask, finishAll } = arrange(1, ['a', 'b']);
    for (let index = 0; index < 4; index++) void ask('a', `a${index}`);
    for (let index = 0; index < 2; index++) void ask('b', `b${index}`);
    lanes.a?.open(slots);
    lanes.b?.open(slots);
    await finishAll();
    // `a0` had its turn before there was a `b`.
    expect(order).toEqual(['a0', 'a1', 'b0', 'a2', 'b1', 'a3']);
  });

  it('prefers the urgent, over all lanes, and repeated requests most', async () => {
    const { slots, order, lanes, ask, finishAll } = arrange(1, ['a', 'b']);
    void ask('a', 'a low', 'low');
    void ask('a', 'a normal');
    void ask('b', 'b low', 'low');
    void ask('b', 'b high', 'high');
    void ask('b', 'b again', 'again');
    lanes.a?.open(slots);
    lanes.b?.open(slots);
    await finishAll();
    // The very first place was given away before the second lane was open.
    expect(order).toEqual(['a normal', 'b again', 'b high', 'a low', 'b low']);
  });

  it('does not wait for a lane that is closed', async () => {
    const { slots, order, lanes, ask, finishAll } = arrange(1, ['a', 'b']);
    lanes.a?.open(slots);
    lanes.b?.open(slots);
    lanes.a?.close(slots);
    void ask('a', 'a', 'high');
    void ask('b', 'b', 'low');
    await finishAll();
    expect(order).toEqual(['b']);
    lanes.a?.open(slots);
    await finishAll();
    expect(order).toEqual(['b', 'a']);
  });
});

describe('RequestQueue', () => {
  it('lets go of what is aborted while it waits, and keeps the place for others', async () => {
    const { slots, order, lanes, ask, finishAll } = arrange(1, ['a']);
    const controller = new AbortController();
    void ask('a', '1');
    void ask('a', '2', 'high', controller.signal);
    void ask('a', '3');
    controller.abort('no more');
    await settle();
    lanes.a?.open(slots);
    await finishAll();
    expect(order).toEqual(['2: no more', '1', '3']);
  });

  it('refuses all that wait', async () => {
    const { slots, order, lanes, ask, finishAll } = arrange(1, ['a']);
    void ask('a', '1');
    void ask('a', '2', 'low');
    lanes.a?.refuse('broken');
    await settle();
    void ask('a', '3');
    lanes.a?.open(slots);
    await finishAll();
    expect(order).toEqual(['1: broken', '2: broken', '3']);
  });

  it('moves to another worker with all that wait', async () => {
    const { slots, order, lanes, ask, finishAll } = arrange(1, ['a']);
    const others = new Slots(1);
    lanes.a?.open(slots);
    void ask('a', '1');
    void ask('a', '2');
    await settle();
    lanes.a?.open(others);
    await settle();
    expect(order).toEqual(['1', '2']);
    await finishAll();
  });

  it('shares requests out to the worker with the most room', async () => {
    const { slots, lanes, ask } = arrange(4, ['a']);
    const others = new Slots(4);
    lanes.a?.open(slots);
    lanes.a?.open(others);
    for (let index = 0; index < 5; index++) void ask('a', `${index}`);
    await settle();
    expect([slots.free, others.free]).toEqual([1, 2]);
    lanes.a?.close(slots);
    void ask('a', 'waits');
    await settle();
    expect([slots.free, others.free]).toEqual([1, 1]);
  });

  it('cancels ten thousand that wait', async () => {
    const { order, ask, lanes } = arrange(1, ['a']);
    const controller = new AbortController();
    const all = Array.from({ length: 10_000 }, (_, i) =>
      ask('a', `${i}`, 'low', controller.signal),
    );
    controller.abort('gone');
    await Promise.all(all);
    expect(new Set(order)).toEqual(new Set(Array.from({ length: 10_000 }, (_, i) => `${i}: gone`)));
    // Nothing of them is left that a slot could be given to.
    expect(lanes.a?.length).toBe(0);
  });
});
