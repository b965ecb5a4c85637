/**
 * Explanations, as a page asks for them: pictures, texts and tables, in the model's own queue; and every
 * way of being wrong, after which the next call works.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as explaining from '../src/explain/index.js';
import { expect, needsShared, test } from './fixtures.js';
import { meanColour, serveModel } from './models.js';
import { sharedFolder, type TestServer } from './server.js';

type Explain = typeof explaining;

const folder = import.meta.dirname;
const read = <T>(path: string): T => JSON.parse(readFileSync(join(folder, path), 'utf8')) as T;

/** Two of colours, side by side: red on the left, blue on the right. */
const twoColours = `
  const canvas = new OffscreenCanvas(80, 40);
  const context = canvas.getContext('2d');
  context.fillStyle = '#ff0000';
  context.fillRect(0, 0, 40, 40);
  context.fillStyle = '#0000ff';
  context.fillRect(40, 0, 40, 40);
  return canvas;
`;

test.beforeEach(async ({ server, open, page }) => {
  serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  await open();
  await page.evaluate(async (draw) => {
    const url = '/dist/explain.js';
    Object.assign(window, { explaining: await import(url), draw: new Function(draw) });
  }, twoColours);
});

declare global {
  interface Window {
    explaining: Explain;
    draw(): OffscreenCanvas;
  }
}

test('on a picture of two things, the map of each class lies on its own', async ({ page }) => {
  const found = await page.evaluate(async () => {
    const { ImageClassifier } = window.tabserve;
    const { explain } = window.explaining;
    const classifier = await ImageClassifier.create({
      model: '/mean/model.json',
      device: 'wasm',
      explanations: true,
    });
    const all = [];
    for (const method of ['cam', 'occlusion', 'rise'] as const) {
      for (const name of ['red', 'blue']) {
        const { heatmap, ...rest } = await explain(classifier, window.draw(), {
          method,
          class: name,
          masks: 300,
          window: 2,
          stride: 1,
        });
        const { width, height, data } = heatmap;
        const sides = [0, 0];
        for (const [at, value] of data.entries()) {
          const side = at % width < width / 2 ? 0 : 1;
          sides[side] = (sides[side] ?? 0) + value;
        }
        const { label, index, score, region } = rest;
        all.push({ method: rest.method, name, label, index, score, region, width, height, sides });
      }
    }
    const outputs = classifier.graph.outputs.map(({ name }) => name);
    const [own] = await classifier.classify(window.draw());
    classifier.destroy();
    return { all, outputs, own };
  });
  // What was added to the graph is nobody else's business.
  expect(found.outputs).toEqual(['mean']);
  expect(found.own?.score).toBeCloseTo(0.5, 2);
  expect(found.all).toHaveLength(6);
  for (const { method, name, label, index, score, region, width, height, sides } of found.all) {
    const which = `${method}, ${name}`;
    expect(label, which).toBe(name);
    expect(index, which).toBe(name === 'red' ? 0 : 2);
    expect(score, which).toBeCloseTo(0.5, 2);
    expect([width, height], which).toEqual([8, 8]);
    expect(region, which).toEqual({ x: 0, y: 0, width: 80, height: 40 });
    const [left = 0, right = 0] = sides;
    const own = name === 'red' ? left : right;
    const other = name === 'red' ? right : left;
    expect(own, which).toBeGreaterThan(method === 'rise' ? 1.01 * other : 5 * Math.abs(other));
  }
});

test('the overlay covers the whole picture, and is clear where nothing speaks for the class', async ({
  page,
}) => {
  const found = await page.evaluate(async () => {
    const { ImageClassifier } = window.tabserve;
    const classifier = await ImageClassifier.create({
      model: '/mean/model.json',
      device: 'wasm',
      explanations: true,
    });
    const explanation = await window.explaining.explain(classifier, window.draw(), {
      class: 'blue',
    });
    const overlay = await explanation.overlay({ size: 200, opacity: 1 });
    const canvas = new OffscreenCanvas(overlay.width, overlay.height);
    const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
    context.drawImage(overlay, 0, 0);
    const alpha = (x: number) => context.getImageData(x, 50, 1, 1).data[3];
    const { width, height } = overlay;
    overlay.close();
    classifier.destroy();
    return { method: explanation.method, width, height, left: alpha(40), right: alpha(160) };
  });
  expect(found).toEqual({ method: 'cam', width: 200, height: 100, left: 0, right: 255 });
});

