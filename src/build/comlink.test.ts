/** comlink as it is in tabserve's scripts does what is asked of it, and nothing else. */
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { leanModule } from './comlink.js';

const file = join(import.meta.dirname, '../../node_modules/comlink/dist/esm/comlink.mjs');
const module = `data:text/javascript,${encodeURIComponent(leanModule(file))}`;
const comlink = (await import(module)) as typeof import('comlink');

let channel: MessageChannel | undefined;
afterEach(() => {
  channel?.port1.close();
  channel?.port2.close();
});

function remote<T>(api: T) {
  channel = new MessageChannel();
  comlink.expose(api, channel.port1 as never);
  return { port: channel.port2, proxy: comlink.wrap<T>(channel.port2 as never) };
}

it('calls by name, hands over what is listed, and passes errors on', async () => {
  const api = {
    double: async (value: number) => 2 * value,
    turn: (bytes: Uint8Array<ArrayBuffer>) => comlink.transfer(bytes.reverse(), [bytes.buffer]),
    fail: () => {
      throw new RangeError('no');
    },
  };
  const { proxy } = remote(api);
  const given = Uint8Array.of(1, 2, 3);
  expect(await proxy.double(21)).toBe(42);
  expect(await proxy.turn(comlink.transfer(given, [given.buffer]))).toEqual(Uint8Array.of(3, 2, 1));
  expect(given).toHaveLength(0);
  await expect(proxy.fail()).rejects.toMatchObject({ name: 'RangeError', message: 'no' });
});

it.each(['GET', 'SET', 'CONSTRUCT', 'ENDPOINT', 'RELEASE'])('does nothing at %s', async (type) => {
  const api = { value: 1, ping: () => 'pong' };
  const { port, proxy } = remote(api);
  const heard: unknown[] = [];
  port.addEventListener('message', ({ data }) => heard.push(data.id));
  port.postMessage({ id: 'x', type, path: ['value'], value: { type: 'RAW', value: 2 } });
  // Messages are answered in their order.
  expect(await proxy.ping()).toBe('pong');
  expect(heard).not.toContain('x');
  expect(api.value).toBe(1);
});

it('a file that says something else is no comlink that is known here', () => {
  expect(() => leanModule(import.meta.filename)).toThrow('see what it says now');
});
