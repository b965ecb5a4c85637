/** Downloads that break, and the store that keeps what came. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import type { CreateOptions, ModelManifest } from '../src/index.js';
import { expect, test } from './fixtures.js';
import { meanColour, sha256 } from './models.js';
import { padded } from './onnx.js';
import type { TestServer } from './server.js';
import { type HostedFile, hostFile } from './weather.js';

const megabyte = 1_000_000;
const model = padded(meanColour.model, 4 * megabyte);
let number = 0;

/** A manifest of its own for each test, with the model's size and digest. */
function host(
  server: TestServer,
  bytes = model,
  { name = 'big', version = '1.0.0' } = {},
): { url: string; file: HostedFile; manifest: ModelManifest; path: string } {
  const path = `/store/${++number}`;
  const file = hostFile(server, `${path}/model.onnx`, bytes);
  const manifest: ModelManifest = {
    ...meanColour.manifest,
    name,
    version,
    files: [{ url: 'model.onnx', dtype: 'fp32', bytes: bytes.length, sha256: sha256(bytes) }],
  };
  server.route(`${path}/model.json`, manifest);
  return { url: `${server.origin}${path}/model.json`, file, manifest, path };
}

/** Creates a classifier, asks it about a red picture, and ends it. */
function load(
  page: Page,
  model: string,
  options: Pick<CreateOptions, 'workerUrl' | 'stallTimeout'> = {},
) {
  return page.evaluate(
    async ([model, options]) => {
      const { ImageClassifier, isTabserveError } = window.tabserve;
      const events: { loaded: number; total: number; cached: number }[] = [];
      try {
        const classifier = await ImageClassifier.create({
          model,
          device: 'wasm',
          monitor: (monitor) =>
            monitor.addEventListener('downloadprogress', ({ loaded, total, cached }) =>
              events.push({ loaded, total, cached }),
            ),
          ...options,
        });
        const canvas = new OffscreenCanvas(8, 8);
        const context = canvas.getContext('2d');
        if (!context) throw new Error('no 2d context');
        context.fillStyle = 'red';
        context.fillRect(0, 0, 8, 8);
        const [best] = await classifier.classify(canvas);
        const { info } = classifier;
        classifier.destroy();
        // It is stored once the first answer is out, for which this waits.
        await window.tabserve.models.usage();
        return { label: best?.label, info, events };
      } catch (error) {
        if (!isTabserveError(error)) throw error;
        return { code: error.code, message: error.message, events };
      }
    },
    [model, options] as const,
  );
}

test('a second visit loads model and engine from the store, without the network', async ({
  server,
  open,
}) => {
  const { url } = host(server);
  const page = await open();
  const first = await load(page, url);
  expect(first.label).toBe('red');
  expect(first.info?.model.from).toBe('network');
  expect(first.events.at(-1)?.cached).toBe(0);
  // The engine's file is put there once the first answer is out.
  await expect
    .poll(() => page.evaluate(() => window.tabserve.models.usage()))
    .toMatchObject({
      bytes: model.length + 5_540_521,
    });

  await open();
  server.requests.length = 0;
  const second = await load(page, url);
  expect(second.label).toBe('red');
  expect(second.info?.model.from).toBe('store');
  expect(second.info?.fallbacks.filter(({ from }) => from !== 'webgpu')).toEqual([]);
  const last = second.events.at(-1);
  expect(last).toEqual({ loaded: last?.total, total: last?.total, cached: last?.total });
  expect(server.requests.filter((path) => !/^\/dist\/[^.]+\.js$/.test(path))).toEqual([]);
});

test('two models with one file download and store it once', async ({ server, open }) => {
  const one = host(server);
  const two = host(server);
  const page = await open();
  await load(page, one.url);
  const second = await load(page, two.url);
  expect(second.info?.model.from).toBe('store');
  expect(two.file.requests).toEqual([]);
  const usage = await page.evaluate(() => window.tabserve.models.usage());
  expect(usage.store).toBe('opfs');
  expect(usage.bytes).toBe(model.length + 5_540_521);
  // Evicting one of them leaves the file to the other.
  expect(await page.evaluate((url) => window.tabserve.models.evict(url), one.url)).toBe(0);
  expect((await load(page, two.url)).info?.model.from).toBe('store');
});