test('it gets finer in the queue, lets others in between, and ends with its signal', async ({
  page,
}) => {
  const found = await page.evaluate(async () => {
    const { ImageClassifier } = window.tabserve;
    const { explain } = window.explaining;
    const classifier = await ImageClassifier.create({
      model: 'digits',
      device: 'wasm',
      explanations: true,
    });
    const order: string[] = [];
    const steps: { done: number; total: number; variants: number; sum: number }[] = [];
    let asked: Promise<unknown> | undefined;
    const digit = new OffscreenCanvas(28, 28);
    const context = digit.getContext('2d') as OffscreenCanvasRenderingContext2D;
    context.fillRect(0, 0, 28, 28);
    context.fillStyle = 'white';
    context.fillRect(13, 4, 3, 20);
    const explanation = await explain(classifier, digit, {
      method: 'rise',
      masks: 200,
      seed: 3,
      onprogress({ done, total, explanation: { heatmap, variants } }) {
        asked ??= classifier.classify(digit).then(() => order.push('classified'));
        const sum = heatmap.data.reduce((a, b) => a + b, 0);
        steps.push({ done, total, variants, sum });
        if (done === total) order.push('explained');
      },
    });
    await asked;
    const again = await explain(classifier, digit, {
      method: 'rise',
      masks: 200,
      seed: 3,
      batch: 1,
    });
    const apart = explanation.heatmap.data.map((value, at) =>
      Math.abs(value - (again.heatmap.data[at] ?? 9)),
    );
    const stop = new AbortController();
    const aborted = await explain(classifier, digit, {
      method: 'rise',
      masks: 100_000,
      signal: stop.signal,
      onprogress: () => stop.abort(new Error('enough')),
    }).catch((error: Error) => error.message);
    const [after] = await classifier.classify(digit);
    const { pending } = classifier.metrics();
    classifier.destroy();
    const { label, score, variants } = explanation;
    const farthest = Math.max(...apart);
    return { order, steps, label, score, variants, farthest, aborted, after, pending };
  });
  expect(found.steps.map(({ done }) => done)).toEqual(
    Array.from({ length: 50 }, (_, at) => 4 * (at + 1)),
  );
  expect(found.steps.every(({ total, done, variants }) => total === 200 && done === variants)).toBe(
    true,
  );
  expect(found.order).toEqual(['classified', 'explained']);
  expect(found.label).toBe('1');
  expect(found.variants).toBe(200);
  // However it is cut into runs, the masks are the same.
  expect(found.farthest).toBeLessThan(1e-4);
  expect(found.aborted).toBe('enough');
  expect(found.after?.label).toBe('1');
  expect(found.pending).toBe(0);
});

test('every way of being wrong has its error, and the next call works', async ({ page }) => {
  const found = await page.evaluate(async () => {
    const { ImageClassifier } = window.tabserve;
    const { explain, deletionInsertion } = window.explaining;
    const plain = await ImageClassifier.create({ model: '/mean/model.json', device: 'wasm' });
    const classifier = await ImageClassifier.create({
      model: '/mean/model.json',
      device: 'wasm',
      explanations: true,
    });
    const everyday = await ImageClassifier.create({
      model: 'everyday',
      device: 'wasm',
      explanations: true,
    });
    const picture = window.draw();
    const tries: Record<string, () => Promise<unknown>> = {
      plain: () => explain(plain, picture),
      label: () => explain(classifier, picture, { class: 'green apples' }),
      place: () => explain(classifier, picture, { class: 3 }),
      method: () => explain(classifier, picture, { method: 'guess' as never }),
      masks: () => explain(classifier, picture, { method: 'rise', masks: 0 }),
      baseline: () => explain(classifier, picture, { baseline: 'black' as never }),
      crop: () => explain(classifier, picture, { crop: { x: 70, y: 0, width: 20, height: 20 } }),
      cam: () => explain(everyday, picture, { method: 'cam' }),
      source: () => explain(classifier, new Blob(['<b>no picture</b>'])),
      nothing: () => explain(undefined as never, picture),
      map: () =>
        deletionInsertion(classifier, picture, { width: 2, height: 2, data: new Float32Array(3) }),
    };
    const errors: Record<string, string> = {};
    for (const [name, call] of Object.entries(tries)) {
      errors[name] = await call().then(
        () => 'nothing',
        (error) => `${error.code}: ${error.message}`,
      );
    }
    const { method } = await explain(classifier, picture);
    const auto = await explain(everyday, picture, { window: 16, stride: 8 });
    for (const each of [plain, classifier, everyday]) each.destroy();
    return { errors, method, auto: { method: auto.method, fallbacks: auto.fallbacks } };
  });
  const { errors } = found;
  expect(errors.plain).toMatch(/^unsupported: .*explanations: true/);
  expect(errors.label).toMatch(/^invalid-argument: .*"green apples"/);
  expect(errors.place).toMatch(/^invalid-argument: .*no class 3/);
  expect(errors.method).toMatch(/^invalid-argument: "method" is "guess"/);
  expect(errors.masks).toMatch(/^invalid-argument: "masks" is 0/);
  expect(errors.baseline).toMatch(/^invalid-argument: "baseline"/);
  expect(errors.crop).toMatch(/^invalid-argument: The region/);
  expect(errors.cam).toMatch(/^unsupported: .*Mul stands between/);
  expect(errors.source).toMatch(/^image-undecodable/);
  expect(errors.nothing).toMatch(/^unsupported|^invalid-argument/);
  expect(errors.map).toMatch(/^invalid-argument: The number of values in the map/);
  expect(found.method).toBe('cam');
  expect(found.auto.method).toBe('occlusion');
  expect(found.auto.fallbacks[0]).toMatchObject({ from: 'cam', to: 'occlusion' });
});

