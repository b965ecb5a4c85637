/** tabserve's own files: where they are looked for, and what is said when they are not there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { cdnPath, classifySeven, createError, expect, test, version } from './embedding.js';
import type { Handler } from './server.js';

const dist = join(import.meta.dirname, '../dist');
const wasmName = 'ort-wasm-simd-threaded.wasm';
/** As tabserve's own folder has it: what comes first of it. */
const binaryName = `${wasmName}.gz`;
const first = gunzipSync(readFileSync(join(dist, 'ort', binaryName)));
/** As ONNX Runtime's package has it: in one piece. */
const wasm = readFileSync(join(dist, '../node_modules/onnxruntime-web/dist', wasmName));
const digits = readFileSync(join(dist, 'models/digits/digits.onnx'));
const workerScript = readFileSync(join(dist, 'worker-wasm.js'), 'utf8');
const ortVersion = JSON.parse(
  readFileSync(join(dist, '../node_modules/onnxruntime-web/package.json'), 'utf8'),
).version as string;

const answer =
  (content: string | Buffer, headers: Record<string, string>, status = 200): Handler =>
  (_request, response) => {
    response.writeHead(status, headers);
    response.end(content);
  };
const indexPage = answer('<!doctype html><title>app</title>', { 'Content-Type': 'text/html' });
const scriptType = { 'Content-Type': 'text/javascript' };

test('explicit places are used, and nothing else', async ({ open, server, cdn }) => {
  const page = await open();
  server.requests.length = 0;
  const outcome = await classifySeven(page, {
    workerUrl: '/dist/worker-wasm.js',
    wasmUrl: `${cdn.origin}${cdnPath}/ort/${binaryName}`,
    modelsUrl: `${cdn.origin}${cdnPath}/models`,
    device: 'wasm',
  });
  expect(outcome).toEqual({ label: '7', device: 'wasm', threads: 1, fallbacks: [] });
  expect(server.requests.filter((path) => /\.(wasm|gz|onnx)$/.test(path))).toEqual([]);
});

test('a binary that lies compressed on the server is unpacked', async ({ open, server }) => {
  const { gzipSync } = await import('node:zlib');
  server.route('/packed/engine.wasm', gzipSync(wasm, { level: 1 }));
  const page = await open();
  expect(
    await classifySeven(page, { wasmUrl: '/packed/engine.wasm', device: 'wasm' }),
  ).toMatchObject({
    label: '7',
    fallbacks: [],
  });
});

test('a wrong MIME type of the binary does no harm', async ({ open, server }) => {
  server.route(`/plain/${wasmName}`, answer(wasm, { 'Content-Type': 'text/plain' }));
  const page = await open();
  expect(await classifySeven(page, { wasmUrl: '/plain', device: 'wasm' })).toMatchObject({
    label: '7',
  });
});

