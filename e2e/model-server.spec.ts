/** The model server in a page, on the built package: models in workers, asked by requests. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  complaint,
  mutatedRequests,
  type ReceivedAnswer,
} from '../src/testing/mutated-requests.js';
import { Bridge } from './bridge/bridge.js';
import { openModelServer, registerAll } from './bridge/served.js';
import { expect, test } from './fixtures.js';

/** What an answer of the page's server comes to. */
interface Answered {
  status: number;
  type: string | null;
  body: unknown;
}

test.beforeEach(async ({ page, server }) => {
  await openModelServer(page, server);
  await page.evaluate(() => {
    window.ask = async (path, { method, headers, body } = {}) => {
      const init = {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: headers ?? {},
      };
      const sent = body === undefined || body instanceof Blob ? body : JSON.stringify(body);
      const url = new URL(path, location.href);
      const request = new Request(url, { ...init, ...(sent !== undefined && { body: sent }) });
      const response = await window.server.handle(request);
      const type = response.headers.get('content-type');
      const text = await response.text();
      const isJson = type === 'application/json' && text !== '';
      return { status: response.status, type, body: isJson ? JSON.parse(text) : text };
    };
    window.picture = async () => {
      const canvas = new OffscreenCanvas(64, 64);
      const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
      context.fillStyle = '#3a6';
      context.fillRect(0, 0, 64, 64);
      context.fillStyle = '#d22';
      context.arc(32, 32, 20, 0, 7);
      context.fill();
      return canvas.convertToBlob({ type: 'image/png' });
    };
  });
});

test.afterEach(async ({ page }) => {
  await page.evaluate(() => window.server.close());
});

declare global {
  interface Window {
    ask(
      path: string,
      init?: { method?: string; headers?: Record<string, string>; body?: unknown },
    ): Promise<Answered>;
    picture(): Promise<Blob>;
  }
}

test('a picture is asked about in every protocol, and gets the classifier’s answer', async ({
  page,
}) => {
  await registerAll(page);
  const outcome = await page.evaluate(async () => {
    const { ask } = window;
    const body = await window.picture();
    const classifier = await window.tabserve.ImageClassifier.create({
      model: 'everyday',
      device: 'wasm',
    });
    const direct = await classifier.classify(body, { topK: 3 });
    classifier.destroy();
    const v2 = await ask('/v2/models/everyday/infer?top_k=3', { body });
    const torchServe = await ask('/predictions/everyday', { body });
    const bytes = new Uint8Array(await body.arrayBuffer());
    const inputs = btoa(String.fromCharCode(...bytes));
    const hub = await ask('/models/everyday', { body: { inputs, parameters: { top_k: 3 } } });
    const nameless = await ask('/pipeline/image-classification/everyday', {
      body: new Blob([body]),
    });
    const form = new FormData();
    form.set('data', body, 'picture.png');
    const posted = new Request(new URL('/predictions/everyday', location.href), {
      method: 'POST',
      body: form,
    });
    const formed = await (await window.server.handle(posted)).json();
    return { direct, v2, torchServe, hub, nameless, formed };
  });
  const { direct, v2, torchServe, hub, nameless, formed } = outcome;
  expect(direct).toHaveLength(3);
  expect(v2).toEqual({
    status: 200,
    type: 'application/json',
    body: {
      model_name: 'everyday',
      model_version: '1',
      task: 'image-classification',
      result: direct,
    },
  });
  const pairs = direct.map(({ label, score }) => ({ label, score }));
  expect(hub).toMatchObject({ status: 200, body: pairs });
  expect(nameless.body).toEqual(expect.arrayContaining(pairs));
  const byLabel = torchServe.body as Record<string, number>;
  expect(Object.keys(byLabel)).toHaveLength(5);
  expect(byLabel[direct[0]?.label as string]).toBe(direct[0]?.score);
  expect(formed).toEqual(byLabel);
});

