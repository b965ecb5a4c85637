/** Rows, tensors, texts and sounds through page, worker and engine: the answers of the references. */
import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import clips from '../../e2e/audio/golden/clips.json';
import { openTab, projectFile, projectJson, type Tab } from '../testing/tab.js';
import { AudioClassifier } from './audio-classifier.js';
import { EmbeddingIndex } from './embedding-index.js';
import { TabularModel } from './tabular-model.js';
import { TensorModel } from './tensor-model.js';
import { TextClassifier } from './text-classifier.js';
import { TextEmbedder } from './text-embedder.js';

vi.setConfig({ testTimeout: 60_000 });

let tab: Tab;
beforeAll(async () => {
  tab = await openTab();
});
afterEach(() => tab.expectNothingLeft());
afterAll(() => tab.close());

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('It did not fail.'),
    (error: unknown) => error,
  );
const worst = (found: ArrayLike<number>, wanted: readonly number[]) => {
  expect(found).toHaveLength(wanted.length);
  return Math.max(...wanted.map((each, i) => Math.abs(each - (found[i] ?? Number.NaN))));
};

describe('a model of rows', () => {
  interface Golden {
    rows: (number[] | Record<string, number | string>)[];
    values?: number[][];
    classes?: string[];
    labels?: string[];
    scores?: (number | number[])[];
  }
  const { inner, ...golden } = projectJson<Record<string, Golden>>(
    'e2e/tabular/golden/answers.json',
  ) as Record<string, Golden> & {
    inner: {
      scaler: { mean: number[]; scale: number[] };
      imputer: number[];
      categories: string[][];
    };
  };
  beforeAll(() => {
    for (const name of [...Object.keys(golden), 'inner']) {
      tab.route(`/tables/${name}.onnx`, projectFile(`e2e/tabular/golden/${name}.onnx`));
    }
  });

  it.each(Object.keys(golden))('%s predicts what scikit-learn does', async (name) => {
    const { rows, values, classes = [], labels = [], scores = [] } = golden[name] as Golden;
    const model = await TabularModel.create({ ...tab.places, model: `/tables/${name}.onnx` });
    const answers = await model.predict(rows);
    expect(await model.predict(rows[0] as number[])).toEqual(answers[0]);
    model.destroy();
    expect(answers).toHaveLength(rows.length);
    for (const [row, answer] of answers.entries()) {
      if ('values' in answer) {
        const wanted = values?.[row] ?? [];
        const scale = Math.max(1, ...wanted.map(Math.abs));
        expect(worst(answer.values, wanted) / scale).toBeLessThan(1e-5);
        continue;
      }
      expect(answer.label, `row ${row}`).toBe(labels[row]);
      const wanted = scores[row];
      if (!Array.isArray(wanted)) continue;
      const ordered = [...answer.scores].sort((a, b) => a.index - b.index);
      expect(ordered.map(({ label }) => label)).toEqual(classes);
      expect(
        worst(
          ordered.map(({ score }) => score),
          wanted,
        ),
      ).toBeLessThan(1e-5);
    }
  });

  it('heeds columns, scalers, gaps and categories of its manifest, and says what is wrong', async () => {
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
    tab.route('/tables/people.json', {
      name: 'people',
      version: '1.0.0',
      task: 'tabular',
      labels: golden.people?.classes,
      columns: [...numbers, ...words],
      input: { kind: 'matrix', name: 'X' },
      output: { kind: 'class', label: 'output_label', scores: 'output_probability' },
      files: [{ url: 'inner.onnx', dtype: 'fp32' }],
    });
    const model = await TabularModel.create({ ...tab.places, model: '/tables/people.json' });
    const rows = golden.people?.rows as Record<string, string>[];
    const answers = await model.predict(rows, { topK: 1 });
    expect(answers.map((each) => 'label' in each && each.label)).toEqual(golden.people?.labels);
    expect(answers.every((each) => 'label' in each && each.scores.length === 1)).toBe(true);
    expect(await model.predict([])).toEqual([]);
    // More than travel at a time, in their order.
    const many = Array.from({ length: 2_500 }, (_, i) => rows[i % rows.length] ?? {});
    const labels = (await model.predict(many)).map((each) => 'label' in each && each.label);
    expect(labels).toEqual(many.map((_, i) => golden.people?.labels?.[i % rows.length]));
    expect(await failure(model.predict([...rows, { age: 3, street: 'Main' }]))).toMatchObject({
      code: 'invalid-argument',
    });
    expect(await model.predict({ age: null, city: 'Rome', plan: 'free' })).toHaveProperty('label');
    expect(model.info.model.columns.map(({ name }) => name)).toEqual([
      'age',
      'income',
      'city',
      'plan',
    ]);
    model.destroy();
    expect(
      await failure(TabularModel.create({ model: '/t.onnx', device: 'webgpu' as 'wasm' })),
    ).toMatchObject({ code: 'unsupported' });
    expect(await failure(TabularModel.create({} as never))).toMatchObject({
      code: 'invalid-argument',
    });
  });

  it('is told apart by availability(), and loaded ahead by preload()', async () => {
    const options = { ...tab.places, model: '/tables/linear.onnx' };
    expect(await TabularModel.availability(options)).toBe('downloadable');
    await TabularModel.preload(options);
    expect(await TabularModel.availability(options)).toBe('available');
    tab.web.requests.length = 0;
    (await TabularModel.create(options)).destroy();
    expect(tab.web.requests).toEqual([]);
  });
});

