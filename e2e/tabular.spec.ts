/**
 * Tables and plain tensors, as a page asks about them: what scikit-learn predicts with the same models,
 * and every way of being wrong, after which the next call works.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './fixtures.js';
import { meanColour, serveModel } from './models.js';
import { prepare } from './vision/served.js';

const folder = join(import.meta.dirname, 'tabular/golden');
interface Golden {
  rows: (number[] | Record<string, number | string>)[];
  values?: number[][];
  classes?: string[];
  labels?: string[];
  scores?: (number | number[])[];
}
const { inner, ...golden } = JSON.parse(
  readFileSync(join(folder, 'answers.json'), 'utf8'),
) as Record<string, Golden> & {
  inner: {
    scaler: { mean: number[]; scale: number[] };
    imputer: number[];
    categories: string[][];
  };
};
const names = Object.keys(golden);

test.beforeEach(async ({ server, open }) => {
  for (const name of [...names, 'inner']) {
    server.route(`/tables/${name}.onnx`, readFileSync(join(folder, `${name}.onnx`)));
  }
  serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  await prepare(await open());
});

test('every model of the recipe: the predictions of scikit-learn', async ({ page }) => {
  const found = await page.evaluate(
    async (cases) => {
      const { TabularModel } = window.tabserve;
      const all: Record<string, unknown[]> = {};
      for (const [name, rows] of cases) {
        const model = await TabularModel.create({ model: `/tables/${name}.onnx` });
        all[name] = await model.predict(rows);
        const [first] = rows;
        const alone = await model.predict(first as Record<string, number>);
        if (JSON.stringify(alone) !== JSON.stringify(all[name]?.[0])) throw new Error(name);
        model.destroy();
      }
      return all;
    },
    names.map((name) => [name, (golden[name] as Golden).rows] as const),
  );
  for (const name of names) {
    const { values, classes = [], labels = [], scores = [] } = golden[name] as Golden;
    const answers = found[name] as {
      values?: number[];
      label: string;
      scores: { label: string; score: number; index: number }[];
    }[];
    for (const [row, answer] of answers.entries()) {
      if (values) {
        for (const [i, value] of (values[row] ?? []).entries()) {
          const scale = Math.max(1, Math.abs(value));
          expect(Math.abs((answer.values?.[i] ?? 9e9) - value) / scale, name).toBeLessThan(1e-5);
        }
        continue;
      }
      expect(answer.label, `${name}, row ${row}`).toBe(labels[row]);
      const wanted = scores[row];
      if (!Array.isArray(wanted)) continue;
      for (const { label, score, index } of answer.scores) {
        expect(label).toBe(classes[index]);
        expect(Math.abs(score - (wanted[index] ?? 9)), `${name}, row ${row}`).toBeLessThan(1e-5);
      }
      expect(answer.scores).toHaveLength(classes.length);
    }
  }
});

test('columns, scalers, gaps and categories as the manifest has them', async ({ page, server }) => {
  const { mean, scale } = inner.scaler;
  const numbers = ['age', 'income'].map((name, at) => ({
    name,
    kind: 'number',
    mean: mean[at],
    scale: scale[at],
    missing: inner.imputer[at],
  }));
  const words = ['city', 'plan'].map((name, at) => ({
    name,
    kind: 'category',
    categories: inner.categories[at],
    unknown: 'zeros',
  }));
  const manifest = {
    name: 'people',
    version: '1.0.0',
    task: 'tabular',
    labels: golden.people?.classes,
    columns: [...numbers, ...words],
    input: { kind: 'matrix', name: 'X' },
    output: { kind: 'class', label: 'output_label', scores: 'output_probability' },
    files: [{ url: 'inner.onnx', dtype: 'fp32' }],
  };
  server.route('/tables/people.json', manifest);
  server.route('/tables/wrong.json', { ...manifest, columns: [...numbers, ...numbers] });
  const found = await page.evaluate(
    async ({ rows }) => {
      const { TabularModel } = window.tabserve;
      const model = await TabularModel.create({ model: '/tables/people.json' });
      const answers = await model.predict(rows);
      const gap = await model.predict({ age: null, city: 'Rome', plan: 'free' });
      const wrong = await window.failureOf(TabularModel.create({ model: '/tables/wrong.json' }));
      const { columns } = model.info.model;
      const { device, reason } = model.info;
      model.destroy();
      return { answers, gap, wrong, columns: columns.map(({ name }) => name), device, reason };
    },
    { rows: golden.people?.rows as Record<string, string>[] },
  );
  for (const [row, answer] of found.answers.entries()) {
    if (!('label' in answer)) throw new Error('no label');
    expect(answer.label).toBe(golden.people?.labels?.[row]);
    for (const { score, index } of answer.scores) {
      const wanted = golden.people?.scores?.[row] as number[];
      expect(Math.abs(score - (wanted[index] ?? 9))).toBeLessThan(1e-5);
    }
  }
  expect(found.columns).toEqual(['age', 'income', 'city', 'plan']);
  expect(found.gap).toHaveProperty('label');
  expect(found.wrong).toMatchObject({
    code: 'manifest-invalid',
    message: expect.stringContaining('columns.2.name'),
  });
  expect(found.device).toBe('wasm');
  expect(found.reason).toContain('WASM');
});

test('rows that are wrong are named by row and column, and the next call works', async ({
  page,
}) => {
  const found = await page.evaluate(async () => {
    const { TabularModel, ImageClassifier, TensorModel } = window.tabserve;
    const model = await TabularModel.create({ model: '/tables/people.onnx' });
    const good = { age: 20, income: 30, city: 'Rome', plan: 'free' };
    const fails = (given: unknown) => window.failureOf(model.predict(given as typeof good));
    const failures = {
      missing: await fails([good, { age: 20, income: 30, city: 'Rome' }]),
      surplus: await fails({ ...good, town: 'Rome' }),
      nan: await fails([good, good, { ...good, age: Number.NaN }]),
      kind: await fails({ ...good, age: 'old' }),
      short: await fails([[1, 2, 'Rome']]),
      none: await fails(null),
      text: await fails('age=20'),
      hole: await fails([good, null]),
    };
    const empty = await model.predict([]);
    const many = await model.predict(Array.from({ length: 5_000 }, () => good));
    const late = await fails([
      ...Array.from({ length: 3_000 }, () => good),
      { ...good, age: null },
    ]);
    const again = await model.predict(good);
    const kinds = {
      gpu: await window.failureOf(
        TabularModel.create({ model: '/tables/people.onnx', device: 'webgpu' as 'wasm' }),
      ),
      picture: await window.failureOf(TabularModel.create({ model: '/mean/model.json' })),
      bare: await window.failureOf(
        ImageClassifier.create({ model: '/tables/linear.onnx', device: 'wasm' }),
      ),
      none: await window.failureOf(TensorModel.create({} as { model: string })),
    };
    model.destroy();
    return { failures, empty, many: many.length, late, again, kinds };
  });
  const invalid = (...words: string[]) => ({
    code: 'invalid-argument',
    message: expect.stringMatching(new RegExp(words.join('.*'))),
  });
  expect(found.failures).toMatchObject({
    missing: invalid('Row 1', '"plan"', 'nothing'),
    surplus: invalid('Row 0', '"town"'),
    nan: invalid('Row 2', '"age"', 'NaN'),
    kind: invalid('Row 0', '"age"', '"old"'),
    short: invalid('Row 0', '3 values', '4'),
    none: invalid('Row 0', 'null'),
    text: invalid('Row 0', 'string'),
    hole: invalid('Row 1', 'null'),
  });
  expect(found.late).toMatchObject(invalid('Row 3000', '"age"'));
  expect(found.empty).toEqual([]);
  expect(found.many).toBe(5_000);
  expect(found.again).toHaveProperty('label', 'leaves');
  expect(found.kinds).toMatchObject({
    gpu: { code: 'unsupported', message: expect.stringContaining('WASM') },
    picture: { code: 'unsupported', message: expect.stringContaining('Use ImageClassifier') },
    bare: { code: 'model-invalid' },
    none: { code: 'invalid-argument', message: expect.stringContaining('TensorModel') },
  });
});

test('any graph by named tensors: types, shapes, strings, and what does not fit', async ({
  page,
}) => {
  const found = await page.evaluate(async () => {
    const { TensorModel } = window.tabserve;
    const linear = await TensorModel.create({ model: '/tables/linear.onnx', device: 'wasm' });
    const { inputs, outputs } = linear.info.model;
    const data = Float32Array.from([1, 0, 0, 0, 0, 1, 0, 0]);
    const answer = await linear.run({ X: { data, dims: [2, 4] } });
    const kept = data.length;
    const fails = (feeds: unknown, options?: object) =>
      window.failureOf(linear.run(feeds as { X: { data: Float32Array; dims: number[] } }, options));
    const one = { data: new Float32Array(4), dims: [1, 4] };
    const failures = {
      name: await fails({ Y: one }),
      missing: await fails({}),
      surplus: await fails({ X: one, Y: one }),
      type: await fails({ X: { data: new Float64Array(4), dims: [1, 4] } }),
      shape: await fails({ X: { data: new Float32Array(5), dims: [1, 5] } }),
      count: await fails({ X: { data: new Float32Array(5), dims: [1, 4] } }),
      dims: await fails({ X: { data: new Float32Array(4), dims: [-1, 4] } }),
      array: await fails({ X: [1, 2, 3, 4] }),
      nothing: await fails(null),
      output: await fails({ X: one }, { outputs: ['Z'] }),
    };
    const numbers = (tensor?: { data: unknown }) => [...((tensor?.data ?? []) as Float32Array)];
    const nothing = { data: new Float32Array(4).fill(Number.NaN), dims: [1, 4] };
    const [nan] = numbers((await linear.run({ X: nothing })).variable);
    linear.destroy();

    const people = await TensorModel.create({ model: '/tables/people.onnx', device: 'wasm' });
    const text = (value: string) => ({ data: [value], dims: [1, 1] });
    const number = (value: number) => ({ data: Float32Array.of(value), dims: [1, 1] });
    const said = await people.run(
      { age: number(20), income: number(30.5), city: text('Rome'), plan: text('free') },
      { outputs: ['output_probability'] },
    );
    const names = people.info.model.outputs.map(({ name, type }) => `${name}: ${type}`);
    people.destroy();

    const picture = await TensorModel.create({ model: '/mean/model.json', device: 'wasm' });
    const pixels = { data: new Float32Array(192).fill(0.5), dims: [1, 3, 8, 8] };
    const { mean } = await picture.run({ input: pixels });
    picture.destroy();
    return {
      inputs,
      outputs,
      values: numbers(answer.variable),
      dims: answer.variable?.dims,
      kept,
      failures,
      nan,
      said: Object.entries(said).map(([name, { type, dims, data }]) => [
        name,
        type,
        dims,
        [...data],
      ]),
      names,
      mean: numbers(mean),
    };
  });
  expect(found.inputs).toMatchObject([
    { name: 'X', type: 'float32', shape: [expect.anything(), 4] },
  ]);
  expect(found.outputs).toMatchObject([{ name: 'variable', type: 'float32' }]);
  expect(found.dims).toEqual([2, 1]);
  expect(found.kept).toBe(8);
  expect(found.nan).toBeNaN();
  for (const [name, failure] of Object.entries(found.failures)) {
    expect(failure?.code, name).toBe('invalid-argument');
  }
  expect(found.failures.shape?.message).toContain('[1, 5]');
  expect(found.failures.type?.message).toContain('float64');
  const wanted = golden.people?.scores?.[0] as number[];
  expect(found.said).toEqual([
    ['output_probability', 'float32', [1, 2], wanted.map((score) => expect.closeTo(score, 5))],
  ]);
  expect(found.names).toEqual(['output_label: string', 'output_probability: float32']);
  expect(found.mean).toEqual([0.5, 0.5, 0.5]);
});
