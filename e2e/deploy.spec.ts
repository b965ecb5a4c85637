/** Deployments: what `tabserve copy` and the plugin for Vite leave, on a host that takes no large file. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { build } from 'vite';
import { temporaryFolder } from '../src/testing/folder.js';
import { tabserve } from '../src/vite.js';
import { expect, test } from './fixtures.js';
import type { TestServer } from './server.js';

const root = join(import.meta.dirname, '..');
const script = join(root, 'dist/cli.js');
/** What common hosts of static files take at most. */
const mostBytes = 25 * 2 ** 20;

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

const weightOf = (folder: string) =>
  filesIn(folder).reduce((sum, file) => sum + statSync(file).size, 0);

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
};

/** Serves a folder as such a host does. */
function host(server: TestServer, path: string, folder: string): void {
  for (const file of filesIn(folder)) {
    const content = readFileSync(file);
    expect(content.length, file).toBeLessThanOrEqual(mostBytes);
    const address = `${path}/${relative(folder, file)}`;
    const type = types[extname(file)] ?? 'application/octet-stream';
    server.route(address, (_request, response) => {
      const headers = server.headersFor(address);
      response.writeHead(200, { ...headers, 'Content-Type': type }).end(content);
    });
  }
}

/** Documents get a policy; files have none of their own. */
function policy(server: TestServer, text: string): void {
  server.headersFor = (path) => (path.endsWith('.html') ? { 'Content-Security-Policy': text } : {});
}

test.afterEach(({ server }) => {
  server.headersFor = () => ({});
});

for (const [engines, limit] of [
  ['wasm', 11e6],
  ['wasm-first', 8.5e6],
] as const) {
  test(`a deployment for ${engines} is small, and answers under the strictest policy`, async ({
    page,
    server,
  }) => {
    const folder = join(temporaryFolder(), 'tabserve');
    const said = execFileSync(
      process.execPath,
      [script, 'copy', folder, '--engines', engines, '--models', 'photos'],
      { encoding: 'utf8' },
    );
    expect(said).toContain('WebGPU engines: left out; everything runs on WASM');
    expect(said).toMatch(engines === 'wasm' ? /second part: 2\.\d+ MB/ : /second part: left out/);
    expect(weightOf(folder)).toBeLessThan(limit);
    host(server, '/small', folder);
    server.route(
      '/small.html',
      '<!doctype html><title>t</title><script type="module" src="/small/index.js"></script>',
    );
    policy(server, "default-src 'self'");
    await page.goto(`${server.origin}/small.html`);
    const found = await page.evaluate(async () => {
      const { ImageClassifier } = (await import(
        new URL('/small/index.js', location.href).href
      )) as typeof window.tabserve;
      const classifier = await ImageClassifier.create({ cdn: false });
      const [best] = await classifier.classify(new ImageData(64, 64));
      const { device } = classifier.info;
      const gpu = await ImageClassifier.create({ cdn: false, device: 'webgpu' }).then(
        () => null,
        ({ code, message }) => ({ code, message }),
      );
      classifier.destroy();
      return { best: best?.label, device, gpu };
    });
    expect(found.best).toBeTruthy();
    expect(found.device).toBe('wasm');
    expect(['unsupported', 'worker-blocked', 'network']).toContain(found.gpu?.code);
  });
}

test('everything weighs at most 45 MB, and compressed files lie beside the others', () => {
  const folder = join(temporaryFolder(), 'tabserve');
  const args = [script, 'copy', folder, '--models', 'photos,everyday,digits', '--compress'];
  execFileSync(process.execPath, args);
  expect(weightOf(folder)).toBeLessThan(45e6);
  const names = filesIn(folder).map((file) => relative(folder, file));
  expect(names).toEqual(
    expect.arrayContaining(['index.js', 'index.js.br', 'index.js.gz', 'worker-jspi.js.br']),
  );
  for (const file of filesIn(folder)) expect(statSync(file).size).toBeLessThan(20 * 2 ** 20);
  expect(() => execFileSync(process.execPath, args, { stdio: 'pipe' })).toThrow(/--force/);
  const wrong = [script, 'copy', `${folder}2`, '--engines', 'webgl'];
  expect(() => execFileSync(process.execPath, wrong, { stdio: 'pipe' })).toThrow(
    /no "webgl".*wasm, webgpu/,
  );
});

test("an app of Vite's has the engines and models that its plugin names", async ({
  page,
  server,
}) => {
  const app = temporaryFolder();
  const out = join(app, 'out');
  mkdirSync(join(app, 'src'));
  writeFileSync(
    join(app, 'index.html'),
    '<!doctype html><title>t</title><p id="answer"></p><script type="module" src="/src/main.js"></script>',
  );
  writeFileSync(
    join(app, 'src/main.js'),
    `import { ImageClassifier } from 'tabserve';
     const classifier = await ImageClassifier.create({ cdn: false });
     const [best] = await classifier.classify(new ImageData(64, 64));
     document.querySelector('#answer').textContent = best.label;`,
  );
  await build({
    root: app,
    configFile: false,
    logLevel: 'silent',
    base: '/app/',
    build: { outDir: out, target: 'es2022' },
    resolve: { alias: { tabserve: join(root, 'dist/index.js') } },
    plugins: [tabserve({ engines: ['wasm'] })],
  });
  const names = filesIn(out).map((file) => relative(out, file));
  expect(names.filter((name) => /jspi|asyncify|everyday|digits/.test(name))).toEqual([]);
  expect(weightOf(out)).toBeLessThan(16e6);
  host(server, '/app', out);
  policy(server, "default-src 'self'");
  await page.goto(`${server.origin}/app/index.html`);
  await expect(page.locator('#answer')).not.toBeEmpty({ timeout: 20_000 });
});
