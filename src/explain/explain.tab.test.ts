/** Explanations through page, worker and engine, on pictures, texts and tables whose truth is known. */
import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { meanColour } from '../../e2e/models.js';
import { ImageClassifier } from '../api/image-classifier.js';
import { TabularModel } from '../api/tabular-model.js';
import { TextClassifier } from '../api/text-classifier.js';
import { imageData } from '../testing/png.js';
import { openTab, projectFile, projectJson, type Tab } from '../testing/tab.js';
import { deletionInsertion, explain, linearCoefficients, permutationImportance } from './index.js';

vi.setConfig({ testTimeout: 60_000 });

let tab: Tab;
const made: { destroy(): void }[] = [];
beforeAll(async () => {
  tab = await openTab();
  tab.route('/mean/model.json', meanColour.manifest);
  tab.route('/mean/mean.onnx', new Uint8Array(meanColour.model));
});
afterEach(() => {
  for (const each of made.splice(0)) each.destroy();
  return tab.expectNothingLeft();
});
afterAll(() => tab.close());

async function classifierOf(model = '/mean/model.json', more: object = { explanations: true }) {
  const classifier = await ImageClassifier.create({
    ...tab.places,
    device: 'wasm',
    model,
    ...more,
  });
  made.push(classifier);
  return classifier;
}

/** Red on the left, blue on the right. */
function twoColours(): ImageData {
  const data = new Uint8ClampedArray(80 * 40 * 4);
  for (let at = 0; at < data.length; at += 4) {
    data.set((at / 4) % 80 < 40 ? [255, 0, 0, 255] : [0, 0, 255, 255], at);
  }
  return imageData(data, 80, 40);
}

/** What a map says of its left and of its right half. */
function sidesOf({ width, data }: { width: number; data: Float32Array }): [number, number] {
  const sides: [number, number] = [0, 0];
  for (const [at, value] of data.entries()) sides[at % width < width / 2 ? 0 : 1] += value;
  return sides;
}

describe('of a picture of two things', () => {
  it.each(['cam', 'occlusion', 'rise'] as const)(
    '%s finds each on its own side',
    async (method) => {
      const classifier = await classifierOf();
      for (const [name, index] of [
        ['red', 0],
        ['blue', 2],
      ] as const) {
        const options = { method, class: name, masks: 300, window: 2, stride: 1 };
        const found = await explain(classifier, twoColours(), options);
        expect(found).toMatchObject({ method, label: name, index });
        expect(found.score).toBeCloseTo(0.5, 2);
        expect(found.region).toEqual({ x: 0, y: 0, width: 80, height: 40 });
        expect([found.heatmap.width, found.heatmap.height]).toEqual([8, 8]);
        const [left, right] = sidesOf(found.heatmap);
        const [own, other] = name === 'red' ? [left, right] : [right, left];
        expect(own).toBeGreaterThan(method === 'rise' ? 1.01 * other : 5 * Math.abs(other));
      }
    },
  );

  it('the class that the model finds first is explained where none is named', async () => {
    const classifier = await classifierOf();
    const [best] = await classifier.classify(twoColours());
    expect((await explain(classifier, twoColours())).label).toBe(best?.label);
  });

  it('masks are the same however they are cut into runs, and another seed has others', async () => {
    const classifier = await classifierOf();
    const map = async (more: object) => {
      const options = { method: 'rise', masks: 40, class: 'red', ...more } as const;
      return (await explain(classifier, twoColours(), options)).heatmap.data;
    };
    const [whole, single, other] = [
      await map({ seed: 3 }),
      await map({ seed: 3, batch: 1 }),
      await map({ seed: 4 }),
    ];
    const apart = (a: Float32Array, b: Float32Array) =>
      Math.max(...a.map((value, at) => Math.abs(value - (b[at] as number))));
    expect(apart(whole, single)).toBeLessThan(1e-4);
    expect(apart(whole, other)).toBeGreaterThan(1e-2);
  });

  it('progress is told to its end, and the signal ends the rest', async () => {
    const classifier = await classifierOf();
    const steps: number[] = [];
    await explain(classifier, twoColours(), {
      method: 'rise',
      masks: 20,
      onprogress: ({ done, total }) => {
        expect(total).toBe(20);
        steps.push(done);
      },
    });
    expect(steps).toEqual([4, 8, 12, 16, 20]);
    const stop = new AbortController();
    const aborted = explain(classifier, twoColours(), {
      method: 'rise',
      masks: 100_000,
      signal: stop.signal,
      onprogress: () => stop.abort('enough'),
    });
    await expect(aborted).rejects.toBe('enough');
    await vi.waitFor(() => expect(classifier.metrics().pending).toBe(0));
  });

  it('what its map finds first counts most', async () => {
    const classifier = await classifierOf();
    const options = { class: 'red', steps: 8 };
    const { heatmap } = await explain(classifier, twoColours(), { ...options, method: 'cam' });
    const opposite = { ...heatmap, data: heatmap.data.map((value) => -value) };
    const good = await deletionInsertion(classifier, twoColours(), heatmap, options);
    const bad = await deletionInsertion(classifier, twoColours(), opposite, options);
    expect(good.deletion.area).toBeLessThan(bad.deletion.area);
    expect(good.insertion.area).toBeGreaterThan(bad.insertion.area);
    expect(good.deletion.fractions).toEqual(Array.from({ length: 9 }, (_, step) => step / 8));
    // All of it is there at the one end, and at the other one.
    expect(good.deletion.scores[0]).toBeCloseTo(0.5, 2);
    expect(good.insertion.scores.at(-1)).toBeCloseTo(0.5, 2);
  });
});

