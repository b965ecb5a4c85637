/** What the tests of embedding share: a digit, pages that embed tabserve, and a stand-in for a CDN. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from '@playwright/test';
import type { CreateOptions } from '../src/index.js';
import { findBrowser } from './browser.js';
import { test as base } from './fixtures.js';
import { type Identity, TestServer } from './server.js';

export { expect } from './fixtures.js';

const root = join(import.meta.dirname, '..');

/** This package's version. */
export const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
};

/** A handwritten seven, as SVG. */
export const seven = `<svg xmlns="http://www.w3.org/2000/svg" width="280" height="280" viewBox="0 0 28 28">
  <rect width="28" height="28" />
  <path d="M8.8 7.6c3.3-.5 6.4-.6 10-.5-2.4 4.4-4.4 9.1-6 14.6M10.4 14c2.3-.4 4.4-.5 6.7-.4" fill="none" stroke="#fff" stroke-linecap="round" stroke-linejoin="round" stroke-width="2" />
</svg>`;

/** The same, as an address. */
export const sevenUrl = `data:image/svg+xml,${encodeURIComponent(seven)}`;

/** Policies that pages set. */
export const policies = {
  self: "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'",
  typed:
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:; require-trusted-types-for 'script'; trusted-types tabserve",
} as const;

/**
 * Opens a page that embeds tabserve in one way, with a policy or none.
 *
 * @param way - As a module, by a script tag, or by one from `cdn`.
 */
export async function openPlace(
  page: Page,
  server: TestServer,
  cdn: TestServer,
  { way, csp }: { way: 'module' | 'script' | 'other'; csp: string },
): Promise<void> {
  server.headersFor = () => (csp ? { 'Content-Security-Policy': csp } : {});
  const from = way === 'other' ? cdn.origin + cdnPath : '/dist';
  const script =
    way === 'module'
      ? '<script type="module" src="/pages/library.js"></script>'
      : `<script src="${from}/tabserve.global.js"></script>`;
  server.route('/place.html', `<!doctype html><title>t</title>${script}`);
  await page.goto(`${server.origin}/place.html`);
  await page.waitForFunction(() => 'tabserve' in window);
}

/** Options of `create()` that say where files are and what runs. */
export type EmbeddingOptions = Pick<
  CreateOptions,
  'device' | 'threads' | 'workerUrl' | 'wasmUrl' | 'modelsUrl' | 'cdn'
>;

/** What `classifySeven` reports. */
export interface Outcome {
  label: string | undefined;
  device: string;
  threads: number;
  /** Those about files and workers; that there is no GPU here is not of interest. */
  fallbacks: { from: string; to: string; reason: string }[];
}

/** Classifies a drawn seven with `window.tabserve`, as the page's own script would. */
export async function classifySeven(page: Page, options: EmbeddingOptions = {}): Promise<Outcome> {
  return page.evaluate(async (options) => {
    // A PNG: to draw an SVG takes img-src blob:, which few of the policies under test allow.
    const canvas = new OffscreenCanvas(280, 280);
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no 2d context');
    context.fillRect(0, 0, 280, 280);
    context.scale(10, 10);
    Object.assign(context, { strokeStyle: '#fff', lineWidth: 2, lineCap: 'round' });
    context.stroke(
      new Path2D(
        'M8.8 7.6c3.3-.5 6.4-.6 10-.5-2.4 4.4-4.4 9.1-6 14.6M10.4 14c2.3-.4 4.4-.5 6.7-.4',
      ),
    );
    const png = await canvas.convertToBlob();
    const classifier = await window.tabserve.ImageClassifier.create({
      model: 'digits',
      ...options,
    });
    const [best] = await classifier.classify(png);
    const { device, threads, fallbacks } = classifier.info;
    classifier.destroy();
    return {
      label: best?.label,
      device,
      threads,
      fallbacks: fallbacks.filter(({ from }) => from !== 'webgpu'),
    };
  }, options);
}

/** The error that `create()` with these options ends with. */
export async function createError(
  page: Page,
  options: EmbeddingOptions = {},
): Promise<{ code: string; message: string; url: unknown }> {
  return page.evaluate(async (options) => {
    const { ImageClassifier, isTabserveError } = window.tabserve;
    try {
      (await ImageClassifier.create({ model: 'digits', device: 'wasm', ...options })).destroy();
    } catch (error) {
      if (!isTabserveError(error)) throw error;
      return { code: error.code, message: error.message, url: error.details.url };
    }
    return { code: 'none', message: 'create() succeeded', url: undefined };
  }, options);
}

/** A self-signed certificate, made for this run. */
export function makeIdentity(): Identity {
  const folder = mkdtempSync(join(tmpdir(), 'tabserve-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    execFileSync(
      'openssl',
      // biome-ignore format: one option and its value per line would be longer, not clearer
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
        '-days', '2', '-subj', '/CN=cdn.jsdelivr.net', '-keyout', key, '-out', cert],
      { stdio: 'pipe' },
    );
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface EmbeddingWorkerFixtures {
  /** Another origin with CORS, with the package where a CDN for npm has it. */
  cdn: TestServer;
  /** cdn.jsdelivr.net, as far as {@link cdnBrowser} is concerned. Serves what a test routes. */
  jsdelivr: TestServer;
  /** A browser that takes {@link jsdelivr} for cdn.jsdelivr.net: real sockets, another address. */
  cdnBrowser: Browser;
}

/** Where {@link EmbeddingWorkerFixtures.cdn} has the package's `dist`. */
export const cdnPath = `/npm/tabserve@${version}/dist`;

export const test = base.extend<object, EmbeddingWorkerFixtures>({
  cdn: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixture names from it.
    async ({}, use) => {
      const server = await TestServer.start();
      server.headersFor = () => ({ 'Access-Control-Allow-Origin': '*' });
      server.mount(cdnPath, 'dist');
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
  jsdelivr: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixture names from it.
    async ({}, use) => {
      const server = await TestServer.start(makeIdentity());
      server.headersFor = () => ({ 'Access-Control-Allow-Origin': '*' });
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
  cdnBrowser: [
    async ({ jsdelivr }, use) => {
      const executablePath = findBrowser();
      const browser = await chromium.launch({
        ...(executablePath && { executablePath }),
        args: [
          '--no-sandbox',
          '--disable-dev-shm-usage',
          `--host-resolver-rules=MAP cdn.jsdelivr.net:443 127.0.0.1:${jsdelivr.port}`,
          '--ignore-certificate-errors',
        ],
      });
      await use(browser);
      await browser.close();
    },
    { scope: 'worker' },
  ],
});
