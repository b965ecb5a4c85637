/** `tabserve.models`: the catalogue, versions, and what is in the store. */
import type { Page } from '@playwright/test';
import type { ModelManifest } from '../src/index.js';
import { expect, test } from './fixtures.js';
import { meanColour, sha256 } from './models.js';
import { padded } from './onnx.js';
import type { TestServer } from './server.js';
import { hostFile } from './weather.js';

const models = [1, 2, 3].map((version) => padded(meanColour.model, version * 1000));
let number = 0;

/** A folder in which the author can put out one version after the other. */
function publish(server: TestServer, name: string) {
  const path = `/models/${++number}`;
  const release = (
    version: 1 | 2 | 3,
    more: Partial<ModelManifest> = {},
    promised = models[version - 1] as Buffer,
  ) => {
    const bytes = models[version - 1] as Buffer;
    const file = hostFile(server, `${path}/model-${version}.onnx`, bytes);
    server.route(`${path}/model.json`, {
      ...meanColour.manifest,
      name,
      version: `${version}.0.0`,
      // The order of the labels tells the versions apart.
      labels: [`red ${version}`, 'green', 'blue'],
      files: [
        {
          url: `model-${version}.onnx`,
          dtype: 'fp32',
          bytes: bytes.length,
          sha256: sha256(promised),
        },
      ],
      ...more,
    });
    return file;
  };
  return { path, url: `${server.origin}${path}/model.json`, release };
}

/** What a new classifier says of a red picture, or the code and text of the error. */
function ask(page: Page, model: string): Promise<string> {
  return page.evaluate(async (model) => {
    try {
      const classifier = await window.tabserve.ImageClassifier.create({ model, device: 'wasm' });
      const canvas = new OffscreenCanvas(8, 8);
      const context = canvas.getContext('2d');
      if (!context) throw new Error('no 2d context');
      context.fillStyle = 'red';
      context.fillRect(0, 0, 8, 8);
      const [best] = await classifier.classify(canvas);
      classifier.destroy();
      return best?.label ?? 'nothing';
    } catch (error) {
      if (!window.tabserve.isTabserveError(error)) throw error;
      return `${error.code}: ${error.message}`;
    }
  }, model);
}

test('the catalogue lists embedded and public models, with size, licence and state', async ({
  open,
}) => {
  const page = await open();
  const before = await page.evaluate(() => window.tabserve.models.list());
  expect(before[0]).toMatchObject({ embedded: true });
  expect(before.some((model) => !model.embedded)).toBe(true);
  for (const model of before) {
    expect(model.title).toMatch(/./);
    expect(model.license).toMatch(/./);
    for (const file of model.files) {
      expect(file.bytes).toBeGreaterThan(1000);
      expect(file.stored).toBe(0);
    }
  }
  const digits = await page.evaluate(async () => {
    (await window.tabserve.ImageClassifier.create({ model: 'digits', device: 'wasm' })).destroy();
    return (await window.tabserve.models.list()).find(({ name }) => name === 'digits');
  });
  expect(digits?.files.some((file) => file.stored === file.bytes)).toBe(true);
});

test('prepared, a page reads a model of its user without a server', async ({ server, open }) => {
  const page = await open();
  server.requests.length = 0;
  const parts = () => server.requests.filter((path) => /\/(manifest|translate)\.js$/.test(path));
  const name = await page.evaluate(
    async ([manifest, model]) => {
      const { ImageClassifier, models } = window.tabserve;
      const ready = await ImageClassifier.create({ model: 'digits', device: 'wasm' });
      await models.prepare();
      await fetch('/prepared');
      const files = [
        new File([manifest], 'model.json'),
        new File([Uint8Array.from(model)], 'mean.onnx'),
      ];
      const classifier = await ImageClassifier.create({ model: files, device: 'wasm' });
      const { name } = classifier.info.model;
      classifier.destroy();
      ready.destroy();
      return name;
    },
    [JSON.stringify(meanColour.manifest), [...meanColour.model]] as const,
  );
  expect(name).toBe('mean-colour');
  expect(parts()).toHaveLength(2);
  const after = server.requests.slice(server.requests.indexOf('/prepared') + 1);
  expect(after).toEqual([]);
});

