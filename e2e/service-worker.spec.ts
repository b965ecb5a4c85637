/** The model server behind a service worker: ordinary `fetch()` from any tab, one page that answers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { openModelServer } from './bridge/served.js';
import { ends, expect, test } from './fixtures.js';
import type { TestServer } from './server.js';

const dist = join(import.meta.dirname, '../dist');

/** Serves the worker that stands alone, and one that has its own mind about the rest. */
function serveWorkers(server: TestServer): void {
  const script =
    (code: string | Buffer) =>
    (_request: unknown, response: import('node:http').ServerResponse) => {
      response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(code);
    };
  server.route('/sw.js', script(readFileSync(join(dist, 'model-server-sw.js'))));
  server.route(
    '/own-sw.js',
    script(`
      import { respond } from '/dist/service-worker.js';
      addEventListener('activate', (event) => event.waitUntil(clients.claim()));
      addEventListener('fetch', (event) => {
        if (respond(event, { patience: 300, paths: ['/v2'] })) return;
        if (event.request.url.endsWith('/mine')) event.respondWith(new Response('my own'));
      });
    `),
  );
}

/** Lets the page be controlled by a worker. */
async function control(page: Page, script: string, type: 'classic' | 'module'): Promise<void> {
  await page.evaluate(
    async ([url, kind]) => {
      const changed = new Promise((resolve) => {
        navigator.serviceWorker.addEventListener('controllerchange', resolve);
      });
      await navigator.serviceWorker.register(url, { type: kind as WorkerType, scope: '/' });
      if (!navigator.serviceWorker.controller) await changed;
    },
    [script, type] as const,
  );
}

/** Opens the model server in a page that is controlled by a worker. */
async function openControlled(
  page: Page,
  server: TestServer,
  ...[script, type]: ['/sw.js', 'classic'] | ['/own-sw.js', 'module']
): Promise<void> {
  serveWorkers(server);
  await openModelServer(page, server);
  await control(page, script, type);
}

/** Makes a page the one that holds `affine`. */
async function hold(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const model = '/graphs/affine/model.json';
    await window.server.register('affine', (context) =>
      window.tabserve.TensorModel.create({ ...context, model, device: 'wasm' }),
    );
    window.server.serveServiceWorker();
  });
}

const body = JSON.stringify({
  inputs: [{ name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] }],
  outputs: [{ name: 'y' }],
});
const answer = { status: 200, data: [-1.875, -1.75, 2.75], error: undefined };

/** What `fetch()` in a page comes to. */
function ask(page: Page, sent = body) {
  return page.evaluate(async (text) => {
    const response = await fetch('/v2/models/affine/infer', { method: 'POST', body: text });
    const answer = await response.json();
    return { status: response.status, data: answer.outputs?.[0].data, error: answer.error };
  }, sent);
}

test('other tabs, frames and workers ask the one page that has the model', async ({
  page,
  server,
}) => {
  await openControlled(page, server, '/sw.js', 'classic');
  await hold(page);
  const other = await page.context().newPage();
  await other.goto(`${server.origin}/pages/browsers.html`);
  expect(await ask(other)).toEqual(answer);
  const outcome = await other.evaluate(async (text) => {
    const many = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const sent = text.replace('[1,2,3,4]', `[${index},0,0,0]`);
        const response = await fetch('/v2/models/affine/infer', { method: 'POST', body: sent });
        return (await response.json()).outputs[0].data[0];
      }),
    );
    const code = `fetch('${location.origin}/v2/health/live').then((r) => r.json()).then(postMessage)`;
    const frame = document.createElement('iframe');
    frame.src = '/pages/browsers.html';
    await new Promise((resolve) => {
      frame.onload = resolve;
      document.body.append(frame);
    });
    const inFrame = await (frame.contentWindow as Window & typeof globalThis).fetch('/v2');
    const script = new Blob([code], { type: 'text/javascript' });
    const worker = new Worker(URL.createObjectURL(script));
    const inWorker = await new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
    });
    const wrong = await fetch('/v2/models/none');
    const binary = await fetch('/v2/models/affine/infer', {
      method: 'POST',
      body: text.slice(0, -1),
    });
    const gone = new AbortController();
    const dropped = fetch('/v2/models/affine/infer', {
      method: 'POST',
      body: text,
      signal: gone.signal,
    }).catch((error: Error) => error.name);
    gone.abort();
    return {
      many,
      inFrame: (await inFrame.json()).name,
      inWorker,
      wrong: wrong.status,
      binary: binary.status,
      dropped: await dropped,
    };
  }, body);
  expect(outcome).toEqual({
    many: Array.from({ length: 100 }, (_, index) => index + 0.125),
    inFrame: 'tabserve',
    inWorker: { live: true },
    wrong: 404,
    binary: 400,
    dropped: 'AbortError',
  });
  await page.evaluate(() => window.server.close());
});

for (const [how, end] of Object.entries(ends))
  test(`requests wait for a page that holds the model, and for the next one when it ${how}`, async ({
    page,
    server,
  }) => {
    await openControlled(page, server, '/sw.js', 'classic');
    const early = ask(page);
    const holder = await page.context().newPage();
    await openModelServer(holder, server);
    await hold(holder);
    expect(await early).toEqual(answer);
    const underWay = Array.from({ length: 20 }, () => ask(page));
    const between = end(holder).then(() => ask(page));
    await hold(page);
    for (const each of [...underWay, between]) expect(await each).toEqual(answer);
    await page.evaluate(() => window.server.close());
  });

test('a worker that has more to do keeps the rest, and says when nobody serves', async ({
  page,
  server,
}) => {
  await openControlled(page, server, '/own-sw.js', 'module');
  expect(await ask(page)).toMatchObject({ status: 503, error: expect.stringMatching(/No page/) });
  const [mine, other] = await page.evaluate(async () => [
    await (await fetch('/mine')).text(),
    (await fetch('/predictions/affine', { method: 'POST' })).status,
  ]);
  // What is not the server's goes to the network.
  expect([mine, other]).toEqual(['my own', 404]);
});
