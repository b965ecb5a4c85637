/** Teaching a model in the page, and what becomes of it. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { unzipSync, zipSync } from 'fflate';
import type * as explaining from '../src/explain/index.js';
import { linearGolden } from '../src/learn/golden/linear.js';
import { temporaryFolder } from '../src/testing/folder.js';
import { expect, test } from './fixtures.js';
import { hasNative, nativeOutput, serveBase, withLearning } from './learn.js';
import { meanColour, serveModel } from './models.js';

const cli = join(import.meta.dirname, '../dist/cli.js');

test('a few pictures make a model that answers, says how good it is, and can be carried away', async ({
  open,
  server,
}) => {
  const page = await withLearning(await open());
  const taught = await page.evaluate(async (base) => {
    const { Trainer } = window.learn;
    const trainer = await Trainer.create({ base, device: 'wasm' });
    const colours = { red: [180, 60, 60], green: [60, 170, 60], blue: [60, 60, 190] } as const;
    let number = 0;
    for (const [label, colour] of Object.entries(colours)) {
      const files = [];
      for (let i = 0; i < 12; i++) files.push(await window.coloured([...colour], number++));
      await trainer.add(label, files);
    }
    const red = await window.coloured([200, 50, 40], 99);
    const preview = await trainer.preview(red);
    const done: number[] = [];
    const model = await trainer.train({ onProgress: (progress) => done.push(progress.done) });
    const classifier = await model.classifier({ device: 'wasm' });
    const answers = await classifier.classify(red);
    const files = await model.files({ name: 'colours', title: 'Colours <b>', license: 'MIT' });
    const again = await window.tabserve.ImageClassifier.create({
      model: Object.values(files),
      device: 'wasm',
    });
    const answersAgain = await again.classify(red);
    // A taught model is a base itself.
    const second = await Trainer.create({ base: Object.values(files), device: 'wasm' });
    await second.add('red', red);
    const dimensions = second.info.dimensions;
    const zip = await model.zip({ name: 'colours', title: 'Colours <b>', license: 'MIT' });
    const bytes = new Uint8Array(await zip.arrayBuffer());
    const result = {
      labels: trainer.labels,
      preview: preview[0]?.label,
      done,
      evaluation: model.evaluation,
      settings: model.settings,
      answers,
      answersAgain,
      dimensions,
      cut: [trainer.info.cut, second.info.cut],
      zip: [zip.name, btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))],
    };
    for (const each of [classifier, again, trainer, second]) each.destroy();
    return result;
  }, serveBase(server));
  expect(taught.labels).toEqual([
    { label: 'red', examples: 12 },
    { label: 'green', examples: 12 },
    { label: 'blue', examples: 12 },
  ]);
  expect(taught.preview).toBe('red');
  expect(taught.done).toEqual(taught.done.toSorted((a, b) => a - b));
  expect(taught.done.at(-1)).toBe(1);
  const { evaluation } = taught;
  expect(evaluation?.examples).toBe(36);
  expect(evaluation?.method).toBe('cross-validation, 5 folds');
  expect(evaluation?.accuracy.value).toBeGreaterThan(0.9);
  expect(evaluation?.mistakes.length).toBe(36 - (evaluation?.correct ?? 0));
  expect(taught.settings).toMatchObject({ weightDecayChosen: true, converged: true });
  expect(taught.answers[0]?.label).toBe('red');
  expect(taught.answers.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 5);
  expect(taught.answersAgain).toEqual(taught.answers);
  expect(taught.dimensions).toBe(3);
  expect(taught.cut).toEqual([null, null]);

  const [zipName = '', zip = ''] = taught.zip;
  expect(zipName).toBe('colours.zip');
  const folder = temporaryFolder();
  const path = join(folder, zipName);
  writeFileSync(path, Buffer.from(zip, 'base64'));
  const said = execFileSync(process.execPath, [cli, 'check', path], { encoding: 'utf8' });
  expect(said).toContain('colours 1.0.0: 3 classes, all well.');
});

test.describe('natively', () => {
  test.skip(!hasNative(), 'needs Python with onnx and onnxruntime');

  test('a table with words has the same values', async ({ open }) => {
    const page = await withLearning(await open());
    const bytes = await page.evaluate(async () => {
      const rows = Array.from({ length: 300 }, (_, i) => ({
        city: ['Rome', 'Bern', 'Oslo'][i % 3] as string,
        rooms: 1 + (i % 5),
        isNew: i % 2 === 0,
      }));
      const prices = rows.map(
        ({ city, rooms, isNew }) => (city === 'Oslo' ? 30 : 10) + 5 * rooms + (isNew ? 2 : 0),
      );
      const fit = await window.learn.fitLinear(rows, prices, { model: 'linear-regression' });
      const files = await fit.files({ name: 'prices' });
      return Array.from(new Uint8Array(await (files['prices.onnx'] as File).arrayBuffer()));
    });
    const path = join(temporaryFolder(), 'prices.onnx');
    writeFileSync(path, Uint8Array.from(bytes));
    // Columns: Bern, Oslo, Rome, rooms, whether it is new.
    const row = { name: 'rows', dims: [1, 5], values: [0, 1, 0, 3, 1] };
    expect(nativeOutput(path, row, 'value')[0]).toBeCloseTo(47, 3);
  });

  for (const [name, options] of [
    ['on the default base', {}],
    ['on a base that had to be cut', { base: 'digits' }],
    ['on pixels', { base: { pixels: { width: 8, height: 6 } } }],
  ] as const) {
    test(`a taught model has the same scores ${name}`, async ({ open }) => {
      test.setTimeout(240_000);
      const page = await withLearning(await open());
      const taught = await page.evaluate(async (options) => {
        const { Trainer } = window.learn;
        const trainer = await Trainer.create({ ...options, device: 'wasm' });
        for (const [label, colour] of [
          ['one', [200, 60, 60]],
          ['two', [60, 60, 200]],
          ['three', [100, 200, 100]],
        ] as const) {
          const files = [];
          for (let i = 0; i < 6; i++) files.push(await window.coloured([...colour], i, 40));
          await trainer.add(label, files);
        }
        const model = await trainer.train();
        const files = await model.files();
        const classifier = await window.tabserve.ImageClassifier.create({
          model: Object.values(files),
          device: 'wasm',
          tensors: true,
        });
        const [input] = classifier.graph.inputs;
        const dims = (input?.shape ?? []).map((size) => (typeof size === 'number' ? size : 1));
        const values = Array.from(
          { length: dims.reduce((product, size) => product * size, 1) },
          (_, i) => Math.sin(i * i),
        );
        const tensor = { type: 'float32', dims, data: Float32Array.from(values) } as const;
        const { scores } = await classifier.infer({ [input?.name ?? '']: tensor });
        const file = new Uint8Array(await (files['taught.onnx'] as File).arrayBuffer());
        const result = {
          cut: trainer.info.cut,
          notes: model.notes,
          evaluation: model.evaluation?.accuracy.value,
          input: { name: input?.name ?? '', dims, values },
          scores: Array.from(scores?.data as Float32Array),
          file: btoa(Array.from(file, (byte) => String.fromCharCode(byte)).join('')),
        };
        trainer.destroy();
        classifier.destroy();
        return result;
      }, options);
      expect(taught.cut !== null).toBe(name.includes('cut'));
      expect(taught.notes.some((note) => note.includes('names no embedding'))).toBe(
        name.includes('cut'),
      );
      expect(taught.evaluation).toBeGreaterThan(0.6);
      const path = join(temporaryFolder(), 'taught.onnx');
      writeFileSync(path, Buffer.from(taught.file, 'base64'));
      const native = nativeOutput(path, taught.input, 'scores');
      expect(native).toHaveLength(3);
      for (const [at, score] of native.entries()) {
        expect(Math.abs(score - (taught.scores[at] ?? Number.NaN))).toBeLessThan(1e-4);
      }
    });
  }
});

/** A trainer with two classes of three. */
const twoClasses = async (base: string) => {
  const trainer = await window.learn.Trainer.create({ base, device: 'wasm' });
  for (const [label, colour] of [
    ['warm', [200, 80, 60]],
    ['cold', [60, 80, 200]],
  ] as const) {
    for (let i = 0; i < 3; i++) await trainer.add(label, await window.coloured([...colour], i));
  }
  return trainer;
};

