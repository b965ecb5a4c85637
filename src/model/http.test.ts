import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { serve } from '../testing/http.js';
import { ask, chunksOf, inTime } from './http.js';

const never = () => new Promise<never>(() => undefined);

describe('ask', () => {
  it('says how a repository of the hub is written, where an address looks like one', async () => {
    const web = await serve((_request, response) => void response.writeHead(404).end());
    const { signal } = new AbortController();
    const advice = async (path: string) =>
      ask(`${web.origin}/${path}`, { signal }).catch((error: Error) => error.message);
    try {
      expect(await advice('google/vit-base-patch16-224')).toMatch(
        /HTTP 404.*Check the address\. For a repository .* write "hf:owner\/name"\.$/,
      );
      expect(await advice('models/flowers/model.json')).toMatch(/Check the address\.$/);
    } finally {
      web.stop();
    }
  });
});

describe('chunksOf', () => {
  it('gives all chunks, and leaves no listener on the signal', async () => {
    const { signal } = new AbortController();
    const stream = new ReadableStream({
      start(controller) {
        for (const byte of [1, 2, 3]) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const bytes: number[] = [];
    for await (const chunk of chunksOf(new Response(stream), signal)) bytes.push(...chunk);
    expect(bytes).toEqual([1, 2, 3]);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('keeps no chunk alive that was consumed, where there are no BYOB readers', async () => {
    setFlagsFromString('--expose-gc');
    const gc: () => void = runInNewContext('gc');
    const refs: WeakRef<Uint8Array>[] = [];
    let sent = 0;
    const body = {
      getReader(options?: object) {
        if (options) throw new TypeError('no BYOB');
        return {
          read: async () => {
            sent += 1;
            const value = new Uint8Array(1 << 16);
            refs.push(new WeakRef(value));
            return sent > 20 ? { done: true } : { done: false, value };
          },
          cancel: async () => undefined,
        };
      },
    };
    let alive = 0;
    const { signal } = new AbortController();
    for await (const _ of chunksOf({ body } as unknown as Response, signal)) {
      await new Promise((resolve) => setTimeout(resolve));
      gc();
      alive = refs.filter((ref) => ref.deref()).length;
    }
    expect(alive).toBeLessThan(5);
  });

  it('ends when the server falls silent, and when the signal says so', async () => {
    const silent = () => new Response(new ReadableStream({ pull: never }));
    const { signal } = new AbortController();
    await expect(chunksOf(silent(), signal, 10).next()).rejects.toMatchObject({ code: 'network' });
    const controller = new AbortController();
    const next = chunksOf(silent(), controller.signal, 1_000_000).next();
    controller.abort('enough');
    await expect(next).rejects.toBe('enough');
  });
});

it('inTime gives up at its time', async () => {
  const { signal } = new AbortController();
  await expect(inTime(never(), signal, 5)).rejects.toMatchObject({ code: 'network' });
  expect(await inTime(Promise.resolve(1), signal, 5)).toBe(1);
});