describe('a graph by its tensors', () => {
  const float = (data: number[], dims: number[]) => ({
    type: 'float32' as const,
    dims,
    data: Float32Array.from(data),
  });
  beforeAll(() => {
    for (const name of ['affine', 'ident']) {
      tab.route(`/g/${name}.onnx`, projectFile(`e2e/bridge/golden/${name}.onnx`));
    }
  });

  it('computes what it says, and names the tensor that does not fit', async () => {
    const model = await TensorModel.create({ ...tab.places, model: '/g/affine.onnx' });
    const { inputs, outputs } = model.graph;
    expect(model.task).toBe('tensor');
    const [input] = inputs;
    const dims = (input?.shape ?? []).map((size) => (typeof size === 'number' ? size : 1));
    const length = dims.reduce((all, size) => all * size, 1);
    const feed = { [input?.name ?? '']: float(new Array(length).fill(0), dims) };
    const others = Object.fromEntries(
      inputs.slice(1).map(({ name, shape }) => {
        const own = shape.map((size) => (typeof size === 'number' ? size : 1));
        return [name, float(new Array(own.reduce((a, b) => a * b, 1)).fill(0), own)];
      }),
    );
    const answer = await model.run({ ...feed, ...others });
    expect(Object.keys(answer).sort()).toEqual(outputs.map(({ name }) => name).sort());
    const [first] = outputs;
    const one = await model.run({ ...feed, ...others }, { outputs: [first?.name ?? ''] });
    expect(Object.keys(one)).toEqual([first?.name]);
    expect(one[first?.name ?? '']).toEqual(answer[first?.name ?? '']);
    expect(await failure(model.run({}))).toMatchObject({ code: 'invalid-argument' });
    expect(await failure(model.run({ ...feed, ...others, other: float([1], [1]) }))).toMatchObject({
      code: 'invalid-argument',
    });
    expect(
      await failure(model.run({ ...feed, ...others }, { outputs: ['nowhere'] })),
    ).toMatchObject({ code: 'invalid-argument' });
    expect(await model.run({ ...feed, ...others })).toEqual(answer);
    model.destroy();
    expect(await failure(model.run(feed))).toMatchObject({ code: 'destroyed' });
  });

  it('is asked beside its own task where that was wanted at create()', async () => {
    tab.route('/tables/linear.onnx', projectFile('e2e/tabular/golden/linear.onnx'));
    const options = { ...tab.places, model: '/tables/linear.onnx' };
    const model = await TabularModel.create({ ...options, tensors: true });
    const [{ name = '' } = {}] = model.graph.inputs;
    const row = [1, 2, 3, 4];
    const tensors = await model.infer({ [name]: float(row, [1, 4]) });
    const predicted = await model.predict(row);
    const [value] = Object.values(tensors).map(({ data }) => Number(data[0]));
    expect('value' in predicted && predicted.value).toBeCloseTo(value ?? Number.NaN, 6);
    expect(await failure(model.infer({ [name]: float(row, [2, 2]) }))).toMatchObject({
      code: 'invalid-argument',
    });
    model.destroy();
  });
});