test.describe('photos', () => {
  needsShared('images/photos');

  /** RISE asks so often that 20 photos take minutes. */
  const rise = process.env.TABSERVE_ALL_PHOTOS ? 20 : 4;
  const compared = [
    { methods: ['cam', 'occlusion'], count: 20 },
    { methods: ['rise'], count: rise },
  ] as const;
  for (const { methods, count } of compared) {
    test(`deletion and insertion curves of ${methods.join(' and ')} are better than random ones`, async ({
      page,
    }) => {
      test.slow();
      const files = readdirSync(join(sharedFolder, 'images/photos'))
        .filter((file) => file.endsWith('.JPEG'))
        .slice(0, count);
      const found = await page.evaluate(
        async ({ files, methods }) => {
          const { ImageClassifier } = window.tabserve;
          const { explain, deletionInsertion } = window.explaining;
          const classifier = await ImageClassifier.create({
            model: 'photos',
            device: 'wasm',
            explanations: true,
          });
          const areas: Record<string, { deletion: number; insertion: number }> = {};
          let state = 1;
          const noise = () => {
            state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
            return state / 2 ** 32;
          };
          const add = (name: string, deletion: number, insertion: number) => {
            areas[name] ??= { deletion: 0, insertion: 0 };
            areas[name].deletion += deletion / files.length;
            areas[name].insertion += insertion / files.length;
          };
          for (const file of files) {
            const photo = await (await fetch(`/shared/images/photos/${file}`)).blob();
            const maps = [];
            for (const method of methods) {
              const { heatmap, index } = await explain(classifier, photo, {
                method,
                stride: 32,
                masks: 200,
              });
              maps.push({ name: method as string, heatmap, index });
            }
            const data = Float32Array.from({ length: 36 }, noise);
            const index = maps[0]?.index as number;
            maps.push({ name: 'random', heatmap: { width: 6, height: 6, data }, index });
            for (const { name, heatmap, index } of maps) {
              const { deletion, insertion } = await deletionInsertion(classifier, photo, heatmap, {
                class: index,
                steps: 8,
              });
              add(name, deletion.area, insertion.area);
            }
          }
          classifier.destroy();
          return areas;
        },
        { files, methods },
      );
      console.log(JSON.stringify(found));
      for (const method of methods) {
        expect(found[method]?.deletion, method).toBeLessThan(found.random?.deletion ?? 0);
        expect(found[method]?.insertion, method).toBeGreaterThan(found.random?.insertion ?? 1);
      }
    });
  }

  test('of two photos side by side, the map of what each shows lies on it', async ({ page }) => {
    test.slow();
    const pairs = [
      ['n02391049_zebra', 'n06874185_traffic_light'],
      ['n04310018_steam_locomotive', 'n01860187_black_swan'],
      ['n02977058_cash_machine', 'n02112137_chow'],
    ];
    const found = await page.evaluate(async (pairs) => {
      const { ImageClassifier } = window.tabserve;
      const classifier = await ImageClassifier.create({
        model: 'photos',
        device: 'wasm',
        explanations: true,
      });
      const all = [];
      for (const pair of pairs) {
        const canvas = new OffscreenCanvas(384, 384);
        const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
        const labels: string[] = [];
        for (const [side, name] of pair.entries()) {
          const photo = await (await fetch(`/shared/images/photos/${name}.JPEG`)).blob();
          const [best] = await classifier.classify(photo);
          labels.push(best?.label ?? '');
          const picture = await createImageBitmap(photo);
          // The middle of it, twice as high as wide.
          const high = Math.min(picture.height, 2 * picture.width);
          const [x, y] = [(picture.width - high / 2) / 2, (picture.height - high) / 2];
          context.drawImage(picture, x, y, high / 2, high, side * 192, 0, 192, 384);
          picture.close();
        }
        for (const method of ['cam', 'occlusion', 'rise'] as const) {
          for (const [side, label] of labels.entries()) {
            const { heatmap } = await explain(canvas, label, method);
            const { width, data } = heatmap;
            const sides = [0, 0];
            for (const [at, value] of data.entries()) {
              const half = at % width < width / 2 ? 0 : 1;
              sides[half] = (sides[half] ?? 0) + value / data.length;
            }
            all.push({ method, label, own: sides[side] ?? 0, other: sides[1 - side] ?? 0 });
          }
        }
      }
      function explain(
        picture: OffscreenCanvas,
        label: string,
        method: 'cam' | 'occlusion' | 'rise',
      ) {
        return window.explaining.explain(classifier, picture, {
          method,
          class: label,
          stride: 32,
          masks: 400,
        });
      }
      classifier.destroy();
      return all;
    }, pairs);
    console.log(JSON.stringify(found));
    expect(found).toHaveLength(18);
    for (const { method, label, own, other } of found) {
      expect(own, `${method}, ${label}`).toBeGreaterThan(other);
    }
  });
});