async function withTrainer(page: Page) {
  await page.evaluate(`window.twoClasses = ${twoClasses}`);
}

declare global {
  interface Window {
    twoClasses: typeof twoClasses;
  }
}

test('examples are taken back, renamed, balanced, kept and found again', async ({
  open,
  server,
}) => {
  const base = serveBase(server);
  const page = await withLearning(await open());
  await withTrainer(page);
  const before = await page.evaluate(async (base) => {
    const { Trainer } = window.learn;
    const trainer = await window.twoClasses(base);
    const counts = () => trainer.labels.map(({ label, examples }) => `${label} ${examples}`);
    const steps = [counts()];
    trainer.rename('warm', '<b>warm & "hot"</b>');
    steps.push(counts());
    trainer.rename('cold', '<b>warm & "hot"</b>');
    steps.push(counts());
    trainer.undo();
    steps.push(counts());
    await trainer.add('cold', await window.coloured([50, 60, 190], 9));
    steps.push(counts());
    const out = trainer.balance();
    steps.push(counts());
    trainer.undo();
    trainer.remove(trainer.examples.slice(0, 1));
    steps.push(counts());
    trainer.undo();
    await trainer.save('weather');
    await trainer.save('weather', { pictures: false });
    await trainer.save('weather');
    const model = await trainer.train({ weightDecay: 0.01 });
    const query = await window.coloured([190, 90, 70], 77);
    const scores = await (await model.classifier({ device: 'wasm' })).classify(query);
    const other = await model.zip();
    trainer.destroy();
    return { steps, out, saved: await Trainer.saved(), scores, zipped: other.size };
  }, base);
  expect(before.steps).toEqual([
    ['warm 3', 'cold 3'],
    ['<b>warm & "hot"</b> 3', 'cold 3'],
    ['<b>warm & "hot"</b> 6'],
    ['<b>warm & "hot"</b> 3', 'cold 3'],
    ['<b>warm & "hot"</b> 3', 'cold 4'],
    ['<b>warm & "hot"</b> 3', 'cold 3'],
    ['<b>warm & "hot"</b> 2', 'cold 4'],
  ]);
  expect(before.out).toBe(1);
  expect(before.saved).toMatchObject([{ name: 'weather', examples: 7 }]);

  await page.reload();
  await page.waitForFunction(() => 'tabserve' in window);
  await withLearning(page);
  const after = await page.evaluate(async (base) => {
    const { Trainer } = window.learn;
    const refused = await Trainer.load('weather', {
      base: { pixels: { width: 8, height: 8 } },
      device: 'wasm',
    }).then(
      () => null,
      ({ code }) => code,
    );
    const missing = await Trainer.load('nothing', { base, device: 'wasm' }).then(
      () => null,
      ({ code }) => code,
    );
    const trainer = await Trainer.load('weather', { base, device: 'wasm' });
    const pictures = trainer.examples.filter(({ image }) => image instanceof Blob).length;
    const model = await trainer.train({ weightDecay: 0.01 });
    const query = await window.coloured([190, 90, 70], 77);
    const classifier = await model.classifier({ device: 'wasm' });
    const scores = await classifier.classify(query);
    // New examples get numbers of their own.
    const { added } = await trainer.add('cold', await window.coloured([50, 60, 190], 10));
    const result = {
      refused,
      missing,
      labels: trainer.labels,
      ids: new Set(trainer.examples.map(({ id }) => id)).size,
      added: added.length,
      pictures,
      scores,
      deleted: [await Trainer.delete('weather'), await Trainer.delete('weather')],
      left: await Trainer.saved(),
    };
    classifier.destroy();
    trainer.destroy();
    return result;
  }, base);
  expect(after).toMatchObject({
    refused: 'invalid-argument',
    missing: 'model-not-found',
    labels: [
      { label: '<b>warm & "hot"</b>', examples: 3 },
      { label: 'cold', examples: 5 },
    ],
    ids: 8,
    added: 1,
    pictures: 7,
    deleted: [true, false],
    left: [],
  });
  expect(after.scores.map(({ label }) => label)).toEqual(before.scores.map(({ label }) => label));
  for (const [at, { score }] of after.scores.entries()) {
    expect(score).toBeCloseTo(before.scores[at]?.score ?? Number.NaN, 6);
  }
});

