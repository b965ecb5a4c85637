/** A model server in a frame of another origin. */
import type { Frame, Page } from '@playwright/test';
import { openModelServer } from './bridge/served.js';
import { expect, test } from './fixtures.js';
import type { TestServer } from './server.js';

/** A page with a frame of another origin in it, whose server answers these origins. */
async function embed(
  page: Page,
  server: TestServer,
  otherServer: TestServer,
  origins: string[],
): Promise<Frame> {
  await openModelServer(page, server);
  const url = `${otherServer.origin}/pages/model-server.html`;
  await page.evaluate((src) => {
    const element = document.createElement('iframe');
    element.src = src;
    document.body.append(element);
  }, url);
  await expect.poll(() => page.frame({ url })).not.toBeNull();
  const frame = page.frame({ url });
  if (!frame) throw new Error('no frame');
  await frame.waitForFunction(() => 'bridge' in window);
  await frame.evaluate(async (origins) => {
    window.server = new window.ModelServer();
    await window.server.register('everyday', (context) =>
      window.tabserve.ImageClassifier.create({ ...context, model: 'everyday', device: 'wasm' }),
    );
    window.server.serveFrames({ origins });
  }, origins);
  return frame;
}

test('answers the page around it, and nobody else', async ({ page, server, otherServer }) => {
  const frame = await embed(page, server, otherServer, [server.origin]);
  const ask = (patience: number) =>
    page.evaluate(
      async ([origin, patience]) => {
        const { fetchFromFrame } = (await import('/dist/server.js' as string)) as {
          fetchFromFrame: typeof import('../src/server/index.js')['fetchFromFrame'];
        };
        const target = window.frames[0];
        if (!target) throw new Error('no frame');
        const canvas = new OffscreenCanvas(40, 30);
        canvas.getContext('2d')?.fillRect(0, 0, 10, 10);
        const body = await canvas.convertToBlob();
        try {
          const ready = await fetchFromFrame(target, origin, '/v2/health/ready', { patience });
          const path = '/v2/models/everyday/infer';
          const init = { method: 'POST', body, patience };
          const answer = await fetchFromFrame(target, origin, path, init);
          const missing = await fetchFromFrame(target, origin, '/v2/models/none', { patience });
          return [ready.status, answer.status, Object.keys(await answer.json()), missing.status];
        } catch (error) {
          return window.tabserve.isTabserveError(error) ? error.code : String(error);
        }
      },
      [otherServer.origin, patience] as const,
    );
  expect(await ask(10_000)).toEqual([200, 200, expect.arrayContaining(['result']), 404]);

  // The same page, where the frame does not know it: no message of any kind.
  await frame.evaluate(() => window.location.reload());
  await frame.waitForFunction(() => 'bridge' in window && window.server === undefined);
  await frame.evaluate(() => {
    window.server = new window.ModelServer();
    window.server.serveFrames({ origins: ['https://shop.example'] });
  });
  expect(await ask(700)).toBe('timeout');
  const heard = await page.evaluate(async (origin) => {
    const said: unknown[] = [];
    window.addEventListener('message', ({ data }) => said.push(data));
    for (const tabserve of ['who', 'request', 'other']) {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }) => said.push(data);
      window.frames[0]?.postMessage({ tabserve, method: 'GET', url: '/v2', headers: [] }, origin, [
        port2,
      ]);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    return said;
  }, otherServer.origin);
  expect(heard).toEqual([]);
});

test('what is no request is 400, and what is no origin an error', async ({
  page,
  server,
  otherServer,
}) => {
  await embed(page, server, otherServer, [server.origin]);
  const status = await page.evaluate(async (origin) => {
    const { port1, port2 } = new MessageChannel();
    const answer = new Promise<number>((resolve) => {
      port1.onmessage = ({ data }) => data.kind === 'response' && resolve(data.status);
    });
    window.frames[0]?.postMessage({ tabserve: 'who' }, origin, [port2]);
    const request = { method: 'TRACE', url: 'no url', headers: [], body: null };
    port1.postMessage({ kind: 'request', id: 1, request });
    return answer;
  }, otherServer.origin);
  expect(status).toBe(400);
  const codes = await page.evaluate(() =>
    ['*', 'null', 'https://a.test/path', ''].map((origin) => {
      try {
        window.server.serveFrames({ origins: [origin] });
        return 'taken';
      } catch (error) {
        return window.tabserve.isTabserveError(error) ? error.code : 'other';
      }
    }),
  );
  expect(codes).toEqual(Array(4).fill('invalid-argument'));
});
