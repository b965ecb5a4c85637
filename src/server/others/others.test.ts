/** TorchServe's, Hugging Face's and OpenAI's forms, and `/predict`, on models that answer in plain JavaScript. */
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { GraphModel } from '../../testing/graph-model.js';
import { ModelServer } from '../model-server.js';
import type { ServableModel } from '../servable.js';

let server: ModelServer;

/** A model with a task's method, on top of a graph. */
async function model(task: string, methods: object): Promise<ServableModel> {
  return Object.assign(await GraphModel.open('affine'), { task, ...methods });
}

const length = (text: unknown) =>
  Float32Array.of(typeof text === 'string' ? text.length : JSON.stringify(text).length, 0.5);

beforeAll(() => {
  // The build puts it in.
  Object.assign(globalThis, { __TABSERVE_VERSION__: '0.0.0-test' });
});

beforeEach(async () => {
  server = new ModelServer();
  await server.register(
    'embedder',
    await model('text-embedding', {
      embed: async (texts: unknown) => (Array.isArray(texts) ? texts.map(length) : length(texts)),
    }),
  );
  await server.register(
    'mood',
    await model('text-classification', {
      classify: async (texts: unknown, { topK = 2 }: { topK?: number }) => {
        const one = [
          { label: 'good', score: 0.75, index: 1 },
          { label: 'bad', score: 0.25, index: 0 },
        ].slice(0, topK);
        return Array.isArray(texts) ? texts.map(() => one) : one;
      },
    }),
  );
  await server.register(
    'boxes',
    await model('object-detection', {
      detect: async (file: Uint8Array) => [
        {
          label: String.fromCharCode(...file),
          score: 0.5,
          index: 0,
          box: { x: 1, y: 2, width: 3.25, height: 4 },
        },
      ],
    }),
  );
  await server.register(
    'table',
    await model('tabular', { predict: async (rows: number[][]) => rows.map(([a = 0]) => a * 2) }),
  );
  await server.register('graph', () => GraphModel.open('affine'));
});

async function ask(method: string, path: string, body?: unknown, headers = {}) {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array || body instanceof FormData;
  const response = await server.handle(
    new Request(`http://page.test${path}`, {
      method,
      headers:
        isRaw || body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
      ...(body !== undefined && { body: isRaw ? (body as string) : JSON.stringify(body) }),
    }),
  );
  return { status: response.status, body: await response.json() };
}

describe('OpenAI', () => {
  it('lists models', async () => {
    const { body } = await ask('GET', '/v1/models');
    expect(body).toMatchObject({ object: 'list' });
    expect(body.data[0]).toEqual({
      id: 'boxes',
      object: 'model',
      created: expect.any(Number),
      owned_by: 'tabserve',
    });
    expect((await ask('GET', '/v1/models/mood')).body.id).toBe('mood');
    expect(await ask('GET', '/v1/models/none')).toMatchObject({
      status: 404,
      body: { error: { code: 'model_not_found', type: 'invalid_request_error' } },
    });
  });

  it('embeds texts', async () => {
    const one = await ask('POST', '/v1/embeddings', { model: 'embedder', input: 'four' });
    expect(one).toEqual({
      status: 200,
      body: {
        object: 'list',
        data: [{ object: 'embedding', index: 0, embedding: [4, 0.5] }],
        model: 'embedder',
        usage: { prompt_tokens: 0, total_tokens: 0 },
      },
    });
    const question = { model: 'embedder', input: ['a', 'bc'], encoding_format: 'base64' };
    const { body } = await ask('POST', '/v1/embeddings', question);
    const vectors = body.data.map(({ embedding }: { embedding: string }) => [
      ...new Float32Array(new Uint8Array(Buffer.from(embedding, 'base64')).buffer),
    ]);
    expect(vectors).toEqual([
      [1, 0.5],
      [2, 0.5],
    ]);
  });

  it.each<[object, RegExp]>([
    [{ input: 'a' }, /"model" is missing/],
    [{ model: 'mood', input: 'a' }, /text-classification, and does not embed texts/],
    [{ model: 'embedder', input: [] }, /list of 1 to/],
    [{ model: 'embedder', input: 7 }, /takes a text/],
    [{ model: 'embedder', input: 'a', encoding_format: 'hex' }, /"encoding_format" is "hex"/],
    [{ model: 'embedder', input: 'a', dimensions: 1 }, /have 2, and are not cut/],
  ])('refuses %j', async (question, message) => {
    const { status, body } = await ask('POST', '/v1/embeddings', question);
    expect([status, body.error.message]).toEqual([400, expect.stringMatching(message)]);
  });
});

