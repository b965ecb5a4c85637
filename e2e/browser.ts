/** A Chromium to test with: found, or else installed. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { chromium } from '@playwright/test';

const systemBrowsers = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/opt/google/chrome/chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/**
 * The path of a Chromium: `TABSERVE_BROWSER`, Playwright's own, or the system's.
 *
 * @returns `undefined` if there is none.
 */
export function findBrowser(): string | undefined {
  const { TABSERVE_BROWSER } = process.env;
  const candidates = TABSERVE_BROWSER
    ? [TABSERVE_BROWSER]
    : [chromium.executablePath(), ...systemBrowsers];
  return candidates.find(isExecutable);
}

/**
 * Installs a Chromium: Playwright's, else Debian's when this is root on Debian.
 *
 * @throws Error saying what to do by hand.
 */
export function installBrowser(): string {
  const attempts: [string, string[]][] = [
    ['npx', ['playwright', 'install', 'chromium']],
    ['apt-get', ['update', '-qq']],
    ['apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium']],
  ];
  for (const [command, args] of attempts) {
    try {
      execFileSync(command, args, { stdio: 'inherit' });
    } catch {
      // The next attempt, or the message below, deals with it.
    }
    const found = findBrowser();
    if (found) return found;
  }
  throw new Error(
    'No Chromium was found, and none could be installed. Install one ("npx playwright install chromium", or your system\'s chromium or google-chrome package), or set TABSERVE_BROWSER to its path.',
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
