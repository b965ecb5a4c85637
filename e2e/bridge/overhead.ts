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

/** Milliseconds of each question, by its round. */
interface Times {
  direct: number[];
  handled: number[];
}

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
    console.log(`${rounds} rounds, load average ${loadavg()[0]?.toFixed(1)}; medians in ms`);
    console.log('question                       | direct | handle() |   more | ratio');
    row('a 2-megapixel JPEG, everyday', await picture(page, Number(rounds), false));
    row('a tensor of 4 floats', await tensor(page, Number(rounds)));
    await control(page, files);
    row('the JPEG, by a service worker', await picture(page, Number(rounds), true));
  } finally {
    await browser.close();
    await files.stop();
  }
}

function row(what: string, { direct, handled }: Times): void {
  const [one, other] = [median(direct), median(handled)];
  const cells = [one, other, other - one].map((time) => time.toFixed(2));
  console.log(
    `${what.padEnd(30)} | ${cells[0]?.padStart(6)} | ${cells[1]?.padStart(8)} | ${cells[2]?.padStart(6)} | ${(other / one).toFixed(2)}`,
  );
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0;
}

/** Puts the service worker in front of the page. */
async function control(page: Page, files: TestServer): Promise<void> {
  const code = readFileSync(join(import.meta.dirname, '../../dist/model-server-sw.js'));
  files.route('/sw.js', (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(code);
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

/** @param isFetched - Asks by `fetch()`, which a service worker answers. */
async function picture(page: Page, rounds: number, isFetched: boolean): Promise<Times> {
  return page.evaluate(
    async ([count, byFetch]) => {
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
      const direct: number[] = [];
      const handled: number[] = [];
      for (let round = -5; round < count; round++) {
        const began = performance.now();
        await model.classify(body);
        const between = performance.now();
        const request = new Request(url, { method: 'POST', body });
        const response = await (byFetch ? fetch(request) : window.server.handle(request));
        await response.json();
        const ended = performance.now();
        if (round < 0) continue;
        direct.push(between - began);
        handled.push(ended - between);
      }
      model.destroy();
      return { direct, handled };
    },
    [rounds, isFetched] as const,
  );
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