test('what is stored can be listed, asked for and deleted', async ({ server, open }) => {
  const { url, release } = publish(server, 'author/colours');
  release(1);
  const page = await open();
  const availability = (name: string) =>
    page.evaluate((name) => window.tabserve.models.availability(name), name);
  expect(await availability(url)).toBe('downloadable');
  expect(await availability('no-such-model')).toBe('unavailable');
  await ask(page, url);
  expect(await availability(url)).toBe('available');

  const cached = await page.evaluate(() => window.tabserve.models.cached());
  expect(cached).toEqual([
    {
      name: 'author/colours',
      source: url,
      version: '1.0.0',
      previousVersion: null,
      title: 'author/colours',
      license: null,
      bytes: models[0]?.length,
      lastUsed: expect.any(Number),
    },
  ]);
  expect(Math.abs((cached[0]?.lastUsed ?? 0) - Date.now())).toBeLessThan(60_000);
  const usageNow = () => page.evaluate(() => window.tabserve.models.usage());
  // The engine's binary is put there when there is time for it.
  await expect
    .poll(async () => (await usageNow()).bytes)
    .toBe(5_540_521 + (models[0]?.length ?? 0));
  const usage = await usageNow();
  expect(usage.quota).toBeGreaterThan(usage.usage);

  expect(await page.evaluate((url) => window.tabserve.models.evict(url), url)).toBe(
    models[0]?.length,
  );
  expect(await availability(url)).toBe('downloadable');
  const missing = await page.evaluate(
    (url) => window.tabserve.models.evict(url).catch((error: { code: string }) => error.code),
    url,
  );
  expect(missing).toBe('model-not-found');
  // The engine is left; everything means everything.
  expect(await page.evaluate(() => window.tabserve.models.evict())).toBe(5_540_521);
  expect((await page.evaluate(() => window.tabserve.models.usage())).bytes).toBe(0);
});

test('a stored version stays in use until it is updated, and can be rolled back to', async ({
  server,
  open,
}) => {
  const { url, release } = publish(server, 'versioned');
  release(1);
  const page = await open();
  expect(await ask(page, url)).toBe('red 1');
  release(2);
  expect(await ask(page, url)).toBe('red 1');

  const update = await page.evaluate((url) => window.tabserve.models.update(url), url);
  expect(update).toEqual({ name: 'versioned', version: '2.0.0', from: '1.0.0', changed: true });
  expect(await ask(page, url)).toBe('red 2');
  expect(await ask(page, 'versioned')).toBe('red 2');
  expect(await ask(page, 'versioned@1.0.0')).toBe('red 1');
  expect(await ask(page, 'versioned@2.0.0')).toBe('red 2');
  expect(await ask(page, 'versioned@3.0.0')).toMatch(/model-not-found: .*2\.0\.0, 1\.0\.0/);

  const again = await page.evaluate(() => window.tabserve.models.update('versioned'));
  expect(again).toMatchObject({ version: '2.0.0', changed: false });
  const back = await page.evaluate(() => window.tabserve.models.rollback('versioned'));
  expect(back).toEqual({ name: 'versioned', version: '1.0.0', from: '2.0.0', changed: true });
  server.requests.length = 0;
  expect(await ask(page, url)).toBe('red 1');
  expect(server.requests.filter((path) => path.startsWith('/models/'))).toEqual([]);
});

test('without an earlier version there is nothing to roll back to', async ({ server, open }) => {
  const { url, release } = publish(server, 'only');
  release(1);
  const page = await open();
  await ask(page, url);
  const error = await page.evaluate(
    (url) => window.tabserve.models.rollback(url).catch((error: Error) => error.message),
    url,
  );
  expect(error).toContain('1.0.0 is the only one');
});

