import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { untilAborted } from './abort.js';

it('settles as the promise does, or as the signal says, and leaves no listener', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  expect(await untilAborted(Promise.resolve(1), signal)).toBe(1);
  await expect(untilAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  const waiting = untilAborted(new Promise(() => undefined), signal);
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  controller.abort('enough');
  await expect(waiting).rejects.toBe('enough');
  await expect(untilAborted(Promise.reject(new Error('late')), signal)).rejects.toBe('enough');
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});
