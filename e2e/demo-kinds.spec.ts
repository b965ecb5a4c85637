/** The demo page's other kinds of models: honest where there is none, and useful where there is one. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.js';
import type { TestServer } from './server.js';
import { golden, type HubFiles, servePictures, serveRepository } from './vision/served.js';

const here = (path: string) => join(import.meta.dirname, path);

async function openDemo(page: Page, server: TestServer, kind: string): Promise<void> {
  await page.goto(`${server.origin}/site/index.html`);
  await expect(page.locator('#state-chip')).toHaveText(/ready|degraded/);
  const tab = page.getByRole('tab', { name: kind });
  await tab.click();
  // Its code comes first.
  await expect(tab).toHaveAttribute('aria-selected', 'true');
}

/** Serves the files of a folder. */
function serveFolder(server: TestServer, address: string, folder: string): void {
  for (const each of readdirSync(folder, { recursive: true }) as string[]) {
    const path = join(folder, each);
    if (!statSync(path).isFile()) continue;
    server.route(`${address}/${relative(folder, path)}`, readFileSync(path));
  }
}

async function load(page: Page, kind: string, address: string): Promise<void> {
  await page.locator(`#${kind}-model-name`).fill(address);
  await page.locator(`#${kind}-model`).getByRole('button', { name: 'Load' }).click();
  await expect(page.locator(`#${kind}-model-status`)).toContainText('on WebAssembly');
}

test('a tab whose code cannot be had says so, and opens once it can be had', async ({
  browser,
  server,
}) => {
  // The page's own worker would have the code.
  const context = await browser.newContext({ serviceWorkers: 'block' });
  const page = await context.newPage();
  const code = /\/assets\/objects-[^/]+\.js$/;
  await page.route(code, (route) => route.abort());
  await page.goto(`${server.origin}/site/index.html?model=digits`);
  await expect(page.locator('#state-chip')).toHaveText(/ready|degraded/);
  const tab = page.getByRole('tab', { name: 'Find objects' });
  await tab.click();
  await expect(page.getByRole('alert')).toContainText('could not be loaded');
  await expect(page.locator('#kind-panel-name')).toBeVisible();
  await page.unroute(code);
  await tab.click();
  await expect(page.locator('#kind-panel-objects')).toBeVisible();
  await context.close();
});

test('objects are found, framed and listed, with a detector of the user’s', async ({
  page,
  server,
}) => {
  const { cases } = golden<{ cases: Record<string, HubFiles> }>('detection');
  serveRepository(server, 'detr', cases.detr as HubFiles);
  servePictures(server);
  await openDemo(page, server, 'Find objects');
  await expect(page.locator('#objects-empty')).toContainText('no detector');
  await page.locator('#objects-file').setInputFiles(here('vision/golden/wide.png'));
  await expect(page.locator('#objects-summary')).toContainText('Load a detector');
  await load(page, 'objects', `${server.origin}/hub/detr/`);
  await expect(page.locator('#objects-empty')).toBeHidden();
  await expect(page.locator('#objects-summary')).toContainText(/object|Nothing/);
  await expect(page.locator('#objects-canvas')).toBeVisible();
});

test('pictures are compared by the embedded model, without a network', async ({
  page,
  context,
  server,
}) => {
  await openDemo(page, server, 'Compare');
  const samples = here('../src/demo/samples/everyday');
  const [apple, orange, castle] = ['01-apple', '02-orange', '11-castle'].map((name) => ({
    name: `${name}.svg`,
    mimeType: 'image/svg+xml',
    buffer: readFileSync(join(samples, `${name}.svg`)),
  }));
  if (!apple || !orange || !castle) throw new Error('too few');
  await page.locator('#compare-file').setInputFiles([apple, castle]);
  await expect(page.locator('#compare-grid > li')).toHaveCount(2);
  await context.setOffline(true);
  await page.locator('#compare-file').setInputFiles([orange]);
  await expect(page.locator('#compare-grid > li')).toHaveCount(3);
  await expect(page.locator('#compare-summary')).toContainText('02-orange.svg');
  await page.locator('#compare-grid button', { hasText: 'castle' }).click();
  await expect(page.locator('#compare-grid button').first()).toContainText('castle');
  await page.locator('#compare-clear').click();
  await expect(page.locator('#compare-grid > li')).toHaveCount(0);
  await context.setOffline(false);
});