test('tensors go to the graph, of classifiers too', async ({ page }) => {
  await registerAll(page);
  const { affine, ident, metadata, raw, sum } = await page.evaluate(async () => {
    const { ask } = window;
    const x = { name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] };
    const values: [string, unknown[]][] = [
      ['BOOL', [true, false]],
      ['INT64', [1, -1]],
      ['FP64', [0.1, 1e300]],
      ['BYTES', ['hé😀', '']],
    ];
    const inputs = values.map(([datatype, data]) => ({
      name: `in_${datatype}`,
      shape: [2],
      datatype,
      data,
    }));
    const metadata = await ask('/v2/models/everyday');
    const [input] = (metadata.body as { inputs: { name: string; shape: number[] }[] }).inputs;
    if (!input) throw new Error('The model has no input.');
    const shape = input.shape.map((size) => (size < 0 ? 1 : size));
    const count = shape.reduce((product, size) => product * size, 1);
    const data = new Array(count).fill(0.5);
    const raw = await ask('/v2/models/everyday/infer', {
      body: { inputs: [{ name: input.name, shape, datatype: 'FP32', data }] },
    });
    const [output] = (raw.body as { outputs: { shape: number[]; data: number[] }[] }).outputs;
    return {
      affine: await ask('/v2/models/affine/infer', { body: { inputs: [x] } }),
      ident: await ask('/v2/models/ident/infer', { body: { inputs } }),
      metadata,
      raw,
      sum: output?.data.length,
    };
  });
  expect(affine.body).toMatchObject({
    outputs: [{ data: [-1.875, -1.75, 2.75] }, { data: [2] }],
  });
  expect(ident.body).toMatchObject({
    outputs: [
      { name: 'out_BOOL', data: [true, false] },
      { name: 'out_INT64', data: [1, -1] },
      { name: 'out_FP64', data: [0.1, 1e300] },
      { name: 'out_BYTES', data: ['hé😀', ''] },
    ],
  });
  expect(metadata.body).toMatchObject({ name: 'everyday', platform: 'onnxruntime_onnx' });
  expect(raw.status).toBe(200);
  expect(sum).toBe(110);
});

test('texts and tables are asked about by the endpoints that people know', async ({
  page,
  server,
}) => {
  const folder = join(import.meta.dirname, 'text/golden');
  const texts = JSON.parse(readFileSync(join(folder, 'answers.json'), 'utf8')) as {
    texts: string[];
    classifiers: Record<string, { labels: string[]; answers: { scores: number[] }[] }>;
    embedders: Record<string, { vectors: number[][] }>;
  };
  const tables = join(import.meta.dirname, 'tabular/golden');
  const table = JSON.parse(readFileSync(join(tables, 'answers.json'), 'utf8')) as Record<
    string,
    { rows: number[][]; labels?: string[]; values?: number[][] }
  >;
  const [classifier = ''] = Object.keys(texts.classifiers);
  const [embedder = ''] = Object.keys(texts.embedders);
  const rows = 'logistic-three';
  server.mount('/hub', 'e2e/text/golden/models');
  server.mount('/tables', 'e2e/tabular/golden');
  const found = await page.evaluate(
    async ({ classifier, embedder, rows, texts, X }) => {
      const { TextClassifier, TextEmbedder, TabularModel } = window.tabserve;
      const { server, ask } = window;
      const device = 'wasm';
      await server.register('mood', (context) =>
        TextClassifier.create({ ...context, model: `/hub/${classifier}/`, device }),
      );
      await server.register('vectors', (context) =>
        TextEmbedder.create({ ...context, model: `/hub/${embedder}/`, device }),
      );
      await server.register('table', (context) =>
        TabularModel.create({ ...context, model: `/tables/${rows}.onnx` }),
      );
      const [text = ''] = texts;
      const body = new Blob([text], { type: 'text/plain' });
      return {
        hub: await ask('/models/mood', { body: { inputs: texts, parameters: { top_k: 99 } } }),
        plain: await ask('/v2/models/mood/infer?top_k=1', { body }),
        openai: await ask('/v1/embeddings', { body: { model: 'vectors', input: texts } }),
        predict: await ask('/predict', { body: { X } }),
        metadata: await ask('/v2/models/vectors'),
        statistics: await ask('/v2/models/mood/stats'),
      };
    },
    { classifier, embedder, rows, texts: texts.texts, X: table[rows]?.rows ?? [] },
  );
  const { labels = [], answers = [] } = texts.classifiers[classifier] ?? {};
  const hub = found.hub.body as { label: string; score: number }[][];
  for (const [at] of texts.texts.entries()) {
    const scores = answers[at]?.scores ?? [];
    for (const [index, label] of labels.entries()) {
      const score = hub[at]?.find((each) => each.label === label)?.score;
      expect(score, `text ${at}`).toBeCloseTo(scores[index] ?? 9, 5);
    }
  }
  const best = hub[0]?.[0];
  expect(found.plain.body).toMatchObject({ task: 'text-classification', result: [best] });
  const { data, usage } = found.openai.body as {
    data: { embedding: number[] }[];
    usage: { prompt_tokens: number };
  };
  const { vectors = [] } = texts.embedders[embedder] ?? {};
  for (const [at, { embedding }] of data.entries())
    for (const [i, value] of embedding.entries())
      expect(value).toBeCloseTo(vectors[at]?.[i] ?? 9, 4);
  expect(usage.prompt_tokens).toBeGreaterThan(texts.texts.length);
  const predicted = found.predict.body as { label: string; values?: number[] }[];
  const { labels: expected, values } = table[rows] ?? {};
  expect(predicted).toHaveLength(table[rows]?.rows.length ?? 0);
  for (const [at, answer] of predicted.entries()) {
    if (expected) expect(answer.label).toBe(expected[at]);
    else expect(answer.values?.[0]).toBeCloseTo(values?.[at]?.[0] ?? 9, 3);
  }
  expect(found.metadata).toMatchObject({ status: 200, body: { name: 'vectors' } });
  expect(found.statistics.body).toMatchObject({
    model_stats: [{ inference_count: texts.texts.length + 1, execution_count: 2 }],
  });
});