test.describe('the public CDN', () => {
  const cdnWasm = `/npm/onnxruntime-web@${ortVersion}/dist/${wasmName}`;
  const cdnModel = `/npm/tabserve@${version}/dist/models/digits/digits.onnx`;

  /** The library alone, as esbuild and Rollup emit it: what it would find beside itself is a 404. */
  const bare = '/bare/tabserve.global.js';

  test.beforeEach(({ server, jsdelivr }) => {
    server.route(bare, answer(readFileSync(join(dist, 'tabserve.global.js')), scriptType));
    server.route('/bare.html', `<!doctype html><title>t</title><script src="${bare}"></script>`);
    jsdelivr.route(cdnWasm, wasm);
    jsdelivr.route(cdnModel, digits);
    jsdelivr.requests.length = 0;
  });

  test('stands in for what is not there, pinned and announced', async ({
    cdnBrowser,
    server,
    jsdelivr,
  }) => {
    const page = await cdnBrowser.newPage();
    const warnings: string[] = [];
    page.context().on('console', (message) => {
      if (message.type() === 'warning') warnings.push(message.text());
    });
    await page.goto(`${server.origin}/bare.html`);
    const outcome = await classifySeven(page);
    expect(outcome.label).toBe('7');
    expect(outcome.fallbacks).toEqual([
      {
        from: `${server.origin}/bare/ort/${binaryName}`,
        to: `https://cdn.jsdelivr.net${cdnWasm}`,
        reason: expect.stringContaining('404'),
      },
      {
        from: `${server.origin}/bare/models/digits/digits.onnx`,
        to: `https://cdn.jsdelivr.net${cdnModel}`,
        reason: expect.stringContaining('404'),
      },
    ]);
    expect(jsdelivr.requests.toSorted()).toEqual([cdnWasm, cdnModel].toSorted());
    expect(warnings.filter((text) => text.startsWith('tabserve:'))).toHaveLength(2);
    await page.close();
  });

  test('is asked too when an index page is served instead', async ({ cdnBrowser, server }) => {
    server.route(`/bare/ort/${binaryName}`, indexPage);
    server.route('/bare/models/digits/digits.onnx', indexPage);
    const page = await cdnBrowser.newPage();
    await page.goto(`${server.origin}/bare.html`);
    const outcome = await classifySeven(page);
    expect(outcome.label).toBe('7');
    expect(outcome.fallbacks.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('<!doctype html>'),
      expect.stringContaining('<!doctype html>'),
    ]);
    await page.close();
    const missing = answer('', {}, 404);
    server.route(`/bare/ort/${binaryName}`, missing);
    server.route('/bare/models/digits/digits.onnx', missing);
  });

  test('cannot pass other bytes off', async ({ cdnBrowser, server, jsdelivr }) => {
    const changed = Buffer.from(wasm);
    changed[1_000_000] = (changed[1_000_000] ?? 0) ^ 1;
    jsdelivr.route(cdnWasm, changed);
    const page = await cdnBrowser.newPage();
    await page.goto(`${server.origin}/bare.html`);
    const error = await createError(page);
    expect(error.message).toContain('sha256');
    expect(error.message).toContain(`https://cdn.jsdelivr.net${cdnWasm}`);
    await page.close();
  });

  test('is left alone when it is switched off', async ({ cdnBrowser, server, jsdelivr }) => {
    const page = await cdnBrowser.newPage();
    await page.goto(`${server.origin}/bare.html`);
    const error = await createError(page, { cdn: false });
    expect(error.message).toContain(`${server.origin}/bare/`);
    expect(error.message).toContain('404');
    expect(jsdelivr.requests).toEqual([]);
    await page.close();
  });
});

