/** Real faults, brought in from outside, one at a time. */
import type { CDPSession, Page } from '@playwright/test';
import type { TestServer } from '../server.js';
import { blockWorker, endWorker, servingWorkers } from './page.js';
import type { Random } from './random.js';

/** Where a fault can strike. */
export interface Target {
  page: Page;
  server: TestServer;
  session: CDPSession;
  random: Random;
}

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const engine = '/dist/ort/ort-wasm-simd-threaded.wasm.gz';

/** Each ends when the fault itself is over; recovery from it may still be under way. */
export const injections: Readonly<Record<string, (target: Target) => Promise<void>>> = {
  async 'a worker ends'({ page, random }) {
    const workers = servingWorkers(page);
    if (workers.length > 0) await endWorker(random.pick(workers));
  },

  async 'all workers end'({ page }) {
    await Promise.all(servingWorkers(page).map(endWorker));
  },

  async 'a worker throws'({ page, random }) {
    const workers = servingWorkers(page);
    if (workers.length === 0) return;
    const thrown = random.pick(workers).evaluate(() => {
      setTimeout(() => {
        throw new Error('out of the blue');
      });
    });
    await Promise.race([thrown.catch(() => undefined), sleep(1_000)]);
  },

  async 'a worker is busy for a while'({ page, random }) {
    const workers = servingWorkers(page);
    if (workers.length === 0) return;
    const busy = random.pick(workers).evaluate(
      (milliseconds) => {
        const end = performance.now() + milliseconds;
        while (performance.now() < end);
      },
      random.between(100, 1500),
    );
    await Promise.race([busy.catch(() => undefined), sleep(2_000)]);
  },

  async 'a worker is stuck for good'({ page, random }) {
    const workers = servingWorkers(page);
    if (workers.length > 0) await blockWorker(random.pick(workers));
  },

  async 'the server fails while a worker ends'({ page, server, random }) {
    const path = random.pick([engine, '/mean/model.json', '/mean/mean.onnx']);
    const before = server.routed(path);
    const misbehave = random.pick([
      (response: import('node:http').ServerResponse) => response.writeHead(500).end(),
      (response: import('node:http').ServerResponse) =>
        response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><p>sign in'),
      (response: import('node:http').ServerResponse) => response.destroy(),
      (response: import('node:http').ServerResponse) => {
        response.writeHead(200, { 'Content-Length': 10_000 }).write('cut');
        setTimeout(() => response.destroy(), 300);
      },
    ]);
    server.route(path, (_request, response) => void misbehave(response));
    await Promise.all(servingWorkers(page).map(endWorker));
    await sleep(random.between(200, 1000));
    if (before) server.route(path, before);
    else server.unroute(path);
  },

  async 'the network goes away'({ page, server, random }) {
    server.isDown = true;
    if (random.next() < 0.5) await Promise.all(servingWorkers(page).map(endWorker));
    await sleep(random.between(100, 1000));
    server.isDown = false;
  },

  async 'the processor is slow'({ session, random }) {
    await session.send('Emulation.setCPUThrottlingRate', { rate: random.between(3, 8) });
    await sleep(random.between(500, 1500));
    await session.send('Emulation.setCPUThrottlingRate', { rate: 1 });
  },

  async 'the page is frozen'({ session, random }) {
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    await sleep(random.between(100, 1000));
    await session.send('Page.setWebLifecycleState', { state: 'active' });
  },

  async 'the page is busy'({ page, random }) {
    await page.evaluate(
      (milliseconds) => {
        const end = performance.now() + milliseconds;
        while (performance.now() < end);
      },
      random.between(50, 700),
    );
  },

  async 'more is asked than the queue takes'({ page }) {
    await page.evaluate(async () => {
      const png = await window.pngOf('red');
      const [classifier] = Object.values(window.served);
      const outcomes = await Promise.all(
        Array.from({ length: 300 }, () =>
          window.outcomeOf(classifier?.classify(png, { priority: 'low', timeout: 5_000 })),
        ),
      );
      window.traffic.account.untyped.push(...outcomes.filter((each) => each.startsWith('untyped')));
    });
  },

  async 'requests are aborted'({ page, random }) {
    const delays = Array.from({ length: 20 }, () => random.between(0, 200));
    await page.evaluate(async (delays) => {
      const [classifier] = Object.values(window.served);
      const outcomes = await Promise.all(
        delays.map((delay) => {
          const controller = new AbortController();
          setTimeout(() => controller.abort(), delay);
          const { signal } = controller;
          return window.outcomeOf(classifier?.classify(window.canvasOf('blue', 500), { signal }));
        }),
      );
      window.traffic.account.untyped.push(...outcomes.filter((each) => each.startsWith('untyped')));
    }, delays);
  },

  async 'pictures are broken'({ page, random }) {
    const lengths = Array.from({ length: 10 }, () => random.between(0, 300));
    await page.evaluate(async (lengths) => {
      const [classifier] = Object.values(window.served);
      const png = new Uint8Array(await (await window.pngOf('red', 200)).arrayBuffer());
      const pictures = lengths.map((length, index) =>
        index % 2 ? new Blob([png.subarray(0, length)]) : `/no-such-picture-${length}.png`,
      );
      const outcomes = await Promise.all(
        pictures.map((picture) =>
          window.outcomeOf(classifier?.classify(picture, { timeout: 5_000 })),
        ),
      );
      window.traffic.account.untyped.push(...outcomes.filter((each) => each.startsWith('untyped')));
    }, lengths);
  },

  async 'a classifier comes and goes'({ page, random }) {
    await page.evaluate(
      async ({ delay, ownWorker }) => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(), delay);
        const asked = window.outcomeOf(
          window
            .createMean({ ownWorker, signal: controller.signal })
            .then((classifier) =>
              classifier
                .classify(window.canvasOf('red'), { timeout: 5_000 })
                .finally(() => classifier.destroy()),
            ),
        );
        const outcome = await asked;
        if (outcome.startsWith('untyped')) window.traffic.account.untyped.push(outcome);
      },
      { delay: random.between(0, 2000), ownWorker: random.next() < 0.5 },
    );
  },
};
