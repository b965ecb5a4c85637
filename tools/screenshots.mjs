/**
 * Takes the pictures of README and documentation from the real demo, as `npm run build` has built it, into
 * `docs/images/`. What the demo is shown are its own drawings.
 *
 *     npm run screenshots
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium } from '@playwright/test';
import { preview, runnerImport } from 'vite';

const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'docs/images');
const drawings = join(root, 'src/demo/samples/everyday');
const { module: browsers } = await runnerImport(join(root, 'e2e/browser.ts'), {
  configFile: false,
  logLevel: 'error',
});

if (!existsSync(join(root, 'site/index.html')))
  throw new Error('There is no site/index.html. Run "npm run build" first.');
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

/** Asks about a sample of the strip, and waits for the answer. */
async function ask(page, name) {
  await page.locator('#strip button', { hasText: name }).click();
  await page.locator('#picture-best', { hasText: name }).waitFor();
  await page.waitForSelector('#verdict:not([data-verdict="none"]):not([data-stale])');
  // The network's state is said once all is loaded.
  await page.waitForFunction(() =>
    document.querySelector('#request-count')?.textContent?.match(/^\d/),
  );
}

/**
 * A part of the page as WebP, a fifth of a PNG file.
 *
 * @param parts - What is to be seen, from the first to the last.
 */
async function take(page, name, parts, { scale = 1, height = Infinity } = {}) {
  const boxes = await page.evaluate(
    (parts) =>
      parts.map((part) => {
        const { x, y, width, height } = document.querySelector(part).getBoundingClientRect();
        return { x: x + scrollX, y: y + scrollY, width, height };
      }),
    parts,
  );
  const [{ x, y: top, width }, { y, height: last }] = [boxes[0], boxes.at(-1)];
  const margin = Math.min(x, 10);
  const clip = {
    x: x - margin,
    y: Math.max(0, top - margin),
    width: width + 2 * margin,
    height: Math.min(height, y + last - top + margin + 10),
    scale,
  };
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', {
    format: 'webp',
    quality: 82,
    clip,
    captureBeyondViewport: true,
  });
  const bytes = Buffer.from(data, 'base64');
  writeFileSync(join(folder, `${name}.webp`), bytes);
  console.log(`docs/images/${name}.webp: ${Math.round(bytes.length / 1000)} kB`);
  await page.context().close();
}

/** A drawing of the demo. */
function drawing(name) {
  const file = readdirSync(drawings).find((each) => each.endsWith(`-${name}.svg`));
  if (!file) throw new Error(`There is no drawing of ${name}.`);
  const buffer = readFileSync(join(drawings, file));
  return { name: `${name}.svg`, mimeType: 'image/svg+xml', buffer };
}

/** A drawing as somebody photographs a thing: `count` times, each from elsewhere. */
function photographed(name, count) {
  const { mimeType, buffer } = drawing(name);
  return Array.from({ length: count }, (_, at) => ({
    name: `${name} ${at + 1}.svg`,
    mimeType,
    buffer: Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256" viewBox="0 0 256 256"><rect width="256" height="256" fill="#fdfdfc"/><image href="data:image/svg+xml;base64,${buffer.toString('base64')}" width="256" height="256" transform="rotate(${(at % 5) * 9 - 18} 128 128) translate(${128 + 5 * (at % 4)} 128) scale(${0.62 + 0.07 * ((at * 3) % 7)}) translate(-128 -128)"/></svg>`,
    ),
  }));
}

/** Three classes, taught and explained. */
async function teach(page) {
  await page.locator('#kind-teach').click();
  for (const [at, name] of ['apple', 'orange', 'clock'].entries()) {
    if (at > 1) await page.locator('#teach-add').click();
    const lesson = page.locator('.lesson').nth(at);
    await lesson.locator('.lesson-name').fill(name);
    await lesson.locator('.lesson-name').blur();
    await lesson.locator('input[type=file]').setInputFiles(photographed(name, 5));
    await lesson.locator('.lesson-count', { hasText: '5' }).waitFor();
  }
  await page.locator('#teach-train').click();
  await page.locator('#teach-report').waitFor();
  await page.locator('#teach-ask').setInputFiles(photographed('clock', 6).at(-1));
  await page.locator('#teach-why').click();
  await page.locator('#teach-heat').waitFor();
}

/** Watched until it is dusk. */
async function drift(page) {
  await page.locator('#kind-drift').click();
  await page.locator('#drift-start').click();
  const status = page.locator('#drift-status');
  await status.filter({ hasText: 'All as usual' }).waitFor({ timeout: 240_000 });
  await page.getByRole('radio', { name: 'Dusk' }).click();
  await status.filter({ hasText: 'Drift since picture' }).waitFor({ timeout: 120_000 });
  // Until the lines are well above the threshold.
  await page.waitForTimeout(6000);
  await page.locator('#drift-start').click();
}

/** The drawings, most like the chosen one first. */
async function compare(page) {
  await page.locator('#kind-compare').click();
  await page.locator('#kind-panel-compare').waitFor();
  const names = [
    'apple',
    'orange',
    'sunflower',
    'clock',
    'castle',
    'skyscraper',
    'ship',
    'mountain',
  ];
  await page.locator('#compare-file').setInputFiles(names.map(drawing));
  await page.locator(`#compare-grid > li:nth-child(${names.length})`).waitFor();
}

const desk = { width: 1200, height: 1000, colorScheme: 'light', locale: 'en-GB' };
const phone = { width: 360, height: 780, colorScheme: 'light', locale: 'en-GB' };

try {
  for (const [colorScheme, suffix] of [
    ['light', ''],
    ['dark', '-dark'],
  ]) {
    const wide = await demo({ ...desk, colorScheme });
    // The first answers are slower.
    for (const name of ['cat', 'espresso', 'cat', 'espresso']) await ask(wide, name);
    await take(wide, `demo${suffix}`, ['body', '#kind-panel-name > .bench']);
  }
  const narrow = await demo(phone);
  await ask(narrow, 'cat');
  await ask(narrow, 'espresso');
  await take(narrow, 'demo-phone', ['.kinds', '#verdict'], { scale: 1.5 });

  for (const [name, show] of Object.entries({ teach, compare, drift })) {
    const page = await demo(desk);
    await show(page);
    await take(page, name, ['.kinds', `#kind-panel-${name}`], { height: 1028 });
  }
} finally {
  await browser.close();
  await server.close();
}