test.describe('a binary that is not there', () => {
  test('HTTP 404', async ({ open, server }) => {
    const page = await open();
    const error = await createError(page, { wasmUrl: '/nowhere/' });
    expect(error).toMatchObject({ code: 'network', url: `${server.origin}/nowhere/${binaryName}` });
    expect(error.message).toMatch(/HTTP 404.*"ort" folder.*wasmUrl/s);
  });

  test('an index page', async ({ open, server }) => {
    server.route(`/spa/${binaryName}`, indexPage);
    const page = await open();
    const error = await createError(page, { wasmUrl: '/spa/' });
    expect(error).toMatchObject({ code: 'network', url: `${server.origin}/spa/${binaryName}` });
    expect(error.message).toMatch(/begins with "<!doctype html>.*wasmUrl/s);
  });

  test('no CORS', async ({ open, otherServer }) => {
    const page = await open();
    const error = await createError(page, { wasmUrl: `${otherServer.origin}/dist/ort/` });
    expect(error).toMatchObject({
      code: 'network',
      url: `${otherServer.origin}/dist/ort/${binaryName}`,
    });
    expect(error.message).toContain('Access-Control-Allow-Origin');
  });

  test('cut off, or of another version', async ({ open, server }) => {
    server.route(`/old/${binaryName}`, wasm.subarray(0, 1_000_000));
    const page = await open();
    const error = await createError(page, { wasmUrl: '/old/' });
    expect(error).toMatchObject({ code: 'integrity', url: `${server.origin}/old/${binaryName}` });
    expect(error.message).toMatch(new RegExp(`has 1000000 bytes.*${first.length}`));
    expect(error.message).toContain(`onnxruntime-web ${ortVersion}`);
  });

  test('mixed content', async ({ cdnBrowser, jsdelivr, server }) => {
    // The browser takes 127.0.0.1 for secure, so that the plain address needs a name.
    const url = `http://plain.example:${new URL(server.origin).port}/dist/ort/`;
    jsdelivr.mount('/dist', 'dist');
    jsdelivr.route(
      '/secure.html',
      '<!doctype html><title>t</title><script src="/dist/tabserve.global.js"></script>',
    );
    const page = await cdnBrowser.newPage();
    await page.goto('https://cdn.jsdelivr.net/secure.html');
    const error = await createError(page, { wasmUrl: url });
    expect(error).toMatchObject({ code: 'network', url: url + binaryName });
    expect(error.message).toContain('mixed content');
    await page.close();
  });
});

test('a model that is not there', async ({ open, server }) => {
  const page = await open();
  const missing = await createError(page, { modelsUrl: '/no-models/' });
  expect(missing).toMatchObject({
    code: 'model-not-found',
    url: `${server.origin}/no-models/digits/digits.onnx`,
  });
  server.route('/spa-models/digits/digits.onnx', indexPage);
  const page2 = await createError(page, { modelsUrl: '/spa-models/' });
  expect(page2.code).toBe('model-invalid');
  expect(page2.message).toContain(`${server.origin}/spa-models/digits/digits.onnx is a web page`);
});

test.describe("a worker's file that does not start", () => {
  const cases: [string, Handler, RegExp][] = [
    ['HTTP 404', answer('no', { 'Content-Type': 'text/plain' }, 404), /HTTP 404/],
    ['an index page', indexPage, /web page that begins with "<!doctype html>/],
    [
      'a wrong MIME type',
      answer(workerScript, { 'Content-Type': 'text/plain', 'X-Content-Type-Options': 'nosniff' }),
      /MIME type text\/plain.*text\/javascript/,
    ],
    [
      'another version',
      answer(workerScript.replaceAll(version, '99.0.0'), scriptType),
      new RegExp(`tabserve 99\\.0\\.0.*wants the wasm worker of tabserve ${version}`),
    ],
    [
      'another build',
      answer(readFileSync(join(dist, 'worker-jspi.js')), scriptType),
      /jspi worker.*wants the wasm worker/,
    ],
    ['a broken script', answer('throw new Error("broken");', scriptType), /broken/],
  ];
  for (const [name, handler, says] of cases) {
    test(name, async ({ open, server }) => {
      server.route('/workers/worker-wasm.js', handler);
      const page = await open();
      const error = await createError(page, { workerUrl: '/workers/' });
      const url = `${server.origin}/workers/worker-wasm.js`;
      expect(error).toMatchObject({ code: 'worker-blocked', url });
      expect(error.message).toContain(url);
      expect(error.message).toMatch(says);
      expect(error.message).toContain(`worker files of tabserve ${version}`);
    });
  }

  test('another origin', async ({ open, cdn }) => {
    const page = await open();
    const error = await createError(page, { workerUrl: `${cdn.origin}${cdnPath}/` });
    expect(error.code).toBe('worker-blocked');
    expect(error.message).toContain(`It is of another origin (${cdn.origin})`);
  });

  test('no COEP on an isolated page', async ({ open, server }) => {
    server.route('/no-coep/worker-wasm.js', answer(workerScript, scriptType));
    const page = await open({ isolated: true });
    const error = await createError(page, { workerUrl: '/no-coep/' });
    expect(error).toMatchObject({
      code: 'worker-blocked',
      url: `${server.origin}/no-coep/worker-wasm.js`,
    });
    expect(error.message).toContain('Cross-Origin-Embedder-Policy: require-corp');
  });
});

test("WebGPU's worker script missing beside the script tag: its address is named", async ({
  page,
  server,
}) => {
  server.route(
    '/lonely/tabserve.global.js',
    answer(readFileSync(join(dist, 'tabserve.global.js')), scriptType),
  );
  server.route(
    '/lonely.html',
    '<!doctype html><title>t</title><script src="/lonely/tabserve.global.js"></script>',
  );
  await page.goto(`${server.origin}/lonely.html`);
  // Without a GPU at hand: the page only has to believe that there is one.
  await page.evaluate(() => {
    const adapter = { info: { isFallbackAdapter: false } };
    Object.defineProperty(navigator, 'gpu', {
      value: { requestAdapter: () => Promise.resolve(adapter) },
    });
  });
  const error = await createError(page, { device: 'webgpu' });
  expect(error.code).toBe('worker-blocked');
  expect(error.message).toMatch(/\/lonely\/worker-(jspi|asyncify)\.js: HTTP 404/);
});
