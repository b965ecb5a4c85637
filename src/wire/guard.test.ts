import * as Comlink from 'comlink';
import { afterEach, describe, expect, it } from 'vitest';
import { guarded } from './guard.js';

const calls: unknown[] = [];
const api = {
  unload: async (id: number) => calls.push(['unload', id]),
  rollback: async (source: string) => calls.push(['rollback', source]),
  run: async (request: unknown) => calls.push(['run', request]),
  secret: async () => calls.push('secret'),
};
const ports: MessagePort[] = [];

function connect() {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  Comlink.expose(api, guarded(port1 as unknown as Comlink.Endpoint));
  port1.start();
  port2.start();
  /** The answer to it, or to the call behind it where it has none. */
  const send = (message: unknown) => {
    const answer = new Promise<unknown>((resolve) => {
      port2.addEventListener('message', ({ data }) => resolve(data), { once: true });
    });
    port2.postMessage(message);
    port2.postMessage({ ...call('unload', 0), id: 'behind' });
    return answer;
  };
  return { send };
}

const call = (name: string, ...args: unknown[]) => ({
  id: 'one',
  type: 'APPLY',
  path: [name],
  argumentList: args.map((value) => ({ type: 'RAW', value })),
});
const isBehind = (made: unknown) => JSON.stringify(made) === '["unload",0]';
const run = { requestId: 1, modelId: 2, task: null, payload: {}, options: {}, timeLeft: null };

afterEach(() => {
  calls.length = 0;
  for (const port of ports.splice(0)) port.close();
});

describe('the door of the worker', () => {
  it('lets well-formed calls through, and their answers out', async () => {
    expect(await connect().send(call('unload', 7))).toMatchObject({ id: 'one', type: 'RAW' });
    expect(calls).toContainEqual(['unload', 7]);
    expect(await connect().send(call('run', run))).toMatchObject({ id: 'one', type: 'RAW' });
    expect(calls).toContainEqual(['run', run]);
  });

  it.each([
    ['a number that is none', call('unload', 'seven'), /unload/],
    ['a field too few', call('run', { ...run, modelId: undefined }), /run/],
    ['a time that is NaN', call('run', { ...run, timeLeft: Number.NaN }), /run/],
    ['a call that there is not', call('secret'), /not one of its calls/],
    ['a path to code', { ...call('unload', 1), path: ['constructor', 'constructor'] }, /calls/],
    ['another kind of message', { ...call('unload', 1), type: 'SET' }, /calls/],
    ['arguments too many', call('unload', 1, 2), /calls/],
    [
      'an argument that is a proxy',
      { ...call('unload', 1), argumentList: [{ type: 'HANDLER', name: 'proxy', value: 1 }] },
      /calls/,
    ],
  ])('answers %s with an error, and calls nothing', async (_name, message, words) => {
    const { send } = connect();
    const answer = (await send(message)) as { id: string; value: { error: { message: string } } };
    expect(answer.id).toBe('one');
    expect(answer.value.error).toMatchObject({ code: 'invalid-argument' });
    expect(answer.value.error.message).toMatch(words);
    expect(calls.filter((made) => !isBehind(made))).toEqual([]);
  });

  it.each([[null], ['text'], [7], [{ type: 'APPLY', path: ['unload'] }]])(
    'is silent to %j, which nobody could be answered for',
    async (message) => {
      const { send } = connect();
      expect(await send(message)).toMatchObject({ id: 'behind' });
      expect(calls.filter((made) => !isBehind(made))).toEqual([]);
    },
  );
});
