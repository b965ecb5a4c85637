/** More workers for a backlog, and what workers leave to those that come after them. */
import type { Page } from '@playwright/test';
import type { ImageClassifier } from '../src/index.js';
import { servingWorkers } from './faults/page.js';
import { expect, test } from './fixtures.js';
import { meanColour, serveModel, sha256 } from './models.js';
import { padded, writeOnnx } from './onnx.js';
import type { TestServer } from './server.js';

declare global {
  interface Window {
    scaled?: ImageClassifier;
  }
}

/** Takes some tens of milliseconds for an image, and answers its mean colour all the same. */
const slowMean = {
  model: padded(
    writeOnnx({
      input: { name: 'input', type: 'float32', shape: ['N', 3, 256, 256] },
      nodes: [
        ...Array.from({ length: 4 }, () => [{ op: 'Asinh' }, { op: 'Sinh' }]).flat(),
        { op: 'GlobalAveragePool' },
        { op: 'Flatten', attributes: { axis: 1 } },
      ],
      output: { name: 'mean', shape: ['N', 3] },
    }),
    300_000,
  ),
  manifest: {
    ...meanColour.manifest,
    name: 'slow-mean',
    input: { ...meanColour.manifest.input, width: 256, height: 256 },
    preprocess: { resize: { policy: 'exact' as const, width: 256, height: 256 } },
  },
};

function serveSlow(server: TestServer, { known }: { known: boolean }): string {
  const { model, manifest } = slowMean;
  const [file] = manifest.files;
  const files = [
    { ...file, ...(known && { bytes: model.length, sha256: sha256(model) }) },
  ] as typeof manifest.files;
  return serveModel(server, known ? '/slow-known' : '/slow-unknown', { ...manifest, files }, model);
}

/** Classifies `count` pictures in one call; tells how many workers there were at most, and after. */
function classifyMany(
  page: Page,
  model: string,
  count: number,
  maxWorkers: number | 'auto',
  threads?: number,
) {
  return page.evaluate(
    async ({ model, count, maxWorkers, threads = 'auto' as 'auto' | number }) => {
      const classifier = await window.tabserve.ImageClassifier.create({
        model,
        device: 'wasm',
        maxWorkers,
        threads,
      });
      const colours = ['red', 'lime', 'blue'].map((colour) => {
        const canvas = new OffscreenCanvas(8, 8);
        const context = canvas.getContext('2d');
        if (context) context.fillStyle = colour;
        context?.fillRect(0, 0, 8, 8);
        return canvas;
      });
      await classifier.classify(colours[0] as OffscreenCanvas);
      let most = 0;
      classifier.addEventListener('request', () => {
        most = Math.max(most, classifier.metrics().workers);
      });
      const images = Array.from({ length: count }, (_, i) => colours[i % 3] as OffscreenCanvas);
      const answers = await classifier.classify(images);
      window.scaled = classifier;
      return {
        most,
        labels: answers.map(([best]) => best?.label),
        metrics: classifier.metrics(),
        fallbacks: classifier.info.fallbacks,
      };
    },
    { model, count, maxWorkers, ...(threads !== undefined && { threads }) },
  );
}

const expected = (count: number) =>
  Array.from({ length: count }, (_, index) => ['red', 'green', 'blue'][index % 3]);

test('a backlog gets a second worker, without the network, and answers keep their order', async ({
  open,
  server,
}) => {
  const model = serveSlow(server, { known: true });
  const page = await open();
  await page.evaluate((model) => window.tabserve.models.update(model), model);
  server.requests.length = 0;
  const { most, labels, metrics } = await classifyMany(page, model, 300, 2);
  expect(most).toBe(2);
  expect(labels).toEqual(expected(300));
  expect(metrics).toMatchObject({ errors: 0, retries: 0, restarts: 0 });
  expect(server.requests.filter((path) => /\.(wasm|onnx|json)/.test(path))).toEqual([]);
  // When there is nothing to do any more it ends.
  await expect
    .poll(() => page.evaluate(() => window.scaled?.metrics().workers), { timeout: 30_000 })
    .toBe(1);
});

