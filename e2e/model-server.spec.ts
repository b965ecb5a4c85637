/** The model server in a page, on the built package: models in workers, asked by requests. */
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
    const wrong = await TensorModel.create({ model: 'digits' as never }).catch((error) => error);
    return {
      answer: await window.ask('/v2/models/plain/infer', { body: { inputs } }),
      wrong: wrong.code,
    };
  });
  expect(refused).toEqual({
    answer: {
      status: 501,
      type: 'application/json',
      body: { error: expect.stringContaining('tensors: true') },
    },
    wrong: 'unsupported',
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
