/** What every test starts from: a server, and a page with the built package on it. */
import { existsSync } from 'node:fs';
import { test as base, expect, type Page } from '@playwright/test';
import type * as tabserve from '../src/index.js';
import type { Diagnostics } from '../src/serving/diagnostics.js';
import { sharedFolder, TestServer } from './server.js';

export { expect };

declare global {
  interface Window {
    /** The built package, put there by `pages/library.js`. */
    tabserve: typeof tabserve;
  }
}

/** How {@link Fixtures.open} serves the page. */
export interface PageHeaders {
  /** Cross-origin isolated, so that threads work. @default false */
  isolated?: boolean;
  /** A Content-Security-Policy. @default none */
  csp?: string;
}

interface Fixtures {
  /** Opens the page with the built package as `window.tabserve`. */
  open(headers?: PageHeaders): Promise<Page>;
  /** No test finds what another one has put on a server. */
  afresh: undefined;
}

interface WorkerFixtures {
  server: TestServer;
  /** The same files under another origin, without CORS headers. */
  otherServer: TestServer;
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixture names from it.
    async ({}, use) => {
      const server = await TestServer.start();
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
  otherServer: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixture names from it.
    async ({}, use) => {
      const server = await TestServer.start();
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
  afresh: [
    async ({ server, otherServer }, use) => {
      await use(undefined);
      server.reset();
      otherServer.reset();
    },
    { auto: true },
  ],
  open: async ({ page, server }, use) => {
    await use(async ({ isolated, csp } = {}) => {
      const query = new URLSearchParams();
      if (isolated) query.set('isolated', '');
      if (csp) query.set('csp', csp);
      await page.goto(`${server.origin}/pages/library.html?${query}`);
      await page.waitForFunction(() => 'tabserve' in window);
      return page;
    });
    await expectNothingLeft(page);
  },
});

/**
 * Gives up all that the test has not destroyed itself: what is left then is owned by nobody. A page that
 * the test has closed, or left for another one without tabserve, tells nothing.
 */
async function expectNothingLeft(page: Page): Promise<void> {
  if (test.info().errors.length > 0) return;
  const read = (ends = false) =>
    page
      .evaluate((ends) => {
        const found = Reflect.get(window, Symbol.for('tabserve.diagnostics'));
        if (ends) found?.end();
        return found?.() ?? null;
      }, ends)
      .catch(() => null);
  if ((await read(true)) === null) return;
  const nothing: Diagnostics = {
    deployments: 0,
    workers: 0,
    models: 0,
    listeners: 0,
    payloads: 0,
    heldBytes: 0,
  };
  // Ended workers have a moment to put into the store what they were about to.
  await expect
    .poll(() => read(), { message: 'what is alive after everything was destroyed' })
    .toEqual(nothing);
}

/** Skips the test, with a reason, where the shared test material is not at hand. */
export function needsShared(path = ''): void {
  test.skip(
    !existsSync(`${sharedFolder}/${path}`),
    `needs ../shared/${path}, which is not part of the project`,
  );
}

/** Ends the process of a page in a moment, as a fault of the browser does. */
async function crash(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  // Nobody is left to answer it.
  session.send('Page.crash').catch(() => undefined);
  await crashed;
}

/** How a tab comes to its end. */
export const ends = { 'is closed': (page: Page) => page.close(), crashes: crash } as const;