test('a second worker that dies costs no answer', async ({ open, server }) => {
  const model = serveSlow(server, { known: true });
  const page = await open();
  const many = classifyMany(page, model, 300, 2);
  await expect.poll(() => servingWorkers(page).length, { timeout: 60_000 }).toBe(2);
  await page.waitForTimeout(1_000);
  await servingWorkers(page)
    .at(-1)
    ?.evaluate(() => self.close());
  const { labels, metrics } = await many;
  expect(labels).toEqual(expected(300));
  expect(metrics).toMatchObject({ errors: 0, restarts: 0 });
});

test('neither few images nor a model that would have to be fetched again start one', async ({
  open,
  server,
}) => {
  const page = await open();
  const few = await classifyMany(page, serveSlow(server, { known: true }), 6, 2);
  expect(few).toMatchObject({ most: 1, labels: expected(6) });
  // Neither in the store nor in the browser's cache.
  const model = serveSlow(server, { known: false });
  server.route('/slow-unknown/mean.onnx', (_request, response) => {
    response.writeHead(200, { 'Cache-Control': 'no-store' }).end(slowMean.model);
  });
  server.requests.length = 0;
  const unknown = await classifyMany(page, model, 150, 2);
  expect(unknown).toMatchObject({ most: 1, labels: expected(150), fallbacks: [] });
  const fetched = server.requests.filter((path) => path === '/slow-unknown/mean.onnx');
  expect(fetched).toHaveLength(1);
  const alone = await classifyMany(page, serveSlow(server, { known: true }), 150, 1);
  expect(alone).toMatchObject({ most: 1, labels: expected(150) });
});

test('where the engine has threads, they do that work', async ({ open, server }) => {
  const page = await open({ isolated: true });
  const { most } = await classifyMany(page, serveSlow(server, { known: true }), 150, 'auto', 2);
  expect(most).toBe(1);
});

