/**
 * Runs cases that `recipe/make.py` made, on WASM and on WebGPU, in both of the engine's builds that
 * have WebGPU, and writes down what is right, wrong, refused, or left to the CPU.
 *
 * `npm run engine-report -- FOLDER [--out FILE] [--builds jspi,webgpu] [--limit N] [--through]`
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright';
import { findBrowser } from '../browser.js';
import { believeInGpu } from '../devices.js';
import { TestServer } from '../server.js';
import { tableOf } from './report.js';

/** What became of a case on one execution provider. */
export interface Result {
  status: 'right' | 'wrong' | 'refused' | 'hangs';
  message?: string;
  stage?: string;
  /** The largest difference, as a share of the largest right magnitude (at least 1). */
  largest?: number;
  /** How many numbers are further off than the tolerance, of how many. */
  off?: number;
  of?: number;
  /** Operators that the engine left to the CPU; absent when there are none. */
  cpu?: string[];
  /** Through tabserve: where it runs at the end, what that was compared with, and what `info` says of it. */
  device?: string;
  verified?: string;
  why?: string;
}

/** What the report groups by. */
export interface About {
  op: string;
  [condition: string]: unknown;
}

/** A case and what became of it, by `build/provider`. */
export interface Outcome {
  name: string;
  set: string;
  about: About;
  results: Record<string, Result>;
}

declare global {
  interface Window {
    isReady?: boolean;
    results: Result[];
    loadCases(folder: string): Promise<Omit<Outcome, 'results'>[]>;
    runCases(from: number, to: number, provider: string): Promise<Result[]>;
  }
}

/** Cases between two looks at the clock. */
const batch = 40;

/** Milliseconds for a batch, before its page counts as stuck. The software adapter is slow. */
const patience = 90_000;

const args = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];

/** @param argv - See the top of this file. */
export async function main(argv: string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      out: { type: 'string' },
      builds: { type: 'string', default: 'jspi,webgpu' },
      limit: { type: 'string' },
      from: { type: 'string', default: '0' },
      seconds: { type: 'string', default: '240' },
      providers: { type: 'string', default: 'wasm,webgpu' },
      through: { type: 'boolean', default: false },
    },
  });
  const folder = positionals[0];
  if (!folder) throw new Error('Which folder has the cases? Make them with recipe/make.py.');
  const server = await TestServer.start();
  server.mount('/cases', resolve(folder));
  server.mount('/ort', 'node_modules/onnxruntime-web/dist');
  server.mount('/report', 'e2e/engine-report');
  server.mount('/dist', 'dist');
  const executablePath = findBrowser();
  const browser = await chromium.launch({ ...(executablePath && { executablePath }), args });
  const began = Date.now();
  const outcomes: Outcome[] = [];
  try {
    let page: Page | undefined;
    const from = Number(values.from);
    const deadline = began + Number(values.seconds) * 1000;
    let opened = '';
    const open = async (build: string) => {
      if (page && opened === build) return page;
      await page?.close().catch(() => undefined);
      page = await openPage(browser, server, build, values.through);
      opened = build;
      return page;
    };
    for (const build of values.builds.split(',')) {
      const first = await open(build);
      const all = await first.evaluate(() => window.loadCases('/cases'));
      const to = Math.min(all.length, from + Number(values.limit ?? all.length));
      if (outcomes.length === 0) {
        outcomes.push(...all.slice(from, to).map((each) => ({ ...each, results: {} })));
      }
      const providers = values.through ? ['auto'] : values.providers.split(',');
      for (const provider of providers) {
        const key = `${build}/${provider}`;
        for (let at = from; at < to && Date.now() < deadline; ) {
          const end = Math.min(at + batch, to);
          const current = await open(build);
          const results = await runBatch(current, at, end, provider);
          for (const result of results) {
            const outcome = outcomes[at - from];
            if (outcome) outcome.results[key] = result;
            at += 1;
          }
          if (at < end) opened = '';
        }
        process.stdout.write(`${key}: ${summary(outcomes, key)}\n`);
      }
    }
  } finally {
    await browser.close();
    await server.stop();
  }
  if (values.out) {
    writeFileSync(values.out, JSON.stringify(outcomes));
    const { version } = JSON.parse(
      readFileSync('node_modules/onnxruntime-web/package.json', 'utf8'),
    ) as { version: string };
    writeFileSync(`${values.out}.md`, tableOf(outcomes, `onnxruntime-web ${version}`));
  }
}

async function openPage(
  browser: Browser,
  server: TestServer,
  build: string,
  isThrough: boolean,
): Promise<Page> {
  const page = await browser.newPage();
  if (isThrough) {
    await believeInGpu(page);
    page.on('worker', (worker) => void worker.evaluate(hurryWasm).catch(() => undefined));
    if (build !== 'jspi') {
      await page.addInitScript(() => void Reflect.deleteProperty(WebAssembly, 'Suspending'));
    }
  }
  const what = isThrough ? '&through' : '';
  await page.goto(`${server.origin}/report/page.html?build=${build}${what}`);
  await page.waitForFunction(() => window.isReady);
  await page.evaluate(() => window.loadCases('/cases'));
  return page;
}

/** Makes runs seem long in workers that ask for no GPU: on a software adapter nothing is faster. */
function hurryWasm(): void {
  const now = performance.now.bind(performance);
  let pace = 1e5;
  performance.now = () => now() * pace;
  if (typeof GPU !== 'function') return;
  const { requestAdapter } = GPU.prototype;
  GPU.prototype.requestAdapter = function (...options) {
    pace = 1;
    return requestAdapter.apply(this, options);
  };
}

/** The results of a batch; where its page got stuck, as many as there are, and that it hung. */
async function runBatch(page: Page, from: number, to: number, provider: string): Promise<Result[]> {
  const stuck = new Promise<'stuck'>((done) => setTimeout(done, patience, 'stuck').unref());
  const running = page
    .evaluate(([from, to, provider]) => window.runCases(from, to, provider), [
      from,
      to,
      provider,
    ] as const)
    .catch(() => 'stuck' as const);
  const results = await Promise.race([running, stuck]);
  if (results !== 'stuck') return results;
  const partial = await Promise.race([
    page.evaluate(() => window.results).catch(() => [] as Result[]),
    new Promise<Result[]>((done) => setTimeout(done, 2_000, []).unref()),
  ]);
  // Those that are under way at a time end in any order.
  const hole = partial.findIndex((result) => !result);
  return [...(hole < 0 ? partial : partial.slice(0, hole)), { status: 'hangs' }];
}

function summary(outcomes: Outcome[], key: string): string {
  const counts: Record<string, number> = {};
  for (const { results } of outcomes) {
    const { status, cpu, device } = results[key] ?? { status: 'not run' };
    const what = device ? `${status} on ${device}` : status;
    counts[what] = (counts[what] ?? 0) + 1;
    if (cpu) counts['on the CPU'] = (counts['on the CPU'] ?? 0) + 1;
  }
  return JSON.stringify(counts);
}
