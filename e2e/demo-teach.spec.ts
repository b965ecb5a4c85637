/** The demo's "Teach it yours": pictures by class, a model in seconds, how good it is, and a zip. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { temporaryFolder } from '../src/testing/folder.js';
import { expect, test } from './fixtures.js';

/** A Windows bitmap of 24 bits: nothing to compress, and every browser reads it. */
function bitmap(side: number, at: (x: number, y: number) => readonly number[]): Buffer {
  const row = 4 * Math.ceil((3 * side) / 4);
  const file = Buffer.alloc(54 + row * side);
  file.write('BM');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(54, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(side, 18);
  file.writeInt32LE(-side, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const [red = 0, green = 0, blue = 0] = at(x, y);
      file.set([blue, green, red], 54 + y * row + 3 * x);
    }
  }
  return file;
}

/** Pictures of a colour, each a little different, with a square of another somewhere. */
function pictures(colour: readonly [number, number, number], count: number) {
  return Array.from({ length: count }, (_, at) => ({
    name: `${colour.join('-')} ${at}.bmp`,
    mimeType: 'image/bmp',
    buffer: bitmap(96, (x, y) => {
      const isSquare = x >= at * 5 && x < at * 5 + 20 && y >= at * 3 && y < at * 3 + 20;
      return isSquare ? [250, 250, 250] : [colour[0], colour[1] + at, colour[2]];
    }),
  }));
}

async function add(page: Page, place: number, files: ReturnType<typeof pictures>): Promise<void> {
  const lesson = page.locator('.lesson').nth(place);
  await lesson.locator('input[type=file]').setInputFiles(files);
  await expect(lesson.locator('.lesson-count')).toHaveText(`${files.length} pictures`);
}

test('two classes are taught, judged, asked, explained and taken away', async ({
  page,
  context,
  server,
}) => {
  await page.goto(`${server.origin}/site/index.html`);
  await expect(page.locator('#state-chip')).toHaveText(/ready|degraded/);
  await page.getByRole('tab', { name: 'Teach it yours' }).click();
  const teach = page.getByRole('button', { name: 'Teach it', exact: true });
  await expect(teach).toBeDisabled();
  await page.locator('.lesson-name').first().fill('<b>red</b>');
  await page.locator('.lesson-name').first().blur();
  await add(page, 0, pictures([200, 30, 30], 8));
  // Everything is there already: teaching needs no network.
  await context.setOffline(true);
  await add(page, 1, pictures([30, 60, 200], 8));

  // Before there is a model, the nearest pictures answer.
  const [red] = pictures([190, 40, 35], 1);
  if (!red) throw new Error('no picture');
  await page.locator('#teach-ask').setInputFiles(red);
  await expect(page.locator('#teach-answer')).toContainText('nearest pictures');
  await expect(page.locator('#teach-answers')).toContainText('<b>red</b>');

  await teach.click();
  await expect(page.locator('#teach-status')).toContainText('Taught in');
  await expect(page.locator('#teach-accuracy')).toContainText('right on pictures');
  await expect(page.locator('#teach-confusion caption')).toBeVisible();
  await expect(page.locator('#teach-answer')).toContainText('<b>red</b>');
  await page.getByRole('button', { name: 'Why?' }).click();
  await expect(page.locator('#teach-heat')).toBeVisible();

  await page.locator('#teach-name').fill('my colours');
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export as a zip' }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe('my-colours.zip');
  const path = join(temporaryFolder(), 'my-colours.zip');
  await download.saveAs(path);
  const cli = join(import.meta.dirname, '../dist/cli.js');
  expect(execFileSync(process.execPath, [cli, 'check', path], { encoding: 'utf8' })).toContain(
    'all well',
  );

  await page.getByRole('button', { name: 'Keep in this browser' }).click();
  await expect(page.locator('#teach-status')).toContainText('my-colours');

  // Another picture makes what was taught out of date; the way back is open.
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.locator('#teach-report')).toBeHidden();
  await expect(teach).toBeDisabled();
});

test('what cannot be read is named, and the rest is used', async ({ page, server }) => {
  await page.goto(`${server.origin}/site/index.html`);
  await expect(page.locator('#state-chip')).toHaveText(/ready|degraded/);
  await page.getByRole('tab', { name: 'Teach it yours' }).click();
  const broken = { name: 'broken.png', mimeType: 'image/png', buffer: Buffer.from('no picture') };
  const lesson = page.locator('.lesson').first();
  await lesson.locator('input[type=file]').setInputFiles([...pictures([200, 30, 30], 2), broken]);
  await expect(page.locator('#alerts')).toContainText('broken.png');
  await expect(lesson.locator('.lesson-count')).toHaveText('2 pictures');
});

test('nothing overflows on a phone', async ({ page, server }) => {
  await page.setViewportSize({ width: 320, height: 700 });
  await page.goto(`${server.origin}/site/index.html`);
  await page.getByRole('tab', { name: 'Teach it yours' }).click();
  await add(page, 0, pictures([200, 30, 30], 3));
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(320);
});
