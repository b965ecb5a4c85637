/** The documentation as a reader meets it: served beside the demo, and from a disk without a network. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from '@playwright/test';
import sounds from '../src/input/audio/golden/files.json' with { type: 'json' };
import { expect, test } from './fixtures.js';
import type { TestServer } from './server.js';
import { golden, type HubFiles, serveRepository } from './vision/served.js';

const site = join(import.meta.dirname, '../site/docs');

test.beforeEach(() => {
  expect(existsSync(join(site, 'index.html')), '`npm run docs` has built the site').toBe(true);
});

for (const place of ['served', 'from a disk'] as const) {
  test(`the documentation is read and searched, ${place}`, async ({ page, server }) => {
    const failed: string[] = [];
    page.on('requestfailed', (request) => {
      // From a disk a script of the page puts the icons in, since browsers refuse them there.
      if (!/^file:.*\/icons\.svg$/.test(request.url())) failed.push(request.url());
    });
    page.on('request', (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (protocol.startsWith('http') && hostname !== '127.0.0.1') failed.push(request.url());
    });
    const base = place === 'served' ? `${server.origin}/site/docs/` : `${pathToFileURL(site)}/`;
    await page.goto(`${base}index.html`);
    await expect(page.getByRole('heading', { level: 1 }).first()).toContainText('tabserve');
    await page
      .locator('.tsd-navigation a', { hasText: /^\s*Errors\s*$/ })
      .first()
      .click();
    await expect(page.getByRole('heading', { name: 'worker-blocked' })).toBeVisible();
    await page.getByRole('link', { name: 'Deployment' }).last().click();
    await expect(page.getByRole('heading', { name: 'Deployment', level: 1 }).first()).toBeVisible();

    await page.keyboard.press('/');
    await page.keyboard.type('useClassifier');
    await page.locator('#tsd-search-results').getByText('useClassifier').first().click();
    await expect(page).toHaveURL(/functions\/tabserve_react\.useClassifier\.html/);
    expect(failed).toEqual([]);
  });
}

test('pages fit a phone; what is wide scrolls by itself', async ({ page, server }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  for (const path of [
    ...['index', 'documents/Deployment', 'documents/Errors', 'documents/Glossary'],
    ...['documents/Models', 'documents/The_element', 'documents/The_model_server'],
    ...['documents/Pictures__classes', 'classes/tabserve.ImageClassifier'],
  ]) {
    await page.goto(`${server.origin}/site/docs/${path}.html`);
    const { scrollWidth, clientWidth } = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return { scrollWidth, clientWidth };
    });
    expect(scrollWidth, path).toBe(clientWidth);
  }
  // A table that is cut off is reached with the keyboard.
  await page.goto(`${server.origin}/site/docs/documents/Deployment.html`);
  await expect(page.locator('.table').first()).toHaveAttribute('tabindex', '0');
});

test('every exported name has a page', () => {
  const report = readFileSync(join(import.meta.dirname, '../tools/api/index.api.md'), 'utf8');
  const names = [
    ...report.matchAll(
      /^\/\/ @public[^\n]*\nexport (?:abstract )?(class|const|function|interface|type) (\w+)/gm,
    ),
  ];
  expect(names.length).toBeGreaterThan(100);
  const folders = ['classes', 'variables', 'functions', 'interfaces', 'types'];
  const missing = names
    .map(([, , name]) => name)
    .filter((name) =>
      folders.every((folder) => !existsSync(join(site, folder, `tabserve.${name}.html`))),
    );
  expect(missing).toEqual([]);
});

const here = (path: string) => join(import.meta.dirname, path);

/** The live examples: what the reader does, and what is printed. */
const examples: Record<
  string,
  { give?: (page: Page, server: TestServer) => Promise<void>; answer: RegExp }
