/** Wrong models, manifests and moments: one clear, typed error each, and the next call works. */
import type { ImageSource, ModelManifest } from '../src/index.js';
import { expect, test } from './fixtures.js';
import { meanColour, serveModel, sha256 } from './models.js';

/** What `create` rejects with, as data. */
interface Failure {
  code: string;
  message: string;
  details: Record<string, unknown>;
}

const { manifest, model } = meanColour;
const withFile = (file: Partial<ModelManifest['files'][0]>): ModelManifest => ({
  ...manifest,
  files: [{ url: 'mean.onnx', dtype: 'fp32', ...file }],
});

const cases: {
  name: string;
  manifest?: unknown;
  model?: Buffer;
  expected: { code: string; message: RegExp };
}[] = [
  {
    name: 'a manifest with a wrong field',
    manifest: { ...manifest, input: { ...manifest.input, layout: 'CHWN' } },
    expected: {
      code: 'manifest-invalid',
      message: /model\.json: the field "input\.layout" is wrong: found "CHWN", expected .*NCHW/,
    },
  },
  {
    name: 'a manifest without files',
    manifest: { ...manifest, files: undefined },
    expected: {
      code: 'manifest-invalid',
      message: /there is no "files", expected a list of graphs/,
    },
  },
  {
    name: 'a manifest whose preprocessing contradicts its input',
    manifest: { ...manifest, input: { ...manifest.input, width: 9 } },
    expected: { code: 'manifest-invalid', message: /found 9 × 8, expected 8 × 8/ },
  },
  {
    name: 'a manifest that is not JSON',
    manifest: '<!doctype html><title>Not here</title>',
    expected: { code: 'manifest-invalid', message: /is not JSON: it begins with "<!doctype html>/ },
  },
  {
    name: 'truncated model bytes',
    model: model.subarray(0, model.length - 40),
    expected: { code: 'model-invalid', message: /mean\.onnx cannot be used as a model/ },
  },
  {
    name: 'random model bytes',
    model: Buffer.from(Array.from({ length: 500 }, (_, index) => (index * 7919) % 251)),
    expected: { code: 'model-invalid', message: /500 bytes, beginning with 00 / },
  },
  {
    name: 'a web page instead of a model',
    model: Buffer.from('<!doctype html><html><body>Welcome</body></html>'),
    expected: {
      code: 'model-invalid',
      message: /mean\.onnx is a web page, not a model: it begins with "<!doctype html>/,
    },
  },
  {
    name: 'a model whose sha256 differs',
    manifest: withFile({ sha256: sha256(Buffer.from('another model')) }),
    expected: { code: 'integrity', message: /has the sha256 [0-9a-f]{64} where .* says/ },
  },
  {
    name: 'a model whose size differs',
    manifest: withFile({ bytes: model.length + 1 }),
    expected: { code: 'integrity', message: new RegExp(`has ${model.length} bytes where`) },
  },
  {
    name: 'an input name that the model does not have',
    manifest: { ...manifest, input: { ...manifest.input, name: 'image' } },
    expected: {
      code: 'model-invalid',
      message: /"input\.name" says "image", the model has "input"/,
    },
  },
  {
    name: 'an input shape that the model does not have',
    manifest: {
      ...manifest,
      input: { ...manifest.input, width: 16, height: 16 },
      preprocess: { resize: { policy: 'exact', width: 16, height: 16 } },
    },
    expected: {
      code: 'model-invalid',
      message: /says \[1, 3, 16, 16\], the model has \[N, 3, 8, 8\]/,
    },
  },
  {
    name: 'labels that are too few',
    manifest: { ...manifest, labels: ['red', 'green'] },
    expected: { code: 'model-invalid', message: /says 2 labels, the model has 3 classes/ },
  },
  {
    name: 'a dtype that the model does not offer',
    manifest: withFile({ dtype: 'int8' }),
    expected: { code: 'unsupported', message: /dtype "fp32".*it offers int8/ },
  },
];

cases.forEach(({ name, expected, ...given }, index) => {
  test(`${name}`, async ({ open, server }) => {
    const path = `/faulty-${index}`;
    serveModel(server, path, manifest, given.model ?? model);
    if (given.manifest !== undefined) server.route(`${path}/model.json`, given.manifest as object);
    serveModel(server, '/good', manifest, model);
    const page = await open();
    const { failure, after } = await page.evaluate(
      async ({ path, dtype }) => {
        const { ImageClassifier, isTabserveError } = window.tabserve;
        const failure = await ImageClassifier.create({
          model: `${path}/model.json`,
          device: 'wasm',
          ...dtype,
        }).then(
          () => null,
          (error: unknown): Failure | null => {
            if (!isTabserveError(error)) throw error;
            return { code: error.code, message: error.message, details: { ...error.details } };
          },
        );
        const next = await ImageClassifier.create({ model: '/good/model.json', device: 'wasm' });
        const [best] = await next.classify(new ImageData(8, 8));
        return { failure, after: best?.label };
      },
      { path, dtype: expected.code === 'unsupported' ? { dtype: 'fp32' as const } : {} },
    );
    expect(failure?.code).toBe(expected.code);
    expect(failure?.message).toMatch(expected.message);
    expect(after).toBe('red');
  });
});

test('an unknown model lists what exists', async ({ open }) => {
  const page = await open();
  const message = await page.evaluate(() =>
    window.tabserve.ImageClassifier.create({ model: 'no-such-model' }).catch(
      (error: Error & { code: string }) => `${error.code}: ${error.message}`,
    ),
  );
  expect(message).toMatch(/^model-not-found: .*"no-such-model".*"digits"/);
});

test('a missing manifest and a missing engine name their addresses', async ({ open, server }) => {
  serveModel(server, '/good', manifest, model);
  const page = await open();
  const messages = await page.evaluate(async () => {
    const { ImageClassifier } = window.tabserve;
    const message = (options: Parameters<typeof ImageClassifier.create>[0]) =>
      ImageClassifier.create({ device: 'wasm', ...options }).then(
        () => 'created',
        (error: Error & { code: string }) => `${error.code}: ${error.message}`,
      );
    // Once an engine is in the store, no address is asked for it.
    return [
      await message({ model: '/good/model.json', wasmUrl: '/nowhere/' }),
      await message({ model: '/good/model.json', wasmUrl: '/pages/' }),
      await message({ model: '/nowhere/model.json' }),
      await message({ model: '/good/model.json', workerUrl: '/nowhere/worker.js' }),
      await message({ model: '/good/model.json' }),
    ];
  });
  expect(messages[0]).toMatch(/^network: .*\/nowhere\/ort-wasm.*404.*wasmUrl/);
  expect(messages[1]).toMatch(/^network: .*\/pages\/ort-wasm/);
  expect(messages[2]).toMatch(/^model-not-found: .*\/nowhere\/model\.json answered with HTTP 404/);
  expect(messages[3]).toMatch(/^worker-blocked: .*\/nowhere\/worker\.js/);
  expect(messages[4]).toBe('created');
});

test('aborts are honoured before, while queued, while running and after', async ({
  open,
  server,
}) => {
  serveModel(server, '/good', manifest, model);
  const page = await open();
  const outcome = await page.evaluate(async () => {
    const { ImageClassifier } = window.tabserve;
    const settled = (promise: Promise<unknown>) =>
      promise.then(
        (value) => (Array.isArray(value) ? value[0].label : 'created'),
        (reason: unknown) => reason,
      );
    const options = { model: '/good/model.json', device: 'wasm' } as const;
    const createBefore = await settled(
      ImageClassifier.create({ ...options, signal: AbortSignal.abort('before') }),
    );
    const loading = new AbortController();
    const creating = settled(
      ImageClassifier.create({
        ...options,
        signal: loading.signal,
        monitor: (monitor) =>
          monitor.addEventListener('downloadprogress', () => loading.abort('while loading')),
      }),
    );
    const createDuring = await creating;

    const classifier = await ImageClassifier.create(options);
    const image = new ImageData(2000, 2000);
    const before = await settled(
      classifier.classify(image, { signal: AbortSignal.abort('before') }),
    );
    const busy = Array.from({ length: 4 }, () => classifier.classify(image));
    const queued = new AbortController();
    const queuedResult = settled(classifier.classify(image, { signal: queued.signal }));
    setTimeout(() => queued.abort('queued'), 5);
    const running = new AbortController();
    const runningResult = settled(classifier.classify(image, { signal: running.signal }));
    setTimeout(() => running.abort('running'), 30);
    await Promise.all(busy);
    const after = new AbortController();
    const finished = await settled(classifier.classify(image, { signal: after.signal }));
    after.abort('after');
    return {
      createBefore,
      createDuring,
      before,
      queued: await queuedResult,
      running: await runningResult,
      finished,
      next: await settled(classifier.classify(image)),
      metrics: classifier.metrics(),
    };
  });
  expect(outcome).toMatchObject({
    createBefore: 'before',
    createDuring: 'while loading',
    before: 'before',
    queued: 'queued',
    finished: 'red',
    next: 'red',
    metrics: { pending: 0, errors: 0 },
  });
  // A fast machine may have answered already.
  expect(['running', 'red']).toContain(outcome.running);
});

test('a timeout, a full queue and a destroyed classifier say so', async ({ open, server }) => {
  serveModel(server, '/good', manifest, model);
  const page = await open();
  const outcome = await page.evaluate(async () => {
    const { ImageClassifier } = window.tabserve;
    const settled = (promise: Promise<unknown>) =>
      promise.then(
        () => 'answered',
        (error: { code: string }) => error.code,
      );
    const classifier = await ImageClassifier.create({
      model: '/good/model.json',
      device: 'wasm',
      maxQueue: 3,
    });
    const large = new ImageData(4000, 4000);
    const timeout = await settled(classifier.classify(large, { timeout: 1 }));
    const four = await Promise.all(
      Array.from({ length: 4 }, () => settled(classifier.classify(large))),
    );
    const next = await settled(classifier.classify(large));
    const pending = settled(classifier.classify(large));
    classifier.destroy();
    classifier.destroy();
    return {
      timeout,
      four,
      next,
      pending: await pending,
      after: await settled(classifier.classify(large)),
      state: classifier.state,
    };
  });
  expect(outcome).toEqual({
    timeout: 'timeout',
    four: ['answered', 'answered', 'answered', 'queue-full'],
    next: 'answered',
    pending: 'destroyed',
    after: 'destroyed',
    state: 'destroyed',
  });
});

test('a Content-Security-Policy that forbids the worker or WebAssembly is named', async ({
  open,
  server,
}) => {
  serveModel(server, '/good', manifest, model);
  const attempt = async (csp: string) => {
    const page = await open({ csp });
    return page.evaluate(() =>
      window.tabserve.ImageClassifier.create({ model: '/good/model.json', device: 'wasm' }).then(
        () => 'created',
        (error: Error & { code: string }) => `${error.code}: ${error.message}`,
      ),
    );
  };
  expect(await attempt("script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'")).toMatch(
    /^worker-blocked: .*worker-src/,
  );
  expect(await attempt("script-src 'self'; worker-src blob:")).toMatch(
    /^unsupported: .*'wasm-unsafe-eval'/,
  );
  expect(await attempt("script-src 'self' 'wasm-unsafe-eval'; worker-src blob:")).toBe('created');
});

test('images that have no pixels to give say why', async ({ open, server, otherServer }) => {
  serveModel(server, '/good', manifest, model);
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
    'base64',
  );
  otherServer.route('/foreign.png', png);
  const page = await open();
  const outcome = await page.evaluate(async (foreign) => {
    const classifier = await window.tabserve.ImageClassifier.create({
      model: '/good/model.json',
      device: 'wasm',
    });
    const outcome: Record<string, string> = {};
    const attempt = async (name: string, source: ImageSource) => {
      outcome[name] = await classifier.classify(source).then(
        (answers) => `answered ${answers[0]?.label}`,
        (error: Error & { code: string }) => error.code,
      );
    };
    const tainted = new Image();
    tainted.src = foreign;
    await tainted.decode();
    await attempt('tainted img', tainted);
    const canvas = document.createElement('canvas');
    canvas.getContext('2d')?.drawImage(tainted, 0, 0);
    await attempt('tainted canvas', canvas);
    const empty = document.createElement('canvas');
    empty.width = 0;
    await attempt('zero-size canvas', empty);
    const detached = new OffscreenCanvas(8, 8);
    structuredClone(detached, { transfer: [detached] });
    await attempt('detached canvas', detached);
    const bitmap = await createImageBitmap(new ImageData(8, 8));
    bitmap.close();
    await attempt('closed bitmap', bitmap);
    const drawn = new OffscreenCanvas(8, 8);
    drawn.getContext('2d')?.fillRect(0, 0, 8, 8);
    const frame = new VideoFrame(drawn, { timestamp: 0 });
    frame.close();
    await attempt('closed frame', frame);
    const bytes = new Uint8Array(100);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    await attempt('detached bytes', bytes);
    await attempt('video without a frame', document.createElement('video'));
    const broken = new Image();
    broken.src = '/nowhere.png';
    await attempt('broken img', broken);
    await attempt('img without src', new Image());
    await attempt('next', new ImageData(8, 8));
    return outcome;
  }, `${otherServer.origin}/foreign.png`);
  expect(outcome).toEqual({
    'tainted img': 'image-tainted',
    'tainted canvas': 'image-tainted',
    'zero-size canvas': 'image-undecodable',
    'detached canvas': 'image-undecodable',
    'closed bitmap': 'image-undecodable',
    'closed frame': 'image-undecodable',
    'detached bytes': 'image-undecodable',
    'video without a frame': 'image-not-ready',
    'broken img': 'image-undecodable',
    'img without src': 'image-undecodable',
    next: 'answered red',
  });
});
