/** Teaching through page, worker and engine: what becomes of examples, heads and networks. */
import { unzipSync, zipSync } from 'fflate';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { meanColour, wideModel } from '../../e2e/models.js';
import { ImageClassifier, type ImageSource, models, TabularModel } from '../index.js';
import { decodePngFiles, pngFile } from '../testing/decoder.js';
import { memoryDisk } from '../testing/directory.js';
import { MemoryIndexedDb, MemoryKeyRange } from '../testing/indexed-db.js';
import { imageData } from '../testing/png.js';
import { keeper, openTab, type Tab } from '../testing/tab.js';
import { linearGolden } from './golden/linear.js';
import {
  checkWatermark,
  type Example,
  fitLinear,
  type HeadUpdate,
  type SharedHead,
  Trainer,
} from './index.js';

vi.setConfig({ testTimeout: 60_000 });

let tab: Tab;
let database: MemoryIndexedDb;
const { labels: _, output, ...described } = meanColour.manifest;
/** A base whose features are the mean red, green and blue of a picture. */
const base = '/learn/model.json';

beforeAll(async () => {
  tab = await openTab();
  decodePngFiles();
  vi.stubGlobal('IDBKeyRange', MemoryKeyRange);
  const manifest = { ...described, task: 'image-embedding', output: { name: output.name } };
  tab.route(base, manifest);
  tab.route('/learn/mean.onnx', new Uint8Array(meanColour.model));
});
beforeEach(() => {
  database = new MemoryIndexedDb();
  vi.stubGlobal('indexedDB', database);
});
const { kept, destroyKept } = keeper();
afterEach(() => {
  destroyKept();
  expect(database.connections.size).toBe(0);
  return tab.expectNothingLeft();
});
afterAll(() => tab.close());

const trainerOf = async (more: object = { base }) =>
  kept(await Trainer.create({ ...tab.places, device: 'wasm', ...more }));

/** A picture of a colour, with noise by its number. */
function coloured(colour: readonly number[], number: number, size = 8): ImageData {
  let state = number * 7919 + 1;
  const noise = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state / 0x7fffffff - 0.5) * 60;
  };
  const shift = [noise(), noise(), noise()];
  const data = new Uint8ClampedArray(size * size * 4);
  for (let at = 0; at < data.length; at++) {
    const channel = at % 4;
    data[at] = channel === 3 ? 255 : (colour[channel] ?? 0) + (shift[channel] ?? 0) + noise();
  }
  return imageData(data, size, size);
}
const warm = [200, 80, 60];
const cold = [60, 80, 200];
const many = (colour: readonly number[], count: number, first = 0) =>
  Array.from({ length: count }, (_, at) => coloured(colour, first + at));

/** A trainer with two classes of three. */
async function twoClasses(): Promise<Trainer> {
  const trainer = await trainerOf();
  await trainer.add('warm', many(warm, 3));
  await trainer.add('cold', many(cold, 3));
  return trainer;
}
const counts = ({ labels }: Trainer) => labels.map(({ label, examples }) => `${label} ${examples}`);

