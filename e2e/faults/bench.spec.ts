/**
 * The fault bench: traffic, and faults that strike at random. `npm run faults -- --count 500` runs
 * it at length; a short form is part of the tests. `--seed` repeats a run.
 */
import type { Page } from '@playwright/test';
import { expect, test } from '../fixtures.js';
import { injections } from './injections.js';
import { memoryOf, watchMemories } from './memory.js';
import { prepare } from './page.js';
import { Random } from './random.js';
import { startTraffic } from './traffic.js';

const count = Number(process.env.TABSERVE_FAULTS ?? 20);

/** At length, times are held to what is promised; the short form runs on machines with other work. */
const isStrict = process.env.TABSERVE_FAULTS !== undefined;

/** Milliseconds that each request is given. */
const timeout = 8_000;

test(`${count} random faults with traffic going on`, async ({ page, open, server }) => {
  test.setTimeout(120_000 + count * 10_000);
  const random = new Random();
  console.log(`faults: ${count}, seed: ${random.seed}`);
  test.info().annotations.push({ type: 'seed', description: `${random.seed}` });

  watchMemories(page);
  await open();
  await prepare(page, server);
  await page.evaluate(async () => {
    const maxQueue = 100;
    window.served.one = await window.createMean({ maxQueue });
    window.served.two = await window.createMean({ maxQueue });
    window.served.alone = await window.createMean({ maxQueue, ownWorker: true });
  });
  const session = await page.context().newCDPSession(page);
  await startTraffic(page, timeout);
  await page.waitForTimeout(3_000);
  const before = await memoryOf(page, session);

  const struck: Record<string, number> = {};
  for (let fault = 0; fault < count; fault++) {
    const name = random.pick(Object.keys(injections));
    struck[name] = (struck[name] ?? 0) + 1;
    await injections[name]?.({ page, server, session, random });
    await page.waitForTimeout(random.between(0, 1_000));
  }
  const recovery = await readyAgain(page);
  const account = await page.evaluate(() => window.traffic.stop());
  const last = await page.evaluate(() =>
    Promise.all(
      Object.values(window.served).map((classifier) =>
        window.outcomeOf(classifier.classify(window.canvasOf('lime'))),
      ),
    ),
  );
  const after = await memoryOf(page, session);
  console.log(JSON.stringify({ struck, account, recovery, before, after }, undefined, 1));

  expect(account.untyped).toEqual([]);
  expect(account.wrong).toEqual([]);
  expect(account.latest).toBeLessThan(isStrict ? 2_000 : 20_000);
  expect(account.answered).toBeGreaterThan(0);
  expect(last).toEqual(['green', 'green', 'green']);
  expect(recovery).toBeLessThan(isStrict ? 5_000 : 30_000);
  expect(after.total).toBeLessThan(before.total * 1.1);
});

/** Milliseconds until everything is ready and answers. */
async function readyAgain(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const began = performance.now();
    const isReady = () =>
      Object.values(window.served).every(({ state }) => state === 'ready' || state === 'degraded');
    while (performance.now() - began < 30_000) {
      // Asked of each, since a stuck worker is noticed by what it does not answer.
      const answers = await Promise.all(
        Object.values(window.served).map((classifier) =>
          window.outcomeOf(classifier.classify(window.canvasOf('red'))),
        ),
      );
      if (isReady() && answers.every((answer) => answer === 'red')) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return performance.now() - began;
  });
}