describe('Hugging Face', () => {
  const good = { label: 'good', score: 0.75 };
  const bad = { label: 'bad', score: 0.25 };

  it.each<[string, unknown, unknown]>([
    ['/models/mood', { inputs: 'a' }, [[good, bad]]],
    ['/models/mood', { inputs: ['a', 'b'], parameters: { top_k: 1 } }, [[good], [good]]],
    // What fetch() calls text/plain.
    ['/models/mood', '{"inputs": ["a", "b"], "parameters": {"top_k": 1}}', [[good], [good]]],
    ['/models/mood', '{ a brace }', [[good, bad]]],
    ['/models/mood', { inputs: { text: 'a', text_pair: 'b' } }, [[good, bad]]],
    ['/pipeline/text-classification/mood', 'just text', [[good, bad]]],
    ['/pipeline/feature-extraction/embedder', { inputs: 'four' }, [4, 0.5]],
    ['/models/embedder', { inputs: ['four'] }, [[4, 0.5]]],
    [
      '/models/boxes',
      { inputs: `data:image/gif;base64,${btoa('GIF')}` },
      [{ label: 'GIF', score: 0.5, box: { xmin: 1, ymin: 2, xmax: 4, ymax: 6 } }],
    ],
  ])('%s %j', async (path, question, expected) => {
    expect(await ask('POST', path, question)).toEqual({ status: 200, body: expected });
  });

  it.each<[string, unknown, number, RegExp]>([
    ['/models/none', { inputs: 'a' }, 404, /none/],
    ['/models/mood', {}, 400, /"inputs"/],
    ['/models/mood', { inputs: [1] }, 400, /takes a text/],
    ['/models/mood', { inputs: 'a', parameters: [] }, 400, /"parameters" is a list/],
    ['/models/boxes', { inputs: '*' }, 400, /not base64/],
    ['/pipeline/translation/mood', { inputs: 'a' }, 400, /for text-classification, not for/],
    ['/models/graph', { inputs: 'a' }, 400, /tensors only/],
  ])('%s %j is a %i', async (path, question, status, message) => {
    const found = await ask('POST', path, question);
    expect(found).toEqual({ status, body: { error: expect.stringMatching(message) } });
  });
});

it('V2 tells texts from requests', async () => {
  const path = '/v2/models/mood/infer';
  const result = [{ label: 'good', score: 0.75, index: 1 }];
  const text = await ask('POST', `${path}?top_k=1`, 'a text');
  expect(text.body).toMatchObject({ task: 'text-classification', result });
  const x = { name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] };
  const tensors = await ask('POST', path, JSON.stringify({ inputs: [x] }));
  expect(tensors.body).toMatchObject({ outputs: [{ name: 'y' }, { name: 'label' }] });
});

