/**
 * The packed tarball in other people's tools: installed, built, served, and it classifies.
 *
 * Each tool is installed into a folder of its own outside the project. One that cannot be installed
 * is reported as skipped, with the installer's last words.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from '@playwright/test';
import { test as base, expect, version } from '../embedding.js';
import { TestServer } from '../server.js';

const run = promisify(execFile);
const here = import.meta.dirname;
const root = join(here, '../..');

interface WorkerFixtures {
  /** A folder outside the project, so that nothing of the project's own is found from it. */
  workplace: string;
  /** The packed package. */
  tarball: string;
}

const test = base.extend<object, WorkerFixtures>({
  workplace: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixture names from it.
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), 'tabserve-embed-'));
      await use(folder);
      rmSync(folder, { recursive: true, force: true });
    },
    { scope: 'worker' },
  ],
  tarball: [
    async ({ workplace }, use) => {
      await run('npm', ['pack', '--silent', '--pack-destination', workplace], { cwd: root });
      await use(join(workplace, `tabserve-${version}.tgz`));
    },
    { scope: 'worker', timeout: 120_000 },
  ],
});

test.describe.configure({ mode: 'parallel', timeout: 600_000 });

interface Tool {
  name: string;
  /** Below `e2e/embed/`. */
  folder: string;
  /** More to install. */
  packages?: string[];
  /** The folder that `npm run build` makes. @default 'dist' */
  output?: string;
}

const plain: Tool[] = [
  { name: 'Vite 5', folder: 'vite', packages: ['vite@5.4.9'] },
  { name: 'Vite 7', folder: 'vite', packages: ['vite@7.3.8'] },
  { name: 'Vite 8', folder: 'vite', packages: ['vite@8.3.8'] },
  { name: 'webpack 5', folder: 'webpack' },
  { name: 'Parcel 2', folder: 'parcel' },
  { name: 'React', folder: 'react' },
  { name: 'Vue', folder: 'vue' },
  { name: 'Svelte', folder: 'svelte' },
  { name: 'Angular', folder: 'angular' },
];

for (const tool of plain) {
  test(`${tool.name}, build`, async ({ browser, workplace, tarball }) => {
    const folder = await install(tool, workplace, tarball);
    await npm(folder, 'run', 'build');
    const page = await served(browser, join(folder, 'dist'));
    await expectSeven(page, []);
    if (tool.folder === 'react') await expectHooks(page);
    await page.close();
  });

  if (tool.folder !== 'vite') continue;
  test(`${tool.name}, development server`, async ({ browser, workplace, tarball }) => {
    const folder = await install(tool, workplace, tarball);
    const page = await started(browser, folder, ['run', 'dev', '--', '--port']);
    await expectSeven(page, []);
    await page.close();
  });
}

test('Next.js, app router, rendered on the server', async ({ browser, workplace, tarball }) => {
  const tool = { name: 'Next.js', folder: 'next' };
  const folder = await install(tool, workplace, tarball);
  await npm(folder, 'run', 'build');
  const page = await started(browser, folder, ['run', 'start', '--', '--port']);
  await expectSeven(page, []);
  await page.close();
});

for (const tool of [
  { name: 'esbuild', folder: 'esbuild' },
  { name: 'Rollup', folder: 'rollup' },
]) {
  test(`${tool.name}: by the public CDN, or with the files beside the bundle`, async ({
    browser,
    cdnBrowser,
    jsdelivr,
    workplace,
    tarball,
  }) => {
    jsdelivr.mount(`/npm/tabserve@${version}`, '.');
    jsdelivr.mount('/npm/onnxruntime-web@1.30.0', 'node_modules/onnxruntime-web');
    const folder = await install(tool, workplace, tarball);
    await npm(folder, 'run', 'build');
    const withCdn = await served(cdnBrowser, join(folder, 'dist'));
    await expectSeven(withCdn, [
      'https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist/ort-wasm-simd-threaded.wasm',
      `https://cdn.jsdelivr.net/npm/tabserve@${version}/dist/models/digits/digits.onnx`,
    ]);
    await withCdn.close();

    await npm(folder, 'run', 'copy');
    const withFiles = await served(browser, join(folder, 'dist'));
    await expectSeven(withFiles, []);
    await withFiles.close();
  });
}

