/** The demo in the browser's language: every text, on every screen. */
import type { Page } from '@playwright/test';
import { de } from '../src/demo/texts/de.js';
import { zh } from '../src/demo/texts/zh.js';
import { expect, test } from './fixtures.js';
import type { TestServer } from './server.js';

async function open(page: Page, server: TestServer): Promise<void> {
  await page.goto(`${server.origin}/site/index.html?model=digits`);
  await expect(page.locator('#state-chip')).toHaveAttribute('data-state', /ready|degraded/);
}

/** Names, units and addresses, which are the same everywhere. */
const untranslatable =
  /^(\{1\} )?(tabserve|WebGPU|WebAssembly|fp32|fp16|int8|p50|p95|p99|max|https:.*|hf:.*|\.onnx|model\.json|my-model|English|Deutsch|中文)$/;

test('every text of the page has its translation', async ({ page, server }) => {
  await open(page, server);
  const texts = await page.evaluate(async () => {
    const html = await (await fetch(location.href)).text();
    const page = new DOMParser().parseFromString(html, 'text/html');
    const found: string[] = [];
    for (const each of page.querySelectorAll('body *, meta[name=description]')) {
      for (const name of ['aria-label', 'alt', 'placeholder', 'content']) {
        const text = each.getAttribute(name);
        if (text) found.push(text);
      }
      const children = [...each.children];
      const nodes = [...each.childNodes];
      if (!(each instanceof HTMLElement) || /^(script|style|noscript)$/i.test(each.tagName))
        continue;
      if (!nodes.some((node) => node.nodeType === 3 && /\p{L}/u.test(node.textContent ?? '')))
        continue;
      const said = nodes.map((node) =>
        node.nodeType === 3
          ? node.textContent
          : node.nodeType === 1
            ? `{${children.indexOf(node as Element) + 1}}`
            : '',
      );
      found.push(said.join('').replaceAll(/\s+/g, ' ').trim());
    }
    return [...new Set(found)];
  });
  expect(texts.length).toBeGreaterThan(100);
  const missing = texts.filter((text) => !untranslatable.test(text) && !Object.hasOwn(de, text));
  expect(missing).toEqual([]);
});

for (const [locale, table, lang] of [
  ['de-AT', de, 'de'],
  ['zh-CN', zh, 'zh'],
  ['fr-FR', {} as Record<string, string>, 'en'],
] as const) {
  test.describe(locale, () => {
    test.use({ locale, viewport: { width: 320, height: 640 } });

    test('speaks it, on a phone too, and nothing overflows', async ({ page, server }) => {
      await open(page, server);
      const said = (text: string) => table[text] ?? text;
      await expect(page.locator('html')).toHaveAttribute('lang', lang);
      await expect(page.locator('#kind-name')).toHaveText(said('Name it'));
      await expect(page.locator('#answer-title')).toHaveText(said('Answer'));
      await expect(page.locator('#load-title')).toContainText(said('Handwritten digits'));
      const screens = ['name', 'teach', 'objects', 'compare', 'text', 'sound', 'drift'];
      for (const screen of screens) {
        await page.locator(`#kind-${screen}`).click();
        await expect(page.locator(`#kind-panel-${screen}`)).toBeVisible();
        const { scrollWidth, clientWidth } = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement;
          return { scrollWidth, clientWidth };
        });
        expect(scrollWidth, screen).toBe(clientWidth);
        // What is cut off without a way to see it.
        const cut = await page.evaluate(() =>
          [...document.querySelectorAll<HTMLElement>('button, h1, h2, label > span, summary')]
            .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1)
            .filter((each) => getComputedStyle(each).display !== 'inline')
            .map((each) => each.textContent?.trim()),
        );
        expect(cut, screen).toEqual([]);
      }
    });
  });
}

test('the answer stands under the picture, above all settings', async ({ page, server }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await open(page, server);
  const top = (selector: string) =>
    page.locator(selector).evaluate((each) => each.getBoundingClientRect().top);
  expect(await top('#mat')).toBeLessThan(await top('#answer'));
  expect(await top('#answer')).toBeLessThan(await top('#library'));
  expect(await top('#answer')).toBeLessThan(await top('#settings'));
});

test('the switch counts more than the browser, and at the next visit too', async ({
  page,
  server,
}) => {
  await open(page, server);
  await expect(page.locator('#kind-name')).toHaveText('Name it');
  await page.locator('#language').selectOption('zh');
  await expect(page.locator('#kind-name')).toHaveText('识别');
  await open(page, server);
  await expect(page.locator('html')).toHaveAttribute('lang', 'zh');
  await page.locator('#language').selectOption('en');
  await expect(page.locator('#kind-name')).toHaveText('Name it');
});