describe('TorchServe', () => {
  it('predicts, of a body, of JSON and of a form', async () => {
    const scores = { good: 0.75, bad: 0.25 };
    expect((await ask('POST', '/predictions/mood', 'a text')).body).toEqual(scores);
    expect((await ask('PUT', '/predictions/mood/1', { data: 'a text' })).body).toEqual(scores);
    const form = new FormData();
    form.set('data', new Blob(['GIF'], { type: 'image/gif' }), 'a.gif');
    expect((await ask('POST', '/predictions/boxes', form)).body).toEqual([
      { GIF: [1, 2, 4.25, 6], score: 0.5 },
    ]);
    expect((await ask('POST', '/predictions/table', { instances: [[3], [4]] })).body).toEqual([
      6, 8,
    ]);
  });

  it('lists, describes and scales', async () => {
    expect((await ask('GET', '/ping')).body).toEqual({ status: 'Healthy' });
    const first = await ask('GET', '/models?limit=2');
    expect(first.body.models.map((each: { modelName: string }) => each.modelName)).toEqual([
      'boxes',
      'embedder',
    ]);
    const next = await ask('GET', `/models?limit=9&next_page_token=${first.body.nextPageToken}`);
    expect(next.body.models).toHaveLength(3);
    expect(next.body).not.toHaveProperty('nextPageToken');
    expect(await ask('PUT', '/models/graph?min_worker=2&synchronous=true')).toEqual({
      status: 200,
      body: { status: 'Workers scaled to 2 for model: graph' },
    });
    const { body } = await ask('GET', '/models/graph');
    expect(body).toMatchObject([{ modelName: 'graph', minWorkers: 2, workers: [{}, {}] }]);
    expect((await ask('PUT', '/models/graph?min_worker=0')).status).toBe(202);
    await vi.waitFor(() => expect(server.describe('graph')?.state).toBe('UNAVAILABLE'));
    expect((await ask('PUT', '/models/mood?min_worker=2')).status).toBe(409);
  });

  it('knows versions, and takes models away', async () => {
    await server.register('graph', () => GraphModel.open('affine'), { version: '2' });
    expect((await ask('GET', '/models/graph/all')).body).toHaveLength(2);
    expect((await ask('PUT', '/models/graph/1/set-default')).status).toBe(200);
    expect(server.describe('graph')?.version).toBe('1');
    expect((await ask('DELETE', '/models/graph/1')).status).toBe(200);
    expect((await ask('DELETE', '/models/graph')).status).toBe(200);
    expect(await ask('GET', '/models/graph')).toMatchObject({
      status: 404,
      body: { code: 404, type: 'ModelNotFoundException' },
    });
  });

  it.each([
    ['POST', '/explanations/mood', 501],
    ['POST', '/explanations/none', 404],
    ['POST', '/models?url=a.mar', 501],
    ['GET', '/models/mood/7', 404],
    ['GET', '/models?limit=x', 400],
    ['PUT', '/models/mood?min_worker=99', 400],
  ])('%s %s is a %i', async (method, path, status) => {
    const found = await ask(method, path);
    expect(found.status).toBe(status);
    expect(found.body).toEqual({
      code: status,
      type: expect.stringMatching(/Exception$/),
      message: expect.any(String),
    });
  });
});

it('answers why, where the server has an explainer', async () => {
  const asked: unknown[] = [];
  server = new ModelServer({
    explainer: async ({ task }, question, parameters, { priority }) => {
      asked.push(task, question, parameters, priority);
      return { label: 'glad', tokens: [{ token: 'hi', importance: 0.5 }] };
    },
  });
  await server.register('mood', await model('text-classification', {}));
  await server.register('graph', () => GraphModel.open('affine'));
  expect(await ask('POST', '/explanations/mood?class=glad', { data: 'hi' })).toEqual({
    status: 200,
    body: { label: 'glad', tokens: [{ token: 'hi', importance: 0.5 }] },
  });
  expect(asked).toEqual([
    'text-classification',
    { kind: 'text', texts: ['hi'] },
    { class: 'glad' },
    'normal',
  ]);
  expect((await ask('POST', '/explanations/graph', { data: 'hi' })).status).toBe(400);
});

describe('/predict', () => {
  it('asks the only model of tables, or the one that is named', async () => {
    expect(await ask('POST', '/predict', { X: [[1], [2]] })).toEqual({ status: 200, body: [2, 4] });
    await server.register('another', await model('tabular', { predict: async () => ['another'] }));
    expect((await ask('POST', '/predict', { X: [[1]] })).body.error).toMatch(/another, table/);
    expect((await ask('POST', '/predict?model=another', { X: [[1]] })).body).toEqual(['another']);
    expect((await ask('POST', '/predict?model=table', { Y: 1 })).body.error).toMatch(/"X"/);
  });

  it('is 404 where there is none', async () => {
    await server.unregister('table');
    expect((await ask('POST', '/predict', { X: [[1]] })).status).toBe(404);
  });
});

it('a server may refuse to be managed', async () => {
  server = new ModelServer({ management: false, basePath: '/ai/' });
  await server.register('graph', () => GraphModel.open('affine'));
  for (const [method, path] of [
    ['POST', '/ai/v2/repository/models/graph/unload'],
    ['DELETE', '/ai/models/graph'],
    ['PUT', '/ai/models/graph?min_worker=2'],
  ] as const) {
    expect((await ask(method, path)).status).toBe(403);
  }
  expect((await ask('POST', '/ai/v2/repository/index')).body).toHaveLength(1);
  expect((await ask('GET', '/v2')).status).toBe(404);
  expect(server.ready('graph')).toBe(true);
});

it('a load of what came loaded is a conflict', async () => {
  await server.unload('mood');
  const { status, body } = await ask('POST', '/v2/repository/models/mood/load', {});
  expect([status, body.error]).toEqual([409, expect.stringMatching(/was registered as an object/)]);
});
