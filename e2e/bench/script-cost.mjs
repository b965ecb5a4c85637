/**
 * What a page pays for tabserve's script tag before it uses it: main-thread time of compiling and
 * running `dist/tabserve.global.js`, from Chromium's trace. Thread time, so that a busy machine does
 * not count.
 *
 *     node e2e/bench/script-cost.mjs [visits]
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { chromium } from '@playwright/test';

const visits = Number(process.argv[2] ?? 20);
const script = readFileSync(join(import.meta.dirname, '../../dist/tabserve.global.js'));

const server = createServer((request, response) => {
  const isScript = request.url === '/tabserve.global.js';
  response.writeHead(200, { 'Content-Type': isScript ? 'text/javascript' : 'text/html' });
  response.end(
    isScript
      ? script
      : '<!doctype html><title>t</title><script src="/tabserve.global.js"></script>',
  );
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const address = `http://127.0.0.1:${server.address().port}/`;

const executablePath = process.env.TABSERVE_BROWSER ?? '/usr/bin/chromium';
const costs = [];
for (let visit = 0; visit < visits; visit++) {
  // A fresh browser each time: no code cache, as on a first visit.
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const page = await browser.newPage();
  await browser.startTracing(page, { categories: ['devtools.timeline', 'v8'] });
  await page.goto(address, { waitUntil: 'load' });
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const of = (name) =>
    traceEvents.filter(
      (event) =>
        event.name === name &&
        event.ph === 'X' &&
        (event.args.data?.url ?? event.args.fileName ?? '').includes('tabserve.global.js'),
    );
  // Compiling is part of evaluating, or done on another thread while the script streams in.
  const evaluate = of('EvaluateScript').reduce((sum, { tdur }) => sum + tdur, 0);
  costs.push(evaluate / 1000);
  await browser.close();
}
server.close();

costs.sort((a, b) => a - b);
const at = (share) =>
  costs[Math.min(costs.length - 1, Math.floor(share * costs.length))].toFixed(2);
console.log(`${visits} first visits, script of ${script.length} bytes, main thread, ms:`);
console.log(`median ${at(0.5)}, fastest ${at(0)}, p90 ${at(0.9)}, slowest ${at(1)}`);
