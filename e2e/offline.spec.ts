/** The demo page without a network: its service worker, and what it takes to be installed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.js';
import { TestServer } from './server.js';

const site = join(import.meta.dirname, '../site');

/** Opens the page and waits until all of it lies on this device. */
async function visit(page: Page, server: TestServer): Promise<void> {
  await page.goto(`${server.origin}/site/`);
  await expect(page.locator('#state-chip')).toHaveText(/ready|degraded/);
  await expect(page.locator('#network-state')).toContainText('pull the plug');
  await page.evaluate(() => navigator.serviceWorker.ready);
}

/** Serves the page under the address of its folder, as any web server does. */
async function startServer(): Promise<TestServer> {
  const server = await TestServer.start();
  server.route('/site/', (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(readFileSync(join(site, 'index.html')));
  });
  return server;
}

test('after one visit the page and its models work with the server gone', async ({ page }) => {
  const server = await startServer();
  await visit(page, server);
  await server.stop();

  for (const visits of [2, 3]) {
    await page.reload();
    await expect(page.locator('#state-chip'), `visit ${visits}`).toHaveText(/ready|degraded/);
  }
  // What its service worker has is no network request.
  const learning = page.waitForResponse(/pack-learn/);
  await page.getByRole('tab', { name: 'Teach it yours' }).click();
  await learning;
  await expect(page.locator('#request-count')).toHaveText('0');
  await page.getByRole('tab', { name: 'Name it' }).click();
  await page.locator('#tab-pad').click();
  await page.locator('#pad').scrollIntoViewIfNeeded();
  const box = await page.locator('#pad').boundingBox();
  if (!box) throw new Error('The pad is not on the screen.');
  const at = (x: number, y: number) => [box.x + x * box.width, box.y + y * box.height] as const;
  await page.mouse.move(...at(0.5, 0.15));
  await page.mouse.down();
  await page.mouse.move(...at(0.5, 0.85), { steps: 12 });
  await page.mouse.up();
  await expect(page.locator('#scores li').first().locator('.score-label')).toHaveText('1');
});

test('a new version is offered, and taken only when the user says so', async ({ page }) => {
  const server = await startServer();
  await visit(page, server);
  await expect(page.locator('.update')).toHaveCount(0);
  const cacheNames = () => page.evaluate(() => caches.keys());
  const [before] = (await cacheNames()).filter((name) => name.startsWith('tabserve-demo-'));

  const script = readFileSync(join(site, 'sw.js'), 'utf8');
  server.route('/site/sw.js', (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/javascript' });
    response.end(script.replace((before ?? '').replace('tabserve-demo-', ''), 'another'));
  });
  await page.reload();
  await expect(page.locator('.update')).toContainText('new version');
  // Not forced: the old one goes on for as long as nobody asks.
  expect(await cacheNames()).toContain(before);
  await Promise.all([
    page.waitForEvent('load'),
    page.locator('.update').getByRole('button', { name: 'Reload' }).click(),
  ]);
  await expect(page.locator('.update')).toHaveCount(0);
  await expect.poll(cacheNames).toContain('tabserve-demo-another');
  await expect.poll(cacheNames).not.toContain(before);
  await server.stop();
});

test('the page can be installed', async ({ page }) => {
  const server = await startServer();
  await page.goto(`${server.origin}/site/`);
  const href = await page.locator('link[rel=manifest]').getAttribute('href');
  const manifest = JSON.parse(readFileSync(join(site, href ?? ''), 'utf8'));
  expect(manifest).toMatchObject({ name: expect.stringMatching(/./), display: 'standalone' });
  for (const { src, sizes } of manifest.icons) {
    const png = readFileSync(join(site, src));
    // Width and height in the PNG's header.
    expect(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`).toBe(sizes);
  }
  const session = await page.context().newCDPSession(page);
  const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
  // A private window, as tests have them, can install nothing.
  const errors = installabilityErrors.map(({ errorId }) => errorId);
  expect(errors.filter((error) => error !== 'in-incognito')).toEqual([]);
  await server.stop();
});