test('an update that is broken or fails its self-test changes nothing', async ({
  server,
  open,
  page: blank,
}) => {
  const { path, url, release } = publish(server, 'careful');
  release(1);
  await blank.goto('about:blank');
  const png = await blank.evaluate(async () => {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 16;
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no 2d context');
    context.fillStyle = '#00ff00';
    context.fillRect(0, 0, 16, 16);
    return canvas.toDataURL().split(',')[1] ?? '';
  });
  server.route(`${path}/green.png`, Buffer.from(png, 'base64'));
  const page = await open();
  expect(await ask(page, url)).toBe('red 1');
  const update = () =>
    page.evaluate(
      (url) =>
        window.tabserve.models.update(url).then(
          ({ version }) => version,
          (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
        ),
      url,
    );

  release(2, { selfTest: [{ image: 'green.png', index: 0 }] });
  expect(await update()).toMatch(/model-invalid: .*green\.png.*"green" instead of "red 2"/);
  expect(await ask(page, url)).toBe('red 1');

  release(2, {}, models[2]);
  expect(await update()).toMatch(/integrity/);
  expect(await ask(page, url)).toBe('red 1');

  release(3, { selfTest: [{ image: 'green.png', index: 1 }] });
  expect(await update()).toBe('3.0.0');
  expect(await ask(page, url)).toBe('red 3');
});

test('a running classifier switches without a failed request', async ({ server, open }) => {
  const { url, release } = publish(server, 'running');
  release(1);
  const page = await open();
  await page.evaluate(async (model) => {
    const classifier = await window.tabserve.ImageClassifier.create({ model, device: 'wasm' });
    const canvas = new OffscreenCanvas(8, 8);
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no 2d context');
    context.fillStyle = 'red';
    context.fillRect(0, 0, 8, 8);
    const labels: string[] = [];
    let going = true;
    // Several at a time, without a pause.
    const lanes = Array.from({ length: 4 }, async () => {
      while (going) labels.push((await classifier.classify(canvas))[0]?.label ?? 'nothing');
    });
    Object.assign(window, {
      classifier,
      labels,
      stop: async () => {
        going = false;
        await Promise.all(lanes);
        return { labels, metrics: classifier.metrics(), version: classifier.info.model.version };
      },
    });
  }, url);
  release(2);
  const outcome = await page.evaluate(async (url) => {
    const { classifier, stop, labels } = window as unknown as {
      classifier: { refresh(): Promise<void> };
      labels: string[];
      stop(): Promise<{ labels: string[]; metrics: { errors: number }; version: string }>;
    };
    await window.tabserve.models.update(url);
    await classifier.refresh();
    const { length } = labels;
    while (labels.length < length + 8) await new Promise((resolve) => setTimeout(resolve, 10));
    return stop();
  }, url);
  expect(outcome.metrics.errors).toBe(0);
  expect(outcome.version).toBe('2.0.0');
  expect([...new Set(outcome.labels)]).toEqual(['red 1', 'red 2']);
  expect(outcome.labels.slice(-4)).toEqual(['red 2', 'red 2', 'red 2', 'red 2']);
});

test('a stored manifest whose file is gone and has changed is looked up anew', async ({
  server,
  open,
}) => {
  const { url, path, release } = publish(server, 'moved');
  release(1);
  const page = await open();
  expect(await ask(page, url)).toBe('red 1');
  await page.evaluate(
    async (digest) => {
      // It is stored after the first answer.
      await window.tabserve.models.usage();
      const root = await navigator.storage.getDirectory();
      const home = await root.getDirectoryHandle('tabserve');
      await (await home.getDirectoryHandle('files')).removeEntry(digest);
    },
    sha256(models[0] as Buffer),
  );
  release(2);
  server.route(`${path}/model-1.onnx`, (_request, response) => {
    response.writeHead(410).end();
  });
  expect(await ask(page, url)).toBe('red 2');
});

test('addresses that a manifest must not name are refused', async ({ server, open }) => {
  const { url, release } = publish(server, 'hostile');
  const page = await open();
  release(1, { files: [{ url: 'file:///etc/passwd', dtype: 'fp32' }] });
  expect(await ask(page, url)).toMatch(/manifest-invalid: .*file:\/\/\/etc\/passwd.*http/);

  const inFolder = (path: string) =>
    page.evaluate(
      async ([manifest, path]) => {
        const files = [
          new File(
            [JSON.stringify({ ...manifest, files: [{ url: path, dtype: 'fp32' }] })],
            'model.json',
          ),
        ];
        return window.tabserve.ImageClassifier.create({ model: files, device: 'wasm' }).then(
          () => 'created',
          (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
        );
      },
      [meanColour.manifest, path] as const,
    );
  for (const path of ['../secret.onnx', '/etc/passwd', 'C:\\model.onnx', 'https://example.com/x']) {
    expect(await inFolder(path)).toMatch(/^manifest-invalid: .*within the same folder/);
  }
});

test('a redirect to another origin needs a sha256', async ({ server, otherServer, open }) => {
  const { url, path, release } = publish(server, 'redirected');
  release(1);
  const target = `/target/${path}`;
  otherServer.route(target, (_request, response) => {
    response.writeHead(200, { 'Access-Control-Allow-Origin': '*' }).end(models[0]);
  });
  server.route(`${path}/model-1.onnx`, (_request, response) => {
    response.writeHead(302, { Location: `${otherServer.origin}${target}` }).end();
  });
  const page = await open();
  expect(await ask(page, url)).toBe('red 1');
  await page.evaluate(() => window.tabserve.models.evict());
  release(1, { files: [{ url: 'model-1.onnx', dtype: 'fp32' }] });
  server.route(`${path}/model-1.onnx`, (_request, response) => {
    response.writeHead(302, { Location: `${otherServer.origin}${target}` }).end();
  });
  expect(await ask(page, url)).toMatch(/^network: .*redirected to another origin/);
});

test('sizes that lie and hostile JSON end in a typed error', async ({ server, open }) => {
  const { url, path, release } = publish(server, 'lying');
  const page = await open();
  const file = { url: 'model-1.onnx', dtype: 'fp32' as const, sha256: sha256(models[0] as Buffer) };
  release(1, { files: [{ ...file, bytes: 2 ** 32 }] });
  expect(await ask(page, url)).toMatch(/^integrity: .*bytes/);
  release(1, { files: [{ ...file, bytes: 10 }] });
  expect(await ask(page, url)).toMatch(/^integrity: .*bytes/);
  release(1, { files: [{ ...file, bytes: 1e20 }] });
  expect(await ask(page, url)).toMatch(/^manifest-invalid: .*bytes/);

  const json = (text: string) =>
    server.route(`${path}/model.json`, (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(text);
    });
  json(`${'['.repeat(200_000)}${']'.repeat(200_000)}`);
  expect(await ask(page, url)).toMatch(/^manifest-invalid: .*(deeper|JSON)/);
  json(`{"metrics": ${'{"a":'.repeat(500)}1${'}'.repeat(500)}}`);
  expect(await ask(page, url)).toMatch(/^manifest-invalid: .*deeper/);
  json(`"${'x'.repeat(17_000_000)}"`);
  expect(await ask(page, url)).toMatch(/^integrity: .*more than 16000000 bytes/);
  json('{"__proto__": {"name": "polluted"}, "constructor": 1}');
  expect(await ask(page, url)).toMatch(/^manifest-invalid: .*"name"/);
  expect(await page.evaluate(() => 'polluted' in {})).toBe(false);
  for (const text of ['null', '7', '[]', '{}', '']) {
    json(text);
    expect(await ask(page, url)).toMatch(/^manifest-invalid/);
  }
});

test('a model of another task is updated by a worker that knows it', async ({
  page,
  server,
  open,
}) => {
  await open();
  const { labels: _, output, ...described } = meanColour.manifest;
  const versions = models.map((bytes, at) => {
    hostFile(server, `/embedders/model-${at}.onnx`, bytes);
    return {
      ...described,
      name: 'embedder',
      version: `${at + 1}.0.0`,
      task: 'image-embedding',
      output: { name: output.name },
      files: [{ url: `model-${at}.onnx`, dtype: 'fp32', sha256: sha256(bytes) }],
    };
  });
  const url = `${server.origin}/embedders/model.json`;
  server.route('/embedders/model.json', versions[0] as object);
  await page.evaluate(async (model) => {
    const embedder = await window.tabserve.ImageEmbedder.create({ model, device: 'wasm' });
    Object.assign(window, { embedder });
  }, url);
  server.route('/embedders/model.json', versions[1] as object);
  const found = await page.evaluate(async (url) => {
    const { embedder } = window as unknown as {
      embedder: Awaited<ReturnType<typeof window.tabserve.ImageEmbedder.create>>;
    };
    const change = await window.tabserve.models.update(url);
    await embedder.refresh();
    const { version } = embedder.info.model;
    embedder.destroy();
    return { change, version };
  }, url);
  expect(found.change).toMatchObject({ from: '1.0.0', version: '2.0.0', changed: true });
  expect(found.version).toBe('2.0.0');
});
