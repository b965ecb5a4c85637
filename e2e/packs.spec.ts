/**
 * Tasks whose worker code comes in packs, in each of the ways in which a worker gets them. The pack's
 * tasks answer by the protocol, in the worker that classifies.
 */
import { expect, test } from './fixtures.js';
import { meanColour, serveModel } from './models.js';
import type { TestServer } from './server.js';

const { labels: _, output, ...described } = meanColour.manifest;

/** The mean colour of a picture, for what it is worth as a vector. */
function serveEmbedder(server: TestServer, pooling: string): string {
  const manifest = { ...described, task: 'image-embedding', output: { ...output, pooling } };
  const { activation: __, ...out } = manifest.output;
  const parts = { ...manifest, output: out };
  return serveModel(server, `/embedder-${pooling}`, parts as never, meanColour.model);
}

/** How the worker gets the packs: in its own blob, by address, or by way of a script tag. */
type Way = 'blob' | 'file' | 'tag' | 'none';

interface Asked {
  way: Way;
  packs: string[];
  modelUrl: string;
  task: string | null;
  requests: {
    payload?: unknown;
    options: unknown;
    /** A picture of this colour instead of the payload. */
    colour?: string;
    /** A tensor called `input` of float32 instead. */
    tensor?: { dims: number[]; values: number[] };
  }[];
}

/** Starts a worker as the page's code does, loads a model, and gives its answers. */
async function ask(page: import('@playwright/test').Page, server: TestServer, asked: Asked) {
  return page.evaluate(
    async ({ way, packs, modelUrl, task, requests, origin }) => {
      const files = packs.map((name) => `${origin}/dist/packs/${name}.js`);
      const text = async (url: string) => (await fetch(url)).text();
      const byTag = async (url: string, name: string) => {
        const element = document.createElement('script');
        element.src = url;
        await new Promise((resolve, reject) => {
          element.onload = resolve;
          element.onerror = reject;
          document.head.append(element);
        });
        const { tabservePacks } = window as unknown as { tabservePacks: Record<string, unknown> };
        return `(self.tabservePacks??={}).${name}=${tabservePacks[name]};`;
      };
      const script = `${origin}/dist/worker-wasm.js`;
      const sources =
        way === 'file' || way === 'none'
          ? []
          : await Promise.all([
              ...files.map((url, i) =>
                way === 'tag' ? byTag(url, packs[i] as string) : text(url),
              ),
              text(script),
            ]);
      const blob = new Blob([sources.join('\n')], { type: 'text/javascript' });
      const worker = new Worker(sources.length > 0 ? URL.createObjectURL(blob) : script);
      const heard = new Map<unknown, (value: unknown) => void>();
      const crashed = new Promise<never>((_, reject) => {
        worker.onerror = ({ message }) => reject(new Error(message));
      });
      await Promise.race([
        crashed,
        new Promise<void>((resolve) => {
          worker.onmessage = ({ data }) => {
            if (data.tabserve === 'ready') resolve();
            else heard.get(data.id)?.(data.value);
          };
        }),
      ]);
      const call = (name: string, value: unknown, transfer: Transferable[] = []) => {
        const id = crypto.randomUUID();
        const answer = new Promise<unknown>((resolve) => heard.set(id, resolve));
        const argumentList = [{ type: 'RAW', value }];
        worker.postMessage({ id, type: 'APPLY', path: [name], argumentList }, transfer);
        return Promise.race([answer, crashed]);
      };
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data: { id, argumentList } }) =>
        port1.postMessage({ id, type: 'RAW', value: { value: argumentList[0]?.value } });
      const started = await call(
        'start',
        {
          device: 'wasm',
          threads: 1,
          wasmUrls: [`${origin}/dist/ort/ort-wasm-simd-threaded.wasm.gz`],
          restUrls: [`${origin}/dist/ort/ort-wasm-simd-threaded.rest.wasm.gz`],
          binary: null,
          lockName: crypto.randomUUID(),
          packs: way === 'file' ? files : [],
          page: port2,
        },
        [port2],
      );
      if (!('value' in (started as object))) return { started, loaded: null, answers: [] };
      const loaded = await call('load', {
        requestId: 1,
        model: { kind: 'url', url: modelUrl },
        task,
        dtype: 'auto',
        settings: {},
        mirrors: {},
        hubUrl: `${origin}/`,
        stallTimeout: 10_000,
        local: false,
      });
      const answers: unknown[] = [];
      for (const [index, { payload, options, colour, tensor }] of requests.entries()) {
        let sent = payload;
        if (tensor) {
          const data = Float32Array.from(tensor.values);
          sent = { input: { type: 'float32', dims: tensor.dims, data } };
        }
        if (colour !== undefined) {
          const canvas = new OffscreenCanvas(8, 8);
          const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
          context.fillStyle = colour;
          context.fillRect(0, 0, 8, 8);
          sent = { kind: 'blob', blob: await canvas.convertToBlob() };
        }
        const reply = (await call('run', {
          requestId: 2 + index,
          modelId: 1,
          payload: sent,
          options,
          task: null,
          timeLeft: null,
        })) as { value?: { answer: unknown }; error?: { code: string; message: string } };
        const { answer } = reply.value ?? {};
        answers.push(
          reply.error ??
            (answer instanceof Float32Array
              ? { class: 'Float32Array', values: [...answer] }
              : JSON.parse(
                  JSON.stringify(answer, (_key, value) =>
                    ArrayBuffer.isView(value) ? [...(value as Float32Array)] : value,
                  ),
                )),
        );
      }
      worker.terminate();
      return { started, loaded, answers };
    },
    { ...asked, origin: server.origin },
  );
}