describe('a few pictures', () => {
  it('make a model that answers, says how good it is, and can be carried away', async () => {
    const trainer = await trainerOf();
    expect(trainer.info).toEqual({
      base: 'mean-colour 1.0.0',
      dimensions: 0,
      cut: null,
      device: 'wasm',
    });
    for (const [place, label] of ['red', 'green', 'blue'].entries()) {
      const colour = [60, 60, 60].map((value, at) => (at === place ? 180 : value));
      const { added } = await trainer.add(label, many(colour, 12, place * 20));
      expect(added.map((each) => [each.label, each.image])).toEqual(Array(12).fill([label, null]));
    }
    expect(trainer.info.dimensions).toBe(3);
    const red = coloured([200, 50, 40], 99);
    const [nearest, ...others] = await trainer.preview(red);
    expect([nearest?.label, others.length]).toEqual(['red', 2]);
    const steps: { stage: string; done: number }[] = [];
    const model = await trainer.train({ onProgress: (step) => steps.push(step) });
    expect(steps.map(({ done }) => done)).toEqual(
      steps.map(({ done }) => done).toSorted((a, b) => a - b),
    );
    expect(steps.at(-1)).toEqual({ stage: 'fit', done: 1 });
    expect(model.labels).toEqual(
      ['red', 'green', 'blue'].map((label) => ({ label, examples: 12 })),
    );
    const { evaluation } = model;
    expect(evaluation).toMatchObject({ examples: 36, method: 'cross-validation, 5 folds' });
    expect(evaluation?.accuracy.value).toBeGreaterThan(0.9);
    expect(evaluation?.mistakes.length).toBe(36 - (evaluation?.correct ?? 0));
    expect(model.settings).toMatchObject({ weightDecayChosen: true, converged: true, seed: 1 });
    expect(model.notes).toEqual([]);

    const classifier = kept(await model.classifier({ ...tab.places, device: 'wasm' }));
    const answers = await classifier.classify(red);
    expect(answers[0]?.label).toBe('red');
    expect(answers.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 5);

    const about = { name: 'colours', version: '2.0.0', title: 'Colours <b>', license: 'MIT' };
    const files = await model.files(about);
    expect(Object.keys(files)).toEqual(['model.json', 'colours.onnx', 'labels.txt', 'README.md']);
    const manifest = JSON.parse((await files['model.json']?.text()) ?? '');
    expect(manifest).toMatchObject({ name: 'colours', version: '2.0.0', license: 'MIT' });
    expect(await files['labels.txt']?.text()).toBe('red\ngreen\nblue\n');
    expect(await files['README.md']?.text()).toContain('Colours &lt;b&gt;');
    // Files lose their names on the way to a worker of Node.
    const carried = { manifest, files };
    const options = { ...tab.places, device: 'wasm', model: carried } as const;
    const again = kept(await ImageClassifier.create(options));
    expect(await again.classify(red)).toEqual(answers);
    // A taught model is a base itself, and its features are still those of the base.
    const second = await trainerOf({ base: carried });
    await second.add('red', red);
    expect(second.info).toMatchObject({ base: 'colours 2.0.0', dimensions: 3, cut: null });

    const zip = await model.zip(about);
    expect([zip.name, zip.type]).toEqual(['colours.zip', 'application/zip']);
    const inside = unzipSync(new Uint8Array(await zip.arrayBuffer()));
    for (const [name, file] of Object.entries(files)) {
      expect(Buffer.from(inside[name] ?? []).equals(Buffer.from(await file.arrayBuffer()))).toBe(
        true,
      );
    }
  });

  it('are asked about by a head that has not seen them', async () => {
    const trainer = await trainerOf();
    // What no rule tells apart is guessed: who had seen it would know it.
    const colours = Array.from({ length: 40 }, (_, at) => coloured([128, 128, 128], at));
    await trainer.add(
      'one',
      colours.filter((_, at) => at % 2 === 0),
    );
    await trainer.add(
      'two',
      colours.filter((_, at) => at % 2 === 1),
    );
    const heldOut = await trainer.train({ holdOut: 0.25, weightDecay: 0.001 });
    expect(heldOut.evaluation).toMatchObject({ examples: 10, method: 'held out' });
    expect(heldOut.settings).toMatchObject({ weightDecay: 0.001, weightDecayChosen: false });
    const folded = await trainer.train({ folds: 4, seed: 3 });
    expect(folded.evaluation).toMatchObject({ examples: 40, method: 'cross-validation, 4 folds' });
    expect(folded.evaluation?.accuracy.value).toBeLessThan(0.85);
    expect(folded.settings.seed).toBe(3);
    const ids = folded.evaluation?.mistakes.map(({ example }) => example.id) ?? [];
    expect(new Set(ids).size).toBe(ids.length);
    for (const { example, label } of folded.evaluation?.mistakes ?? []) {
      expect(trainer.examples).toContainEqual(example);
      expect(example.label).toBe(label);
    }
    // Both were asked about the ten.
    expect(folded.compareWith(heldOut).examples).toBe(10);
    const mirrored = [folded.compareWith(heldOut), heldOut.compareWith(folded)];
    expect(mirrored[0]?.onlyFirst).toBe(mirrored[1]?.onlySecond);
    expect(folded.compareWith(folded)).toMatchObject({ onlyFirst: 0, onlySecond: 0, pValue: 1 });
  });

  it('of a class that has few count for as much where it is balanced', async () => {
    const trainer = await trainerOf();
    await trainer.add('often', many([120, 120, 120], 30));
    await trainer.add('seldom', many([130, 120, 120], 4, 50));
    const score = async (balanced: boolean) => {
      const model = await trainer.train({ balanced, weightDecay: 1 });
      expect(model.settings.balanced).toBe(balanced);
      const classifier = kept(await model.classifier({ ...tab.places, device: 'wasm' }));
      const answers = await classifier.classify(coloured([125, 120, 120], 77));
      return answers.find(({ label }) => label === 'seldom')?.score ?? 0;
    };
    expect(await score(false)).toBeLessThan(0.3);
    expect(await score(true)).toBeGreaterThan(0.35);
    expect(trainer.balance()).toBe(26);
    expect(counts(trainer)).toEqual(['often 4', 'seldom 4']);
    const left = trainer.examples.map(({ id }) => id);
    trainer.undo();
    trainer.balance(2);
    expect(trainer.examples.map(({ id }) => id)).not.toEqual(left);
    trainer.undo();
    trainer.balance();
    expect(trainer.examples.map(({ id }) => id)).toEqual(left);
  });

  it('on a base that names no embedding are told apart by what comes before its scores', async () => {
    const wide = { ...meanColour.manifest, files: [{ url: 'wide.onnx', dtype: 'fp32' }] };
    tab.route('/wide/model.json', wide);
    tab.route('/wide/wide.onnx', new Uint8Array(wideModel(8)));
    const trainer = await trainerOf({ base: '/wide/model.json' });
    const { cut } = trainer.info;
    expect(cut).toEqual(expect.any(String));
    await trainer.add('warm', many(warm, 4));
    await trainer.add('cold', many(cold, 4));
    expect(trainer.info.dimensions).toBe(8);
    const model = await trainer.train();
    expect(model.notes).toContain(
      `The base names no embedding: its features were taken from "${cut}".`,
    );
    const classifier = kept(await model.classifier({ ...tab.places, device: 'wasm' }));
    expect((await classifier.classify(coloured(cold, 50)))[0]?.label).toBe('cold');
  });

  it('are a model of the store, whose next version takes over', async () => {
    const trainer = await twoClasses();
    await (await trainer.train()).install({ name: 'temperature', version: '1.0.0' });
    const options = { ...tab.places, model: 'temperature', device: 'wasm' } as const;
    const classifier = kept(await ImageClassifier.create(options));
    const best = async () => (await classifier.classify(coloured(warm, 50)))[0]?.label;
    expect(await best()).toBe('warm');
    trainer.rename('warm', 'hot');
    await (await trainer.train()).install({ name: 'temperature', version: '1.1.0' });
    await classifier.refresh();
    expect([await best(), classifier.info.model.version]).toEqual(['hot', '1.1.0']);
    await models.rollback('temperature', tab.places);
    await classifier.refresh();
    expect([await best(), classifier.info.model.version]).toEqual(['warm', '1.0.0']);
    expect(await models.cached(tab.places)).toContainEqual(
      expect.objectContaining({ name: 'temperature', version: '1.0.0', previousVersion: '1.1.0' }),
    );
  });

  it('of a hidden mark show whose model it is', async () => {
    const trainer = await twoClasses();
    const secrets = Array.from({ length: 8 }, (_, at) => ({
      image: coloured(at % 2 ? warm : cold, 70 + at) as ImageSource,
      label: at % 2 ? 'warm' : 'cold',
    }));
    const model = await trainer.train();
    const classifier = kept(await model.classifier({ ...tab.places, device: 'wasm' }));
    expect(await checkWatermark(classifier, secrets)).toEqual({
      pictures: 8,
      matches: 8,
      falseAlarmRate: expect.closeTo(1 / 2 ** 8, 12),
    });
  });
});