test('a model that was not created for tensors says so', async ({ page }) => {
  const refused = await page.evaluate(async () => {
    const { TensorModel, ImageClassifier } = window.tabserve;
    await window.server.register(
      'plain',
      await ImageClassifier.create({ model: 'digits', device: 'wasm' }),
    );
    const metadata = await window.ask('/v2/models/plain');
    const [input] = (metadata.body as { inputs: { name: string; shape: number[] }[] }).inputs;
    if (!input) throw new Error('The model has no input.');
    const shape = input.shape.map((size) => (size < 0 ? 1 : size));
    const data = new Array(shape.reduce((product, size) => product * size, 1)).fill(0);
    const inputs = [{ name: input.name, shape, datatype: 'FP32', data }];
    const raw = await TensorModel.create({ model: 'digits' as never, device: 'wasm' });
    await window.server.register('raw', raw);
    return {
      answer: await window.ask('/v2/models/plain/infer', { body: { inputs } }),
      raw: (await window.ask('/v2/models/raw/infer', { body: { inputs } })).status,
    };
  });
  expect(refused).toEqual({
    answer: {
      status: 501,
      type: 'application/json',
      body: { error: expect.stringContaining('tensors: true') },
    },
    // As a graph it takes them.
    raw: 200,
  });
});

test('wrong pictures, late answers and callers that go are answered as such', async ({ page }) => {
  await registerAll(page);
  const outcome = await page.evaluate(async () => {
    const { ask, server } = window;
    const infer = '/v2/models/everyday/infer';
    const broken = await ask(infer, { body: new Blob(['no picture'], { type: 'image/png' }) });
    const parameter = await ask(`${infer}?top_k=none`, { body: await window.picture() });
    const late = await ask(infer, {
      body: await window.picture(),
      headers: { 'X-Request-Timeout-Ms': '0.001' },
    });
    const gone = new AbortController();
    const url = new URL(infer, location.href);
    const body = await window.picture();
    const dropped = server.handle(new Request(url, { method: 'POST', body, signal: gone.signal }));
    gone.abort();
    const explained = await ask('/explanations/everyday', { body });
    const after = await ask(infer, { body });
    return {
      broken,
      parameter,
      late: late.status,
      dropped: (await dropped).status,
      explained,
      after: after.status,
    };
  });
  expect(outcome).toMatchObject({
    broken: { status: 400, body: { error: expect.stringMatching(/image|picture/i) } },
    parameter: { status: 400, body: { error: expect.stringContaining('top_k') } },
    late: 504,
    dropped: 499,
    explained: { status: 501, body: { code: 501, type: 'NotImplementedException' } },
    after: 200,
  });
});

