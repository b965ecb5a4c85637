/**
 * Takes the pictures of README and documentation from the real demo and the real documentation, as `npm run
 * build` and `npm run docs` have built them, into `docs/images/`.
 *
 *     npm run screenshots
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium } from '@playwright/test';
import { preview, runnerImport } from 'vite';

const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'docs/images');
const { module: browsers } = await runnerImport(join(root, 'e2e/browser.ts'), {
  configFile: false,
  logLevel: 'error',
});

for (const [path, command] of [
  ['site/index.html', 'npm run build'],
  ['site/docs/index.html', 'npm run docs'],
]) {
  if (!existsSync(join(root, path)))
    throw new Error(`There is no ${path}. Run "${command}" first.`);
}
mkdirSync(folder, { recursive: true });

const server = await preview({
  root,
  mode: 'demo',
  logLevel: 'error',
  preview: { port: 4180, host: '127.0.0.1' },
});
const base = server.resolvedUrls?.local[0] ?? 'http://127.0.0.1:4180/';
const browser = await chromium.launch({
  executablePath: browsers.findBrowser(),
  args: ['--no-sandbox'],
});

/** Opens the demo as somebody sees it. */
async function demo({ width, height, colorScheme, locale }, query = '') {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme,
    locale,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  await page.goto(`${base}?${query}`);
  await page.waitForSelector('#state-chip[data-state="ready"], #state-chip[data-state="degraded"]');
  return page;
}

/** Asks about the sample at a place of the strip, and waits for the answer. */
async function ask(page, place) {
  await page.locator('#strip button').nth(place).click();
  await page.waitForSelector('#verdict:not([data-verdict="none"]):not([data-stale])');
  // The network's state is said once all is loaded.
  await page.waitForFunction(() =>
    document.querySelector('#request-count')?.textContent?.match(/^\d/),
  );
}

async function take(page, name, options = {}) {
  await page.screenshot({ path: join(folder, `${name}.png`), ...options });
  const { length } = readFileSync(join(folder, `${name}.png`));
  console.log(`docs/images/${name}.png: ${Math.round(length / 1000)} kB`);
  await page.context().close();
}

const desk = { width: 1200, height: 900, colorScheme: 'light', locale: 'en-GB' };
const phone = { width: 360, height: 780, colorScheme: 'dark', locale: 'en-GB' };

try {
  const wide = await demo(desk, 'model=everyday');
  await ask(wide, 2);
  await take(wide, 'demo');

  const narrow = await demo(phone, 'model=everyday');
  await ask(narrow, 2);
  await narrow.locator('#mat').scrollIntoViewIfNeeded();
  await take(narrow, 'demo-phone');

  const chinese = await demo({ ...phone, colorScheme: 'light', locale: 'zh-CN' }, 'model=digits');
  await ask(chinese, 4);
  await take(chinese, 'demo-phone-zh');

  const teach = await demo(desk, 'model=everyday');
  await teach.locator('#kind-teach').click();
  await take(teach, 'teach');

  const context = await browser.newContext({ viewport: { width: 1200, height: 800 } });
  const docs = await context.newPage();
  await docs.goto(`${base}docs/index.html`);
  await take(docs, 'docs');
} finally {
  await browser.close();
  await server.close();
}