for (const isHurried of [false, true]) {
  const title = isHurried ? 'are left for one where that is faster' : 'are measured against one';
  test(`threads ${title}`, async ({ open, page, server }) => {
    // A clock that hurries makes the first worker's runs seem long.
    page.once('worker', (worker) => {
      if (!isHurried) return;
      void worker.evaluate(() => {
        const now = performance.now.bind(performance);
        performance.now = () => now() * 1e4;
      });
    });
    const model = serveSlow(server, { known: true });
    await open({ isolated: true });
    const outcome = await page.evaluate(
      async ({ model, isHurried }) => {
        const { ImageClassifier } = window.tabserve;
        const classifier = await ImageClassifier.create({ model });
        const first = classifier.info;
        for (let asked = 0; asked < 200; asked++) {
          await classifier.classify(new ImageData(8, 8));
          const isSettled = classifier.info.reason.startsWith('measured');
          if (isSettled && (!isHurried || classifier.info.threads === 1)) break;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        const { info } = classifier;
        const { errors, restarts } = classifier.metrics();
        return { first, info, errors, restarts };
      },
      { model, isHurried },
    );
    expect(outcome.first).toMatchObject({ device: 'wasm', threads: 2 });
    // What was given up before is not forgotten: there is no GPU here.
    expect(outcome.first.fallbacks).toMatchObject([{ from: 'webgpu', to: 'wasm' }]);
    expect(outcome.info.fallbacks).toEqual(outcome.first.fallbacks);
    expect(outcome).toMatchObject({ errors: 0, restarts: 0 });
    if (isHurried) {
      expect(outcome.info.threads).toBe(1);
      expect(outcome.info.reason).toMatch(/^measured to be faster: wasm .* wasm with 2 threads/);
    } else {
      // Which one wins depends on what else this machine has to do.
      expect(outcome.info.reason).toMatch(
        /^measured to be (faster|no slower): wasm [\d.]+ ms a run/,
      );
    }
  });
}

test('a worker after another needs neither network nor store for the engine', async ({
  open,
  server,
}) => {
  const model = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  const page = await open();
  server.requests.length = 0;
  const label = await page.evaluate(async (model) => {
    const { ImageClassifier, models } = window.tabserve;
    const first = await ImageClassifier.create({ model, device: 'wasm' });
    await models.evict();
    const second = await ImageClassifier.create({ model, device: 'wasm', ownWorker: true });
    const [best] = await second.classify(new ImageData(8, 8));
    first.destroy();
    second.destroy();
    return best?.label;
  }, model);
  expect(label).toBe('red');
  expect(server.requests.filter((path) => path.endsWith('.wasm.gz'))).toHaveLength(1);
});

test('what was preloaded makes create() need nothing', async ({ open, server }) => {
  const model = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  const page = await open();
  await page.evaluate(
    (model) => window.tabserve.ImageClassifier.preload({ model, device: 'wasm' }),
    model,
  );
  server.requests.length = 0;
  const outcome = await page.evaluate(async (model) => {
    const { ImageClassifier } = window.tabserve;
    const events: { loaded: number; total: number }[] = [];
    const before = await ImageClassifier.availability({ model, device: 'wasm' });
    const classifier = await ImageClassifier.create({
      model,
      device: 'wasm',
      monitor: (monitor) =>
        monitor.addEventListener('downloadprogress', ({ loaded, total }) =>
          events.push({ loaded, total }),
        ),
    });
    const [best] = await classifier.classify(new ImageData(8, 8));
    return { before, events, best: best?.label, state: classifier.state };
  }, model);
  expect(outcome).toMatchObject({ best: 'red', state: 'ready' });
  // All of it was there: what is heard never falls, has one total, and ends complete.
  const loaded = outcome.events.map((event) => event.loaded);
  expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
  expect(new Set(outcome.events.map(({ total }) => total)).size).toBe(1);
  expect(outcome.events.at(-1)?.loaded).toBe(outcome.events.at(-1)?.total);
  expect(server.requests).toEqual([]);
  // It was for one classifier; a second one is loaded into the same worker.
  const second = await page.evaluate(async (model) => {
    const classifier = await window.tabserve.ImageClassifier.create({ model, device: 'wasm' });
    const [best] = await classifier.classify(new ImageData(8, 8));
    return best?.label;
  }, model);
  expect(second).toBe('red');
  expect(page.workers()).toHaveLength(1);
});

test('a preload that fails says so, and stands in nobody’s way', async ({ open, server }) => {
  const page = await open();
  const code = await page.evaluate(async () => {
    const { ImageClassifier, isTabserveError } = window.tabserve;
    const options = { model: '/not-yet/model.json', device: 'wasm' } as const;
    const error = await ImageClassifier.preload(options).catch((error: unknown) => error);
    const files = await ImageClassifier.preload({ model: new Blob(['x']) }).catch(
      (error: unknown) => error,
    );
    return [error, files].map((each) => (isTabserveError(each) ? each.code : each));
  });
  expect(code).toEqual(['model-not-found', 'invalid-argument']);
  serveModel(server, '/not-yet', meanColour.manifest, meanColour.model);
  const best = await page.evaluate(async () => {
    // What failed before is tried anew.
    await window.tabserve.ImageClassifier.preload({ model: '/not-yet/model.json', device: 'wasm' });
    const classifier = await window.tabserve.ImageClassifier.create({
      model: '/not-yet/model.json',
      device: 'wasm',
    });
    const [best] = await classifier.classify(new ImageData(8, 8));
    return best?.label;
  });
  expect(best).toBe('red');
});

test('of ten thousand images few are captured at a time', async ({ open, server }) => {
  const model = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  const page = await open();
  const { count, ahead, answered } = await page.evaluate(async (model) => {
    const count = 10_000;
    let captured = 0;
    let answered = 0;
    let ahead = 0;
    // Its pixels are looked at just when it is captured.
    const images = Array.from({ length: count }, () => {
      const image = new ImageData(8, 8);
      Object.defineProperty(image, 'data', {
        get: () => {
          captured += 1;
          ahead = Math.max(ahead, captured - answered);
          return new Uint8ClampedArray(256).fill(255);
        },
      });
      return image;
    });
    const classifier = await window.tabserve.ImageClassifier.create({
      model,
      device: 'wasm',
      maxWorkers: 2,
    });
    classifier.addEventListener('request', () => {
      answered += 1;
    });
    await classifier.classify(images);
    return { count, ahead, answered };
  }, model);
  expect(answered).toBe(count);
  expect(ahead).toBeGreaterThan(0);
  // Two workers with four places each.
  expect(ahead).toBeLessThanOrEqual(8);
});