test('callers and tabs share one download', async ({ server, open, context }) => {
  const { url, file } = host(server);
  file.weather = () => 'slow';
  const page = await open();
  const other = await context.newPage();
  await other.goto(page.url());
  await other.waitForFunction(() => 'tabserve' in window);
  const results = await Promise.all([load(page, url), load(page, url), load(other, url)]);
  expect(results.map((result) => result.label)).toEqual(['red', 'red', 'red']);
  expect(file.requests).toHaveLength(1);
});

test('one caller giving up does not end the download of another', async ({ server, open }) => {
  const { url, file } = host(server);
  file.weather = () => 'slow';
  const page = await open();
  const outcome = await page.evaluate(async (model) => {
    const controller = new AbortController();
    const { ImageClassifier } = window.tabserve;
    const given = ImageClassifier.create({ model, device: 'wasm', signal: controller.signal });
    const kept = ImageClassifier.create({
      model,
      device: 'wasm',
      // Its first event: it has joined the download.
      monitor: (monitor) =>
        monitor.addEventListener('downloadprogress', () => controller.abort('changed my mind')),
    });
    return [await given.catch((reason: unknown) => reason), (await kept).state];
  }, url);
  expect(outcome).toEqual(['changed my mind', expect.stringMatching(/ready|degraded/)]);
  expect(file.requests).toHaveLength(1);
});

test('a broken download goes on where it stopped', async ({ server, open }) => {
  const { url, file } = host(server);
  const storms = ['cut', 'cut', 'error', 'fine'] as const;
  file.weather = () => storms[file.requests.length - 1] ?? 'fine';
  const page = await open();
  // An engine that starts keeps the thread busy; what comes meanwhile is lost when the line breaks.
  await page.evaluate(() => window.tabserve.ImageClassifier.create({ model: 'digits' }));
  expect((await load(page, url)).label).toBe('red');
  expect(file.requests).toHaveLength(4);
  expect(file.requests[1]?.range).toMatch(/^bytes=\d{6,}-$/);
  expect(file.requests[1]?.ifRange).toMatch(/^"\w+"$/);
  expect(file.sent).toBeLessThan(model.length * 1.1);
});

test('a download that is killed at half goes on after a reload', async ({ server, open }) => {
  const { url, file } = host(server);
  file.weather = () => 'stall';
  const page = await open();
  await page.evaluate((model) => {
    void window.tabserve.ImageClassifier.create({ model, device: 'wasm' }).catch(() => undefined);
  }, url);
  await expect.poll(() => file.sent).toBeGreaterThan(model.length * 0.49);
  await expect
    .poll(async () => (await page.evaluate(() => window.tabserve.models.usage())).bytes)
    .toBeGreaterThan(5_540_521 + model.length * 0.45);

  await open();
  file.weather = () => 'fine';
  file.sent = 0;
  const result = await load(page, url);
  expect(result.label).toBe('red');
  expect(file.sent).toBeLessThanOrEqual(model.length * 0.55);
  const firstOfModel = result.events.at(-1)?.cached ?? 0;
  expect(firstOfModel).toBeGreaterThan(5_540_521 + model.length * 0.45);
});

test('the store can be looked at while files come and go in it', async ({ server, open }) => {
  const urls = Array.from({ length: 6 }, () => {
    const bytes = Buffer.concat([model, Buffer.of(0x32, 1, ++number)]);
    return host(server, bytes, { name: `one-of-many-${number}` }).url;
  });
  const page = await open();
  const looks = await page.evaluate(async (urls) => {
    const { ImageClassifier, models } = window.tabserve;
    let isDone = false;
    let looks = 0;
    const looking = (async () => {
      for (; !isDone; looks++) await Promise.all([models.usage(), models.cached()]);
    })();
    for (const model of urls) {
      const classifier = await ImageClassifier.create({ model, device: 'wasm' });
      classifier.destroy();
      await models.evict(model);
    }
    isDone = true;
    await looking;
    return looks;
  }, urls);
  expect(looks).toBeGreaterThan(10);
});