test('of a text, what the class loses without each token: as by Python', async ({
  page,
  server,
}) => {
  const golden = read<
    Record<
      string,
      { text: string; target: number; score: number; tokens: string[]; importance: number[] }[]
    >
  >('text/golden/explanations.json');
  for (const [name, cases] of Object.entries(golden)) {
    const model = serveRepository(server, name);
    const found = await page.evaluate(
      async ({ model, texts }) => {
        const { TextClassifier } = window.tabserve;
        const classifier = await TextClassifier.create({
          model,
          device: 'wasm',
          explanations: true,
        });
        const all = [];
        for (const text of texts) {
          const steps: number[] = [];
          const explanation = await window.explaining.explain(classifier, text, {
            onprogress: ({ done }) => steps.push(done),
          });
          all.push({ ...explanation, steps });
        }
        const empty = await window.explaining.explain(classifier, '').catch(({ code }) => code);
        classifier.destroy();
        return { all, empty };
      },
      { model, texts: cases.map(({ text }) => text) },
    );
    expect(found.empty).toBe('invalid-argument');
    for (const [at, { target, score, tokens, importance }] of cases.entries()) {
      const explanation = found.all[at];
      expect(explanation?.index, name).toBe(target);
      expect(explanation?.score, name).toBeCloseTo(score, 5);
      expect(explanation?.steps.at(-1)).toBe(tokens.length);
      expect(explanation?.tokens).toHaveLength(tokens.length);
      for (const [place, each] of (explanation?.tokens ?? []).entries()) {
        expect(each.token).toBe(tokens[place]);
        expect(Math.abs(each.importance - (importance[place] ?? 9)), each.token).toBeLessThan(2e-6);
      }
    }
  }
});

/** Serves a golden repository of texts. */
function serveRepository(server: TestServer, name: string): string {
  const root = join(folder, 'text/golden/models', name);
  for (const path of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    if (/\.\w+$/.test(path)) server.route(`/hub/${name}/${path}`, readFileSync(join(root, path)));
  }
  return `/hub/${name}/`;
}

