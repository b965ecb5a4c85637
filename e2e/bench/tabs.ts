/**
 * `npm run bench:tabs [-- TABS]`: what `create({ shared: true })` saves in tabs of one page, and how
 * long an answer takes when the tab that held the model has just been closed. Linux only: memory is
 * the browser's proportional set size.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { chromium, type Page } from '@playwright/test';
import type { ImageClassifier } from '../../src/index.js';
import { findBrowser, installBrowser } from '../browser.js';
import { TestServer } from '../server.js';

interface TestWindow extends Window {
  held?: ImageClassifier;
}

/** Prints a table. */
export async function main([tabs = '10']: readonly string[]): Promise<void> {
  const server = await TestServer.start();
  try {
    const count = Number(tabs);
    const none = await measure(server, count, 0, false);
    const one = await measure(server, count, 1, true);
    const all = await measure(server, count, count, true);
    const alone = await measure(server, count, count, false);
    console.log(`${count} tabs with the package; MB of the browser more than without a model`);
    console.log(`one of them has the model    ${megabytes(one.bytes - none.bytes)}`);
    console.log(`all share it                 ${megabytes(all.bytes - none.bytes)}`);
    console.log(`each has its own             ${megabytes(alone.bytes - none.bytes)}`);
    console.log(
      `whole browser, all share it ÷ one has it: ${(all.bytes / one.bytes).toFixed(2)}; model only: ${((all.bytes - none.bytes) / (one.bytes - none.bytes)).toFixed(2)}`,
    );
    console.log(`from closing the holder to the next answer: ${all.takeover.join(', ')} ms`);
  } finally {
    await server.stop();
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0).padStart(5);
}

async function measure(
  server: TestServer,
  tabs: number,
  withModel: number,
  shared: boolean,
): Promise<{ bytes: number; takeover: number[] }> {
  const browser = await chromium.launchServer({
    executablePath: findBrowser() ?? installBrowser(),
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  const connected = await chromium.connect(browser.wsEndpoint());
  try {
    const context = await connected.newContext();
    const pages: Page[] = [];
    for (let each = 0; each < tabs; each += 1) {
      const page = await context.newPage();
      await page.goto(`${server.origin}/pages/library.html`);
      await page.waitForFunction(() => 'tabserve' in window);
      if (each < withModel) await ask(page, shared);
      pages.push(page);
    }
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const bytes = memoryOf(browser.process().pid ?? 0);
    const takeover: number[] = [];
    // The tabs take over in the order in which they came.
    for (const page of shared && withModel === tabs ? pages.slice(1, 6) : []) {
      const holder = pages.shift();
      const began = performance.now();
      await holder?.close();
      await ask(page, shared);
      takeover.push(Math.round(performance.now() - began));
    }
    return { bytes, takeover };
  } finally {
    await connected.close();
    await browser.close();
  }
}

/** Has the page's model answer once. */
function ask(page: Page, shared: boolean): Promise<unknown> {
  return page.evaluate(async (shared) => {
    const holder = window as TestWindow;
    holder.held ??= await window.tabserve.ImageClassifier.create({
      model: 'everyday',
      device: 'wasm',
      shared,
    });
    return holder.held.classify(new ImageData(32, 32));
  }, shared);
}

/** Proportional set size of a process and of all that it has started. */
function memoryOf(root: number): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const isIts = (pid: number): boolean =>
    pid === root || (parents.has(pid) && isIts(parents.get(pid) ?? 0));
  let bytes = 0;
  for (const pid of parents.keys()) {
    if (pid <= 1 || !isIts(pid)) continue;
    try {
      const [, kilobytes] = /^Pss:\s+(\d+)/m.exec(
        readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'),
      ) ?? [null, '0'];
      bytes += 1024 * Number(kilobytes);
    } catch {
      // It has ended meanwhile.
    }
  }
  return bytes;
}