test('unloading frees the model, and a hundred requests at once are answered', async ({ page }) => {
  await registerAll(page);
  const outcome = await page.evaluate(async () => {
    const { ask } = window;
    const x = (value: number) => ({
      inputs: [{ name: 'x', shape: [1, 4], datatype: 'FP32', data: [value, 0, 0, 0] }],
      outputs: [{ name: 'y' }],
    });
    const many = await Promise.all(
      Array.from({ length: 100 }, (_, index) => ask('/v2/models/affine/infer', { body: x(index) })),
    );
    const firsts = many.map(
      ({ body }) => (body as { outputs: { data: number[] }[] }).outputs[0]?.data[0],
    );
    const models = () =>
      Reflect.get(window, Symbol.for('tabserve.diagnostics'))() as { deployments: number };
    const before = models().deployments;
    await ask('/v2/repository/models/affine/unload', { body: {} });
    const during = models().deployments;
    const gone = await ask('/v2/models/affine/infer', { body: x(1) });
    const index = await ask('/v2/repository/index', { method: 'POST' });
    await ask('/v2/repository/models/affine/load', { body: {} });
    const back = await ask('/v2/models/affine/infer', { body: x(1) });
    const statistics = await ask('/v2/models/affine/stats');
    const metrics = await ask('/metrics');
    return { firsts, before, during, gone, index, back, statistics, metrics };
  });
  expect(outcome.firsts).toEqual(Array.from({ length: 100 }, (_, index) => index + 0.125));
  expect(outcome.during).toBe(outcome.before - 1);
  expect(outcome.gone.status).toBe(404);
  expect(outcome.index.body).toEqual(
    expect.arrayContaining([
      { name: 'affine', version: '1', state: 'UNAVAILABLE', reason: 'unloaded' },
    ]),
  );
  expect(outcome.back.status).toBe(200);
  expect(outcome.statistics.body).toMatchObject({
    model_stats: [
      { name: 'affine', inference_count: 101, inference_stats: { fail: { count: 0 } } },
    ],
  });
  expect(outcome.metrics.body).toContain(
    'nv_inference_request_success{model="affine",version="1"} 101',
  );
});

test('through a bridge, requests of other programs are answered', async ({ page }) => {
  await registerAll(page);
  const bridge = await Bridge.open(page);
  try {
    const response = await fetch(`${bridge.origin}/v2/models/affine/infer`, {
      method: 'POST',
      headers: { 'Accept-Encoding': 'gzip' },
      body: '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,NaN]}]}',
    });
    // Node's fetch has unpacked it.
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(await response.text()).toContain('"data":[NaN,NaN,NaN]');
    const live = await fetch(`${bridge.origin}/v2/health/live`);
    expect(await live.json()).toEqual({ live: true });
  } finally {
    await bridge.close();
  }
});

test('300 requests that are each made wrong in one way get the answers that Node gives', async ({
  page,
}) => {
  await registerAll(page);
  const all = mutatedRequests(300);
  const answers = await page.evaluate(
    async (asked) => {
      const answers = [];
      for (const { method, path, headers, body } of asked) {
        const sent =
          body === null ? null : Uint8Array.from(atob(body), (each) => each.charCodeAt(0));
        const url = new URL(path, location.href);
        const request = new Request(url, { method, ...(sent && { body: sent }) });
        // A page may not set some of them.
        Object.defineProperty(request, 'headers', { value: new Headers(headers) });
        const response = await window.server.handle(request);
        const { status } = response;
        const allow = response.headers.get('allow');
        answers.push({ status, allow, text: await response.text() });
      }
      return answers;
    },
    all.map(({ request }) => request),
  );
  const complaints = all.map((each, index) => complaint(each, answers[index] as ReceivedAnswer));
  expect(complaints.filter((each) => each !== null)).toEqual([]);
});
