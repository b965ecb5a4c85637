/** Wherever scripts run: workers of either kind, frames without an origin, and where it cannot be. */
import { expect, test } from './embedding.js';
import type { TestServer } from './server.js';

const javascript = (server: TestServer, path: string, text: string) =>
  server.route(path, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/javascript', ...server.headersFor(path) });
    response.end(text);
  });

/** Classifies a grey picture, and says how that went. */
const ask = `async (tabserve) => {
  try {
    const classifier = await tabserve.ImageClassifier.create({ model: 'digits', device: 'wasm' });
    const [best] = await classifier.classify(new ImageData(28, 28));
    const embedder = await tabserve.ImageEmbedder.create({ device: 'wasm' });
    await embedder.embed(new ImageData(28, 28));
    embedder.destroy();
    const usage = await tabserve.models.usage();
    classifier.destroy();
    return { label: best.label, store: usage.store };
  } catch (error) {
    return { code: error.code, message: error.message };
  }
}`;

test.beforeEach(({ server }) => {
  server.headersFor = () => ({});
  server.route('/empty.html', '<!doctype html><title>t</title>');
});

test('a module worker', async ({ page, server }) => {
  javascript(
    server,
    '/ask-module.js',
    `import * as tabserve from '/dist/index.js'; postMessage(await (${ask})(tabserve));`,
  );
  await page.goto(`${server.origin}/empty.html`);
  const found = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const worker = new Worker('/ask-module.js', { type: 'module' });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => resolve({ message });
      }),
  );
  expect(found).toMatchObject({ label: expect.stringMatching(/^\d$/) });
});

test('a classic worker', async ({ page, server }) => {
  javascript(
    server,
    '/ask-classic.js',
    `importScripts('/dist/tabserve.global.js'); (${ask})(self.tabserve).then((found) => postMessage(found));`,
  );
  await page.goto(`${server.origin}/empty.html`);
  const found = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const worker = new Worker('/ask-classic.js');
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => resolve({ message });
      }),
  );
  expect(found).toMatchObject({ label: expect.stringMatching(/^\d$/) });
});

test('a sandboxed frame, which has no origin and no store', async ({ page, server }) => {
  server.headersFor = () => ({ 'Access-Control-Allow-Origin': '*' });
  server.route(
    '/inner.html',
    `<!doctype html><title>t</title><script type="module">
      import * as tabserve from '/dist/index.js';
      parent.postMessage(await (${ask})(tabserve), '*');
    </script>`,
  );
  await page.goto(`${server.origin}/empty.html`);
  const found = await page.evaluate(
    () =>
      new Promise((resolve) => {
        addEventListener('message', ({ data }) => resolve(data));
        const frame = document.createElement('iframe');
        frame.sandbox.add('allow-scripts');
        frame.src = '/inner.html';
        document.body.append(frame);
      }),
  );
  expect(found).toMatchObject({ label: expect.stringMatching(/^\d$/), store: 'memory' });
});

test('a service worker cannot, and is told what to do', async ({ page, server }) => {
  javascript(
    server,
    '/ask-service.js',
    `import * as tabserve from '/dist/index.js';
     self.addEventListener('message', (event) => {
       event.waitUntil((${ask})(tabserve).then((found) => event.source.postMessage(found)));
     });
     self.addEventListener('install', () => self.skipWaiting());
     self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));`,
  );
  await page.goto(`${server.origin}/empty.html`);
  const found = await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.register('/ask-service.js', {
      type: 'module',
      scope: '/',
    });
    await navigator.serviceWorker.ready;
    const answer = new Promise((resolve) => {
      navigator.serviceWorker.onmessage = ({ data }) => resolve(data);
    });
    navigator.serviceWorker.startMessages();
    registration.active?.postMessage('ask');
    const found = await answer;
    await registration.unregister();
    return found;
  });
  expect(found).toMatchObject({ code: 'unsupported', message: expect.stringContaining('Worker') });
});
