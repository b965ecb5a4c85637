/** The store of models as a page sees it, with worker, engine and a file system in memory. */
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { meanColour } from '../../e2e/models.js';
import { writeOnnx } from '../../e2e/onnx.js';
import { ImageClassifier } from '../api/image-classifier.js';
import { TextClassifier } from '../api/text-classifier.js';
import { openStore } from '../model/store/open.js';
import { imageData } from '../testing/png.js';
import { openTab, projectFile, type Tab } from '../testing/tab.js';
import { models } from './models.js';

vi.setConfig({ testTimeout: 60_000 });

const graph = new Uint8Array(meanColour.model);
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let tab: Tab;
const made: { destroy(): void }[] = [];
beforeAll(async () => {
  tab = await openTab();
});
beforeEach(async () => {
  // The worker's store is opened once; what is in it goes.
  await models.evict(undefined, tab.places);
});
afterEach(async () => {
  for (const each of made.splice(0)) each.destroy();
  await tab.expectNothingLeft();
});
afterAll(() => tab.close());

/** Waits for models to be stored, which begins once their first answers had time to come. */
const isKept = (count: number) =>
  vi.waitFor(async () => expect(await models.cached(tab.places)).toHaveLength(count), waiting);
const waiting = { timeout: 20_000 };

/** Serves a version of a model. */
function route(
  path: string,
  { version = '1.0.0', labels = ['red', 'green', 'blue'], model = graph, more = {} } = {},
): string {
  const files = [{ url: 'mean.onnx', dtype: 'fp32', bytes: model.length, sha256: digest(model) }];
  tab.route(`${path}/model.json`, {
    ...meanColour.manifest,
    version,
    labels,
    files,
    ...more,
  });
  tab.route(`${path}/mean.onnx`, model);
  return `${tab.web.origin}${path}/model.json`;
}
/** The same graph in other bytes: a field that readers skip. */
const other = (n: number) => Uint8Array.from([...graph, 0x32, 0x01, 0x30 + n]);
async function create(model: string) {
  const classifier = await ImageClassifier.create({ ...tab.places, device: 'wasm', model });
  made.push(classifier);
  return classifier;
}
const red = () => {
  const data = new Uint8ClampedArray(8 * 8 * 4);
  for (let at = 0; at < data.length; at += 4) data.set([255, 0, 0, 255], at);
  return imageData(data, 8, 8);
};
const labelOf = async (classifier: ImageClassifier) => (await classifier.classify(red()))[0]?.label;
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('It did not fail.'),
    (error: unknown) => error,
  );

describe('the catalogue', () => {
  it('has the embedded models first, and says what of them is stored', async () => {
    const before = await models.list(tab.places);
    expect(before.slice(0, 3).map(({ name }) => name)).toEqual(['photos', 'everyday', 'digits']);
    expect(before.slice(0, 3).every(({ embedded }) => embedded)).toBe(true);
    expect(before.slice(3).some(({ embedded }) => embedded)).toBe(false);
    expect(before.flatMap(({ files }) => files).every(({ stored }) => stored === 0)).toBe(true);
    await create('digits');
    // Storing begins once the first answers had their time.
    await vi.waitFor(async () => {
      const after = (await models.list(tab.places)).find(({ name }) => name === 'digits');
      expect(after?.files.every(({ stored, bytes }) => stored === bytes)).toBe(true);
    }, waiting);
  });

  it('tells what can be had now, later, and never', async () => {
    const of = (name: string) => models.availability(name, tab.places);
    const url = route('/mean');
    expect([await of('digits'), await of(url), await of('unheard-of')]).toEqual([
      'downloadable',
      'downloadable',
      'unavailable',
    ]);
    await create('digits');
    await create(url);
    expect([await of('digits'), await of(url), await of('mean-colour')]).toEqual([
      'available',
      'available',
      'available',
    ]);
  });
});