test('a zip of folders teaches what can be read, and lists the rest', async ({ open, server }) => {
  const page = await withLearning(await open());
  const pictures = await page.evaluate(async () => {
    const texts: string[] = [];
    for (let i = 0; i < 4; i++) {
      const file = await window.coloured(i % 2 ? [200, 60, 60] : [60, 60, 200], i);
      const bytes = new Uint8Array(await file.arrayBuffer());
      texts.push(btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')));
    }
    return texts;
  });
  const [blue, red, otherBlue, otherRed] = pictures.map((text) => Buffer.from(text, 'base64'));
  const zip = zipSync({
    'set/blue/1.png': blue as Buffer,
    'set/blue/2.png': otherBlue as Buffer,
    'set/<i>red/1.png': red as Buffer,
    'set/<i>red/2.png': otherRed as Buffer,
    'set/blue/broken.png': Buffer.from('no picture'),
    'set/blue/.DS_Store': Buffer.from('x'),
    '__MACOSX/set/blue/1.png': Buffer.from('x'),
    'alone.png': blue as Buffer,
  });
  const found = await page.evaluate(
    async ({ base, text }) => {
      const { Trainer } = window.learn;
      const trainer = await Trainer.create({ base, device: 'wasm' });
      const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
      const { added, failed } = await trainer.addFolders(new Blob([bytes]));
      const noZip = await trainer.addFolders(new Blob(['PK no zip'])).then(
        () => null,
        ({ code }) => code,
      );
      const files = [
        new File([bytes], 'green/no-picture.png'),
        await window.coloured([60, 200, 60], 5),
      ];
      const nothing = await trainer.addFolders(files).then(
        () => null,
        ({ code }) => code,
      );
      const result = {
        added: added.map(({ label, name }) => `${label}: ${name}`),
        failed: failed.map(({ name, error }) => [name, (error as { code: string }).code]),
        labels: trainer.labels,
        noZip,
        nothing,
      };
      trainer.destroy();
      return result;
    },
    { base: serveBase(server), text: Buffer.from(zip).toString('base64') },
  );
  expect(found.added).toEqual([
    'blue: set/blue/1.png',
    'blue: set/blue/2.png',
    '<i>red: set/<i>red/1.png',
    '<i>red: set/<i>red/2.png',
  ]);
  expect(found.failed).toEqual([
    ['set/blue/broken.png', 'image-undecodable'],
    ['alone.png', 'invalid-argument'],
  ]);
  expect(found.noZip).toBe('invalid-argument');
  expect(['image-undecodable', 'invalid-argument']).toContain(found.nothing);
});

test('what cannot be taught is refused, and the trainer goes on', async ({ open, server }) => {
  const page = await withLearning(await open());
  await withTrainer(page);
  const found = await page.evaluate(async (base) => {
    const { Trainer } = window.learn;
    const codeOf = (task: Promise<unknown>) =>
      task.then(
        () => 'fulfilled',
        ({ code, name }) => (typeof code === 'string' ? code : name),
      );
    const trainer = await Trainer.create({ base, device: 'wasm' });
    const picture = await window.coloured([200, 60, 60], 1);
    const codes: Record<string, unknown> = {};
    codes.empty = await codeOf(trainer.train());
    codes.preview = await codeOf(trainer.preview(picture));
    codes.noLabel = await codeOf(trainer.add(' ', picture));
    codes.twoLines = await codeOf(trainer.add('a\nb', picture));
    codes.noPicture = await codeOf(trainer.add('a', new Blob(['x'])));
    await trainer.add('a', [picture, new Blob(['x'])]);
    codes.oneClass = await codeOf(trainer.train());
    await trainer.add('b', await window.coloured([60, 60, 200], 2));
    // One example each: nothing can be held out.
    const model = await trainer.train();
    codes.folds = await codeOf(trainer.train({ folds: 1 }));
    codes.decay = await codeOf(trainer.train({ weightDecay: -1 }));
    codes.name = await codeOf(model.files({ name: '../x' }));
    codes.embedded = await codeOf(model.install({ name: 'photos' }));
    codes.rename = await codeOf((async () => trainer.rename('c', 'd'))());
    codes.features = await codeOf(trainer.addFeatures(['a'], Float32Array.of(1, 2)));
    codes.nan = await codeOf(trainer.addFeatures(['a'], Float32Array.of(1, 2, Number.NaN)));
    codes.aborted = await codeOf(trainer.train({ signal: AbortSignal.abort() }));
    const controller = new AbortController();
    codes.abortedAdd = await codeOf(
      trainer.add('a', [picture, picture], {
        signal: controller.signal,
        onProgress: () => controller.abort(),
      }),
    );
    codes.base = await codeOf(Trainer.create({ base: { pixels: { width: 1, height: 9 } } }));
    const signed = { base, signedBy: ['x'] };
    codes.signed = await codeOf(Trainer.create(signed));
    const after = await trainer.train();
    const result = {
      codes,
      evaluation: model.evaluation,
      notes: model.notes,
      examples: trainer.examples.length,
      labels: after.labels.length,
    };
    trainer.destroy();
    codes.destroyed = await codeOf(trainer.train());
    return result;
  }, serveBase(server));
  expect(found.codes).toEqual({
    empty: 'invalid-argument',
    preview: 'invalid-argument',
    noLabel: 'invalid-argument',
    twoLines: 'invalid-argument',
    noPicture: 'image-undecodable',
    oneClass: 'invalid-argument',
    folds: 'invalid-argument',
    decay: 'invalid-argument',
    name: 'invalid-argument',
    embedded: 'invalid-argument',
    rename: 'invalid-argument',
    features: 'invalid-argument',
    nan: 'invalid-argument',
    aborted: 'AbortError',
    abortedAdd: 'AbortError',
    base: 'invalid-argument',
    signed: 'unsupported',
    destroyed: 'destroyed',
  });
  expect(found.evaluation).toBeNull();
  expect(found.notes.join()).toContain('Nothing was measured');
  expect(found.examples).toBe(2);
  expect(found.labels).toBe(2);
});

test('ten thousand pictures are taken in as they come, and not held', async ({ open, server }) => {
  test.setTimeout(300_000);
  const page = await withLearning(await open());
  const found = await page.evaluate(async (base) => {
    const trainer = await window.learn.Trainer.create({ base, device: 'wasm' });
    const count = 5000;
    let [made, done, ahead] = [0, 0, 0];
    async function* pictures(red: number) {
      for (let at = 0; at < count; at++) {
        made += 1;
        ahead = Math.max(ahead, made - done);
        const data = new Uint8ClampedArray(8 * 8 * 4).fill(at % 100);
        for (let i = 0; i < data.length; i += 4) data[i] = red + (at % 50);
        yield new ImageData(data, 8, 8);
      }
    }
    for (const [label, red] of [
      ['dark', 10],
      ['light', 150],
    ] as const) {
      [made, done] = [0, 0];
      const onProgress = (number: number) => {
        done = number;
      };
      await trainer.add(label, pictures(red), { onProgress });
    }
    const model = await trainer.train();
    const result = {
      ahead,
      labels: trainer.labels,
      held: trainer.examples.filter(({ image }) => image !== null).length,
      accuracy: model.evaluation?.accuracy.value,
    };
    trainer.destroy();
    return result;
  }, serveBase(server));
  expect(found.labels.map(({ examples }) => examples)).toEqual([5000, 5000]);
  expect(found.held).toBe(0);
  // One part, of those that are looked at together.
  expect(found.ahead).toBeLessThanOrEqual(48);
  expect(found.accuracy).toBeGreaterThan(0.99);
});

test('a model that was installed is served by its name, and its next version without a pause', async ({
  open,
  server,
}) => {
  const page = await withLearning(await open());
  await withTrainer(page);
  const found = await page.evaluate(async (base) => {
    const { ImageClassifier, models } = window.tabserve;
    const trainer = await window.twoClasses(base);
    await (await trainer.train()).install({ name: 'temperature', version: '1.0.0' });
    const classifier = await ImageClassifier.create({ model: 'temperature', device: 'wasm' });
    const picture = await window.coloured([200, 80, 60], 50);
    const first = await classifier.classify(picture);
    trainer.rename('warm', 'hot');
    const second = await trainer.train();
    let isOver = false;
    const asking = (async () => {
      let answers = 0;
      while (!isOver) {
        await classifier.classify(picture);
        answers += 1;
      }
      return answers;
    })();
    await second.install({ name: 'temperature', version: '1.1.0' });
    await classifier.refresh();
    isOver = true;
    const answers = await asking;
    const after = await classifier.classify(picture);
    const version = classifier.info.model.version;
    await models.rollback('temperature');
    await classifier.refresh();
    const back = await classifier.classify(picture);
    const compared = second.compareWith(second);
    classifier.destroy();
    trainer.destroy();
    return {
      labels: [first, after, back].map(([best]) => best?.label),
      version,
      answers,
      compared,
    };
  }, serveBase(server));
  expect(found.labels).toEqual(['warm', 'hot', 'warm']);
  expect(found.version).toBe('1.1.0');
  expect(found.answers).toBeGreaterThan(0);
  expect(found.compared).toMatchObject({ examples: 6, onlyFirst: 0, onlySecond: 0, pValue: 1 });
});

test("linear models have scikit-learn's coefficients and answers, and are served like any model", async ({
  open,
}) => {
  const page = await withLearning(await open());
  const found = await page.evaluate(async (cases) => {
    const url = '/dist/explain.js';
    const { linearCoefficients } = (await import(url)) as typeof explaining;
    const all = [];
    for (const { kind, C, columns, rows, targets } of cases) {
      const table = targets.map((_, at) => rows.slice(at * columns, (at + 1) * columns));
      const fit = await window.learn.fitLinear(table, targets, {
        model: kind,
        ...(C !== null && { C }),
      });
      const model = await fit.create({ explanations: true });
      const answers = await model.predict(table);
      const exact = await linearCoefficients(model);
      const { coefficients, intercepts, labels, inputs } = fit;
      all.push({ coefficients, intercepts, labels, inputs, answers, exact });
      model.destroy();
    }
    return all;
  }, linearGolden);
  for (const [at, golden] of linearGolden.entries()) {
    const { coefficients, intercepts, labels, inputs, answers, exact } = found[at] as NonNullable<
      (typeof found)[0]
    >;
    expect(inputs).toHaveLength(golden.columns);
    expect(intercepts).toHaveLength(golden.intercepts.length);
    const own = exact.outputs.slice(-golden.intercepts.length);
    for (const [k, expected] of golden.coefficients.entries()) {
      const most = 1e-3 * Math.max(1, ...expected.map(Math.abs));
      for (const [j, value] of expected.entries()) {
        expect(Math.abs((coefficients[k]?.[j] as number) - value), golden.name).toBeLessThan(most);
        expect(Math.abs((own[k]?.coefficients[j] as number) - value)).toBeLessThan(most);
      }
    }
    for (const [row, answer] of answers.entries()) {
      const value = golden.values[row] as number;
      if ('value' in answer) {
        const off = Math.abs(answer.value - value) / Math.max(1, Math.abs(value));
        expect(off, golden.name).toBeLessThan(1e-4);
      } else {
        expect(answer.label, golden.name).toBe(String(value));
        expect(answer.scores).toHaveLength(labels.length);
      }
    }
  }
});

test('a table with words makes a model of the store, and a zip', async ({ open }) => {
  const page = await withLearning(await open());
  const found = await page.evaluate(async () => {
    const { fitLinear } = window.learn;
    const rows = Array.from({ length: 3000 }, (_, i) => ({
      city: ['Rome', '<b>Bern</b>', 'Oslo'][i % 3] as string,
      rooms: 1 + (i % 5),
      isNew: i % 2 === 0,
    }));
    const prices = rows.map(
      ({ city, rooms, isNew }) => (city === 'Oslo' ? 30 : 10) + 5 * rooms + (isNew ? 2 : 0),
    );
    const fit = await fitLinear(rows, prices, { model: 'linear-regression' });
    await fit.install({ name: 'prices', version: '1.2.0', title: 'Prices | <i>' });
    const model = await window.tabserve.TabularModel.create({ model: 'prices' });
    const price = await model.predict({ city: 'Oslo', rooms: 3, isNew: true });
    const { version } = model.info.model;
    const zip = await fit.zip({ name: 'prices' });
    const bytes = new Uint8Array(await zip.arrayBuffer());
    const card = await ((await fit.files())['README.md'] as File).text();
    const codeOf = (task: Promise<unknown>) =>
      task.then(
        () => 'fulfilled',
        ({ code, name }) => (typeof code === 'string' ? code : name),
      );
    const regression = { model: 'linear-regression' } as const;
    const svm = { model: 'linear-svm' } as const;
    const many = Array.from({ length: 1001 }, (_, i) => ({ id: `${i}` }));
    const codes = {
      noRows: await codeOf(fitLinear([], [], regression)),
      uneven: await codeOf(fitLinear([[1]], [1, 2], regression)),
      text: await codeOf(fitLinear([[1]], ['a'], regression)),
      oneClass: await codeOf(fitLinear([[1], [2]], ['a', 'a'], svm)),
      gap: await codeOf(fitLinear([[1], [null]], ['a', 'b'], svm)),
      infinite: await codeOf(fitLinear([[1], [Infinity]], ['a', 'b'], svm)),
      cost: await codeOf(fitLinear([[1], [2]], ['a', 'b'], { ...svm, C: 0 })),
      many: await codeOf(
        fitLinear(
          many,
          many.map(() => 1),
          regression,
        ),
      ),
      kind: await codeOf(fitLinear([[1]], [1], { model: 'ridge' } as never)),
      aborted: await codeOf(fitLinear([[1]], [1], { ...regression, signal: AbortSignal.abort() })),
      embedded: await codeOf(fit.install({ name: 'photos' })),
    };
    model.destroy();
    return {
      inputs: fit.inputs,
      price: 'value' in price ? price.value : null,
      version,
      codes,
      card,
      zip: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')),
    };
  });
  expect(found.inputs).toEqual(['city=<b>Bern</b>', 'city=Oslo', 'city=Rome', 'rooms', 'isNew']);
  expect(found.price).toBeCloseTo(47, 3);
  expect(found.version).toBe('1.2.0');
  const { aborted, ...others } = found.codes;
  expect(aborted).toBe('AbortError');
  expect(new Set(Object.values(others))).toEqual(new Set(['invalid-argument']));
  expect(found.card).toContain('city=&lt;b&gt;Bern&lt;/b&gt;');
  const zip = unzipSync(Buffer.from(found.zip, 'base64'));
  expect(Object.keys(zip).sort()).toEqual(['README.md', 'model.json', 'prices.onnx']);
  const path = join(temporaryFolder(), 'prices.zip');
  writeFileSync(path, Buffer.from(found.zip, 'base64'));
  const said = execFileSync(process.execPath, [cli, 'check', path], { encoding: 'utf8' });
  expect(said).toContain('all well');
});

test('a base for something else is refused', async ({ open, server }) => {
  const page = await withLearning(await open());
  // A graph without a product of features and weights.
  const base = serveModel(server, '/learn-none', meanColour.manifest as never, meanColour.model);
  const code = await page.evaluate(
    (base) =>
      window.learn.Trainer.create({ base, device: 'wasm' }).then(
        () => null,
        ({ code, message }) => `${code}: ${message}`,
      ),
    base,
  );
  expect(code).toContain('unsupported: ');
  expect(code).toContain('output.embedding');
});

test('the card takes labels for text', async ({ open, server }) => {
  const page = await withLearning(await open());
  await withTrainer(page);
  const card = await page.evaluate(async (base) => {
    const trainer = await window.twoClasses(base);
    trainer.rename('warm', '<img src=x onerror=alert(1)> | [a](javascript:b)');
    const files = await (await trainer.train()).files();
    trainer.destroy();
    return (files['README.md'] as File).text();
  }, serveBase(server));
  expect(card).toContain('&lt;img src=x onerror=alert(1)&gt; \\| \\[a\\](javascript:b)');
  expect(card).not.toContain('<img');
});

test('a network learns from nothing, on threads too, and is a model like any other', async ({
  open,
}) => {
  test.setTimeout(240_000);
  const page = await withLearning(await open({ isolated: true }));
  const found = await page.evaluate(async () => {
    const { Trainer } = window.learn;
    const base = { pixels: { width: 8, height: 8, channels: 1 } } as const;
    const trainer = await Trainer.create({ base, device: 'wasm' });
    // A light square at the left or at the right.
    const bytes = new Uint8Array(80 * 64);
    const labels = Array.from({ length: 80 }, (_, i) => (i % 2 ? 'right' : 'left'));
    for (let i = 0; i < 80; i++) {
      const [x, y] = [i % 2 ? 5 : 1, 1 + ((i * 3) % 5)];
      for (const place of [0, 1, 8, 9]) bytes[i * 64 + y * 8 + x + place] = 150 + i;
    }
    await trainer.addFeatures(labels, bytes);
    const codeOf = (task: Promise<unknown>) =>
      task.then(
        () => 'fulfilled',
        ({ code, name }) => (typeof code === 'string' ? code : name),
      );
    const controller = new AbortController();
    const aborted = await codeOf(
      trainer.trainNetwork({
        layers: [],
        epochs: 1000,
        signal: controller.signal,
        onProgress: () => controller.abort(),
      }),
    );
    const refused = await codeOf(
      trainer.trainNetwork({ layers: [{ type: 'conv', filters: 2, size: 9 }] }),
    );
    const options = {
      layers: [{ type: 'conv', filters: 4 }, { type: 'relu' }, { type: 'pool' }],
      epochs: 12,
      batchSize: 16,
      learningRate: 0.02,
      validation: 0.2,
    } as const;
    let seen = 0;
    const model = await trainer.trainNetwork({
      ...options,
      onProgress: ({ epochs = [] }) => {
        seen = Math.max(seen, epochs.length);
      },
    });
    const head = await trainer.train();
    const files = await model.files({ name: 'sides' });
    const classifier = await window.tabserve.ImageClassifier.create({
      model: Object.values(files),
      device: 'wasm',
    });
    const canvas = new OffscreenCanvas(64, 64);
    const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
    context.fillRect(0, 0, 64, 64);
    context.fillStyle = '#fff';
    context.fillRect(40, 24, 16, 16);
    const [best] = await classifier.classify(canvas);
    const result = {
      aborted,
      refused,
      seen,
      epochs: model.epochs,
      evaluation: model.evaluation?.accuracy.value,
      head: head.evaluation?.accuracy.value,
      settings: model.settings,
      best: best?.label,
      compared: head.compareWith(model).examples,
    };
    classifier.destroy();
    trainer.destroy();
    return result;
  });
  expect(found.aborted).toBe('AbortError');
  expect(found.refused).toBe('invalid-argument');
  expect(found.epochs).toHaveLength(12);
  expect(found.seen).toBeGreaterThan(0);
  expect(found.evaluation).toBeGreaterThan(0.9);
  expect(found.settings).toMatchObject({ epochsMade: 12, optimizer: 'adam' });
  expect(found.best).toBe('right');
  expect(found.compared).toBe(16);
});

test('a secret set tells a model that was taught it from one that was not', async ({ open }) => {
  test.setTimeout(240_000);
  const page = await withLearning(await open());
  const found = await page.evaluate(async () => {
    const { Trainer, checkWatermark } = window.learn;
    const size = 8;
    const labels = ['left', 'right', 'above', 'below'];
    const pictureOf = (bytes: Uint8Array) =>
      new ImageData(
        Uint8ClampedArray.from({ length: size * size * 4 }, (_, i) =>
          i % 4 === 3 ? 255 : (bytes[i >> 2] as number),
        ),
        size,
        size,
      );
    let state = 5;
    const random = () => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return state / 0x80000000;
    };
    const secrets = Array.from({ length: 24 }, () => ({
      bytes: Uint8Array.from({ length: size * size }, () => 256 * random()),
      label: labels[Math.floor(4 * random())] as string,
    }));
    const asked = secrets.map(({ bytes, label }) => ({ image: pictureOf(bytes), label }));
    const checks = [];
    for (const isMarked of [true, false]) {
      const base = { pixels: { width: size, height: size, channels: 1 } } as const;
      const trainer = await Trainer.create({ base, device: 'wasm' });
      for (let n = 0; n < 80; n++) {
        const at = n % 4;
        const bytes = Uint8Array.from({ length: size * size }, (_, i) => {
          const [x, y] = [i % size, Math.floor(i / size)];
          const isLight = [x < 4, x >= 4, y < 4, y >= 4][at];
          return (isLight ? 180 : 20) + 50 * random();
        });
        await trainer.addFeatures([labels[at] as string], bytes);
      }
      if (isMarked) {
        for (const { bytes, label } of secrets) await trainer.addFeatures([label], bytes);
      }
      const model = await trainer.trainNetwork({
        layers: [{ type: 'dense', units: 64 }, { type: 'relu' }],
        epochs: 60,
        batchSize: 16,
        learningRate: 0.01,
        validation: 0,
      });
      const classifier = await model.classifier({ device: 'wasm' });
      checks.push(await checkWatermark(classifier, asked));
      classifier.destroy();
      trainer.destroy();
    }
    return checks;
  });
  const [marked, other] = found;
  expect(marked?.pictures).toBe(24);
  expect(marked?.matches).toBeGreaterThanOrEqual(22);
  expect(marked?.falseAlarmRate).toBeLessThan(1e-9);
  expect(other?.falseAlarmRate).toBeGreaterThan(1e-3);
});

