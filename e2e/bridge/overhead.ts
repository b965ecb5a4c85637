/**
 * `npm run bench:server [-- ROUNDS]`: what a request to the model server costs over the same question
 * to the model itself. Both are asked in turns, so that the machine's mood meets both; what counts is
 * the difference of the medians of one run.
 */
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { findBrowser, installBrowser } from '../browser.js';
import { TestServer } from '../server.js';
import { openModelServer, registerAll } from './served.js';

/** Milliseconds of each question by each way, in the order of the rounds. */
type Times = Readonly<Record<string, readonly number[]>>;

/** Prints a table. */
export async function main([rounds = '60']: readonly string[]): Promise<void> {
  const files = await TestServer.start();
  const browser = await chromium.launch({
    executablePath: findBrowser() ?? installBrowser(),
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  try {
    const page = await browser.newPage();
    await openModelServer(page, files);
    await registerAll(page);
    await control(page, files);
    console.log(`${rounds} rounds, load average ${loadavg()[0]?.toFixed(1)}; medians in ms`);
    show('a 2-megapixel JPEG, everyday', await picture(page, Number(rounds)));
    show('a tensor of 4 floats', await tensor(page, Number(rounds)));
  } finally {
    await browser.close();
    await files.stop();
  }
}

function show(question: string, times: Times): void {
  const base = median(times.direct ?? []);
  console.log(`\n${question.padEnd(40)} |  median |   more`);
  for (const [way, list] of Object.entries(times)) {
    const time = median(list);
    const more = way === 'nothing' ? '' : (time - base).toFixed(2);
    const cells = [time.toFixed(2), more].map((each) => each.padStart(7));
    console.log(`${(ways[way] ?? way).padEnd(40)} | ${cells.join(' | ')}`);
  }
}

const ways: Readonly<Record<string, string>> = {
  direct: 'the model itself',
  handled: 'handle()',
  fetched: 'fetch(), by the service worker',
  nothing: 'a service worker that answers nothing',
};

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0;
}

/** What the browser takes to ask any service worker: one that reads no body, and asks nobody. */
const nothing = `addEventListener('fetch', (event) => {
  if (event.request.url.endsWith('/nothing')) event.respondWith(new Response('{}'));
});`;

/** Puts the service worker in front of the page. */
async function control(page: Page, files: TestServer): Promise<void> {
  const code = readFileSync(join(import.meta.dirname, '../../dist/model-server-sw.js'), 'utf8');
  files.route('/sw.js', (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(`${code}\n${nothing}`);
  });
  await page.evaluate(async () => {
    const changed = new Promise((resolve) => {
      navigator.serviceWorker.addEventListener('controllerchange', resolve);
    });
    await navigator.serviceWorker.register('/sw.js', { scope: '/' });
    if (!navigator.serviceWorker.controller) await changed;
    window.server.serveServiceWorker();
  });
}

async function picture(page: Page, rounds: number): Promise<Times> {
  return page.evaluate(async (count) => {
    const canvas = new OffscreenCanvas(1632, 1224);
    const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
    for (let i = 0; i < 4000; i++) {
      context.fillStyle = `hsl(${(i * 37) % 360} 60% ${(i * 13) % 90}%)`;
      context.fillRect((i * 97) % 1632, (i * 61) % 1224, 80, 60);
    }
    const body = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
    const model = await window.tabserve.ImageClassifier.create({
      model: 'everyday',
      device: 'wasm',
    });
    const url = new URL('/v2/models/everyday/infer', location.href);
    const request = (to: string | URL = url) => new Request(to, { method: 'POST', body });
    const asked: Record<string, () => Promise<unknown>> = {
      direct: () => model.classify(body),
      handled: async () => (await window.server.handle(request())).json(),
      fetched: async () => (await fetch(request())).json(),
      nothing: async () => (await fetch(request('/nothing'))).json(),
    };
    const times: Record<string, number[]> = {};
    for (let round = -5; round < count; round++) {
      for (const [way, ask] of Object.entries(asked)) {
        const began = performance.now();
        await ask();
        const time = performance.now() - began;
        if (round >= 0) times[way] = [...(times[way] ?? []), time];
      }
    }
    model.destroy();
    return times;
  }, rounds);
}

async function tensor(page: Page, rounds: number): Promise<Times> {
  return page.evaluate(async (count) => {
    const model = await window.tabserve.TensorModel.create({
      model: '/graphs/affine/model.json',
      device: 'wasm',
    });
    const url = new URL('/v2/models/affine/infer', location.href);
    const inputs = [{ name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] }];
    const body = JSON.stringify({ inputs });
    const direct: number[] = [];
    const handled: number[] = [];
    for (let round = -5; round < count; round++) {
      const began = performance.now();
      const data = Float32Array.of(1, 2, 3, 4);
      await model.infer({ x: { type: 'float32', dims: [1, 4], data } });
      const between = performance.now();
      const response = await window.server.handle(new Request(url, { method: 'POST', body }));
      await response.json();
      const ended = performance.now();
      if (round < 0) continue;
      direct.push(between - began);
      handled.push(ended - between);
    }
    model.destroy();
    return { direct, handled };
  }, rounds);
}