describe('stored models', () => {
  it('load without the network', async () => {
    const url = route('/mean');
    (await create(url)).destroy();
    expect(await models.cached(tab.places)).toMatchObject([
      {
        name: 'mean-colour',
        source: url,
        version: '1.0.0',
        previousVersion: null,
        bytes: graph.length,
      },
    ]);
    tab.route(
      '/mean/model.json',
      (_: unknown, response: { writeHead(code: number): { end(): void } }) =>
        response.writeHead(500).end(),
    );
    tab.web.requests.length = 0;
    const classifier = await create(url);
    expect(await labelOf(classifier)).toBe('red');
    expect(classifier.info.model.from).toBe('store');
    expect(tab.web.requests.filter(({ path }) => path.startsWith('/mean'))).toEqual([]);
  });

  it('say each time what was assumed about them', async () => {
    const model = writeOnnx({
      input: { name: 'pixel_values', type: 'float32', shape: ['N', 3, 8, 8] },
      nodes: [{ op: 'GlobalAveragePool' }, { op: 'Flatten', attributes: { axis: 1 } }],
      output: { name: 'logits', shape: ['N', 3] },
    });
    const id2label = { 0: 'red', 1: 'green', 2: 'blue' };
    tab.route('/strange/config.json', { id2label, architectures: ['Anything'] });
    tab.route('/strange/preprocessor_config.json', {
      image_processor_type: 'ViTImageProcessor',
      size: { height: 8, width: 8 },
      do_magic: true,
    });
    tab.route('/strange/onnx/model.onnx', new Uint8Array(model));
    const url = `${tab.web.origin}/strange/`;
    const first = await create(url);
    const assumed = { to: 'assumption', reason: expect.stringContaining('"do_magic"') };
    expect(first.info.fallbacks).toContainEqual(expect.objectContaining(assumed));
    first.destroy();
    const second = await create(url);
    expect(second.info.model.from).toBe('store');
    expect(second.info.fallbacks).toContainEqual(expect.objectContaining(assumed));
  });

  it('are replaced by their newer version, and the version before comes back', async () => {
    const url = route('/mean');
    const classifier = await create(url);
    expect(await models.update(url, tab.places)).toMatchObject({
      version: '1.0.0',
      from: '1.0.0',
      changed: false,
    });
    route('/mean', { version: '2.0.0', labels: ['rot', 'grün', 'blau'], model: other(1) });
    const progress: number[] = [];
    const change = await models.update(url, {
      ...tab.places,
      monitor: (monitor) =>
        monitor.addEventListener('downloadprogress', ({ loaded }) => progress.push(loaded)),
    });
    expect(change).toEqual({ name: 'mean-colour', version: '2.0.0', from: '1.0.0', changed: true });
    // Who has the former version keeps it, until told.
    expect(await labelOf(classifier)).toBe('red');
    await classifier.refresh();
    expect(await labelOf(classifier)).toBe('rot');
    expect(await models.cached(tab.places)).toMatchObject([
      { version: '2.0.0', previousVersion: '1.0.0', bytes: 2 * graph.length + 3 },
    ]);
    tab.web.requests.length = 0;
    expect(await models.rollback(url, tab.places)).toMatchObject({
      version: '1.0.0',
      from: '2.0.0',
    });
    await Promise.all([classifier.refresh(), classifier.refresh()]);
    expect(await labelOf(classifier)).toBe('red');
    expect(tab.web.requests).toEqual([]);
    expect(await models.rollback(url, tab.places)).toMatchObject({ version: '2.0.0' });
  });

  it('stay as they are when the newer version is broken', async () => {
    const url = route('/mean');
    const classifier = await create(url);
    for (const [change, code] of [
      [
        { version: '2.0.0', model: new TextEncoder().encode('not a graph, though long enough') },
        'model-invalid',
      ],
      [
        { version: '2.0.0', more: { input: { ...meanColour.manifest.input, name: 'pixels' } } },
        'model-invalid',
      ],
      [{ version: '2.0.0', more: { task: 'fortune-telling' } }, 'manifest-invalid'],
    ] as const) {
      route('/mean', change as object);
      expect(await failure(models.update(url, tab.places)), code).toMatchObject({ code });
      await classifier.refresh();
      expect(await labelOf(classifier)).toBe('red');
    }
    expect(await models.cached(tab.places)).toMatchObject([
      { version: '1.0.0', previousVersion: null },
    ]);
    expect(await failure(models.rollback(url, tab.places))).toMatchObject({
      code: 'model-not-found',
      message: expect.stringMatching(/1\.0\.0 is the only one/),
    });
    expect(await failure(models.rollback('unheard-of', tab.places))).toMatchObject({
      code: 'model-not-found',
    });
    const controller = new AbortController();
    const updating = models.update(url, { ...tab.places, signal: controller.signal });
    controller.abort('enough');
    expect(await failure(updating)).toBe('enough');
  });

  it('of tasks that the default worker cannot do are updated all the same', async () => {
    tab.route('/tables/linear.onnx', projectFile('e2e/tabular/golden/linear.onnx'));
    const bytes = projectFile('e2e/tabular/golden/linear.onnx');
    tab.route('/tables/model.json', {
      name: 'line',
      version: '3.0.0',
      task: 'tabular',
      columns: ['a', 'b', 'c', 'd'].map((name) => ({ name, kind: 'number' })),
      input: { kind: 'matrix', name: 'X' },
      output: { kind: 'value', name: 'variable' },
      files: [{ url: 'linear.onnx', dtype: 'fp32', bytes: bytes.length, sha256: digest(bytes) }],
    });
    const url = `${tab.web.origin}/tables/model.json`;
    expect(await models.update(url, tab.places)).toEqual({
      name: 'line',
      version: '3.0.0',
      from: null,
      changed: true,
    });
    expect(await models.availability('line', tab.places)).toBe('available');
  });

  it('are looked up anew where their files are gone', async () => {
    const url = route('/mean');
    const first = await create(url);
    await isKept(1);
    first.destroy();
    route('/mean', { version: '2.0.0', labels: ['rot', 'grün', 'blau'], model: other(2) });
    const { store } = await openStore();
    await store?.remove(digest(graph));
    const classifier = await create(url);
    expect(await labelOf(classifier)).toBe('rot');
    expect(classifier.info.model.version).toBe('2.0.0');
  });
});

