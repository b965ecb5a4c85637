/** Nothing leaks. */
import { expect, needsShared, test } from './fixtures.js';
import { measureMemory, serveCountingWorker } from './memory.js';
import { meanColour, mobileNetManifest, serveModel } from './models.js';

const allowance = 2 * 1024 * 1024;

type Classifier = Awaited<ReturnType<typeof window.tabserve.ImageClassifier.create>>;

test.setTimeout(300_000);

test('1,000 classifications leave memory where it was after the first 100', async ({
  open,
  server,
}) => {
  serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  const workerUrl = serveCountingWorker(server);
  const page = await open();
  await page.evaluate(async (workerUrl) => {
    const classifier = await window.tabserve.ImageClassifier.create({
      model: '/mean/model.json',
      device: 'wasm',
      workerUrl,
    });
    const canvas = document.createElement('canvas');
    canvas.width = 640;
    canvas.height = 480;
    canvas.getContext('2d')?.fillRect(0, 0, 300, 300);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg'));
    Object.assign(window, { classifier, images: [canvas, blob, new ImageData(640, 480)] });
  }, workerUrl);
  const classify = (count: number) =>
    page.evaluate(async (count) => {
      const { classifier, images } = window as unknown as {
        classifier: Classifier;
        images: Blob[];
      };
      for (let n = 0; n < count; n += 1) await classifier.classify(images[n % 3] as Blob);
    }, count);
  await classify(100);
  const before = await measureMemory(page);
  await classify(900);
  const after = await measureMemory(page);
  expect(before.wasm).toBeGreaterThan(0);
  expect(after.wasm - before.wasm).toBeLessThanOrEqual(allowance);
  expect(after.jsHeap - before.jsHeap).toBeLessThanOrEqual(allowance);
});

test('20 times create and destroy leave memory where it was', async ({ open, server }) => {
  needsShared('models');
  server.route('/mobilenet/model.json', mobileNetManifest('fp16', Array(1001).fill('any')));
  const workerUrl = serveCountingWorker(server);
  const page = await open();
  const cycle = (count: number) =>
    page.evaluate(
      async ({ count, workerUrl }) => {
        for (let n = 0; n < count; n += 1) {
          const classifier = await window.tabserve.ImageClassifier.create({
            model: '/mobilenet/model.json',
            device: 'wasm',
            workerUrl,
          });
          await classifier.classify(new ImageData(300, 300));
          classifier.destroy();
        }
      },
      { count, workerUrl },
    );
  await page.evaluate(async (workerUrl) => {
    // Keeps the worker alive, so that what a model leaves behind in it would show.
    Object.assign(window, {
      other: await window.tabserve.ImageClassifier.create({
        model: 'digits',
        device: 'wasm',
        workerUrl,
      }),
    });
  }, workerUrl);
  await cycle(3);
  const before = await measureMemory(page);
  await cycle(20);
  const after = await measureMemory(page);
  expect(after.wasm - before.wasm).toBeLessThanOrEqual(allowance);
  expect(after.jsHeap - before.jsHeap).toBeLessThanOrEqual(allowance);
  expect(before.wasm).toBeGreaterThan(0);
  expect(page.workers()).toHaveLength(1);
});
