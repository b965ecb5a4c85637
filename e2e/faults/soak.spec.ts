/**
 * The soak: traffic for minutes or hours, classifiers that come and go, and memory that stays where
 * it was. `npm run soak -- --minutes 60`; two minutes of it are part of the tests.
 */
import { expect, test } from '../fixtures.js';
import { type MemoryUse, memoryOf, watchMemories } from './memory.js';
import { prepare } from './page.js';
import { startTraffic } from './traffic.js';

const minutes = Number(process.env.TABSERVE_SOAK_MINUTES ?? 2);

test(`${minutes} minutes of traffic leave memory where it was`, async ({ page, open, server }) => {
  const milliseconds = minutes * 60_000;
  test.setTimeout(milliseconds + 120_000);
  watchMemories(page);
  await open();
  await prepare(page, server);
  await page.evaluate(async () => {
    window.served.one = await window.createMean();
    window.served.two = await window.createMean();
  });
  const session = await page.context().newCDPSession(page);
  await startTraffic(page, 30_000);
  const samples: MemoryUse[] = [];
  // The first eighth is for caches and compilers to settle.
  await page.waitForTimeout(milliseconds / 8);
  for (let sample = 0; sample < 8; sample++) {
    samples.push(await memoryOf(page, session));
    if (sample === 7) break;
    const comeAndGo = page.evaluate(async (until) => {
      const end = performance.now() + until;
      while (performance.now() < end) {
        const classifier = await window.createMean();
        await classifier.classify(window.canvasOf('red', 500));
        classifier.destroy();
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
    }, milliseconds / 8);
    await comeAndGo;
  }
  const account = await page.evaluate(() => window.traffic.stop());
  console.log(JSON.stringify({ minutes, account, samples }));
  expect(account.wrong).toEqual([]);
  expect(account.untyped).toEqual([]);
  expect(account.errors).toEqual({});
  const [first] = samples;
  const last = samples.at(-1);
  expect(last?.workers).toBe(first?.workers);
  expect(last?.wasm).toBe(first?.wasm);
  expect((last?.page ?? 0) - (first?.page ?? 0)).toBeLessThan(2_000_000);
});
