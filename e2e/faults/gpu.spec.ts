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
  await page.addInitScript(() =>
    Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { value: false }),
  );
  await open();
  await prepare(page, server);
  const device = await page.evaluate(async () => {
    const classifier = await window.createMean({ device: 'auto', preprocessing: 'gpu' });
    const states: string[] = [];
    const preprocessedOn: Record<string, number> = { cpu: 0, gpu: 0 };
    classifier.addEventListener('request', ({ detail }) => {
      const { device } = detail.preprocessing;
      preprocessedOn[device] = (preprocessedOn[device] ?? 0) + 1;
    });
    classifier.addEventListener('statechange', () => states.push(classifier.state));
    Object.assign(window, { states, preprocessedOn });
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
    preprocessing: window.served.one?.info.preprocessing,
    preprocessedOn: (window as unknown as { preprocessedOn: object }).preprocessedOn,
  }));
  expect(devices[0]).toBe('webgpu');
  expect(devices.at(-1)).toBe('wasm');
  expect(end.states.slice(0, 2)).toEqual(['recovering', 'ready']);
  expect(end.states.at(-1)).toBe('degraded');
  expect(end.preprocessedOn).toEqual({ cpu: expect.any(Number), gpu: expect.any(Number) });
  expect(end.preprocessedOn).not.toHaveProperty('gpu', 0);
  expect(end.preprocessing).toEqual({ device: 'cpu', reason: 'the model runs on WASM' });
  expect(end.fallbacks).toEqual([
    { from: 'webgpu', to: 'wasm', reason: expect.stringMatching(/lost 3 times within 10 minutes/) },
  ]);
});
