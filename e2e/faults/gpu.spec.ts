/** GPUs that are lost, as by a driver's reset: the browser's GPU process is made to crash. */
import type { Page } from '@playwright/test';
import { expect, test } from '../fixtures.js';
import { prepare } from './page.js';

async function crashGpu(page: Page): Promise<void> {
  const browser = page.context().browser();
  const session = await browser?.newBrowserCDPSession();
  await session?.send('Browser.crashGpuProcess');
}

test('a lost GPU is replaced, and after repeated losses WASM takes over and says why', async ({
  page,
  open,
  server,
}) => {
  test.setTimeout(300_000);
  // The adapter here is a software one, which "auto" would not take.
  // With data to be saved, it begins on WebGPU.
  await page.addInitScript(() => {
    Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { value: false });
    Object.defineProperty(navigator, 'connection', { value: { saveData: true } });
  });
  await open();
  await prepare(page, server);
  const device = await page.evaluate(async () => {
    const classifier = await window.createMean({ device: 'auto' });
    const states: string[] = [];
    classifier.addEventListener('statechange', () => states.push(classifier.state));
    Object.assign(window, { states });
    window.served.one = classifier;
    return classifier.info.device;
  });
  expect(device).toBe('webgpu');
  const devices: (string | undefined)[] = [];
  for (let loss = 0; loss < 3; loss++) {
    const answers = page.evaluate(async () => {
      const asked = Array.from({ length: 30 }, (_, index) => {
        const canvas = window.canvasOf(['red', 'lime', 'blue'][index % 3] ?? '');
        return window.outcomeOf(window.served.one?.classify(canvas));
      });
      return [...new Set(await Promise.all(asked))].sort();
    });
    await crashGpu(page);
    expect(await answers).toEqual(['blue', 'green', 'red']);
    await expect
      .poll(() => page.evaluate(() => window.served.one?.state), { timeout: 60_000 })
      .toMatch(/ready|degraded/);
    devices.push(await page.evaluate(() => window.served.one?.info.device));
    if (devices.at(-1) === 'wasm') break;
  }
  const end = await page.evaluate(() => ({
    states: (window as unknown as { states: string[] }).states,
    fallbacks: window.served.one?.info.fallbacks,
  }));
  expect(devices[0]).toBe('webgpu');
  expect(devices.at(-1)).toBe('wasm');
  expect(end.states.slice(0, 2)).toEqual(['recovering', 'ready']);
  expect(end.states.at(-1)).toBe('degraded');
  expect(end.fallbacks).toEqual([
    { from: 'webgpu', to: 'wasm', reason: expect.stringMatching(/lost 3 times within 10 minutes/) },
  ]);
});
