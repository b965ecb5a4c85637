/** The life of a page: it sleeps, goes away and comes back, loses the network, and ends things early. */
import { chromium } from '@playwright/test';
import { expect, test } from '../fixtures.js';
import { endWorker, prepare, servingWorkers } from './page.js';

test('a model that nobody asks is unloaded, and comes back when asked', async ({
  open,
  server,
}) => {
  const page = await open();
  await prepare(page, server);
  await page.evaluate(async () => {
    window.served.one = await window.createMean({ idleTimeout: 200 });
  });
  await expect.poll(() => servingWorkers(page).length).toBe(0);
  const outcome = await page.evaluate(async () => {
    const { one } = window.served;
    return [await window.outcomeOf(one?.classify(window.canvasOf('red'))), one?.state];
  });
  expect(outcome).toEqual(['red', 'ready']);
  await expect.poll(() => servingWorkers(page).length).toBe(0);
});

test('destroy() at any moment ends everything that is under way', async ({ open, server }) => {
  const page = await open();
  await prepare(page, server);
  const outcomes = await page.evaluate(async () => {
    const ends: string[] = [];
    for (let delay = 0; delay < 1000; delay += 50) {
      const controller = new AbortController();
      const creating = window.createMean({ signal: controller.signal });
      const asking = window.outcomeOf(
        creating.then((classifier) => {
          window.served.one = classifier;
          return classifier.classify(Array.from({ length: 20 }, () => window.canvasOf('red', 200)));
        }),
      );
      await new Promise((resolve) => setTimeout(resolve, delay));
      controller.abort();
      window.served.one?.destroy();
      ends.push(await asking);
    }
    return ends;
  });
  expect(outcomes.filter((end) => end.startsWith('untyped'))).toEqual([]);
  for (const end of outcomes) expect(['aborted', 'destroyed', 'no answer']).toContain(end);
  await expect.poll(() => servingWorkers(page).length).toBe(0);
});

test('many classifiers come and go at once', async ({ open, server }) => {
  const page = await open();
  await prepare(page, server);
  const outcomes = await page.evaluate(() =>
    Promise.all(
      Array.from({ length: 24 }, async (_, index) => {
        await new Promise((resolve) => setTimeout(resolve, 40 * (index % 6)));
        const classifier = await window.createMean({ ownWorker: index % 8 === 0 });
        const outcome = await window.outcomeOf(classifier.classify(window.canvasOf('blue')));
        classifier.destroy();
        return outcome;
      }),
    ),
  );
  expect(new Set(outcomes)).toEqual(new Set(['blue']));
  await expect.poll(() => servingWorkers(page).length).toBe(0);
});

test('without the network a loaded model works, and a lost one comes back with the network', async ({
  open,
  server,
  context,
}) => {
  test.slow();
  const page = await open();
  await prepare(page, server);
  await page.evaluate(async () => {
    window.served.one = await window.createMean();
  });
  await context.setOffline(true);
  const ask = () =>
    page.evaluate(() => window.outcomeOf(window.served.one?.classify(window.canvasOf('lime'))));
  expect(await ask()).toBe('green');
  for (const worker of servingWorkers(page)) await endWorker(worker);
  await expect
    .poll(() => page.evaluate(() => window.served.one?.state), { timeout: 60_000 })
    // From the browser's cache, or not at all.
    .toMatch(/failed|ready/);
  await context.setOffline(false);
  await expect.poll(() => page.evaluate(() => window.served.one?.state)).toBe('ready');
  expect(await ask()).toBe('green');
});

test('the page may go to the back/forward cache and come back', async ({ server }) => {
  const browser = await chromium.launch({
    ...test.info().project.use.launchOptions,
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  });
  try {
    const page = await browser.newPage();
    const session = await page.context().newCDPSession(page);
    await session.send('Page.enable');
    const reasons: { type: string; reason: string }[] = [];
    session.on('Page.backForwardCacheNotUsed', ({ notRestoredExplanations }) =>
      reasons.push(...notRestoredExplanations),
    );
    await page.goto(`${server.origin}/pages/library.html`);
    await page.waitForFunction(() => 'tabserve' in window);
    await prepare(page, server);
    await page.evaluate(async () => {
      window.served.one = await window.createMean();
      await window.served.one.classify(window.canvasOf('red'));
    });
    await page.goto(`${server.origin}/pages/library.html?other`);
    // Longer than the worker's silence may last.
    await page.waitForTimeout(5_000);
    await page.evaluate(() => setTimeout(() => history.back())).catch(() => undefined);
    await expect
      .poll(async () => {
        const isBack = await page.evaluate(() => 'served' in window).catch(() => false);
        return isBack || reasons.length > 0;
      })
      .toBe(true);
    // Chromium 156 gives pages up that it had taken into the cache; what a page uses has other types.
    if (reasons.length > 0 && reasons.every(({ type }) => type === 'Circumstantial')) {
      // Then the page begins anew, and has to answer all the same.
      await page.waitForFunction(() => 'tabserve' in window);
      await prepare(page, server);
      const label = await page.evaluate(async () => {
        window.served.one = await window.createMean();
        return window.outcomeOf(window.served.one.classify(window.canvasOf('blue')));
      });
      expect(label).toBe('blue');
      return;
    }
    expect(reasons).toEqual([]);
    const outcome = await page.evaluate(async () => ({
      after: await window.outcomeOf(window.served.one?.classify(window.canvasOf('blue'))),
      restarts: window.served.one?.metrics().restarts,
    }));
    expect(outcome).toEqual({ after: 'blue', restarts: 0 });
  } finally {
    await browser.close();
  }
});

test('a frozen page is not taken for a dead worker', async ({ open, server }) => {
  const page = await open();
  await prepare(page, server);
  await page.evaluate(async () => {
    window.served.one = await window.createMean();
  });
  const session = await page.context().newCDPSession(page);
  server.route('/slow.png', () => undefined);
  await page.evaluate(() => {
    window.outcomes.slow = window.outcomeOf(
      window.served.one?.classify('/slow.png', { timeout: 8_000 }),
    );
  });
  await session.send('Page.setWebLifecycleState', { state: 'frozen' });
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  await session.send('Page.setWebLifecycleState', { state: 'active' });
  const outcome = await page.evaluate(async () => ({
    slow: await window.outcomes.slow,
    answer: await window.outcomeOf(window.served.one?.classify(window.canvasOf('blue'))),
    restarts: window.served.one?.metrics().restarts,
  }));
  expect(outcome).toEqual({ slow: 'timeout', answer: 'blue', restarts: 0 });
});
