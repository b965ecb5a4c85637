/** One case in a browser of its own: what it takes to load, and what it does then. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright';
import { findBrowser, installBrowser } from '../browser.js';
import type { BenchCase } from './cases.js';
import { photoCount } from './material.js';
import type { BenchServer, Line, Traffic } from './server.js';

/** How much of everything. */
export interface Effort {
  rounds: number;
  /** Images one after the other, after as many as there are photos to warm up. */
  images: number;
  /** Images at once. */
  batch: number;
  /** Milliseconds of video. */
  video: number;
}

/** What one visit of one case measured. Times are in milliseconds. */
export interface Sample {
  /** From navigation to the first answer, with nothing cached. */
  coldStart: number;
  /** The same, on the second visit. */
  warmStart: number;
  coldStartSlow: number;
  warmStartSlow: number;
  /** Per photo, one after the other: the median. */
  latency: number;
  latencyP95: number;
  /** Per photo, one after the other: the fastest. What a machine with other work to do can tell. */
  latencyBest: number;
  /**
   * Processor time of the page's process, all threads together, per photo and up to the first
   * answer: other work on the machine changes it little. Linux only.
   */
  cpuPerPhoto?: number;
  cpuStart?: number;
  /** Photos per second when many are given at once. */
  throughput: number;
  /** Sum over the main thread's long tasks of what exceeds 50 ms. */
  loadBlocking: number;
  loadLongestTask: number;
  classifyBlocking: number;
  classifyLongestTask: number;
  /** Of a playing video: answers per second; absent where the case cannot follow one. */
  videoFps?: number;
  videoLatencyP95?: number;
  /** The page's own frames while it follows the video. */
  pageFrameP50?: number;
  pageFrameP99?: number;
  scriptBytes: number;
  wasmBytes: number;
  modelBytes: number;
  /** Of the three together, what a second visit downloads again. */
  warmBytes: number;
  /**
   * Proportional set size of the browser's renderer processes in bytes: after images one after the other, and right
   * after many at once.
   */
  memory?: number;
  memoryMany?: number;
  /** The answer to the first photo, to see that all cases answer alike. */
  answer: string;
  /** Where the time went, from cases that tell. */
  detail: unknown;
}

/** 50 Mbit/s and 20 ms. */
const slowLine: Line = { bytesPerSecond: 50e6 / 8, latency: 20 };

const args = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--autoplay-policy=no-user-gesture-required',
  ...(process.env.BENCH_CHROMIUM_ARGS ?? '').split(' ').filter((arg) => arg !== ''),
];

