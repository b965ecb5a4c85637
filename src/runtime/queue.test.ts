import { describe, expect, test } from 'vitest';
import { Gate, SerialQueue } from './queue.js';

const never = new AbortController().signal;

describe('SerialQueue', () => {
  test('runs one task at a time, in order', async () => {
    const queue = new SerialQueue();
    const log: string[] = [];
    const task = (name: string) => async () => {
      log.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      log.push(`${name} ends`);
      return name;
    };
    const results = await Promise.all(['a', 'b', 'c'].map((name) => queue.run(task(name))));
    expect(results).toEqual(['a', 'b', 'c']);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  test('survives a failed task', async () => {
    const queue = new SerialQueue();
    const failed = queue.run(async () => {
      throw new Error('no');
    });
    const next = queue.run(async () => 'yes');
    await expect(failed).rejects.toThrow('no');
    await expect(next).resolves.toBe('yes');
  });
});

describe('Gate', () => {
  test('lets in as many as fit, then in order of arrival', async () => {
    const gate = new Gate(2);
    const entered: number[] = [];
    const leaves = await Promise.all([gate.enter(never), gate.enter(never)]);
    const waiting = [1, 2].map(async (n) => {
      const leave = await gate.enter(never);
      entered.push(n);
      return leave;
    });
    await Promise.resolve();
    expect(entered).toEqual([]);
    leaves[0]?.();
    // A second call gives nothing back.
    leaves[0]?.();
    await waiting[0];
    expect(entered).toEqual([1]);
    leaves[1]?.();
    await waiting[1];
    expect(entered).toEqual([1, 2]);
  });

  test('who gives up waiting costs nobody a place', async () => {
    const gate = new Gate(1);
    const leave = await gate.enter(never);
    const impatient = new AbortController();
    const given = gate.enter(impatient.signal);
    const patient = gate.enter(never);
    impatient.abort('enough');
    await expect(given).rejects.toBe('enough');
    leave();
    await expect(patient).resolves.toBeTypeOf('function');
  });

  test('refuses an aborted signal', async () => {
    await expect(new Gate(1).enter(AbortSignal.abort('before'))).rejects.toBe('before');
  });
});
