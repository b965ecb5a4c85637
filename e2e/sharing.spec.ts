/** One model for all tabs: `create({ shared: true })`, and tabs that come and go. */
import type { Page } from '@playwright/test';
import type { ImageClassifier } from '../src/index.js';
import type { Diagnostics } from '../src/serving/diagnostics.js';
import { ends, expect, test } from './fixtures.js';
import { meanColour, serveModel } from './models.js';

declare global {
  interface Window {
    classifier: ImageClassifier;
    answers: Promise<(string | undefined)[]>;
  }
}

const colours = ['red', 'green', 'blue'] as const;

/** A tab with the shared model. */
async function join(page: Page, model: string): Promise<void> {
  await page.evaluate(async (model) => {
    window.classifier = await window.tabserve.ImageClassifier.create({
      model,
      device: 'wasm',
      shared: true,
    });
  }, model);
}

/** Asks about canvases of these colours, all at once. */
function ask(page: Page, asked: readonly string[], priority: 'high' | 'normal' = 'normal') {
  return page.evaluate(
    ([asked, priority]) => {
      window.answers = Promise.all(
        asked.map(async (colour) => {
          const canvas = new OffscreenCanvas(8, 8);
          const context = canvas.getContext('2d');
          if (!context) throw new Error('no 2d context');
          context.fillStyle = colour === 'green' ? 'lime' : colour;
          context.fillRect(0, 0, 8, 8);
          const [best] = await window.classifier.classify(canvas, { priority });
          return best?.label;
        }),
      );
      // Who does not wait for them looks at them later.
      window.answers.catch(() => undefined);
    },
    [asked, priority] as const,
  );
}

const answers = (page: Page) => page.evaluate(() => window.answers);

const workersIn = (page: Page) =>
  page.evaluate(
    () => (Reflect.get(window, Symbol.for('tabserve.diagnostics'))() as Diagnostics).workers,
  );

async function holderOf(pages: readonly Page[]): Promise<Page[]> {
  const counts = await Promise.all(pages.map(workersIn));
  return pages.filter((_page, index) => counts[index] !== 0);
}

test('tabs share one worker and one model; each kind of source gets there', async ({
  server,
  open,
  context,
}) => {
  const url = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  const first = await open();
  const others = [await context.newPage(), await context.newPage()];
  for (const page of others) {
    await page.goto(first.url());
    await page.waitForFunction(() => 'tabserve' in window);
  }
  const pages = [first, ...others];
  await Promise.all(pages.map((page) => join(page, url)));
  expect(await holderOf(pages)).toHaveLength(1);
  await Promise.all(pages.map((page) => ask(page, colours)));
  for (const page of pages) expect(await answers(page)).toEqual(colours);

  for (const page of pages) {
    const labels = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(8, 8);
      const context = canvas.getContext('2d');
      if (!context) throw new Error('no 2d context');
      context.fillStyle = 'blue';
      context.fillRect(0, 0, 8, 8);
      const blob = await canvas.convertToBlob();
      const frame = new VideoFrame(canvas, { timestamp: 0 });
      const sources = [
        canvas,
        blob,
        await blob.arrayBuffer(),
        await createImageBitmap(canvas),
        context.getImageData(0, 0, 8, 8),
        frame,
        URL.createObjectURL(blob),
      ];
      const labels = [];
      for (const source of sources) {
        const [best] = await window.classifier.classify(source);
        labels.push(best?.label);
      }
      frame.close();
      return labels;
    });
    expect(labels).toEqual(Array(7).fill('blue'));
  }

  // What one tab gives up, the others keep.
  const [holder] = await holderOf(pages);
  const leaver = pages.find((page) => page !== holder);
  await leaver?.evaluate(() => window.classifier.destroy());
  for (const page of pages.filter((page) => page !== leaver)) {
    await ask(page, ['red']);
    expect(await answers(page)).toEqual(['red']);
  }
  // A refresh of one is its own affair.
  await holder?.evaluate(() => window.classifier.refresh());
  for (const page of pages.filter((page) => page !== leaver)) {
    await ask(page, ['green']);
    expect(await answers(page)).toEqual(['green']);
    await page.evaluate(() => window.classifier.destroy());
  }
  await expect.poll(async () => (await holderOf(pages)).length).toBe(0);
});

test('aborts and errors cross tabs', async ({ server, open, context }) => {
  const url = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  const first = await open();
  const other = await context.newPage();
  await other.goto(first.url());
  await other.waitForFunction(() => 'tabserve' in window);
  await join(first, url);
  await join(other, url);
  expect(await workersIn(other)).toBe(0);
  const said = await other.evaluate(async () => {
    const { isTabserveError } = window.tabserve;
    const controller = new AbortController();
    const canvas = new OffscreenCanvas(8, 8);
    canvas.getContext('2d');
    const aborted = window.classifier.classify(canvas, { signal: controller.signal });
    controller.abort('enough');
    const broken = window.classifier.classify(new Blob(['no picture']));
    const results = await Promise.allSettled([aborted, broken]);
    return results.map((result) => {
      if (result.status === 'fulfilled') return 'answered';
      return isTabserveError(result.reason) ? result.reason.code : result.reason;
    });
  });
  expect(said).toEqual(['enough', 'image-undecodable']);
  await other.evaluate(() => window.classifier.destroy());
  await first.evaluate(() => window.classifier.destroy());
});

for (const [how, end] of Object.entries(ends))
  test(`when the tab that holds the model ${how}, another takes over and no request is lost`, async ({
    server,
    open,
    context,
  }) => {
    const { TABSERVE_TABS, TABSERVE_REQUESTS, TABSERVE_DEATHS } = process.env;
    const count = Number(TABSERVE_TABS ?? 4);
    const deaths = Number(TABSERVE_DEATHS ?? 3);
    const perDeath = Math.ceil(Number(TABSERVE_REQUESTS ?? 360) / deaths / (count - 1));
    test.setTimeout(60_000 + deaths * 30_000);
    const url = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
    const base = await open();
    const newTab = async () => {
      const page = await context.newPage();
      await page.goto(base.url());
      await page.waitForFunction(() => 'tabserve' in window);
      await join(page, url);
      return page;
    };
    const pages: Page[] = [];
    while (pages.length < count) pages.push(await newTab());
    for (let death = 0; death < deaths; death += 1) {
      const wanted = Array.from({ length: perDeath }, (_, index) => colours[index % 3] ?? 'red');
      const [holder, ...more] = await holderOf(pages);
      expect(more).toEqual([]);
      if (!holder) throw new Error('no tab holds the model');
      const rest = pages.filter((page) => page !== holder);
      await Promise.all(rest.map((page) => ask(page, wanted)));
      await end(holder);
      for (const page of rest) expect(await answers(page)).toEqual(wanted);
      pages.splice(0, pages.length, ...rest, await newTab());
    }
    for (const page of pages) await page.evaluate(() => window.classifier.destroy());
    await expect.poll(async () => (await holderOf(pages)).length).toBe(0);
  });

test('a page that is not secure has a worker of its own, and says so', async ({ server, open }) => {
  const url = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  const page = await open();
  const info = await page.evaluate(async (model) => {
    // As in a page that is not secure.
    Object.defineProperty(navigator, 'locks', { value: undefined });
    const classifier = await window.tabserve.ImageClassifier.create({
      model,
      device: 'wasm',
      shared: true,
    });
    const { info } = classifier;
    classifier.destroy();
    return info;
  }, url);
  expect(info.fallbacks).toContainEqual({
    from: 'a worker for all tabs',
    to: 'a worker of this page',
    reason: expect.stringContaining('Web Locks'),
  });
});