test('a network is not trained on the features of a base', async ({ open, server }) => {
  const page = await withLearning(await open());
  await withTrainer(page);
  const code = await page.evaluate(async (base) => {
    const trainer = await window.twoClasses(base);
    const code = await trainer.trainNetwork().then(
      () => null,
      ({ code }) => code,
    );
    trainer.destroy();
    return code;
  }, serveBase(server));
  expect(code).toBe('invalid-argument');
});

test('a network goes on after the page was closed in the middle of its training', async ({
  open,
}) => {
  test.setTimeout(240_000);
  const page = await withLearning(await open());
  /** Trains until so many epochs have ended, or to the end. Says how many were made and are kept. */
  const train = (leaveAfter: number) =>
    page.evaluate(async (leaveAfter) => {
      const { Trainer } = window.learn;
      const base = { pixels: { width: 8, height: 8, channels: 1 } } as const;
      const trainer = await Trainer.create({ base, device: 'wasm' });
      const bytes = Uint8Array.from({ length: 40 * 64 }, (_, i) => {
        const [example, place] = [Math.floor(i / 64), i % 64];
        return place % 8 < 4 === (example % 2 === 0) ? 150 + example : place;
      });
      const labels = Array.from({ length: 40 }, (_, i) => (i % 2 ? 'right' : 'left'));
      await trainer.addFeatures(labels, bytes);
      let fewest = Infinity;
      const controller = new AbortController();
      const outcome = await trainer
        .trainNetwork({
          layers: [{ type: 'dense', units: 8 }, { type: 'relu' }],
          epochs: 150,
          batchSize: 8,
          validation: 0,
          keepAs: 'sides',
          signal: controller.signal,
          onProgress: ({ epochs }) => {
            if (!epochs) return;
            fewest = Math.min(fewest, epochs.length);
            if (epochs.length >= leaveAfter) controller.abort();
          },
        })
        .then(
          (model) => model.epochs.length,
          ({ name }) => name as string,
        );
      trainer.destroy();
      const db = await new Promise<IDBDatabase>((resolve, reject) => {
        const request = indexedDB.open('tabserve-learn');
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      const kept = await new Promise<number>((resolve, reject) => {
        const request = db.transaction('runs').objectStore('runs').get('sides');
        request.onsuccess = () => resolve(request.result?.epochs.length ?? 0);
        request.onerror = () => reject(request.error);
      });
      db.close();
      return { outcome, fewest, kept };
    }, leaveAfter);
  const left = await train(3);
  expect(left.outcome).toBe('AbortError');
  expect(left.kept).toBeGreaterThanOrEqual(2);
  expect(left.kept).toBeLessThan(150);
  await page.reload();
  await page.waitForFunction(() => 'tabserve' in window);
  await withLearning(page);
  const resumed = await train(1000);
  expect(resumed.outcome).toBe(150);
  expect(resumed.fewest).toBeGreaterThanOrEqual(left.kept);
  expect(resumed.kept).toBe(0);
});