test('an aborted download leaves a rest that the next one takes up', async ({ server, open }) => {
  const { url, file } = host(server);
  file.weather = () => 'stall';
  const page = await open();
  const reason = await page.evaluate(async (model) => {
    const controller = new AbortController();
    return window.tabserve.ImageClassifier.create({
      model,
      device: 'wasm',
      signal: controller.signal,
      monitor: (monitor) =>
        monitor.addEventListener('downloadprogress', ({ loaded, total }) => {
          if (loaded > total - 2_100_000) controller.abort('enough');
        }),
    }).catch((reason: unknown) => reason);
  }, url);
  expect(reason).toBe('enough');
  expect(await page.evaluate((url) => window.tabserve.models.availability(url), url)).toBe(
    'downloadable',
  );
  file.weather = () => 'fine';
  file.sent = 0;
  expect((await load(page, url)).label).toBe('red');
  expect(file.requests.at(-1)?.range).toMatch(/^bytes=\d{6,}-$/);
  expect(file.sent).toBeLessThan(model.length * 0.56);
});

test('a silent server is asked again', async ({ server, open }) => {
  const { url, file } = host(server);
  file.weather = () => (file.requests.length === 1 ? 'stall' : 'fine');
  const page = await open();
  expect((await load(page, url, { stallTimeout: 500 })).label).toBe('red');
  expect(file.requests).toHaveLength(2);
});

for (const weather of ['no-range', 'new-etag'] as const) {
  test(`a rest that cannot be had (${weather}) means the whole file again`, async ({
    server,
    open,
  }) => {
    const { url, file } = host(server);
    file.weather = () => (file.requests.length === 1 ? 'cut' : weather);
    const page = await open();
    expect((await load(page, url)).label).toBe('red');
    expect(file.requests).toHaveLength(2);
    expect(file.sent).toBeGreaterThan(model.length * 1.4);
  });
}

test('wrong bytes are asked for once more, then refused, and never kept', async ({
  server,
  open,
}) => {
  const { url, file } = host(server);
  file.weather = () => 'wrong';
  const page = await open();
  expect(await load(page, url)).toMatchObject({ code: 'integrity' });
  expect(file.requests).toHaveLength(2);
  expect(await page.evaluate(() => window.tabserve.models.cached())).toEqual([]);
  file.weather = () => 'fine';
  expect((await load(page, url)).label).toBe('red');
});

test('a server that always ends at the same place is given up', async ({ server, open }) => {
  const { url, file } = host(server);
  file.weather = () => 'ending';
  const page = await open();
  expect(await load(page, url)).toMatchObject({ code: 'network' });
  expect(file.requests.length).toBeLessThan(10);
});

test('a damaged file in the store is deleted and fetched again, once', async ({ server, open }) => {
  const { url, file, manifest } = host(server);
  const page = await open();
  await load(page, url);
  await page.evaluate(async (name) => {
    const root = await navigator.storage.getDirectory();
    const home = await root.getDirectoryHandle('tabserve');
    const files = await home.getDirectoryHandle('files');
    const handle = await files.getFileHandle(name);
    const writable = await handle.createWritable({ keepExistingData: true });
    await writable.write({ type: 'write', position: 3_000_000, data: 'damage' });
    await writable.close();
  }, manifest.files[0]?.sha256 ?? '');
  const second = await load(page, url);
  expect(second.label).toBe('red');
  expect(second.info?.model.from).toBe('network');
  expect(second.info?.fallbacks).toContainEqual({
    from: 'opfs',
    to: 'network',
    reason: expect.stringContaining('damaged'),
  });
  expect(file.requests).toHaveLength(2);
  expect((await load(page, url)).info?.model.from).toBe('store');
});