test('of a table, what is lost without each column, and the coefficients: as by scikit-learn', async ({
  page,
  server,
}) => {
  const golden = read<{
    importance: Record<
      string,
      {
        rows: number[][];
        truth: (string | number)[];
        score: number;
        repeats: number;
        seed: number;
        columns: { mean: number; deviation: number; losses: number[] }[];
      }
    >;
    coefficients: Record<string, { coefficients: number[][]; intercepts: number[] }>;
  }>('tabular/golden/explanations.json');
  const names = [
    ...new Set([...Object.keys(golden.importance), ...Object.keys(golden.coefficients)]),
  ];
  for (const name of names) {
    const file = readFileSync(join(folder, `tabular/golden/${name}.onnx`));
    server.route(`/tables/${name}.onnx`, file);
  }
  const found = await page.evaluate(
    async ({ importance, linear }) => {
      const { TabularModel } = window.tabserve;
      const { linearCoefficients, permutationImportance } = window.explaining;
      const importances: Record<
        string,
        Awaited<ReturnType<typeof permutationImportance>> & { steps: number }
      > = {};
      for (const [name, { rows, truth, repeats, seed }] of Object.entries(importance)) {
        const model = await TabularModel.create({ model: `/tables/${name}.onnx` });
        let steps = 0;
        const found = await permutationImportance(model, rows, truth, {
          repeats,
          seed,
          onprogress: () => {
            steps += 1;
          },
        });
        importances[name] = { ...found, steps };
        model.destroy();
      }
      const coefficients: Record<string, Awaited<ReturnType<typeof linearCoefficients>>> = {};
      for (const name of linear) {
        const model = await TabularModel.create({
          model: `/tables/${name}.onnx`,
          explanations: true,
        });
        coefficients[name] = await linearCoefficients(model);
        model.destroy();
      }
      const forest = await TabularModel.create({
        model: '/tables/forest.onnx',
        explanations: true,
      });
      const other = await linearCoefficients(forest).catch(({ code }) => code);
      const short = await permutationImportance(forest, [[1, 2, 3, 4]], []).catch(
        ({ code }) => code,
      );
      const unknown = await permutationImportance(forest, [[1, 2, 3, 4]], ['low'], {
        columns: ['age'],
      }).catch(({ code }) => code);
      forest.destroy();
      return { importances, coefficients, codes: [other, short, unknown] };
    },
    { importance: golden.importance, linear: Object.keys(golden.coefficients) },
  );
  expect(found.codes).toEqual(['unsupported', 'invalid-argument', 'invalid-argument']);
  for (const [name, { score, columns, repeats }] of Object.entries(golden.importance)) {
    const own = found.importances[name];
    expect(own?.score, name).toBeCloseTo(score, 5);
    expect(own?.steps, name).toBe(columns.length * repeats);
    for (const [at, { mean, deviation, losses }] of columns.entries()) {
      const column = own?.columns[at];
      expect(column?.mean, name).toBeCloseTo(mean, 5);
      expect(column?.deviation, name).toBeCloseTo(deviation, 5);
      expect(column?.losses, name).toHaveLength(losses.length);
    }
  }
  for (const [name, { coefficients, intercepts }] of Object.entries(golden.coefficients)) {
    // Of two classes the graph has a row for each, the one the opposite of the other.
    const outputs = found.coefficients[name]?.outputs.slice(-coefficients.length) ?? [];
    expect(outputs, name).toHaveLength(coefficients.length);
    for (const [at, { intercept, coefficients: own }] of outputs.entries()) {
      expect(intercept, name).toBeCloseTo(intercepts[at] ?? 9, 4);
      for (const [place, each] of (coefficients[at] ?? []).entries()) {
        expect(own[place], name).toBeCloseTo(each, 4);
      }
    }
  }
});

test('a model server answers why', async ({ page }) => {
  const found = await page.evaluate(async () => {
    const { ImageClassifier } = window.tabserve;
    const url = '/dist/server.js';
    const { ModelServer } = (await import(url)) as typeof import('../src/server/index.js');
    const server = new ModelServer({ explainer: window.explaining.explainer });
    await server.register('mean', (context) =>
      ImageClassifier.create({
        ...context,
        model: '/mean/model.json',
        device: 'wasm',
        explanations: true,
      }),
    );
    await server.register('plain', (context) =>
      ImageClassifier.create({ ...context, model: '/mean/model.json', device: 'wasm' }),
    );
    const body = await window.draw().convertToBlob();
    const ask = async (path: string) => {
      const response = await server.handle(
        new Request(new URL(path, location.href), { method: 'POST', body }),
      );
      return { status: response.status, body: await response.json() };
    };
    const answers = {
      good: await ask('/explanations/mean?class=blue'),
      place: await ask('/explanations/mean?class=0&method=occlusion&window=2'),
      parameter: await ask('/explanations/mean?topK=3'),
      masks: await ask('/explanations/mean?method=rise&masks=many'),
      plain: await ask('/explanations/plain'),
    };
    for (const name of ['mean', 'plain']) await server.unregister(name);
    return answers;
  });
  expect(found.good).toMatchObject({
    status: 200,
    body: { method: 'cam', label: 'blue', index: 2, heatmap: { width: 8, height: 8 } },
  });
  expect(found.good.body.heatmap.data).toHaveLength(64);
  expect(found.place).toMatchObject({ status: 200, body: { label: 'red', method: 'occlusion' } });
  expect(found.parameter).toMatchObject({
    status: 400,
    body: { message: expect.stringContaining('"topK"') },
  });
  expect(found.masks).toMatchObject({
    status: 400,
    body: { message: expect.stringContaining('"masks"') },
  });
  expect(found.plain).toMatchObject({
    status: 501,
    body: { message: expect.stringContaining('explanations: true') },
  });
});
