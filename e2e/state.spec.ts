/** What only a browser shows of things that meet on the page: nothing is lost between two moments. */
import { prepare } from './faults/page.js';
import { expect, test } from './fixtures.js';

test.beforeEach(async ({ open, server }) => {
  await prepare(await open(), server);
});

test('pictures that never load keep nobody from the worker, and end with what asked', async ({
  page,
  server,
}) => {
  server.route('/silent.png', () => undefined);
  const outcome = await page.evaluate(async () => {
    const silent = new Image();
    silent.src = '/silent.png';
    const space = document.createElement('div');
    space.style.height = '20000px';
    const lazy = new Image(16, 16);
    lazy.loading = 'lazy';
    document.body.append(space, lazy);
    lazy.src = '/never-asked-for.png';
    const stuck = await window.createMean();
    const other = await window.createMean();
    const fates = [silent, silent, silent, lazy, lazy, lazy].map((image) =>
      window.outcomeOf(stuck.classify(image)),
    );
    const late = window.outcomeOf(stuck.classify(lazy, { timeout: 300 }));
    const controller = new AbortController();
    const aborted = window.outcomeOf(stuck.classify(silent, { signal: controller.signal }));
    const elsewhere = await window.outcomeOf(other.classify(window.canvasOf('red')));
    const same = await window.outcomeOf(stuck.classify(window.canvasOf('blue')));
    controller.abort();
    const ended = [await late, await aborted];
    await stuck.refresh();
    stuck.destroy();
    const all = await Promise.all(fates);
    other.destroy();
    return { elsewhere, same, ended, all };
  });
  expect(outcome).toEqual({
    elsewhere: 'red',
    same: 'blue',
    ended: ['timeout', 'aborted'],
    all: Array(6).fill('destroyed'),
  });
});

test('a preload is used by equal options however they are written, or leaves nothing', async ({
  page,
  server,
}) => {
  const outcome = await page.evaluate(async () => {
    const { ImageClassifier } = window.tabserve;
    const model = '/mean/model.json';
    await ImageClassifier.preload({ model, device: 'wasm' });
    const heard: number[] = [];
    const one = await ImageClassifier.create({
      device: 'wasm',
      threads: 'auto',
      preprocessing: 'auto',
      model: new URL(model, location.href),
    });
    const diagnostics = Reflect.get(window, Symbol.for('tabserve.diagnostics'));
    const loadedModels: number = diagnostics().models;
    one.destroy();
    // One that is under way tells a later listener.
    const preloading = ImageClassifier.preload({ model, device: 'wasm' });
    const two = await ImageClassifier.create({
      model,
      device: 'wasm',
      monitor: (monitor) =>
        monitor.addEventListener('downloadprogress', ({ loaded }) => heard.push(loaded)),
    });
    await preloading;
    two.destroy();
    // A create() that gives up takes the preload with it.
    await ImageClassifier.preload({ model, device: 'wasm' });
    const controller = new AbortController();
    const created = ImageClassifier.create({ model, device: 'wasm', signal: controller.signal });
    controller.abort();
    const aborted = await window.outcomeOf(created);
    return { loadedModels, heard: heard.length > 0, aborted };
  });
  expect(outcome).toEqual({ loadedModels: 1, heard: true, aborted: 'aborted' });

  // What was missing is there now.
  const handler = server.routed('/mean/model.json');
  server.unroute('/mean/model.json');
  const preload = () =>
    page.evaluate(() =>
      window.outcomeOf(
        window.tabserve.ImageClassifier.preload({
          model: '/mean/model.json?later',
          device: 'wasm',
        }) as Promise<unknown>,
      ),
    );
  expect(await preload()).toBe('model-not-found');
  if (handler) server.route('/mean/model.json', handler);
  // It answers nothing, which the helper says with an error of its own.
  expect(await preload()).toMatch(/^untyped: TypeError/);
  await page.evaluate(async () => {
    const classifier = await window.tabserve.ImageClassifier.create({
      model: '/mean/model.json?later',
      device: 'wasm',
    });
    classifier.destroy();
  });
});

test('availability() tells files apart', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const { ImageClassifier } = window.tabserve;
    const manifest = await (await fetch('/mean/model.json')).json();
    const files = Object.fromEntries(
      await Promise.all(
        manifest.files.map(async ({ url }: { url: string }) => [
          url,
          await (await fetch(new URL(url, `${location.origin}/mean/`))).blob(),
        ]),
      ),
    );
    const model = { manifest, files };
    const garbage = { manifest, files: { ...files, [manifest.files[0].url]: new Blob(['x']) } };
    const classifier = await ImageClassifier.create({ model, device: 'wasm' });
    const found = [
      await ImageClassifier.availability({ model, device: 'wasm' }),
      await ImageClassifier.availability({ model: garbage, device: 'wasm' }),
    ];
    classifier.destroy();
    return found;
  });
  expect(outcome).toEqual(['available', 'downloadable']);
});

test('watch() ends when the stream of a video does', async ({ page }) => {
  const frames = await page.evaluate(async () => {
    const classifier = await window.createMean();
    const canvas = window.canvasOf('red');
    const video = document.createElement('video');
    video.muted = true;
    const stream = canvas.captureStream(10);
    video.srcObject = stream;
    const painter = setInterval(() => canvas.getContext('2d')?.fillRect(0, 0, 64, 64), 50);
    await video.play();
    let count = 0;
    for await (const _ of classifier.watch(video)) {
      count += 1;
      if (count === 2) for (const track of stream.getTracks()) track.stop();
    }
    clearInterval(painter);
    classifier.destroy();
    return count;
  });
  expect(frames).toBeGreaterThanOrEqual(2);
  expect(frames).toBeLessThan(6);
});

test('a start that fails leaves no worker', async ({ page }) => {
  const outcomes = await page.evaluate(async () => [
    await window.outcomeOf(window.createMean({ wasmUrl: 'http://[' })),
    await window.outcomeOf(window.createMean({ wasmUrl: '/nothing-here/' })),
  ]);
  expect(outcomes).toEqual(['invalid-argument', expect.stringMatching(/network|not-found/)]);
  await expect.poll(() => page.workers().length).toBe(0);
});
