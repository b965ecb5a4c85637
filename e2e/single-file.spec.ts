/** The demo as one file: double-clicked, with no server and no network. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@playwright/test';

test('the demo classifies from file://, alone in its folder and without a network', async ({
  page,
  context,
}) => {
  const folder = mkdtempSync(join(tmpdir(), 'tabserve file '));
  try {
    const file = join(folder, 'demo.html');
    copyFileSync(join(import.meta.dirname, '../site/tabserve-demo.html'), file);
    await context.setOffline(true);
    const requests: string[] = [];
    context.on('request', (request) => requests.push(request.url()));

    await page.goto(`${pathToFileURL(file).href}?model=digits`);
    await expect(page.locator('#state-chip')).toHaveText(/ready|degraded/);
    for (const [name, digit] of [
      ['seven', '7'],
      ['three', '3'],
    ] as const) {
      await page.getByRole('button', { name, exact: true }).click();
      await expect(page.locator('#scores li .score-label').first()).toHaveText(digit);
    }
    await expect(page.locator('#facts')).toContainText('ONNX Runtime');
    expect(requests.filter((url) => !/^(data|blob):/.test(url))).toEqual([
      `${pathToFileURL(file).href}?model=digits`,
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the demo of many files, opened from a disk, says which file to open', async ({ page }) => {
  const site = join(import.meta.dirname, '../site/index.html');
  await page.goto(pathToFileURL(site).href);
  await expect(page.locator('#load-detail')).toBeVisible();
  await expect(page.locator('#load-detail')).toContainText('Open tabserve-demo.html');
  await expect(page.locator('.card').first()).toHaveCSS('border-radius', '14px');
});
