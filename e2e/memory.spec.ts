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

test('watching slowly leaves nothing behind for each frame', async ({ page, open }) => {
  await open();
  const found = await page.evaluate(async () => {
    const classifier = await window.tabserve.ImageClassifier.create({
      model: 'digits',
      device: 'wasm',
    });
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 28;
    const context = canvas.getContext('2d') as CanvasRenderingContext2D;
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = canvas.captureStream(60);
    const drawing = setInterval(() => context.fillRect(0, 0, 28, 28), 10);
    await video.play();
    // Every listener that is put on a signal, and every one that is taken off again.
    let open = 0;
    const { addEventListener: add, removeEventListener: remove } = AbortSignal.prototype;
    AbortSignal.prototype.addEventListener = function (this: AbortSignal, ...args: unknown[]) {
      open += 1;
      return (add as (...args: unknown[]) => void).apply(this, args);
    } as typeof add;
    AbortSignal.prototype.removeEventListener = function (this: AbortSignal, ...args: unknown[]) {
      open -= 1;
      return (remove as (...args: unknown[]) => void).apply(this, args);
    } as typeof remove;
    const after: number[] = [];
    for await (const _ of classifier.watch(video, { maxFps: 50 })) {
      after.push(open);
      if (after.length === 60) break;
    }
    AbortSignal.prototype.addEventListener = add;
    AbortSignal.prototype.removeEventListener = remove;
    clearInterval(drawing);
    for (const track of (video.srcObject as MediaStream).getTracks()) track.stop();
    classifier.destroy();
    return { early: after[9] ?? 0, late: after[59] ?? 0 };
  });
  // A listener for each of fifty frames would be a leak.
  expect(found.late - found.early).toBeLessThan(10);
});