const options = { crop: null, quality: 'exact', normalize: false };

for (const [way, csp] of [
  ['blob', ''],
  ['tag', ''],
  ['file', ''],
  ['file', "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'"],
] as const) {
  test(`an embedder in a pack: ${way}${csp && ', no blob: allowed'}`, async ({ open, server }) => {
    const modelUrl = serveEmbedder(server, 'none');
    server.headersFor = () => (csp ? { 'Content-Security-Policy': csp } : {});
    const page = await open();
    const { loaded, answers } = await ask(page, server, {
      way,
      packs: ['image', 'tensor'],
      modelUrl,
      task: 'image-embedding',
      requests: [
        { payload: null, colour: '#ff0000', options },
        { payload: null, colour: '#ffff00', options: { ...options, normalize: true } },
        { payload: { kind: 'blob', blob: 1 }, options },
        { payload: null, colour: '#0000ff', options: { ...options, normalize: 1 } },
        { payload: null, colour: '#0000ff', options },
      ],
    });
    server.headersFor = () => ({});
    expect(loaded).toMatchObject({ value: { labels: [], report: { device: 'cpu' } } });
    const half = expect.closeTo(Math.SQRT1_2, 6);
    expect(answers).toEqual([
      { class: 'Float32Array', values: [1, 0, 0] },
      { class: 'Float32Array', values: [half, half, 0] },
      expect.objectContaining({ code: 'invalid-argument' }),
      expect.objectContaining({ code: 'invalid-argument' }),
      { class: 'Float32Array', values: [0, 0, 1] },
    ]);
  });
}

test('what a pack throws arrives with its code', async ({ open, server }) => {
  const modelUrl = serveEmbedder(server, 'cls');
  const { answers } = await ask(await open(), server, {
    way: 'blob',
    packs: ['image'],
    modelUrl,
    task: 'image-embedding',
    requests: [{ payload: null, colour: 'red', options }],
  });
  expect(answers).toEqual([expect.objectContaining({ code: 'model-invalid' })]);
});

test('a pack that is not there is an error of the start', async ({ open, server }) => {
  const modelUrl = serveEmbedder(server, 'none');
  const { started } = await ask(await open(), server, {
    way: 'file',
    packs: ['none'],
    modelUrl,
    task: 'image-embedding',
    requests: [],
  });
  expect(started).toMatchObject({
    error: { code: 'network', message: expect.stringContaining('packs/none.js') },
  });
});

test('a model of another task is refused, with its task', async ({ open, server }) => {
  const modelUrl = serveEmbedder(server, 'none');
  const page = await open();
  const wanted = { packs: ['image'], modelUrl, requests: [] };
  for (const [way, task] of [
    ['blob', 'image-classification'],
    ['none', 'image-embedding'],
  ] as const) {
    const { loaded } = await ask(page, server, { ...wanted, way, task });
    expect(loaded).toMatchObject({
      error: { code: 'unsupported', details: { task: 'image-embedding' } },
    });
  }
});

test('a graph by its own tensors', async ({ open, server }) => {
  const { name, version, files } = meanColour.manifest;
  const manifest = { name, version, files, task: 'tensor' };
  const modelUrl = serveModel(server, '/tensor', manifest as never, meanColour.model);
  // Two pictures at once: the graph leaves the number open.
  const values = Array.from({ length: 2 * 3 * 64 }, (_each, index) => Math.floor(index / 64));
  const all = { outputs: null };
  const { answers } = await ask(await open(), server, {
    way: 'blob',
    packs: ['tensor'],
    modelUrl,
    task: null,
    requests: [
      { tensor: { dims: [2, 3, 8, 8], values }, options: all },
      { tensor: { dims: [3, 8, 8], values: values.slice(0, 192) }, options: all },
      { payload: { input: 'no tensor' }, options: all },
      { payload: {}, options: all },
      { tensor: { dims: [1, 3, 8, 8], values: values.slice(192) }, options: { outputs: ['mean'] } },
      { tensor: { dims: [1, 3, 8, 8], values: values.slice(192) }, options: { outputs: ['x'] } },
    ],
  });
  const invalid = (words: string) =>
    expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining(words) });
  expect(answers).toEqual([
    { mean: { type: 'float32', dims: [2, 3], data: [0, 1, 2, 3, 4, 5] } },
    invalid('float32 [3, 8, 8]'),
    invalid('payload.input'),
    invalid('"input" was given nothing'),
    { mean: { type: 'float32', dims: [1, 3], data: [3, 4, 5] } },
    invalid('no output "x"'),
  ]);
});
