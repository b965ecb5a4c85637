/** What monitors are told of requests: of which answers, in which order, and what is left out. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DriftWatch, observationOf } from './watch.js';

const blob = new Blob(['12345']);
const answer = [
  { label: 'cat', score: 0.7 },
  { label: 'dog', score: 0.2 },
];
const executed = (more: object = {}) =>
  ({ version: { name: 'm' }, answer, question: { kind: 'image', blob }, ...more }) as never;
const settle = async () => {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};
afterEach(() => vi.unstubAllGlobals());

describe('an observation', () => {
  it('is the best label, its score, and how far it is from the next', () => {
    const { numbers, label } = observationOf(answer, { kind: 'image', blob } as never);
    expect(label).toBe('cat');
    expect(numbers).toMatchObject({ bytes: 5, score: 0.7, margin: expect.closeTo(0.5, 9) });
    expect(observationOf([{ label: 'cat', score: 0.7 }], undefined).numbers?.margin).toBe(0.7);
  });

  it('is the vector of an embedding, and nothing but sizes of what else is answered', () => {
    const vector = Float32Array.of(1, 2);
    expect(observationOf(vector, undefined)).toEqual({ numbers: {}, embedding: vector });
    for (const other of [null, 7, [], ['text'], { tensors: 1 }]) {
      expect(observationOf(other, undefined)).toEqual({ numbers: {} });
    }
  });
});

describe('a monitor', () => {
  it('hears of its own model’s answers, and of no failures', async () => {
    const watch = new DriftWatch();
    const monitor = watch.watch('m', {});
    const observe = vi.spyOn(monitor, 'observe');
    watch.executed(executed());
    watch.executed(executed({ version: { name: 'other' } }));
    watch.executed(executed({ error: new Error('It failed.') }));
    await settle();
    expect(observe).toHaveBeenCalledTimes(1);
    expect(watch.find('m')).toBe(monitor);
    watch.unwatch('m');
    watch.executed(executed());
    await settle();
    expect([observe.mock.calls.length, watch.find('m')]).toEqual([1, null]);
  });

  it('hears in the order of the requests, though the brightness of one takes long', async () => {
    const waiting: (() => void)[] = [];
    const closed: string[] = [];
    vi.stubGlobal('createImageBitmap', (of: Blob) => {
      if (of.size === 3) return Promise.reject(new Error('It cannot be decoded.'));
      return new Promise((resolve) =>
        waiting.push(() => resolve({ close: () => closed.push(`${of.size}`) })),
      );
    });
    vi.stubGlobal(
      'OffscreenCanvas',
      class {
        getContext = () => ({
          drawImage: () => undefined,
          // Half of the pixels are white.
          getImageData: () => ({
            data: Uint8ClampedArray.from({ length: 1024 }, (_, i) => (i < 512 ? 255 : 0)),
          }),
        });
      },
    );
    const watch = new DriftWatch();
    const observe = vi.spyOn(watch.watch('m', { brightness: true }), 'observe');
    const ask = (size: number) =>
      watch.executed(executed({ question: { kind: 'image', blob: new Blob(['x'.repeat(size)]) } }));
    ask(1);
    ask(2);
    ask(3);
    waiting[1]?.();
    await settle();
    expect(observe).not.toHaveBeenCalled();
    waiting[0]?.();
    await settle();
    expect(
      observe.mock.calls.map(([{ numbers }]) => [numbers?.bytes, numbers?.brightness]),
    ).toEqual([
      [1, expect.closeTo(0.5, 9)],
      [2, expect.closeTo(0.5, 9)],
      [3, undefined],
    ]);
    expect(closed).toEqual(['2', '1']);
  });
});