/** A Chromium with an empty profile, thrown away afterwards. */
export async function withBrowser<T>(
  use: (context: BrowserContext, profile: string) => Promise<T>,
): Promise<T> {
  const profile = mkdtempSync(join(tmpdir(), 'tabserve-bench-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findBrowser() ?? installBrowser(),
    headless: true,
    args,
  });
  try {
    return await use(context, profile);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Measures one case once. */
export async function visit(
  server: BenchServer,
  benchCase: BenchCase,
  effort: Effort,
): Promise<Sample> {
  const url = caseUrl(server, benchCase);
  const measured = await withBrowser(async (context, profile) => {
    server.line = null;
    server.resetTraffic();
    const page = await open(context, url);
    const cold = await loaded(page);
    const traffic: Traffic = { ...server.traffic };
    const cpuStart = rendererCpu(profile);
    await page.evaluate(`bench.latency(${photoCount})`);
    const cpuBefore = rendererCpu(profile);
    const latency = await page.evaluate<{
      times: number[];
      blocking: Blocking;
      detail: unknown;
    }>(`bench.latency(${effort.images})`);
    const cpuAfter = rendererCpu(profile);
    const memory = rendererMemory(profile);
    const batchTime = await page.evaluate<number>(`bench.throughput(${effort.batch})`);
    const memoryMany = rendererMemory(profile);
    const video = await page.evaluate<VideoReport | null>(`bench.watch(${effort.video})`);
    await page.close();
    server.resetTraffic();
    const warm = await loaded(await open(context, url));
    const { script, wasm, model } = server.traffic;
    return {
      warmBytes: script + wasm + model,
      coldStart: cold.firstAnswer,
      warmStart: warm.firstAnswer,
      latency: quantile(latency.times, 0.5),
      latencyP95: quantile(latency.times, 0.95),
      latencyBest: Math.min(...latency.times),
      ...(cpuStart !== undefined && { cpuStart }),
      ...(cpuBefore !== undefined &&
        cpuAfter !== undefined && { cpuPerPhoto: (cpuAfter - cpuBefore) / effort.images }),
      throughput: (effort.batch * 1000) / batchTime,
      loadBlocking: cold.blocking.total,
      loadLongestTask: cold.blocking.longest,
      classifyBlocking: latency.blocking.total,
      classifyLongestTask: latency.blocking.longest,
      ...(video && {
        videoFps: video.results / video.seconds,
        videoLatencyP95: quantile(video.latencies, 0.95),
        pageFrameP50: quantile(video.pageFrames, 0.5),
        pageFrameP99: quantile(video.pageFrames, 0.99),
      }),
      scriptBytes: traffic.script,
      wasmBytes: traffic.wasm,
      modelBytes: traffic.model,
      ...(memory !== undefined && { memory }),
      ...(memoryMany !== undefined && { memoryMany }),
      answer: String(cold.answer?.label ?? ''),
      detail: latency.detail,
    };
  });
  const slow = await withBrowser(async (context) => {
    server.line = slowLine;
    try {
      const page = await open(context, url);
      const cold = await loaded(page);
      await page.close();
      const warm = await loaded(await open(context, url));
      return { coldStartSlow: cold.firstAnswer, warmStartSlow: warm.firstAnswer };
    } finally {
      server.line = null;
    }
  });
  return { ...measured, ...slow };
}

interface Blocking {
  total: number;
  longest: number;
}

interface LoadReport {
  firstAnswer: number;
  answer: { label?: string | number } | null;
  blocking: Blocking;
}

interface VideoReport {
  seconds: number;
  results: number;
  latencies: number[];
  pageFrames: number[];
}

function caseUrl(server: BenchServer, { page, options, isolated }: BenchCase): string {
  const query = new URLSearchParams({
    case: page,
    options: JSON.stringify(options),
    photos: String(photoCount),
    ...(isolated && { isolated: '' }),
  });
  return `${server.origin}/pages/case.html?${query}`;
}

async function open(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  page.on('console', (message) => {
    if (process.env.BENCH_VERBOSE) console.error(`  page: ${message.text()}`);
  });
  await page.goto(url, { waitUntil: 'commit' });
  return page;
}

async function loaded(page: Page): Promise<LoadReport> {
  await page.waitForFunction(() => 'bench' in window);
  return page.evaluate<LoadReport>('bench.loaded()');
}

/** The value below which a share of the values lies; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = Math.min(sorted.length - 1, Math.floor(share * sorted.length));
  const at = sorted[Math.max(0, place)] ?? 0;
  const odd = sorted.length % 2 === 1 || share !== 0.5;
  return odd ? at : (at + (sorted[sorted.length / 2 - 1] ?? at)) / 2;
}

/** Proportional set size in bytes; `undefined` where there is no `/proc`. */
function rendererMemory(profile: string): number | undefined {
  return sumOverRenderers(profile, 'smaps_rollup', (text) => {
    return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024;
  });
}

/** Processor time so far in milliseconds; `undefined` where there is no `/proc`. */
function rendererCpu(profile: string): number | undefined {
  return sumOverRenderers(profile, 'stat', (text) => {
    // Fields 14 and 15, in ticks of 10 ms; the name in field 2 may hold spaces.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  });
}

function sumOverRenderers(
  profile: string,
  file: string,
  read: (text: string) => number,
): number | undefined {
  if (process.platform !== 'linux') return undefined;
  let sum = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (!command.includes('--type=renderer') || !command.includes(profile)) continue;
      sum += read(readFileSync(`/proc/${pid}/${file}`, 'utf8'));
    } catch {
      // The process ended meanwhile, or is not ours to look at.
    }
  }
  return sum || undefined;
}