test('a text is read while it is written', async ({ page, server }) => {
  serveFolder(server, '/hub/bert', here('text/golden/models/bert'));
  await openDemo(page, server, 'Read text');
  await page.locator('#text-input').fill('The model reads a text.');
  await expect(page.locator('#text-summary')).toContainText('Load a model');
  await load(page, 'text', `${server.origin}/hub/bert/`);
  await expect(page.locator('#text-list > li')).toHaveCount(3);
  await expect(page.locator('#text-tokens')).toContainText('tokens were read');
  await page.locator('#text-input').fill('word '.repeat(300));
  await expect(page.locator('#text-tokens')).toContainText('64 tokens were read, and no more');
});

test('a sound is heard, and a model that is none of sounds is refused in words', async ({
  page,
  server,
}) => {
  const ast = JSON.parse(readFileSync(here('audio/golden/ast.json'), 'utf8'));
  server.route('/hub/ast/config.json', ast.config);
  server.route('/hub/ast/preprocessor_config.json', ast.preprocessor);
  server.route('/hub/ast/onnx/model.onnx', readFileSync(here('audio/golden/ast.onnx')));
  serveFolder(server, '/hub/bert', here('text/golden/models/bert'));
  await openDemo(page, server, 'Listen');
  const rate = 16_000;
  const wav = Buffer.alloc(44 + 2 * rate);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + 2 * rate, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(2 * rate, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(2 * rate, 40);
  for (let at = 0; at < rate; at++) {
    wav.writeInt16LE(Math.round(9_000 * Math.sin(at / 6)), 44 + 2 * at);
  }
  const sound = { name: 'tone.wav', mimeType: 'audio/wav', buffer: wav };
  await page.locator('#sound-model-name').fill(`${server.origin}/hub/bert/`);
  await page.locator('#sound-model').getByRole('button', { name: 'Load' }).click();
  await expect(page.getByRole('alert')).toContainText('Use TextClassifier');
  await load(page, 'sound', `${server.origin}/hub/ast/`);
  await page.locator('#sound-file').setInputFiles([sound]);
  await expect(page.locator('#sound-list > li').first()).toBeVisible();
  await page.locator('#sound-listen').click();
  await expect(page.getByRole('alert').last()).toContainText(/microphone|TextClassifier/);
});

for (const kind of ['Find objects', 'Compare', 'Read text', 'Listen', 'Watch for drift']) {
  test(`nothing of “${kind}” is cut off at 320 pixels`, async ({ page, server }) => {
    await page.setViewportSize({ width: 320, height: 700 });
    await openDemo(page, server, kind);
    const { width, scroll } = await page.evaluate(() => ({
      width: document.documentElement.clientWidth,
      scroll: document.documentElement.scrollWidth,
    }));
    expect(scroll).toBeLessThanOrEqual(width);
  });
}

test('a stream of pictures is watched, and dusk is called and plotted', async ({
  page,
  server,
}) => {
  test.setTimeout(180_000);
  await openDemo(page, server, 'Watch for drift');
  const status = page.locator('#drift-status');
  const start = page.locator('#drift-start');
  await start.click();
  await expect(status).toContainText(/Learning what is usual: \d+ of 100/, { timeout: 60_000 });
  await expect(status).toContainText('All as usual', { timeout: 120_000 });
  const chart = page.locator('.drift-chart canvas');
  /** Pixels of the chart that are drawn. */
  const ink = () =>
    chart.evaluate((canvas: HTMLCanvasElement) => {
      const context = canvas.getContext('2d') as CanvasRenderingContext2D;
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, index) => index % 4 === 3 && value > 0).length;
    });
  const before = await ink();
  expect(before).toBeGreaterThan(100);
  await page.getByRole('radio', { name: 'Dusk' }).click();
  await expect(status).toContainText(/Drift since picture \d+: .*brightness/, { timeout: 60_000 });
  const row = page.getByRole('row', { name: /brightness Kolmogorov/ });
  await expect(row).toContainText('drift');
  await expect.poll(ink).toBeGreaterThan(before);
  await start.click();
  await page.getByRole('button', { name: 'Start over' }).click();
  await expect(status).toContainText('Start, wait');
  await expect(row).toHaveCount(0);
});