> = {
  Pictures__classes: { answer: /^\[\s+\{"label":"[^"]*clock[^"]*","score":0\.\d+/ },
  Pictures__embedding: { answer: /^\[\s+-?0\.\d+,\s+-?0\.\d+\s+\]$/ },
  Pictures__objects: {
    async give(page, server) {
      const { cases } = golden<{ cases: Record<string, HubFiles> }>('detection');
      const address = serveRepository(server, 'detr', cases.detr as HubFiles);
      await page.getByLabel('Picture of your own').setInputFiles(here('vision/golden/wide.png'));
      await page.getByLabel('Model', { exact: true }).fill(`${server.origin}${address}`);
    },
    answer: /^\[[\s\S]*\]$/,
  },
  Pictures__segmentation: {
    async give(page, server) {
      const { segformer } = golden<{ segformer: HubFiles }>('segmentation');
      const address = serveRepository(server, 'segformer', segformer);
      await page.getByLabel('Model', { exact: true }).fill(`${server.origin}${address}`);
    },
    answer: /"segments":\[\{"label"/,
  },
  Texts: {
    async give(page, server) {
      const folder = here('text/golden/models/bert');
      for (const each of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        const path = join(folder, each);
        if (!statSync(path).isFile()) continue;
        server.route(`/hub/bert/${relative(folder, path)}`, readFileSync(path));
      }
      await page.getByLabel('Text').fill('The model reads a text.');
      await page.getByLabel('Model', { exact: true }).fill(`${server.origin}/hub/bert/`);
    },
    answer: /^\[(\s+\{"label":[^}]+\},?){3}\s+\]$/,
  },
  Sounds: {
    async give(page, server) {
      const ast = JSON.parse(readFileSync(here('audio/golden/ast.json'), 'utf8'));
      server.route('/hub/ast/config.json', ast.config);
      server.route('/hub/ast/preprocessor_config.json', ast.preprocessor);
      server.route('/hub/ast/onnx/model.onnx', readFileSync(here('audio/golden/ast.onnx')));
      const buffer = Buffer.from(sounds.wav.bytes, 'base64');
      await page
        .getByLabel('Sound')
        .setInputFiles({ name: 'clip.wav', mimeType: 'audio/wav', buffer });
      await page.getByLabel('Model', { exact: true }).fill(`${server.origin}/hub/ast/`);
    },
    answer: /^\[\s+\{"label":"[^"]+","score":/,
  },
  // Six homes, whose prices a hundred a room and a sum for the city give exactly.
  Tables: { answer: /^\{"value":300,"values":\[300\]\}$/ },
  Anything_else: { answer: /"dims":\[1,10\]|Float32Array\(10\)/ },
};

test('every page with a live example is tried', () => {
  const documents = join(site, 'documents');
  const pages = readdirSync(documents).filter((name) =>
    readFileSync(join(documents, name), 'utf8').includes('class="live"'),
  );
  expect(pages.sort()).toEqual(
    Object.keys(examples)
      .map((name) => `${name}.html`)
      .sort(),
  );
});

for (const [name, { give, answer }] of Object.entries(examples)) {
  test(`the live example of ${name} answers, without a network`, async ({ page, server }) => {
    const elsewhere: string[] = [];
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith('http') && url.origin !== server.origin) {
        elsewhere.push(request.url());
      }
    });
    await page.goto(`${server.origin}/site/docs/documents/${name}.html`);
    const output = page.getByRole('status').and(page.locator('.live-output'));
    const run = page.getByRole('button', { name: 'Run it' });
    if (give) {
      await run.click();
      await expect(output).toHaveText(/^Error: (Name a model|Choose a sound)/);
      await give(page, server);
    }
    await run.click();
    await expect(run).toBeEnabled({ timeout: 60_000 });
    await expect(output).toHaveText(answer);
    // Once more: what the first run has made is gone.
    await run.click();
    await expect(output).toHaveText(answer, { timeout: 60_000 });
    expect(elsewhere).toEqual([]);
  });
}

test('a live example says what was wrong', async ({ page, server }) => {
  await page.goto(`${server.origin}/site/docs/documents/Pictures__classes.html`);
  const broken = { name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('no picture') };
  await page.getByLabel('Picture of your own').setInputFiles(broken);
  await page.getByRole('button', { name: 'Run it' }).click();
  await expect(page.locator('.live-output')).toHaveText(/^image-undecodable: /);
});

test('from a disk a live example says where it runs', async ({ page }) => {
  await page.goto(`${pathToFileURL(site)}/documents/Pictures__classes.html`);
  await expect(page.locator('.live')).toContainText('npm start');
});
