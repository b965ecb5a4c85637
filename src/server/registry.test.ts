import { beforeAll, describe, expect, it, vi } from 'vitest';
import { GraphModel } from '../testing/graph-model.js';
import { ModelServer } from './model-server.js';
import type { LoadContext, ServableModel } from './servable.js';

let affineBytes: number;
let identBytes: number;

beforeAll(async () => {
  const [affine, ident] = await Promise.all([GraphModel.open('affine'), GraphModel.open('ident')]);
  affineBytes = affine.info.model.bytes;
  identBytes = ident.info.model.bytes;
});

/** Loads of a graph, counted. */
function loads(name: 'affine' | 'ident') {
  const opened: { model: GraphModel; context: LoadContext }[] = [];
  const load = async (context: LoadContext): Promise<ServableModel> => {
    const model = await GraphModel.open(name);
    opened.push({ model, context });
    return model;
  };
  return { opened, load };
}

const body = JSON.stringify({
  inputs: [{ name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] }],
});

function ask(server: ModelServer, model: string, version?: string): Promise<Response> {
  const path = version === undefined ? model : `${model}/versions/${version}`;
  return server.handle(
    new Request(`http://page.test/v2/models/${path}/infer`, { method: 'POST', body }),
  );
}

describe('a registered model', () => {
  it('is loaded, described, and taken away', async () => {
    const server = new ModelServer();
    const states: string[] = [];
    server.addEventListener('modelstatechange', ({ detail }) => states.push(detail.state));
    const { opened, load } = loads('affine');
    await server.register('affine', load);
    expect(opened[0]?.context).toMatchObject({ tensors: true, signal: expect.any(AbortSignal) });
    expect(server.list()).toEqual([
      {
        name: 'affine',
        version: '1',
        isDefault: true,
        state: 'READY',
        reason: '',
        task: 'tensor',
        bytes: affineBytes,
        inFlight: 0,
        lastUsed: 0,
      },
    ]);
    expect(server.ready('affine')).toBe(true);
    expect(await server.unregister('affine')).toBe(true);
    expect(await server.unregister('affine')).toBe(false);
    expect(server.describe('affine')).toBeNull();
    expect(opened[0]?.model.isDestroyed).toBe(true);
    expect(states).toEqual(expect.arrayContaining(['LOADING', 'READY', 'UNLOADING']));
  });

  it('is not registered when its load fails', async () => {
    const server = new ModelServer();
    const failing = server.register('broken', () => Promise.reject(new Error('no such file')));
    await expect(failing).rejects.toThrow('no such file');
    expect(server.list()).toEqual([]);
  });

  it.each(['', 'a/b', 'ä', 'x'.repeat(201)])('cannot be called "%s"', async (name) => {
    const server = new ModelServer();
    await expect(server.register(name, loads('affine').load)).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  it('has several versions, the newest by default', async () => {
    const server = new ModelServer();
    for (const version of ['9', '10']) {
      await server.register('affine', loads('affine').load, { version });
    }
    const answered = async (version?: string) =>
      (await (await ask(server, 'affine', version)).json()).model_version;
    expect(await answered()).toBe('10');
    expect(await answered('9')).toBe('9');
    server.setDefaultVersion('affine', '9');
    expect(await answered()).toBe('9');
    expect(() => server.setDefaultVersion('affine', '7')).toThrow(/no model "affine"/);
    server.setDefaultVersion('affine', null);
    await server.unload('affine', '10');
    expect(await answered()).toBe('9');
    await expect(
      server.register('affine', loads('affine').load, { version: '9' }),
    ).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

describe('loading on demand', () => {
  it('happens once for requests that come together', async () => {
    const server = new ModelServer();
    const { opened, load } = loads('affine');
    await server.register('affine', load, { load: 'on-demand' });
    expect(server.describe('affine')).toMatchObject({ state: 'UNAVAILABLE' });
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(server, 'affine')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(opened).toHaveLength(1);
  });

  it('does not happen after an unload, until a load', async () => {
    const server = new ModelServer();
    const { opened, load } = loads('affine');
    await server.register('affine', load);
    await server.unload('affine');
    expect((await ask(server, 'affine')).status).toBe(404);
    await server.load('affine');
    expect((await ask(server, 'affine')).status).toBe(200);
    expect(opened).toHaveLength(2);
  });

  it('waits for requests under way before it unloads', async () => {
    const server = new ModelServer();
    const { opened, load } = loads('affine');
    await server.register('affine', load);
    const asked = ask(server, 'affine');
    await vi.waitFor(() => expect(server.describe('affine')?.inFlight).toBe(1));
    const unloaded = server.unload('affine');
    expect((await asked).status).toBeLessThan(500);
    await unloaded;
    expect(opened[0]?.model.isDestroyed).toBe(true);
  });

  it('cannot bring back a model that came loaded', async () => {
    const server = new ModelServer();
    await server.register('affine', await GraphModel.open('affine'));
    expect((await ask(server, 'affine')).status).toBe(200);
    await server.unload('affine');
    await expect(server.load('affine')).rejects.toMatchObject({ code: 'unsupported' });
  });
});

describe('memory', () => {
  it('is made by unloading what was used longest ago', async () => {
    const server = new ModelServer({ memoryBudget: 2 * affineBytes + 10 });
    for (const name of ['a', 'b']) await server.register(name, loads('affine').load);
    await ask(server, 'a');
    await ask(server, 'b');
    await ask(server, 'a');
    await server.register('c', loads('affine').load, { bytes: affineBytes });
    const states = () => Object.fromEntries(server.list().map(({ name, state }) => [name, state]));
    expect(states()).toEqual({ a: 'READY', b: 'UNAVAILABLE', c: 'READY' });
    expect(server.describe('b')?.reason).toMatch(/make room/);
    // It comes back when it is asked, at another's cost.
    expect((await ask(server, 'b')).status).toBe(200);
    expect(states()).toEqual({ a: 'UNAVAILABLE', b: 'READY', c: 'READY' });
  });

  it('that there is not enough of is an error', async () => {
    const server = new ModelServer({ memoryBudget: identBytes - 1 });
    await expect(server.register('ident', loads('ident').load)).rejects.toMatchObject({
      code: 'out-of-memory',
    });
    await server.register('later', loads('ident').load, { load: 'on-demand' });
    const answer = await ask(server, 'later');
    expect(answer.status).toBe(503);
    expect((await answer.json()).error).toMatch(/budget/);
  });

  it('is given back by a model that nobody uses', async () => {
    const server = new ModelServer({ idleTimeout: 20 });
    await server.register('affine', loads('affine').load);
    await vi.waitFor(() =>
      expect(server.describe('affine')).toMatchObject({
        state: 'UNAVAILABLE',
        reason: expect.stringMatching(/nobody/),
      }),
    );
    expect((await ask(server, 'affine')).status).toBe(200);
  });
});

it('scales by a new copy, and frees the old one', async () => {
  const server = new ModelServer();
  const { opened, load } = loads('affine');
  await server.register('affine', load);
  await server.scale('affine', 3);
  expect(opened.map(({ context }) => context.maxWorkers)).toEqual([undefined, 3]);
  await vi.waitFor(() => expect(opened[0]?.model.isDestroyed).toBe(true));
  expect((await ask(server, 'affine')).status).toBe(200);
});
