/** The documentation as a reader meets it: served beside the demo, and from a disk without a network. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from './fixtures.js';

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