test('a full disk costs the least recently used model, then the keeping', async ({
  server,
  open,
  context,
}) => {
  const old = host(server, padded(meanColour.model, 4 * megabyte + 1), { name: 'old' });
  const next = host(server, padded(meanColour.model, 4 * megabyte + 2), { name: 'next' });
  const huge = host(server, padded(meanColour.model, 40 * megabyte), { name: 'huge' });
  const page = await open();
  const session = await context.newCDPSession(page);
  await load(page, old.url);
  const { usage } = await page.evaluate(async () => {
    // It is stored after the first answer.
    await window.tabserve.models.usage();
    return navigator.storage.estimate();
  });
  await session.send('Storage.overrideQuotaForOrigin', {
    origin: server.origin,
    // Room for the half of another model.
    quotaSize: (usage ?? 0) + 2 * megabyte,
  });
  const second = await load(page, next.url);
  expect(second.label).toBe('red');
  const names = await page.evaluate(async () =>
    (await window.tabserve.models.cached()).map((model) => model.name),
  );
  expect(names).not.toContain('old');

  const third = await page.evaluate(async (model) => {
    const classifier = await window.tabserve.ImageClassifier.create({ model, device: 'wasm' });
    const picture = new ImageData(8, 8);
    // It is stored after the first answer; a later one tells what became of that.
    for (let asked = 0; asked < 100; asked++) {
      await classifier.classify(picture);
      if (classifier.info.fallbacks.some(({ to }) => to === 'memory')) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { fallbacks } = classifier.info;
    classifier.destroy();
    return { fallbacks };
  }, huge.url);
  expect(third.fallbacks).toContainEqual({
    from: 'opfs',
    to: 'memory',
    reason: expect.stringContaining('QuotaExceededError'),
  });
});

test.describe('on a platform that lacks', () => {
  /** The worker's script as it is, on a platform from which something was taken. */
  const without = (server: TestServer, path: string, prelude: string) =>
    server.route(path, (_request, response) => {
      const script = readFileSync(join(import.meta.dirname, '../dist/worker-wasm.js'), 'utf8');
      response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(`${prelude};\n${script}`);
    });
  const noFiles =
    'navigator.storage.getDirectory = async () => { throw new DOMException("not here", "SecurityError") }';
  const noCache =
    'caches.open = async () => { throw new DOMException("nor here", "SecurityError") }';

  test('a private file system, the Cache API keeps models', async ({ server, open }) => {
    const { url } = host(server);
    without(server, '/store/worker-cache.js', noFiles);
    const page = await open();
    const options = { workerUrl: '/store/worker-cache.js' };
    const first = await load(page, url, options);
    expect(first.info?.fallbacks).toContainEqual({
      from: 'opfs',
      to: 'cache',
      reason: expect.stringContaining('not here'),
    });
    const second = await load(page, url, options);
    expect(second).toMatchObject({ label: 'red', info: { model: { from: 'store' } } });
    const cached = await page.evaluate(
      async (options) => (await window.tabserve.models.cached(options)).map(({ name }) => name),
      options,
    );
    expect(cached).toEqual(['big']);
  });

  test('any store, models run from memory', async ({ server, open }) => {
    const { url } = host(server);
    without(server, '/store/worker-memory.js', `${noFiles};${noCache}`);
    const page = await open();
    const options = { workerUrl: '/store/worker-memory.js' };
    await load(page, url, options);
    const second = await load(page, url, options);
    expect(second).toMatchObject({ label: 'red', info: { model: { from: 'network' } } });
    expect(second.info?.fallbacks.slice(-2)).toEqual([
      { from: 'opfs', to: 'cache', reason: expect.stringContaining('not here') },
      { from: 'cache', to: 'memory', reason: expect.stringContaining('nor here') },
    ]);
  });
});