it('every way of being wrong has its error, and the next call works', async () => {
  const classifier = await classifierOf();
  const picture = twoColours();
  const map = { width: 2, height: 2, data: new Float32Array(3) };
  for (const [call, code, words] of [
    [() => explain(classifier, picture, { class: 'apples' }), 'invalid-argument', /"apples"/],
    [() => explain(classifier, picture, { class: 3 }), 'invalid-argument', /no class 3/],
    [() => explain(classifier, picture, { method: 'guess' as never }), 'invalid-argument', /guess/],
    [
      () => explain(classifier, picture, { method: 'rise', masks: 0 }),
      'invalid-argument',
      /"masks" is 0/,
    ],
    [
      () => explain(classifier, picture, { method: 'rise', masks: 2.5 }),
      'invalid-argument',
      /whole number/,
    ],
    [
      () => explain(classifier, picture, { baseline: 'black' as never }),
      'invalid-argument',
      /"baseline"/,
    ],
    [
      () => deletionInsertion(classifier, picture, map),
      'invalid-argument',
      /The number of values in the map/,
    ],
    [
      () => deletionInsertion(classifier, picture, { ...map, width: 1, height: 3 }, { steps: 0 }),
      'invalid-argument',
      /"steps" is 0/,
    ],
    [() => explain({} as never, picture), 'unsupported', /Pictures are explained/],
  ] as const) {
    await expect(call(), `${words}`).rejects.toMatchObject({
      code,
      message: expect.stringMatching(words),
    });
  }
  expect((await explain(classifier, picture)).method).toBe('cam');
});