describe('a model of texts', () => {
  const golden = projectJson<{
    texts: string[];
    pairs: [string, string][];
    classifiers: Record<
      string,
      { labels: string[]; answers: { tokens: number; scores: number[] }[] }
    >;
    embedders: Record<string, { vectors: number[][] }>;
  }>('e2e/text/golden/answers.json');

  function routeRepository(name: string, place = 'hub', without: readonly string[] = []): string {
    const root = join(import.meta.dirname, '../../e2e/text/golden/models', name);
    const walk = (path: string): string[] =>
      statSync(path).isDirectory()
        ? readdirSync(path).flatMap((each) => walk(join(path, each)))
        : [path];
    for (const path of walk(root)) {
      const address = relative(root, path);
      if (without.includes(address)) continue;
      tab.route(
        `/${place}/${name}/${address}`,
        projectFile(relative(join(import.meta.dirname, '../..'), path)),
      );
    }
    return `/${place}/${name}/`;
  }

  it.each(Object.entries(golden.classifiers))(
    '%s has the scores of Transformers',
    async (name, { labels, answers }) => {
      const model = routeRepository(name);
      const classifier = await TextClassifier.create({ ...tab.places, model });
      const tokens: number[] = [];
      classifier.addEventListener('request', ({ detail }) =>
        tokens.push(detail.preprocessing.tokens),
      );
      const given = [...golden.texts, ...golden.pairs.map(([text, pair]) => ({ text, pair }))];
      const found = await classifier.classify(given, { topK: labels.length });
      expect(classifier.info.model.labels).toEqual(labels);
      expect(classifier.info.fallbacks.filter(({ from }) => from !== 'webgpu')).toEqual([]);
      classifier.destroy();
      for (const [at, { scores }] of answers.entries()) {
        const ordered = [...(found[at] ?? [])].sort((a, b) => a.index - b.index);
        expect(
          worst(
            ordered.map(({ score }) => score),
            scores,
          ),
          `text ${at}`,
        ).toBeLessThan(1e-5);
      }
      expect(tokens.sort((a, b) => a - b)).toEqual(
        answers.map((each) => each.tokens).sort((a, b) => a - b),
      );
    },
  );

  it.each(Object.entries(golden.embedders))(
    '%s has the vectors of sentence-transformers',
    async (name, { vectors }) => {
      const model = routeRepository(name);
      const options = { ...tab.places, model };
      await TextEmbedder.preload(options);
      const embedder = await TextEmbedder.create(options);
      const found = await embedder.embed(golden.texts);
      const unit = await embedder.embed(golden.texts[0] ?? '', { normalize: true });
      embedder.destroy();
      for (const [at, wanted] of vectors.entries()) {
        expect(worst(found[at] ?? [], wanted), `text ${at}`).toBeLessThan(1e-5);
      }
      expect(Math.hypot(...unit)).toBeCloseTo(1, 5);
    },
  );

  it('says what is wrong, and goes on', async () => {
    const [name = ''] = Object.keys(golden.classifiers);
    const model = routeRepository(name, 'lacking', ['tokenizer.json']);
    expect(await failure(TextClassifier.create({ ...tab.places, model }))).toMatchObject({
      code: 'model-not-found',
    });
    const whole = routeRepository(name);
    expect(await failure(TextEmbedder.create({ ...tab.places, model: whole }))).toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/Use TextClassifier for it/),
    });
    const classifier = await TextClassifier.create({ ...tab.places, model: whole });
    expect(await failure(classifier.classify(7 as never))).toMatchObject({
      code: 'invalid-argument',
    });
    expect(await failure(classifier.classify(['good', null as never]))).toMatchObject({
      code: 'invalid-argument',
      details: { text: 1 },
    });
    expect(await classifier.classify('good', { topK: 1 })).toHaveLength(1);
    classifier.destroy();
  });
});

