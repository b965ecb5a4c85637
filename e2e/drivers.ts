/**
 * Drives browsers that Playwright has no plain build of: Debian's Firefox and WebKit.
 *
 * Each opens a page and waits for a value. Nothing more is needed here, so that no driver package is
 * either: Firefox speaks Marionette, and WebKitGTK comes with a WebDriver server.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** Opens `url` in a fresh browser, and returns `window[name]` as soon as it is there. */
export type OpenAndRead = (url: string, name: string) => Promise<string>;

/** A browser to test with. */
export interface Driver {
  name: string;
  /** What has to be installed for it and is not, in words; `undefined` if it can run. */
  missing: string | undefined;
  openAndRead: OpenAndRead;
}

const paths = {
  firefox: ['/usr/bin/firefox-esr', '/usr/bin/firefox'],
  webKitDriver: ['/usr/bin/WebKitWebDriver'],
  miniBrowser: [
    '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
    '/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
  ],
  display: ['/usr/bin/Xvfb'],
} as const;

const find = (name: keyof typeof paths) => paths[name].find((path) => existsSync(path));

const timeout = 90_000;

/** Debian's Firefox, by Marionette: `length:[0, id, command, parameters]` over TCP. */
export const firefox: Driver = {
  name: 'Firefox',
  missing: find('firefox') ? undefined : 'Debian package firefox-esr',
  async openAndRead(url, name) {
    const profile = mkdtempSync(join(tmpdir(), 'tabserve-firefox-'));
    writeFileSync(join(profile, 'user.js'), 'user_pref("marionette.port", 0);\n');
    const browser = spawn(
      find('firefox') ?? '',
      ['--headless', '--marionette', '--no-remote', '--profile', profile],
      { env: { ...process.env, HOME: profile } },
    );
    try {
      const port = await said(browser, /Listening on port (\d+)/);
      const { call, close } = await marionette(Number(port));
      await call('WebDriver:NewSession', {});
      await call('WebDriver:Navigate', { url });
      const script = `return window[${JSON.stringify(name)}] ?? null`;
      const value = await poll(async () => {
        const answer = await call('WebDriver:ExecuteScript', { script, args: [] });
        return (answer as { value: string | null }).value;
      });
      close();
      return value;
    } finally {
      await stop(browser);
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    }
  },
};

/** Debian's WebKitGTK, by WebDriver, on a virtual display. */
export const webKit: Driver = {
  name: 'WebKit',
  missing:
    find('webKitDriver') && find('miniBrowser') && find('display')
      ? undefined
      : 'Debian packages webkit2gtk-driver and xvfb',
  async openAndRead(url, name) {
    const display = spawn(find('display') ?? '', ['-displayfd', '1', '-screen', '0', '800x600x24']);
    const number = await said(display, /(\d+)/);
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const driver = spawn(find('webKitDriver') ?? '', [`--port=${port}`, '--host=127.0.0.1'], {
      env: {
        ...process.env,
        DISPLAY: `:${number}`,
        // Containers give it no namespaces to build a sandbox of.
        WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
      },
    });
    const call = async (path: string, body?: object): Promise<unknown> => {
      const response = await fetch(`http://127.0.0.1:${port}/session${path}`, {
        method: body ? 'POST' : 'DELETE',
        ...(body && { body: JSON.stringify(body) }),
      });
      const { value } = (await response.json()) as { value: unknown };
      if (!response.ok) throw new Error(JSON.stringify(value));
      return value;
    };
    try {
      const binary = find('miniBrowser');
      const options = { binary, args: ['--automation'] };
      const capabilities = { alwaysMatch: { 'webkitgtk:browserOptions': options } };
      const session = await poll(() => call('', { capabilities }).catch(refused));
      const { sessionId } = session as { sessionId: string };
      await call(`/${sessionId}/url`, { url });
      const script = `return window[${JSON.stringify(name)}] ?? null`;
      const value = await poll(() => call(`/${sessionId}/execute/sync`, { script, args: [] }));
      await call(`/${sessionId}`);
      return value as string;
    } finally {
      await stop(driver);
      await stop(display);
    }
  },
};

/** `null` while the server does not listen yet. */
function refused(error: unknown): null {
  if (error instanceof TypeError) return null;
  throw error;
}

async function poll<T>(read: () => Promise<T | null>): Promise<T> {
  for (const end = Date.now() + timeout; Date.now() < end; await pause(250)) {
    const value = await read();
    if (value !== null) return value;
  }
  throw new Error(`There was no answer within ${timeout / 1000} seconds.`);
}

/** The first match in what a process prints. */
function said(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data) => {
        text += data;
        const match = pattern.exec(text)?.[1];
        if (match !== undefined) resolve(match);
      });
    }
    child.once('exit', () => reject(new Error(`It ended: ${text}`)));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  await ended;
}

async function marionette(port: number) {
  const socket = connect(port, '127.0.0.1');
  const waiting = new Map<number, (error: { message: string } | null, value: unknown) => void>();
  let received = Buffer.alloc(0);
  let lastId = 0;
  socket.on('data', (data) => {
    received = Buffer.concat([received, Buffer.from(data)]);
    for (;;) {
      const colon = received.indexOf(':');
      const end = colon + 1 + Number(received.subarray(0, Math.max(0, colon)));
      if (colon < 0 || received.length < end) return;
      const message: unknown = JSON.parse(received.subarray(colon + 1, end).toString());
      received = received.subarray(end);
      // The first one is a greeting, and no list.
      if (!Array.isArray(message)) continue;
      const [, id, error, value] = message;
      waiting.get(id)?.(error, value);
      waiting.delete(id);
    }
  });
  const call = (command: string, parameters: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = ++lastId;
      waiting.set(id, (error, value) =>
        error ? reject(new Error(error.message)) : resolve(value),
      );
      const text = JSON.stringify([0, id, command, parameters]);
      socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
  return { call, close: () => socket.destroy() };
}