describe('examples', () => {
  it('are taken back, renamed, balanced, kept and found again', async () => {
    const trainer = await trainerOf();
    for (const [label, colour] of [
      ['warm', warm],
      ['cold', cold],
    ] as const) {
      await trainer.add(
        label,
        many(colour, 3).map((each, at) => pngFile(each, `${at}.png`)),
      );
    }
    trainer.rename('warm', '<b>hot</b>');
    trainer.rename('cold', '<b>hot</b>');
    expect(counts(trainer)).toEqual(['<b>hot</b> 6']);
    expect(trainer.undo()).toBe(true);
    await trainer.add('cold', coloured([50, 60, 190], 9));
    expect(counts(trainer)).toEqual(['<b>hot</b> 3', 'cold 4']);
    const first = trainer.examples[0] as Example;
    expect(first.name).toBe('0.png');
    expect(trainer.remove(trainer.examples.slice(0, 1))).toBe(1);
    trainer.undo();
    expect(trainer.examples[0]).toEqual(first);

    await trainer.save('weather');
    await trainer.save('weather', { pictures: false });
    await trainer.save('other');
    const since = Date.now();
    await vi.waitUntil(() => Date.now() > since, { interval: 1 });
    await trainer.save('weather');
    // Of what was there before nothing is left.
    expect(database.keys('tabserve-learn', 'pieces')).toHaveLength(2);
    expect(await Trainer.saved(tab.places)).toMatchObject([
      { name: 'weather', examples: 7, labels: ['<b>hot</b>', 'cold'] },
      { name: 'other', examples: 7 },
    ]);
    const model = await trainer.train({ weightDecay: 0.01 });
    const query = coloured([190, 90, 70], 77);
    const scores = async (by: typeof model) =>
      kept(await by.classifier({ ...tab.places, device: 'wasm' })).classify(query);

    const found = kept(await Trainer.load('weather', { ...tab.places, device: 'wasm', base }));
    expect(counts(found)).toEqual(counts(trainer));
    expect(found.examples.map(({ id, name }) => [id, name])).toEqual(
      trainer.examples.map(({ id, name }) => [id, name]),
    );
    expect(found.undo()).toBe(false);
    const pictures = found.examples.map(({ image }) => image);
    expect(pictures.map((image) => image instanceof Blob)).toEqual([...Array(6).fill(true), false]);
    expect(await (pictures[0] as Blob).arrayBuffer()).toEqual(
      await (first.image as Blob).arrayBuffer(),
    );
    expect(await scores(await found.train({ weightDecay: 0.01 }))).toEqual(await scores(model));
    // New examples get numbers of their own.
    await found.add('cold', coloured([50, 60, 190], 10));
    expect(new Set(found.examples.map(({ id }) => id)).size).toBe(8);

    expect(await Trainer.delete('weather', tab.places)).toBe(true);
    expect(await Trainer.delete('weather', tab.places)).toBe(false);
    expect(await Trainer.saved(tab.places)).toMatchObject([{ name: 'other' }]);
    expect(database.keys('tabserve-learn', 'pieces')).toHaveLength(1);
  });

  it('are kept in pieces, and the pictures stay away where they are not wanted', async () => {
    const trainer = await trainerOf();
    const features = Float32Array.from({ length: 300 * 2 }, (_, at) => at);
    const labels = Array.from({ length: 300 }, (_, at) => (at % 3 ? 'a' : 'b'));
    await trainer.addFeatures(labels, features);
    await trainer.save('many', { pictures: false });
    expect(database.keys('tabserve-learn', 'pieces')).toHaveLength(2);
    // What a save that died has left goes with the next.
    database.room = 1;
    await expect(trainer.save('many')).rejects.toMatchObject({
      code: 'out-of-memory',
      message: expect.stringContaining('"many"'),
    });
    database.room = Infinity;
    expect(database.keys('tabserve-learn', 'pieces')).toHaveLength(3);
    const options = { ...tab.places, device: 'wasm', base } as const;
    expect(counts(kept(await Trainer.load('many', options)))).toEqual(counts(trainer));
    await trainer.save('many');
    expect(database.keys('tabserve-learn', 'pieces')).toHaveLength(2);
    const found = kept(await Trainer.load('many', options));
    expect(counts(found)).toEqual(['b 100', 'a 200']);
    const nearest = async (by: Trainer) => (await by.train({ weightDecay: 0.1 })).settings;
    expect(await nearest(found)).toEqual(await nearest(trainer));
    await expect(Trainer.load('none', options)).rejects.toMatchObject({ code: 'model-not-found' });
    const pixels = { ...options, base: { pixels: { width: 8, height: 8 } } };
    await expect(Trainer.load('many', pixels)).rejects.toMatchObject({
      code: 'invalid-argument',
      details: { base: 'mean-colour 1.0.0' },
    });
    database.lose('tabserve-learn', 'pieces', (key) => Array.isArray(key) && key[2] === 1);
    await expect(Trainer.load('many', options)).rejects.toMatchObject({ code: 'integrity' });
    database.isDenied = true;
    await expect(Trainer.saved(tab.places)).rejects.toMatchObject({ code: 'unsupported' });
  });

  it('come from the folders of a zip, and what cannot be read is listed', async () => {
    const trainer = await trainerOf();
    const bytes = async (colour: readonly number[], number: number) =>
      new Uint8Array(await pngFile(coloured(colour, number)).arrayBuffer());
    const zip = zipSync({
      'set/blue/1.png': await bytes(cold, 1),
      'set/blue/2.png': await bytes(cold, 2),
      'set/<i>red/1.png': await bytes(warm, 3),
      'set/blue/broken.png': new TextEncoder().encode('no picture'),
      'set/blue/.DS_Store': Uint8Array.of(1),
      '__MACOSX/set/blue/1.png': Uint8Array.of(1),
      'alone.png': await bytes(warm, 4),
    });
    const done: number[] = [];
    const onProgress = (count: number) => done.push(count);
    const { added, failed } = await trainer.addFolders(new Blob([zip]), { onProgress });
    expect(added.map(({ label, name }) => `${label}: ${name}`)).toEqual([
      'blue: set/blue/1.png',
      'blue: set/blue/2.png',
      '<i>red: set/<i>red/1.png',
    ]);
    expect(failed).toMatchObject([
      { name: 'set/blue/broken.png', error: { code: 'image-undecodable' } },
      { name: 'alone.png', error: { code: 'invalid-argument' } },
    ]);
    expect(done).toEqual([1, 2, 3, 4, 5]);
    trainer.undo();
    expect(trainer.examples).toEqual([]);
    await expect(trainer.addFolders(new Blob(['PK no zip']))).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  it('come from a folder and the folders in it, and from files with paths', async () => {
    const trainer = await trainerOf();
    const file = async (number: number) =>
      new Uint8Array(await pngFile(coloured(warm, number)).arrayBuffer());
    const { root } = memoryDisk();
    root.put('set/cup/1.png', await file(1));
    root.put('set/cup/.hidden', 'x');
    root.put('set/plate/deep/2.png', await file(2));
    root.put('set/plate/Thumbs.db', 'x');
    const folder = (await root.getDirectoryHandle('set')) as unknown as FileSystemDirectoryHandle;
    const { added } = await trainer.addFolders(folder);
    expect(added.map(({ label, name }) => `${label}: ${name}`)).toEqual([
      'cup: set/cup/1.png',
      'deep: set/plate/deep/2.png',
    ]);
    const files = [
      pngFile(coloured(cold, 3), 'bowl/3.png'),
      pngFile(coloured(cold, 3), 'bowl/.3.png'),
      pngFile(coloured(cold, 4), '4.png'),
    ];
    Object.defineProperty(files[2], 'webkitRelativePath', { value: 'all/jug/4.png' });
    const { added: more, failed } = await trainer.addFolders(files);
    expect(more.map(({ label, name }) => `${label}: ${name}`)).toEqual([
      'bowl: bowl/3.png',
      'jug: all/jug/4.png',
    ]);
    expect(failed).toEqual([]);
  });

  it('are taken in as they come, and not held', async () => {
    const trainer = await trainerOf();
    let [ahead, handed, done] = [0, 0, 0];
    async function* pictures() {
      for (; handed < 200; ) {
        handed += 1;
        ahead = Math.max(ahead, handed - done);
        yield coloured(handed % 2 ? warm : cold, handed);
      }
    }
    const onProgress = (count: number) => {
      done = count;
    };
    const { added } = await trainer.add('any', pictures(), { onProgress });
    expect([added.length, done, ahead]).toEqual([200, 200, 48]);
    expect(new Set(added.map(({ id }) => id)).size).toBe(200);
  });

  it('are frames of a video, each closed when it was looked at', async () => {
    const trainer = await trainerOf();
    const open = new Set<object>();
    const frames: ImageData[] = [];
    vi.stubGlobal('createImageBitmap', async (video: object) => {
      expect(video).toBe(element);
      const frame = Object.assign(coloured(warm, frames.length), {
        close: () => open.delete(frame),
      });
      frames.push(frame);
      open.add(frame);
      // Is sent as pixels.
      return frame;
    });
    const element = {} as HTMLVideoElement;
    const { added } = await trainer.add('warm', element, { frames: 3, interval: 1 });
    expect([added.length, frames.length, open.size]).toEqual([3, 3, 0]);
    const stop = new AbortController();
    const onProgress = () => stop.abort('enough');
    const options = { frames: 1000, interval: 0, signal: stop.signal, onProgress };
    await expect(trainer.add('warm', element, options)).rejects.toBe('enough');
    expect([trainer.examples.length, open.size]).toEqual([3, 0]);
    decodePngFiles();
  });

  it('are added all or none where the signal aborts or the model fails', async () => {
    const trainer = await twoClasses();
    const asked = trainer.examples;
    for (const at of [1, 60]) {
      const stop = new AbortController();
      const onProgress = (done: number) => done === at && stop.abort('enough');
      const adding = trainer.add('warm', many(warm, 100), { signal: stop.signal, onProgress });
      await expect(adding).rejects.toBe('enough');
      expect(trainer.examples).toBe(asked);
    }
    expect((await trainer.train({ weightDecay: 0.1 })).labels).toHaveLength(2);
    async function* pictures() {
      yield* many(warm, 50);
      trainer.destroy();
      yield* many(warm, 50);
    }
    await expect(trainer.add('warm', pictures())).rejects.toMatchObject({ code: 'destroyed' });
    expect(trainer.examples).toBe(asked);
  });

  it('may be features of another page, as long as the base’s', async () => {
    const trainer = await trainerOf();
    const rows = Float32Array.of(0.9, 0.1, 0.1, 0.1, 0.1, 0.9);
    expect(await trainer.addFeatures(['warm', 'cold'], rows)).toMatchObject([
      { label: 'warm', name: '', image: null },
      { label: 'cold' },
    ]);
    expect((await trainer.preview(coloured(cold, 1)))[0]).toMatchObject({ label: 'cold' });
    for (const [labels, features] of [
      [['warm'], Float32Array.of(1, 2)],
      [['warm', 'cold'], Float32Array.of(1, 2, 3)],
      [['warm'], Uint8Array.of(1, 2, 3)],
      [['warm'], Float32Array.of(1, 2, Number.NaN)],
      [['warm'], Float32Array.of(1, Number.NEGATIVE_INFINITY, 2)],
      [['warm\n'.repeat(2)], Float32Array.of(1, 2, 3)],
    ] as const) {
      await expect(trainer.addFeatures(labels, features)).rejects.toMatchObject({
        code: 'invalid-argument',
      });
    }
    expect(trainer.examples).toHaveLength(2);
  });
});

it('what cannot be taught is refused, and the trainer goes on', async () => {
  const trainer = await trainerOf();
  const picture = coloured(warm, 1);
  const refused = async (task: Promise<unknown>, code = 'invalid-argument', words = /./) =>
    expect(task).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
  await refused(trainer.train(), undefined, /there are none/);
  await refused(trainer.preview(picture), undefined, /no examples/);
  for (const label of [' ', 'a\nb', 7 as never]) await refused(trainer.add(label, picture));
  await refused(trainer.add('a', new Blob(['x'])), 'image-undecodable');
  const { failed } = await trainer.add('a', [picture, new Blob(['x'])]);
  expect(failed).toMatchObject([{ name: '', error: { code: 'image-undecodable' } }]);
  await refused(trainer.train(), undefined, /there is one, "a"/);
  await trainer.add('b', coloured(cold, 2));
  // One example each: nothing can be held out.
  const model = await trainer.train();
  expect(model.evaluation).toBeNull();
  expect(model.temperature).toBe(1);
  expect(model.notes).toEqual([
    'Nothing was measured, and the weight decay is the usual one: "a", "b" have one example, which cannot be both learnt and asked about.',
  ]);
  await trainer.add('b', coloured(cold, 3));
  expect((await trainer.train({ weightDecay: 1 })).notes).toEqual([
    'Nothing was measured: "a" has one example, which cannot be both learnt and asked about.',
  ]);
  expect(() => model.compareWith(model)).toThrow(
    expect.objectContaining({ code: 'invalid-argument' }),
  );
  for (const options of [
    { folds: 1 },
    { folds: 21 },
    { folds: 2.5 },
    { weightDecay: -1 },
    { weightDecay: 0 },
    { weightDecay: Infinity },
    { holdOut: 0.95 },
    { holdOut: -0.1 },
    { seed: -1 },
    { seed: 2 ** 32 },
  ]) {
    const [option = ''] = Object.keys(options);
    await refused(trainer.train(options), undefined, new RegExp(`"${option}"`));
  }
  for (const about of [
    { name: '../x' },
    { name: 'x'.repeat(97) },
    { version: '1.0' },
    { description: 'x'.repeat(10_001) },
    { title: 7 as never },
  ]) {
    const [option = ''] = Object.keys(about);
    await refused(model.files(about), undefined, new RegExp(`The ${option} of the model`));
  }
  await refused(model.install({ name: 'photos' }), undefined, /embedded/);
  expect(() => trainer.rename('c', 'd')).toThrow(/no class/i);
  await expect(trainer.train({ signal: AbortSignal.abort('no') })).rejects.toBe('no');
  expect((await trainer.train()).labels).toHaveLength(2);
  trainer.destroy();
  await refused(trainer.train(), 'destroyed');
});

it('a base that cannot bear a head is refused, and nothing of it is left', async () => {
  const text = { ...meanColour.manifest, output: { name: 'mean', activation: 'none' } };
  tab.route('/none/model.json', text);
  tab.route('/none/mean.onnx', new Uint8Array(meanColour.model));
  for (const [options, code, words] of [
    // A graph without a product of features and weights.
    [{ base: '/none/model.json' }, 'unsupported', /output\.embedding/],
    [{ base: '/nowhere/model.json' }, 'model-not-found', /./],
    [{ base, signedBy: ['x'] }, 'unsupported', /"signedBy"/],
    [{ base, decryptionKey: 'x' }, 'unsupported', /"decryptionKey"/],
    [{ base: { pixels: { width: 1, height: 9 } } }, 'invalid-argument', /4 to 128/],
    [{ base: { pixels: { width: 8, height: 129 } } }, 'invalid-argument', /4 to 128/],
    [{ base: { pixels: { width: 8, height: 8, channels: 2 } } }, 'invalid-argument', /1 or 3/],
  ] as const) {
    await expect(trainerOf(options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(words),
    });
    await tab.expectNothingLeft();
  }
  await expect(trainerOf({ base, signal: AbortSignal.abort('no') })).rejects.toBe('no');
});

it('a trainer whose worker dies says so, and does not wait', async () => {
  const trainer = await twoClasses();
  const model = await trainer.train();
  for (const worker of tab.stage.alive) {
    worker.dispatchEvent(Object.assign(new Event('error', { cancelable: true }), { message: 'x' }));
  }
  const training = expect(trainer.train()).rejects.toMatchObject({ code: 'worker-crashed' });
  await training;
  await expect(model.files()).rejects.toMatchObject({ code: 'worker-crashed' });
});

describe('pages that learn together', () => {
  it('come to the head that one with all examples comes to', async () => {
    const trainer = await trainerOf();
    expect(() => trainer.sharedHead(['warm', 'cold'])).toThrow(/no examples/);
    await trainer.add('warm', many(warm, 8));
    await trainer.add('cold', many(cold, 8));
    let head = trainer.sharedHead(['cold', 'warm']);
    expect(head).toEqual({
      base: 'mean-colour 1.0.0',
      labels: ['cold', 'warm'],
      dimensions: 3,
      round: 0,
      parameters: new Float32Array(8),
    });
    // Each page has examples of both, or of one only.
    const pages = [0, 1, 2, 3].map((page) =>
      trainer.examples.filter((_, at) => (page < 2 ? at % 4 === page : at % 4 > 1)),
    );
    for (let round = 0; round < 3; round++) {
      const updates: HeadUpdate[] = [];
      for (const examples of pages) updates.push(await trainer.exportUpdate(head, { examples }));
      expect(updates.map(({ weight, privacy }) => [weight, privacy])).toEqual([
        [4, null],
        [4, null],
        [8, null],
        [8, null],
      ]);
      const before = head;
      head = await trainer.applyAverage(head, updates);
      const mean = before.parameters.map(
        (value, at) =>
          value +
          updates.reduce((sum, { weight, change }) => sum + (change[at] ?? 0) * weight, 0) / 24,
      );
      for (const [at, value] of head.parameters.entries()) {
        expect(value).toBeCloseTo(mean[at] ?? Number.NaN, 5);
      }
    }
    expect(head.round).toBe(3);
    const model = trainer.modelOf(head);
    expect(model).toMatchObject({
      labels: [
        { label: 'cold', examples: 8 },
        { label: 'warm', examples: 8 },
      ],
      evaluation: null,
      settings: { round: 3 },
    });
    const classifier = kept(await model.classifier({ ...tab.places, device: 'wasm' }));
    for (const [label, colour] of [
      ['warm', warm],
      ['cold', cold],
    ] as const) {
      expect((await classifier.classify(coloured(colour, 50)))[0]?.label).toBe(label);
    }
  });

  it('hide what they learnt from in noise, and say what that promises', async () => {
    const trainer = await twoClasses();
    const head = trainer.sharedHead(['warm', 'cold']);
    const clipped = await trainer.exportUpdate(head, { clip: 0.01 });
    expect(Math.hypot(...clipped.change)).toBeCloseTo(0.01, 5);
    expect(clipped).toMatchObject({ weight: 6, privacy: null });
    const noisy = { clip: 0.01, noiseMultiplier: 4 };
    const one = await trainer.exportUpdate(head, noisy);
    const other = await trainer.exportUpdate({ ...head, round: 9 }, { ...noisy, delta: 1e-3 });
    expect([one.weight, one.change[0] !== other.change[0]]).toEqual([1, true]);
    expect(one.privacy).toMatchObject({ delta: 1e-5 });
    expect(other.privacy).toMatchObject({ delta: 1e-3 });
    // Ten rounds tell more than one.
    const again = await trainer.exportUpdate({ ...head, round: 9 }, noisy);
    expect(again.privacy?.epsilon).toBeGreaterThan(2 * (one.privacy?.epsilon ?? Infinity));
  });

  it('refuse the heads and updates of others', async () => {
    const trainer = await twoClasses();
    const head = trainer.sharedHead(['warm', 'cold']);
    const update = await trainer.exportUpdate(head);
    const change = update.change.slice();
    change[0] = Number.NaN;
    for (const changed of [
      { labels: ['cold', 'warm'] },
      { round: 3 },
      { base: 'other 1.0.0' },
      { dimensions: 4 },
      { change: change.subarray(1) },
      { change },
      { change: [...update.change] as never },
      { weight: -1 },
      { weight: 0 },
      { weight: Infinity },
      { weight: 1e308 },
    ]) {
      await expect(
        trainer.applyAverage(head, [update, { ...update, ...changed }]),
        Object.keys(changed).join(),
      ).rejects.toMatchObject({ code: 'invalid-argument', details: { update: 1 } });
    }
    await expect(trainer.applyAverage(head, [])).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    const large = update.change.slice().fill(3e38);
    const high = { ...head, parameters: large };
    await expect(trainer.applyAverage(high, [{ ...update, change: large }])).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    const nan = head.parameters.slice().fill(Number.NaN);
    for (const changed of [
      { dimensions: 4 },
      { base: 'other 1.0.0' },
      { round: -1 },
      { round: 0.5 },
      { parameters: nan },
      { parameters: head.parameters.subarray(1) },
      { labels: ['warm', 'cold', 'mild'] },
    ] as Partial<SharedHead>[]) {
      const other = { ...head, ...changed };
      expect(() => trainer.modelOf(other), Object.keys(changed).join()).toThrow(
        expect.objectContaining({ code: 'invalid-argument' }),
      );
      await expect(trainer.exportUpdate(other)).rejects.toMatchObject({ code: 'invalid-argument' });
    }
    for (const options of [
      { noiseMultiplier: 1 },
      { noiseMultiplier: -1, clip: 1 },
      { clip: 0 },
      { learningRate: 0 },
      { learningRate: 1e300 },
      { epochs: 0 },
      { batchSize: 4097 },
      { seed: 0.5 },
      { examples: [] },
    ]) {
      await expect(
        trainer.exportUpdate(head, options),
        JSON.stringify(options),
      ).rejects.toMatchObject({ code: 'invalid-argument' });
    }
    const strange = trainer.sharedHead(['warm', 'hot']);
    await expect(trainer.exportUpdate(strange)).rejects.toThrow('no class "cold"');
    for (const labels of [['warm', 'warm'], ['warm'], ['warm', ' ']]) {
      expect(() => trainer.sharedHead(labels)).toThrow(
        expect.objectContaining({ code: 'invalid-argument' }),
      );
    }
  });
});

describe('a network', () => {
  const pixels = { base: { pixels: { width: 8, height: 8, channels: 1 } } } as const;

  /** A light square at the left or at the right of 8 × 8 pixels. */
  async function sides(count: number): Promise<Trainer> {
    const trainer = await trainerOf(pixels);
    const bytes = new Uint8Array(count * 64);
    for (let i = 0; i < count; i++) {
      const [x, y] = [i % 2 ? 5 : 1, 1 + ((i * 3) % 5)];
      for (const place of [0, 1, 8, 9]) bytes[i * 64 + y * 8 + x + place] = 150 + i;
    }
    const labels = Array.from({ length: count }, (_, i) => (i % 2 ? 'right' : 'left'));
    await trainer.addFeatures(labels, bytes);
    return trainer;
  }
  const layers = [{ type: 'dense', units: 8 }, { type: 'relu' }] as const;

  it('learns from nothing, and is a model like any other', async () => {
    const trainer = await sides(80);
    expect(trainer.info).toMatchObject({ base: 'pixels 8×8×1', dimensions: 64 });
    let seen = 0;
    const model = await trainer.trainNetwork({
      layers: [{ type: 'conv', filters: 4 }, { type: 'relu' }, { type: 'pool' }],
      epochs: 12,
      batchSize: 16,
      learningRate: 0.02,
      validation: 0.2,
      onProgress: ({ epochs = [] }) => {
        seen = Math.max(seen, epochs.length);
      },
    });
    expect(model.epochs).toHaveLength(12);
    expect(seen).toBeGreaterThan(0);
    expect(model.evaluation).toMatchObject({ examples: 16, method: 'held out' });
    expect(model.evaluation?.accuracy.value).toBeGreaterThan(0.9);
    expect(model.settings).toMatchObject({ epochsMade: 12, patience: 'none', batchSize: 16 });
    const head = await trainer.train();
    expect(head.compareWith(model).examples).toBe(16);
    const classifier = kept(await model.classifier({ ...tab.places, device: 'wasm' }));
    const picture = new Uint8ClampedArray(64 * 64 * 4).fill(255);
    for (let at = 0; at < picture.length; at += 4) {
      const [x, y] = [(at / 4) % 64, Math.floor(at / 4 / 64)];
      const isLight = x >= 40 && x < 56 && y >= 24 && y < 40;
      picture.fill(isLight ? 255 : 0, at, at + 3);
    }
    const [best] = await classifier.classify(imageData(picture, 64, 64));
    expect(best?.label).toBe('right');
    const card = await (await model.files())['README.md']?.text();
    expect(card).toContain('trained from nothing on pixels of 8 × 8');
  });

  it('of which nothing was held out says that nothing was measured', async () => {
    const trainer = await sides(8);
    const model = await trainer.trainNetwork({ layers, epochs: 1, validation: 0 });
    expect(model).toMatchObject({ evaluation: null, temperature: 1 });
    expect(model.notes).toEqual(['Nothing was held out: nothing was measured.']);
  });

  it('goes on where it was aborted, and leaves nothing when it has ended', async () => {
    const train = async (leaveAfter: number) => {
      const trainer = await sides(40);
      const controller = new AbortController();
      let fewest = Infinity;
      const outcome = await trainer
        .trainNetwork({
          layers,
          epochs: 60,
          batchSize: 8,
          validation: 0,
          keepAs: 'sides',
          signal: controller.signal,
          onProgress: ({ epochs = [] }) => {
            if (epochs.length === 0) return;
            fewest = Math.min(fewest, epochs.length);
            if (epochs.length >= leaveAfter) controller.abort('left');
          },
        })
        .then(
          ({ epochs }) => epochs.length,
          (error: unknown) => error,
        );
      trainer.destroy();
      return { outcome, fewest };
    };
    expect((await train(3)).outcome).toBe('left');
    expect(database.keys('tabserve-learn', 'runs')).toEqual(['sides']);
    const resumed = await train(Infinity);
    expect(resumed.outcome).toBe(60);
    expect(resumed.fewest).toBeGreaterThanOrEqual(2);
    expect(database.keys('tabserve-learn', 'runs')).toEqual([]);
  });

  it('is not trained on the features of a base, nor with options that are none', async () => {
    const head = await twoClasses();
    await expect(head.trainNetwork()).rejects.toThrow(/trained on pixels/);
    const trainer = await sides(8);
    for (const options of [
      { epochs: 0 },
      { batchSize: 4097 },
      { learningRate: 0 },
      { optimizer: 'newton' },
      { loss: 'hinge' },
      { validation: 1 },
      { patience: 0 },
      { seed: -1 },
      { keepAs: '' },
      { keepAs: 'x'.repeat(201) },
      { layers: [{ type: 'conv', filters: 2, size: 9 }] },
    ] as object[]) {
      await expect(
        trainer.trainNetwork(options),
        JSON.stringify(options).slice(0, 80),
      ).rejects.toMatchObject({ code: 'invalid-argument' });
    }
    await expect(trainer.addFeatures(['left'], new Float32Array(64))).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    const { added } = await trainer.add('left', coloured([90, 90, 90], 1));
    expect(added).toHaveLength(1);
  });
});

describe('a linear model', () => {
  it.each(linearGolden)(
    'has scikit-learn’s coefficients and answers: $kind, $name',
    async (each) => {
      const { kind, C, columns, rows, targets } = each;
      const table = targets.map((_, at) => rows.slice(at * columns, (at + 1) * columns));
      const { workerUrl, wasmUrl, modelsUrl, cdn } = tab.places;
      const fit = await fitLinear(table, targets, {
        workerUrl,
        wasmUrl,
        modelsUrl,
        cdn,
        model: kind,
        ...(C !== null && { C }),
      });
      expect([fit.kind, fit.inputs]).toEqual([
        kind,
        [...Array(columns).keys()].map((x) => `x${x}`),
      ]);
      expect(fit.intercepts).toHaveLength(each.intercepts.length);
      for (const [k, expected] of each.coefficients.entries()) {
        const most = 1e-3 * Math.max(1, ...expected.map(Math.abs));
        for (const [j, value] of expected.entries()) {
          expect(Math.abs((fit.coefficients[k]?.[j] ?? Number.NaN) - value)).toBeLessThan(most);
        }
      }
      const model = kept(await fit.create(tab.places));
      for (const [row, answer] of (await model.predict(table)).entries()) {
        const value = each.values[row] ?? Number.NaN;
        if ('value' in answer) {
          expect(Math.abs(answer.value - value) / Math.max(1, Math.abs(value))).toBeLessThan(1e-4);
        } else expect(answer.label).toBe(String(value));
      }
    },
  );

  it('of a table with words is a model of the store, and a zip', async () => {
    // More than travel at a time.
    const rows = Array.from({ length: 2100 }, (_, i) => ({
      city: ['Rome', '<b>Bern</b>', 'Oslo'][i % 3] ?? '',
      rooms: 1 + (i % 5),
      isNew: i % 2 === 0,
    }));
    const prices = rows.map(
      ({ city, rooms, isNew }) => (city === 'Oslo' ? 30 : 10) + 5 * rooms + (isNew ? 2 : 0),
    );
    const fit = await fitLinear(rows, prices, { ...tab.places, model: 'linear-regression' });
    expect(fit.inputs).toEqual(['city=<b>Bern</b>', 'city=Oslo', 'city=Rome', 'rooms', 'isNew']);
    await fit.install({ name: 'prices', version: '1.2.0', title: 'Prices | <i>' });
    const model = kept(await TabularModel.create({ ...tab.places, model: 'prices' }));
    expect(model.info.model.version).toBe('1.2.0');
    const price = await model.predict({ city: 'Oslo', rooms: 3, isNew: true });
    expect('value' in price && price.value).toBeCloseTo(47, 3);
    const zip = await fit.zip({ name: 'prices', title: 'Prices | <i>', description: 'Of *flats*' });
    const files = unzipSync(new Uint8Array(await zip.arrayBuffer()));
    expect(Object.keys(files).sort()).toEqual(['README.md', 'model.json', 'prices.onnx']);
    const card = new TextDecoder().decode(files['README.md']);
    expect(card).toContain('# Prices \\| &lt;i&gt;');
    expect(card).toContain('city=&lt;b&gt;Bern&lt;/b&gt;');
    expect(card).toContain('fitted on 2100 rows');
    await expect(fit.install({ name: 'photos' })).rejects.toThrow(/embedded/);
  });

  it('has classes in scikit-learn’s order: numbers by size, then texts', async () => {
    // The last two the other way round by the halves that JavaScript has them in.
    const targets = ['b', 10, '😀', 2, '\ufb01', 10, '😀', 2];
    const rows = targets.map((_, at) => [at % 4, (at % 4) ** 2]);
    const fit = await fitLinear(rows, targets, { ...tab.places, model: 'logistic-regression' });
    expect(fit.labels).toEqual(['2', '10', 'b', '\ufb01', '😀']);
    const files = await fit.files();
    expect(await files['labels.txt']?.text()).toBe('2\n10\nb\n\ufb01\n😀\n');
    expect(JSON.parse((await files['model.json']?.text()) ?? '')).toMatchObject({
      labels: ['2', '10', 'b', '\ufb01', '😀'],
      metrics: { teaching: { model: 'logistic-regression', C: 1, rows: 8 } },
    });
  });

  it.each<[string, unknown[], unknown[], object]>([
    ['no rows', [], [], {}],
    ['more targets than rows', [[1]], [1, 2], {}],
    ['a text for a value', [[1]], ['a'], {}],
    ['an infinite value', [[1]], [Infinity], {}],
    ['one class', [[1], [2]], ['a', 'a'], { model: 'linear-svm' }],
    ['a class that is null', [[1], [2]], ['a', null], { model: 'linear-svm' }],
    ['a gap', [[1], [null]], ['a', 'b'], { model: 'linear-svm' }],
    ['an infinite number', [[1], [Infinity]], ['a', 'b'], { model: 'linear-svm' }],
    ['a number beyond float32', [[1], [1e39]], ['a', 'b'], { model: 'linear-svm' }],
    ['values beyond float32', [[1], [2]], [1e300, 2e300], {}],
    ['values whose sum is none', [[1], [2], [3]], [1.7e308, 1.7e308, -1.7e308], {}],
    ['a class of two lines', [[1], [2]], ['a\nb', 'c'], { model: 'linear-svm' }],
    ['a class without a name', [[1], [2]], ['', 'c'], { model: 'linear-svm' }],
    ['no cost', [[1], [2]], ['a', 'b'], { model: 'linear-svm', C: 0 }],
    ['another kind', [[1]], [1], { model: 'ridge' }],
    ['rows that are none', [1], [1], {}],
    ['no columns', [[1]], [1], { columns: [] }],
    ['a column that is none', [[1]], [1], { columns: [{ name: 'x', kind: 'text' }] }],
    [
      'a category of none',
      [[1]],
      [1],
      { columns: [{ name: 'x', kind: 'category', categories: [] }] },
    ],
    [
      'more categories than there may be',
      Array.from({ length: 1001 }, (_, i) => ({ id: `${i}` })),
      Array(1001).fill(1),
      {},
    ],
  ])('is not fitted on %s', async (_name, rows, targets, options) => {
    const complete = { ...tab.places, model: 'linear-regression', ...options } as never;
    await expect(fitLinear(rows as never, targets as never, complete)).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  it('is not fitted where the signal aborts', async () => {
    const options = { ...tab.places, model: 'linear-regression', signal: AbortSignal.abort('no') };
    await expect(fitLinear([[1]], [1], options as never)).rejects.toBe('no');
  });
});
