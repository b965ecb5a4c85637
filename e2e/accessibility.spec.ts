/** No violation of axe's rules, in any state of the demo and on the documentation's kinds of pages. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import type axe from 'axe-core';
import { expect, test } from './fixtures.js';
import type { TestServer } from './server.js';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds, a line for each element. */
async function violations(page: Page): Promise<string[]> {
  // Evaluated, and not put in as a script: the page's policy forbids that.
  await page.evaluate(source);
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(
        ({ target, failureSummary = '' }) => `${id}: ${target.join(' ')}: ${failureSummary}`,
      ),
    );
  });
}

async function openDemo(page: Page, server: TestServer, query = ''): Promise<void> {
  await page.goto(`${server.origin}/site/index.html?${query}`);
  await expect(page.locator('#state-chip')).toHaveAttribute('data-state', /ready|degraded/);
}

const drop = (page: Page, name: string, type: string, text: string) =>
  page.evaluate(
    ([name, type, text]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], name, { type }));
      const options = { bubbles: true, cancelable: true, dataTransfer: transfer };
      document.body.dispatchEvent(new DragEvent('drop', options));
    },
    [name, type, text] as const,
  );

/** Opens a panel, once its code has come. */
async function open(page: Page, kind: string): Promise<void> {
  await page.locator(`#kind-${kind}`).click();
  await expect(page.locator(`#kind-panel-${kind}`)).toBeVisible();
}

/** The states of the demo, each reached from the one before. */
const states: readonly [string, (page: Page) => Promise<void>][] = [
  [
    'a picture is answered',
    async (page) => {
      await page.locator('#strip button').first().click();
      await expect(page.locator('#verdict')).not.toHaveAttribute('data-verdict', 'none');
    },
  ],
  [
    'labels and library are open',
    async (page) => {
      await page.locator('#labels-summary').click();
      await page.locator('#library-summary').click();
      await expect(page.locator('#library-list li')).not.toHaveCount(0);
    },
  ],
  [
    'a message stands there',
    async (page) => {
      await drop(page, 'broken.png', 'image/png', 'no picture');
      await expect(page.getByRole('alert')).toBeVisible();
    },
  ],
  ['the camera', (page) => page.locator('#tab-camera').click()],
  ['the pad', (page) => page.locator('#tab-pad').click()],
  [
    'teaching',
    async (page) => {
      await open(page, 'teach');
      await page.locator('#teach-add').click();
    },
  ],
  ['objects', (page) => open(page, 'objects')],
  ['comparing', (page) => open(page, 'compare')],
  ['texts', (page) => open(page, 'text')],
  ['sounds', (page) => open(page, 'sound')],
  ['drift', (page) => open(page, 'drift')],
];

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme, contextOptions: { reducedMotion: 'reduce' } });

    test('the demo, in every state', async ({ page, server }) => {
      await openDemo(page, server, 'model=digits');
      const found: Record<string, string[]> = { start: await violations(page) };
      for (const [name, reach] of states) {
        await reach(page);
        found[name] = await violations(page);
      }
      const none = Object.fromEntries(Object.keys(found).map((name) => [name, []]));
      expect(found).toEqual(none);
    });

    for (const locale of ['de-DE', 'zh-CN']) {
      test(`the demo in ${locale}`, async ({ browser, server }) => {
        const context = await browser.newContext({ locale, colorScheme });
        const page = await context.newPage();
        await openDemo(page, server, 'model=digits');
        expect(await violations(page)).toEqual([]);
        await context.close();
      });
    }

    test('the documentation', async ({ page, server }) => {
      const site = join(import.meta.dirname, '../site/docs');
      expect(existsSync(join(site, 'index.html')), '`npm run docs` has built the site').toBe(true);
      const found: Record<string, string[]> = {};
      const paths = [
        'index.html',
        'documents/Errors.html',
        'documents/The_element.html',
        'documents/Pictures__objects.html',
        'classes/tabserve.ImageClassifier.html',
        'interfaces/tabserve.ClassifyOptions.html',
      ];
      for (const path of paths) {
        const response = await page.goto(`${server.origin}/site/docs/${path}`);
        expect(response?.status(), path).toBe(200);
        // The theme's script makes the tree of pages.
        await expect(page.locator('#tsd-nav-container > li > a').first()).toBeAttached();
        found[path] = await violations(page);
      }
      expect(found).toEqual(Object.fromEntries(paths.map((path) => [path, []])));
    });
  });
}
