/** The page stays free: no long task of tabserve's while loading and classifying. */
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.js';
import { meanColour, serveModel } from './models.js';

test('create() and 50 classifications of 12-megapixel photos cause no long task', async ({
  open,
  server,
}) => {
  serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  const page = await open();
  const jpeg = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(4000, 3000);
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no 2d context');
    for (let n = 0; n < 500; n += 1) {
      context.fillStyle = `hsl(${(n * 47) % 360} 80% 50%)`;
      context.fillRect((n * 977) % 4000, (n * 601) % 3000, 400, 300);
    }
    const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
    const bytes = new Uint8Array(await blob.arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  });
  server.route('/photo-12mp.jpg', Buffer.from(jpeg, 'base64'));
  // A busy machine holds a task up now and then; tabserve's own code would do so in every round.
  const rounds: number[][] = [];
  for (let n = 0; n < 3 && !rounds.some((found) => found.length === 0); n += 1) {
    await page.reload();
    await page.waitForFunction(() => 'tabserve' in window);
    rounds.push(await longTasksOf(page));
  }
  expect(rounds).toContainEqual([]);
});

/** Milliseconds of the long tasks of a load and 50 classifications. */
function longTasksOf(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const img = new Image();
    img.src = '/photo-12mp.jpg';
    await img.decode();
    const blob = await (await fetch('/photo-12mp.jpg')).blob();
    // What the page did before does not count.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const longTasks: number[] = [];
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longTasks.push(Math.round(duration));
    });
    observer.observe({ type: 'longtask' });
    const classifier = await window.tabserve.ImageClassifier.create({
      model: '/mean/model.json',
      device: 'wasm',
    });
    for (let n = 0; n < 25; n += 1) {
      await classifier.classify(blob);
      await classifier.classify(img);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    const rest = observer.takeRecords().map(({ duration }) => Math.round(duration));
    classifier.destroy();
    return [...longTasks, ...rest];
  });
}