describe('eviction', () => {
  it('frees what nobody else needs', async () => {
    const one = route('/one');
    const two = route('/two');
    await create(one);
    await create(two);
    await isKept(2);
    expect(await models.evict(one, tab.places)).toBe(0);
    expect((await models.cached(tab.places)).map(({ source }) => source)).toEqual([two]);
    expect(await models.evict('mean-colour', tab.places)).toBe(graph.length);
    expect(await models.cached(tab.places)).toEqual([]);
    expect(await failure(models.evict('unheard-of', tab.places))).toMatchObject({
      code: 'model-not-found',
      message: expect.stringMatching(/"photos", "everyday", "digits"/),
    });
    expect(await failure(models.evict(new Blob(['x']) as never, tab.places))).toMatchObject({
      code: 'invalid-argument',
    });
  });

  it('of everything leaves nothing, and loaded models go on', async () => {
    const classifier = await create(route('/mean'));
    await isKept(1);
    expect((await models.usage(tab.places)).bytes).toBeGreaterThan(0);
    expect(await models.evict(undefined, tab.places)).toBeGreaterThanOrEqual(graph.length);
    expect(await models.usage(tab.places)).toMatchObject({ bytes: 0, store: 'opfs' });
    expect(await labelOf(classifier)).toBe('red');
  });
});

describe('what the browser says of its storage', () => {
  it('is passed on', async () => {
    expect(await models.usage(tab.places)).toMatchObject({
      quota: 1e9,
      usage: 1e3,
      persisted: false,
      fallbacks: [],
    });
    expect(await models.persist()).toBe(true);
  });

  it('is nothing where the page may not ask, and no secret where the browser fails', async () => {
    const { storage } = navigator;
    const refuse = (error: Error) => () => Promise.reject(error);
    vi.spyOn(storage, 'estimate').mockImplementation(
      refuse(new DOMException('No.', 'SecurityError')),
    );
    vi.spyOn(storage, 'persisted').mockImplementation(refuse(new TypeError('No.')));
    vi.spyOn(storage, 'persist').mockImplementation(
      refuse(new DOMException('No.', 'SecurityError')),
    );
    expect(await models.persist()).toBe(false);
    expect(await models.usage(tab.places)).toMatchObject({ quota: 0, usage: 0, persisted: false });
    vi.mocked(storage.estimate).mockImplementation(refuse(new Error('The disk is on fire.')));
    expect(await failure(models.usage(tab.places))).toMatchObject({
      message: 'The disk is on fire.',
    });
    vi.restoreAllMocks();
  });
});

describe('a hub', () => {
  const text = 'e2e/text/golden/models/bert';
  const files = ['config.json', 'tokenizer.json', 'onnx/model.onnx'];

  function routeHub(name: string, { listing = true, revision = 'main' } = {}): void {
    const tree = [];
    for (const file of [...files, 'tokenizer_config.json']) {
      let bytes: Uint8Array;
      try {
        bytes = projectFile(`${text}/${file}`);
      } catch {
        continue;
      }
      tab.route(`/hub/${name}/resolve/${revision}/${file}`, bytes);
      tree.push({
        path: file,
        size: bytes.length,
        ...(file.endsWith('.onnx') && { lfs: { oid: digest(bytes) } }),
      });
    }
    if (listing) tab.route(`/hub/api/models/${name}/tree/${revision}`, tree);
  }
  const from = (model: string) =>
    TextClassifier.create({ ...tab.places, model, hubUrl: `${tab.web.origin}/hub/` });

  it('gives models by owner and name, which are kept with their sha256', async () => {
    routeHub('owner/bert');
    const classifier = await from('hf:owner/bert');
    made.push(classifier);
    expect(classifier.info.model.name).toBe('owner/bert');
    expect(await classifier.classify('good', { topK: 1 })).toHaveLength(1);
    // It is stored once the first answer is out, for which this waits.
    await models.usage(tab.places);
    tab.web.requests.length = 0;
    const again = await from('hf:owner/bert');
    made.push(again);
    expect(again.info.model.from).toBe('store');
    expect(tab.web.requests).toEqual([]);
    expect((await models.cached(tab.places)).map(({ source }) => source)).toEqual([
      'hf:owner/bert',
    ]);
  });

  it('need not list its files, and has revisions', async () => {
    routeHub('owner/plain', { listing: false, revision: 'v2' });
    const classifier = await from('hf:owner/plain@v2');
    made.push(classifier);
    expect(await classifier.classify('good', { topK: 1 })).toHaveLength(1);
  });

  it.each([
    ['hf:owner/missing', /has no config\.json that may be read \(HTTP 404\)/],
    ['hf:../../secret', /names no repository/],
    ['hf:a/b/c/d', /names no repository/],
  ])('says of %s what is wrong', async (name, words) => {
    expect(await failure(from(name))).toMatchObject({
      code: 'model-not-found',
      message: expect.stringMatching(words),
    });
  });
});
