/** Workers that die, and what a page notices of it: a pause. */
import type { Worker } from '@playwright/test';
import { expect, test } from '../fixtures.js';
import { blockWorker, endWorker, prepare, servingWorkers } from './page.js';

test.beforeEach(async ({ open, server }) => {
  // Never answered: whoever asks for this picture is under way until its worker ends.
  server.route('/never.png', () => undefined);
  await prepare(await open(), server);
});

test('a worker that dies is replaced by itself, and its model loaded again', async ({ page }) => {
  await page.evaluate(async () => {
    const classifier = await window.createMean();
    const states: string[] = [];
    classifier.addEventListener('statechange', () => states.push(classifier.state));
    Object.assign(window, { states });
    window.served.one = classifier;
  });
  const [worker] = servingWorkers(page);
  if (!worker) throw new Error('no worker');
  await endWorker(worker);
  await expect
    .poll(() => page.evaluate(() => (window as unknown as { states: string[] }).states))
    .toEqual(['recovering', 'ready']);
  const after = await page.evaluate(async () => ({
    answer: await window.outcomeOf(window.served.one?.classify(window.canvasOf('lime'))),
    restarts: window.served.one?.metrics().restarts,
  }));
  expect(after).toEqual({ answer: 'green', restarts: 1 });
});

test('requests under way are made again, of every kind of image, with the same answer', async ({
  page,
}) => {
  await page.evaluate(async () => {
    window.served.one = await window.createMean();
  });
  const [worker] = servingWorkers(page);
  if (!worker) throw new Error('no worker');
  const asking = page.evaluate(async () => {
    const classifier = window.served.one;
    if (!classifier) throw new Error('no classifier');
    const attempts: Record<string, number> = {};
    classifier.addEventListener('request', ({ detail }) => {
      attempts[detail.id] = detail.attempts;
    });
    const canvas = window.canvasOf('blue', 1200);
    const png = await window.pngOf('blue');
    const img = new Image();
    img.src = URL.createObjectURL(png);
    await img.decode();
    const bitmap = await createImageBitmap(canvas);
    const frame = new VideoFrame(canvas, { timestamp: 0 });
    const bytes = await png.arrayBuffer();
    const imageData = canvas.getContext('2d')?.getImageData(0, 0, 64, 64) as ImageData;
    const sources = { canvas, png, img, bitmap, frame, bytes, imageData, url: img.src };
    await new Promise((resolve) => {
      window.addEventListener('go', resolve, { once: true });
      document.title = 'prepared';
    });
    const outcomes = Object.entries(sources).map(async ([id, source]) => [
      id,
      await window.outcomeOf(classifier.classify(source, { id, timeout: 20_000 })),
      attempts[id],
    ]);
    // What was asked about is what was shown at the call.
    const context = canvas.getContext('2d');
    if (context) context.fillStyle = 'red';
    context?.fillRect(0, 0, 1200, 1200);
    bitmap.close();
    frame.close();
    new Uint8Array(bytes).fill(0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    imageData.data.fill(0);
    return Promise.all(outcomes);
  });
  await expect(page).toHaveTitle('prepared');
  // Its thread is kept busy while the requests are sent, so that none is answered before its end.
  const released = worker.evaluate(async () => {
    const end = performance.now() + 2500;
    while (performance.now() < end);
    self.close();
  });
  // Nothing tells from outside when the loop has begun.
  await page.waitForTimeout(500);
  await page.evaluate(() => window.dispatchEvent(new Event('go')));
  const outcomes = await asking;
  await released.catch(() => undefined);
  expect(outcomes.map(([id, label]) => `${id}: ${label}`)).toEqual(
    ['canvas', 'png', 'img', 'bitmap', 'frame', 'bytes', 'imageData', 'url'].map(
      (id) => `${id}: blue`,
    ),
  );
  // Four places: so many were with the worker when it ended, the others waited for the next one.
  const attempts = outcomes.map(([, , times]) => times);
  expect(attempts).toContain(2);
  expect(attempts.filter((times) => times === 2).length).toBeLessThanOrEqual(4);
});

test('a request that loses its worker twice is given up, and others go on', async ({
  page,
  server,
}) => {
  await page.evaluate(async () => {
    window.served.one = await window.createMean();
    window.outcomes.unlucky = window.outcomeOf(window.served.one.classify('/never.png'));
  });
  for (const asked of [1, 2]) {
    await expect
      .poll(() => server.requests.filter((path) => path === '/never.png').length)
      .toBe(asked);
    for (const worker of servingWorkers(page)) await endWorker(worker);
  }
  expect(await page.evaluate(() => window.outcomes.unlucky)).toBe('worker-crashed');
  expect(
    await page.evaluate(() =>
      window.outcomeOf(window.served.one?.classify(window.canvasOf('lime'))),
    ),
  ).toBe('green');
});

test('a thread that is stuck is noticed by its silence', async ({ page }) => {
  await page.evaluate(async () => {
    window.served.one = await window.createMean();
    // How long a run takes is known after the first one.
    await window.served.one.classify(window.canvasOf('red'));
  });
  const [worker] = servingWorkers(page);
  if (!worker) throw new Error('no worker');
  await blockWorker(worker);
  const outcome = await page.evaluate(async () => {
    const classifier = window.served.one;
    if (!classifier) throw new Error('no classifier');
    return {
      tooLate: await window.outcomeOf(
        classifier.classify(window.canvasOf('red'), { timeout: 500 }),
      ),
      patient: await window.outcomeOf(classifier.classify(window.canvasOf('blue'))),
      restarts: classifier.metrics().restarts,
    };
  });
  expect(outcome).toEqual({ tooLate: 'timeout', patient: 'blue', restarts: 1 });
});

test('a crash loop ends in "failed", and the next request tries again', async ({ page }) => {
  test.slow();
  await page.evaluate(async () => {
    window.served.one = await window.createMean();
  });
  // From now on no worker lives for long.
  const kill = (worker: Worker) => setTimeout(() => void endWorker(worker), 200);
  page.on('worker', kill);
  for (const worker of servingWorkers(page)) await endWorker(worker);
  await expect.poll(() => page.evaluate(() => window.served.one?.state)).toBe('recovering');
  const waiting = page.evaluate(() => window.outcomeOf(window.served.one?.classify('/never.png')));
  await expect
    .poll(() => page.evaluate(() => window.served.one?.state), { timeout: 120_000 })
    .toBe('failed');
  expect(await waiting).toMatch(/^worker-(crashed|blocked)$/);
  page.off('worker', kill);
  expect(
    await page.evaluate(async () => [
      await window.outcomeOf(window.served.one?.classify(window.canvasOf('red'))),
      window.served.one?.state,
    ]),
  ).toEqual(['red', 'ready']);
});
