/** Privacy and safety, proved from outside. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { expect, test } from '../fixtures.js';
import { meanColour, serveModel } from '../models.js';
import { writeOnnx } from '../onnx.js';
import { prepare } from './page.js';

const dist = join(import.meta.dirname, '../../dist');

test('no request is made during classification, by page, worker or service worker', async ({
  page,
  open,
  server,
  context,
}) => {
  server.route('/pages/service-worker.js', (_request, response) =>
    response
      .writeHead(200, { 'Content-Type': 'text/javascript' })
      .end('onfetch = (event) => event.respondWith(fetch(event.request));'),
  );
  await open();
  await page.evaluate(async () => {
    await navigator.serviceWorker.register('service-worker.js');
    await navigator.serviceWorker.ready;
  });
  await open();
  await prepare(page, server);
  await page.evaluate(async () => {
    if (!navigator.serviceWorker.controller) throw new Error('no service worker');
    window.served.one = await window.createMean();
    await window.served.one.classify(window.canvasOf('red'));
  });
  const before = server.requests.length;
  const asked: string[] = [];
  context.on('request', (request) => asked.push(request.url()));
  const outcomes = await page.evaluate(async () => {
    const { one } = window.served;
    const png = await window.pngOf('red');
    const canvas = window.canvasOf('red', 1500);
    const sources = [png, canvas, await createImageBitmap(canvas), await png.arrayBuffer()];
    const outcomes: string[] = [];
    for (let turn = 0; turn < 5; turn++) {
      for (const source of sources) outcomes.push(await window.outcomeOf(one?.classify(source)));
    }
    one?.metrics();
    one?.destroy();
    return [...new Set(outcomes)];
  });
  // A report that is sent late would be sent by now.
  await page.waitForTimeout(1_000);
  expect(outcomes).toEqual(['red']);
  expect(asked).toEqual([]);
  // The browser looks for newer service workers by itself.
  const ofThePage = server.requests.slice(before).filter((path) => !/service-worker/.test(path));
  expect(ofThePage).toEqual([]);
});

test('labels are text, and results no prototypes', async ({ page, open, server }) => {
  const labels = ['<img src=x onerror="document.title=1">', '__proto__', 'constructor'];
  await open();
  await prepare(page, server);
  serveModel(server, '/hostile', { ...meanColour.manifest, labels }, meanColour.model);
  const outcome = await page.evaluate(async () => {
    const classifier = await window.createMean({ model: '/hostile/model.json' });
    const answers = await classifier.classify(window.canvasOf('red'), {
      allow: classifier.info.model.labels,
    });
    const unknown = await window.outcomeOf(
      classifier.classify(window.canvasOf('red'), { allow: ['toString'] }),
    );
    return {
      labels: answers.map(({ label }) => label),
      prototypes: answers.map((answer) => Object.getPrototypeOf(answer) === Object.prototype),
      unknown,
      keys: Object.keys(Object.prototype),
      title: document.title,
    };
  });
  expect(outcome).toEqual({
    labels,
    prototypes: [true, true, true],
    unknown: 'invalid-argument',
    keys: [],
    title: 'tabserve under test',
  });
});

test('nobody but the page is listened to', async ({ page, open, server }) => {
  await open();
  await prepare(page, server);
  await page.evaluate(async () => {
    window.served.one = await window.createMean();
  });
  const session = await page.context().newCDPSession(page);
  const { result } = await session.send('Runtime.evaluate', { expression: 'window' });
  const { listeners } = await session.send('DOMDebugger.getEventListeners', {
    objectId: result.objectId ?? '',
  });
  expect(listeners.map(({ type }) => type).filter((type) => /message/.test(type))).toEqual([]);
});

test('no code is made from text', () => {
  const scripts = readdirSync(dist).filter((name) => name.endsWith('.js'));
  expect(scripts).toContain('index.js');
  for (const name of scripts) {
    const text = readFileSync(join(dist, name), 'utf8');
    expect(
      text.match(/(?<![.\w])eval\(|new Function\(|\.innerHTML\s*=|document\.write\(/g),
      name,
    ).toBe(null);
  }
});

test('a model that memory cannot hold is refused, and its neighbours go on', async ({ server }) => {
  const browser = await chromium.launch({
    ...test.info().project.use.launchOptions,
    args: [
      ...(test.info().project.use.launchOptions?.args ?? []),
      // 64 KiB each.
      '--js-flags=--wasm-max-mem-pages=600',
    ],
  });
  try {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/pages/library.html?isolated`);
    await page.waitForFunction(() => 'tabserve' in window);
    await prepare(page, server);
    const side = 2048;
    const { manifest } = meanColour;
    serveModel(
      server,
      '/large',
      {
        ...manifest,
        input: { ...manifest.input, width: side, height: side },
        preprocess: { resize: { policy: 'exact', width: side, height: side } },
      },
      writeOnnx({
        input: { name: 'input', type: 'float32', shape: ['N', 3, side, side] },
        nodes: [{ op: 'GlobalAveragePool' }, { op: 'Flatten', attributes: { axis: 1 } }],
        output: { name: 'mean', shape: ['N', 3] },
      }),
    );
    const outcome = await page.evaluate(async () => {
      const small = await window.createMean({ threads: 2 });
      const large = await window.createMean({ model: '/large/model.json', threads: 2 });
      const outcome = await window.outcomeOf(large.classify(window.canvasOf('red')));
      return {
        outcome,
        fallbacks: large.info.fallbacks,
        neighbour: await window.outcomeOf(small.classify(window.canvasOf('blue'))),
        restarts: small.metrics().restarts,
      };
    });
    expect(outcome).toEqual({
      outcome: 'out-of-memory',
      fallbacks: [{ from: '2 threads', to: '1 thread', reason: expect.stringMatching(/memory/) }],
      neighbour: 'blue',
      // The smaller setting is tried in a worker of its own.
      restarts: 0,
    });
  } finally {
    await browser.close();
  }
});