test('publint, are-the-types-wrong, and a strict TypeScript project', async ({
  workplace,
  tarball,
}) => {
  const tool = { name: 'types', folder: 'types' };
  const folder = await install(tool, workplace, tarball);
  cpSync(tarball, join(folder, 'tabserve.tgz'));
  for (const script of ['publint', 'attw', 'tsc']) await npm(folder, 'run', script);
});

/** What common hosts of static files take at most. */
const largestFile = 25 * 2 ** 20;

test("the README's first snippet in a new app, on a host with a strict policy and a limit on files", async ({
  browser,
  workplace,
  tarball,
}) => {
  // As `npm create vite` does it.
  const creator = createRequire(import.meta.url).resolve('create-vite/package.json');
  await run(
    process.execPath,
    [join(dirname(creator), 'index.js'), 'app', '--template', 'vanilla-ts', '--no-interactive'],
    { cwd: workplace },
  );
  const folder = join(workplace, 'app');
  await npm(folder, 'install', '--no-audit', '--no-fund', '--prefer-offline', tarball);

  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, snippet = ''] = /^```ts\n(.*?)^```/ms.exec(readme) ?? [];
  expect(snippet).toContain("from 'tabserve'");
  // A reader puts something of the page's own there.
  const [source] = /\bfileOrImgOrVideoOrUrl\b/.exec(snippet) ?? [];
  const declared = source ? `const ${source} = '/photo.jpg';\n` : '';
  writeFileSync(join(folder, 'src/main.ts'), `${declared}${snippet}`);
  cpSync(join(here, 'seven.png'), join(folder, 'public/photo.jpg'));
  await npm(folder, 'run', 'build');

  const built = join(folder, 'dist');
  const tooLarge = readdirSync(built, { recursive: true, encoding: 'utf8' }).filter(
    (path) => statSync(join(built, path)).size > largestFile,
  );
  expect(tooLarge).toEqual([]);

  const server = await TestServer.start();
  server.mount('', built);
  // Documents have the policy. A worker's file has none of its own, as docs/deployment.md says.
  server.headersFor = (path) =>
    path.endsWith('.html') ? { 'Content-Security-Policy': "default-src 'self'" } : {};
  const page = await browser.newPage();
  const elsewhere: string[] = [];
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith('http') && origin !== server.origin) elsewhere.push(request.url());
  });
  const answer = page.waitForEvent('console', {
    predicate: (message) => message.type() === 'log',
    timeout: 90_000,
  });
  await page.goto(`${server.origin}/index.html`);
  const [label, score] = await Promise.all(
    (await answer).args().map((value) => value.jsonValue() as Promise<unknown>),
  );
  expect(String(label).length).toBeGreaterThan(1);
  expect(score).toBeGreaterThan(0);
  expect(score).toBeLessThanOrEqual(1);
  expect(elsewhere).toEqual([]);
  await page.close();
  await server.stop();
});

/** Copies a fixture and installs what it needs. Skips the test where that is impossible. */
async function install(tool: Tool, workplace: string, tarball: string): Promise<string> {
  const folder = join(workplace, tool.name.toLowerCase().replaceAll(/\W+/g, '-'));
  if (existsSync(folder)) return folder;
  cpSync(join(here, tool.folder), folder, { recursive: true });
  const isPlain = !existsSync(join(folder, 'src')) && !existsSync(join(folder, 'app'));
  if (isPlain) cpSync(join(here, 'plain'), folder, { recursive: true });
  const publicFolder = ['vite', 'react', 'vue', 'svelte', 'angular', 'next'].includes(tool.folder)
    ? join(folder, 'public')
    : folder;
  mkdirSync(publicFolder, { recursive: true });
  cpSync(join(here, 'seven.png'), join(publicFolder, 'seven.png'));
  try {
    const packages = [tarball, ...(tool.packages ?? [])];
    await npm(folder, 'install', '--no-audit', '--no-fund', '--prefer-offline', ...packages);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    // It may be the package that cannot be installed, which is what is tested.
    throw new Error(`${tool.name} could not be installed beside the package.`, { cause: error });
  }
  return folder;
}