describe('an index', () => {
  const open = () => EmbeddingIndex.create(tab.places);

  it('finds what is alike, and outlives itself when it was saved', async () => {
    const files = () => tab.disk.root.paths.filter((path) => path.includes('files/'));
    const index = await open();
    const before = files();
    expect([index.size, index.dimensions, index.metric]).toEqual([0, 0, 'cosine']);
    expect(await index.nearest([1, 2], 3)).toEqual([]);
    await index.add('x', [1, 0]);
    await index.add([
      ['y', Float32Array.of(0, 1)],
      ['xy', [1, 1]],
    ]);
    const near = await index.nearest([2, 1], 2);
    expect(near.map(({ id }) => id)).toEqual(['xy', 'x']);
    await index.save('axes');
    await index.remove(['y', 'nobody']);
    expect([index.size, index.dimensions]).toEqual([2, 2]);
    index.destroy();
    index.destroy();
    expect(await failure(index.nearest([1, 2]))).toMatchObject({ code: 'destroyed' });

    await using again = await EmbeddingIndex.load('axes', tab.places);
    expect(again.size).toBe(3);
    expect(await again.nearest([2, 1], 2)).toEqual(near);
    // The same bytes under two names are one file.
    await again.save('copy');
    expect(await EmbeddingIndex.delete('axes', tab.places)).toBe(true);
    expect(await EmbeddingIndex.delete('axes', tab.places)).toBe(false);
    const copy = await EmbeddingIndex.load('copy', tab.places);
    expect(copy.size).toBe(3);
    copy.destroy();
    await EmbeddingIndex.delete('copy', tab.places);
    expect(files()).toEqual(before);
  });

  it('says what is wrong with vectors, names and files', async () => {
    const index = await open();
    for (const wrong of [
      () => index.add('a', []),
      () =>
        index.add([
          ['a', [1]],
          ['b', [1, 2]],
        ]),
      () => index.add([[3 as never, [1]]]),
      () => index.add('a', [Number.NaN]),
      () => index.nearest([1], 0),
      () => index.save(''),
      () => EmbeddingIndex.create({ metric: 'manhattan' as never }),
    ]) {
      expect(await failure(wrong())).toMatchObject({ code: 'invalid-argument' });
    }
    await index.add('a', [1, 2]);
    expect(await failure(index.add('b', [1]))).toMatchObject({ code: 'invalid-argument' });
    expect(index.size).toBe(1);
    expect(await failure(EmbeddingIndex.load('nothing', tab.places))).toMatchObject({
      code: 'model-not-found',
    });
    await index.save('spoilt');
    for (const path of tab.disk.root.paths.filter((each) => /files\//.test(each))) {
      if ((tab.disk.root.at(path)?.length ?? 0) < 1_000) tab.disk.root.put(path, 'spoilt');
    }
    expect(await failure(EmbeddingIndex.load('spoilt', tab.places))).toMatchObject({
      code: 'integrity',
    });
    index.destroy();
  });

  it('is gone with its worker, and says so', async () => {
    const index = await open();
    await index.add('a', [1, 2]);
    for (const worker of tab.stage.alive) worker.die();
    await vi.waitFor(async () =>
      expect(await failure(index.nearest([1, 2]))).toMatchObject({ code: 'worker-crashed' }),
    );
    index.destroy();
    const next = await open();
    expect(next.size).toBe(0);
    next.destroy();
  });
});

describe('a model of sounds', () => {
  interface Golden {
    config: object;
    preprocessor: object;
    logits: Record<'long' | 'short' | 'stereo44100', number[]>;
  }
  const samplesOf = (base64: string) => {
    const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
    return Float32Array.from(new Int16Array(bytes.buffer), (each) => each / 32768);
  };
  const scoresOf = (logits: readonly number[]) => {
    const powers = logits.map((each) => Math.exp(each - Math.max(...logits)));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((each) => each / sum);
  };

  it.each(['ast', 'whisper', 'wav2vec2'])('%s has the scores of Transformers', async (name) => {
    const golden = projectJson<Golden>(`e2e/audio/golden/${name}.json`);
    tab.route(`/hub/${name}/config.json`, golden.config);
    tab.route(`/hub/${name}/preprocessor_config.json`, golden.preprocessor);
    tab.route(`/hub/${name}/onnx/model.onnx`, projectFile(`e2e/audio/golden/${name}.onnx`));
    const classifier = await AudioClassifier.create({ ...tab.places, model: `/hub/${name}/` });
    const left = samplesOf(clips.stereo44100);
    const sounds = {
      long: { samples: samplesOf(clips.long), sampleRate: 16000 },
      short: { samples: [samplesOf(clips.short)], sampleRate: 16000 },
      stereo44100: { samples: [left, left.map((each) => each / 2)], sampleRate: 44100 },
    };
    for (const [key, sound] of Object.entries(sounds)) {
      const found = (await classifier.classify(sound)).sort((a, b) => a.index - b.index);
      const wanted = scoresOf(golden.logits[key as 'long']);
      expect(
        worst(
          found.map(({ score }) => score),
          wanted,
        ),
        key,
      ).toBeLessThan(1e-4);
    }
    // The caller's samples stay the caller's.
    expect(left).toHaveLength(26460);
    for (const wrong of [
      left as never,
      { samples: [], sampleRate: 16000 },
      { samples: new Float32Array(4), sampleRate: 1 },
      { samples: [new Float32Array(4), new Float32Array(5)], sampleRate: 16000 },
      7 as never,
    ]) {
      expect(await failure(classifier.classify(wrong))).toMatchObject({
        code: expect.stringMatching(/invalid-argument|audio-undecodable/),
      });
    }
    // There is no decoder in Node.
    expect(await failure(classifier.classify(new Blob(['sound'])))).toMatchObject({
      code: 'unsupported',
    });
    expect(await failure(classifier.classify('/nowhere.wav'))).toMatchObject({
      code: 'network',
      details: { status: 404 },
    });
    classifier.destroy();
  });
});

it('a full disk costs no answer', async () => {
  tab.disk.quota = 0;
  tab.route('/tables/linear.onnx', projectFile('e2e/tabular/golden/linear.onnx'));
  const model = await TabularModel.create({ ...tab.places, model: '/tables/linear.onnx' });
  expect(await model.predict([1, 2, 3, 4])).toHaveProperty('value');
  model.destroy();
  tab.disk.quota = Number.POSITIVE_INFINITY;
});
