import { describe, expect, it } from 'vitest';
import { settleAll } from './settle.js';

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Takes so many milliseconds, and fails for those below zero. */
async function ask(time: number): Promise<number> {
  await wait(Math.abs(time));
  if (time < 0) throw new Error(`${time}`);
  return 2 * time;
}

describe('many questions', () => {
  const times = [20, 1, -5, 10, 2];

  it('are answered in order, each with its own answer or error', async () => {
    const found = await all(settleAll(times, ask, { concurrency: 3, ordered: true }));
    expect(found.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
    expect(found.map(({ answer }) => answer)).toEqual([40, 2, undefined, 20, 4]);
    expect(String(found[2]?.error)).toBe('Error: -5');
  });

  it('or as they come', async () => {
    const found = await all(settleAll(times, ask, { concurrency: 5, ordered: false }));
    expect(found.map(({ source }) => source)).toEqual([1, 2, -5, 10, 20]);
    expect(found.map(({ index }) => index)).toEqual([1, 4, 2, 3, 0]);
  });

  it.each([true, false])('are read as there is room for them (ordered: %s)', async (ordered) => {
    let [read, most, running] = [0, 0, 0];
    async function* sources() {
      for (; read < 50; read++) yield read;
    }
    const count = async () => {
      running += 1;
      most = Math.max(most, running);
      await wait(1);
      running -= 1;
    };
    for await (const { index } of settleAll(sources(), count, { concurrency: 4, ordered })) {
      if (index === 10) expect(read).toBeLessThanOrEqual(16);
    }
    expect([read, most]).toEqual([50, 4]);
  });

  it('end with the loop, and so does the reading', async () => {
    const signals: AbortSignal[] = [];
    let isClosed = false;
    function* sources() {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        isClosed = true;
      }
    }
    const note = async (i: number, signal: AbortSignal) => {
      signals.push(signal);
      return ask(i);
    };
    for await (const _ of settleAll(sources(), note, { concurrency: 2, ordered: true })) break;
    expect(isClosed).toBe(true);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
  });

  it('end with the signal, by its reason', async () => {
    const controller = new AbortController();
    const options = { concurrency: 2, ordered: true, signal: controller.signal };
    const loop = all(settleAll([5, 5_000_000], ask, options)).catch((error: unknown) => error);
    setTimeout(() => controller.abort('enough'), 20);
    // What is asked has to end by its signal; this one does not, and is not waited for.
    expect(await Promise.race([loop, wait(200).then(() => 'late')])).toMatch(/enough|late/);
  });

  it('of nobody are none', async () => {
    expect(await all(settleAll([], ask, { concurrency: 2, ordered: true }))).toEqual([]);
  });
});