async function npm(folder: string, ...args: string[]): Promise<void> {
  try {
    await run('npm', args, { cwd: folder, env: { ...process.env, CI: '1' }, maxBuffer: 1 << 26 });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`npm ${args.join(' ')}: ${`${stdout}\n${stderr}`.slice(-3000)}`);
  }
}

/** A page of a folder on a plain file server. */
async function served(browser: Browser, folder: string): Promise<Page> {
  const server = await TestServer.start();
  server.mount('', folder);
  const page = await browser.newPage();
  page.on('close', () => void server.stop());
  await page.goto(`${server.origin}/index.html`);
  return page;
}

/** A page of the tool's own server. */
async function started(browser: Browser, folder: string, args: string[]): Promise<Page> {
  const port = await freePort();
  const server = spawn('npm', [...args, String(port)], { cwd: folder, detached: true });
  let output = '';
  for (const stream of [server.stdout, server.stderr]) {
    stream.on('data', (data) => {
      output += data;
    });
  }
  const page = await browser.newPage();
  page.on('close', () => end(server));
  await expect(async () => {
    if (server.exitCode !== null) throw new Error(`the server ended: ${output}`);
    await page.goto(`http://127.0.0.1:${port}/`);
  }).toPass({ timeout: 120_000 });
  return page;
}

function end({ pid }: ChildProcess): void {
  // npm, its shell and the server are one process group.
  if (pid !== undefined) process.kill(-pid, 'SIGTERM');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** What `tabserve/react` does in the app of `react/`, which runs in StrictMode. */
async function expectHooks(page: Page): Promise<void> {
  await expect(page.locator('tabserve-classifier >> [part~="label"]')).toHaveText('7');
  // Two components, one classifier; and none is taken away under the other's hands.
  await expect(page.locator('#second > p')).toHaveText('7');
  await expect(page.locator('#first')).toHaveAttribute('data-states', 'loading,ready');
  await expect(page.locator('#video > p')).toHaveText('7');

  await page.locator('#first button').click();
  await expect(page.locator('#first output')).toHaveText(/^7,\d,\d$/);

  const other = page.locator('#other');
  await expect(other).toHaveAttribute('data-status', 'failed');
  await expect(other.locator('p')).toHaveText('model-not-found');
  await page.locator('#retry').click();
  await expect(other).toHaveAttribute('data-status', 'failed');
  await page.locator('#correct').click();
  await expect(other).toHaveAttribute('data-status', 'ready');

  // Gone and back again, also in the midst of a load.
  for (let times = 0; times < 5; times++) await page.locator('#toggle').click();
  await expect(page.locator('#first')).toBeHidden();
  await page.locator('#toggle').click();
  await expect(page.locator('#first output')).toHaveText('7');

  // All that use the model: the hooks share one classifier, the element has another.
  const alive = await page.evaluate(() =>
    Reflect.get(window, Symbol.for('tabserve.diagnostics'))(),
  );
  expect(alive).toMatchObject({ deployments: 2 });
}

/** The page says 7, and its files came from these places instead of the first ones. */
async function expectSeven(page: Page, places: string[]): Promise<void> {
  const output = page.locator('output');
  await expect(output).not.toHaveText('', { timeout: 90_000 });
  await expect(output).toHaveText('7');
  const fallbacks: { from: string; to: string }[] = JSON.parse(
    (await output.getAttribute('data-fallbacks')) ?? '[]',
  );
  const moved = fallbacks.filter(({ from }) => from !== 'webgpu');
  expect(moved.map(({ to }) => to)).toEqual(places);
}