describe('of a text, what the class loses without each token', () => {
  interface Case {
    text: string;
    target: number;
    score: number;
    tokens: string[];
    importance: number[];
  }
  const golden = projectJson<Record<string, Case[]>>('e2e/text/golden/explanations.json');

  it.each(Object.entries(golden))('is Python’s: %s', async (name, cases) => {
    const root = join(import.meta.dirname, '../../e2e/text/golden/models', name);
    for (const each of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      const path = join(root, each);
      if (!statSync(path).isFile()) continue;
      const from = relative(join(import.meta.dirname, '../..'), path);
      tab.route(`/hub/${name}/${each}`, projectFile(from));
    }
    const model = `/hub/${name}/`;
    const classifier = await TextClassifier.create({ ...tab.places, model, explanations: true });
    made.push(classifier);
    for (const { text, target, score, tokens, importance } of cases) {
      const found = await explain(classifier, text);
      expect(found.index).toBe(target);
      expect(found.score).toBeCloseTo(score, 5);
      expect(found.tokens.map(({ token }) => token)).toEqual(tokens);
      for (const [place, each] of found.tokens.entries()) {
        expect(Math.abs(each.importance - (importance[place] ?? 9)), each.token).toBeLessThan(2e-6);
      }
    }
    await expect(explain(classifier, '')).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

describe('of a table', () => {
  interface Importance {
    rows: number[][];
    truth: (string | number)[];
    score: number;
    repeats: number;
    seed: number;
    columns: { mean: number; deviation: number; losses: number[] }[];
  }
  const golden = projectJson<{
    importance: Record<string, Importance>;
    coefficients: Record<string, { coefficients: number[][]; intercepts: number[] }>;
  }>('e2e/tabular/golden/explanations.json');
  const tableOf = async (name: string, more: object = {}) => {
    tab.route(`/tables/${name}.onnx`, projectFile(`e2e/tabular/golden/${name}.onnx`));
    const model = `/tables/${name}.onnx`;
    const table = await TabularModel.create({ ...tab.places, model, ...more });
    made.push(table);
    return table;
  };

  it.each(Object.keys(golden.importance))('what is lost without each column: %s', async (name) => {
    const { rows, truth, score, repeats, seed, columns } = golden.importance[name] as Importance;
    const table = await tableOf(name);
    const found = await permutationImportance(table, rows, truth, { repeats, seed });
    expect(found.score).toBeCloseTo(score, 5);
    expect(found.columns).toHaveLength(columns.length);
    for (const [at, { mean, deviation }] of columns.entries()) {
      expect(found.columns[at]?.mean, `column ${at}`).toBeCloseTo(mean, 5);
      expect(found.columns[at]?.deviation, `column ${at}`).toBeCloseTo(deviation, 5);
    }
  });

  it('is not told of answers that are none, nor by a metric of a single row', async () => {
    const { rows } = golden.importance.linear as Importance;
    const table = await tableOf('linear');
    const some = rows.slice(0, 2);
    for (const [given, truth, more] of [
      [some, [1, Number.NaN], {}],
      [some, ['high', 1], {}],
      [some, [null, 1], {}],
      // As scikit-learn's r2_score, which gives NaN.
      [some.slice(1), [1], {}],
      [some, [1, 2], { metric: () => Number.NaN }],
    ] as const) {
      const found = permutationImportance(table, given, truth as never, more);
      await expect(found, `${truth}`).rejects.toMatchObject({ code: 'invalid-argument' });
    }
    const metric = () => 3;
    const one = await permutationImportance(table, some.slice(1), [1], { metric });
    expect(one).toMatchObject({ score: 3, columns: [{ mean: 0 }, {}, {}, {}] });
  });

  it.each(Object.keys(golden.coefficients))('the coefficients of %s', async (name) => {
    const table = await tableOf(name, { explanations: true });
    const { coefficients = [], intercepts = [] } = golden.coefficients[name] ?? {};
    const outputs = (await linearCoefficients(table)).outputs.slice(-coefficients.length);
    expect(outputs).toHaveLength(coefficients.length);
    for (const [at, { intercept, coefficients: own }] of outputs.entries()) {
      expect(intercept).toBeCloseTo(intercepts[at] ?? 9, 4);
      const wanted = coefficients[at] ?? [];
      expect(own).toHaveLength(wanted.length);
      for (const [place, each] of wanted.entries()) {
        expect(own[place]).toBeCloseTo(each, 4);
      }
    }
  });
});
