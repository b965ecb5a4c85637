/**
 * Texts, as a page asks about them: classes and vectors of Transformers and sentence-transformers on the
 * same weights; wherever tabserve runs; and every way of being wrong, after which the next call works.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { openPlace, test as placed, policies } from './embedding.js';
import { expect, test } from './fixtures.js';
import { meanColour, serveModel } from './models.js';
import type { TestServer } from './server.js';
import { prepare } from './vision/served.js';

const folder = join(import.meta.dirname, 'text/golden');
const golden = JSON.parse(readFileSync(join(folder, 'answers.json'), 'utf8')) as {
  texts: string[];
  pairs: [string, string][];
  classifiers: Record<
    string,
    { labels: string[]; answers: { tokens: number; scores: number[] }[] }
  >;
  embedders: Record<string, { pooling: string; vectors: number[][] }>;
};

/** Serves a golden repository. `without` leaves files out. */
function serveRepository(
  server: TestServer,
  name: string,
  without: readonly string[] = [],
  place = 'hub',
): string {
  const root = join(folder, 'models', name);
  const walk = (path: string): string[] =>
    statSync(path).isDirectory()
      ? readdirSync(path).flatMap((each) => walk(join(path, each)))
      : [path];
  for (const path of walk(root)) {
    const address = relative(root, path);
    if (!without.includes(address))
      server.route(`/${place}/${name}/${address}`, readFileSync(path));
  }
  return `/${place}/${name}/`;
}

for (const [name, { labels, answers }] of Object.entries(golden.classifiers)) {
  test(`the classifier ${name}: the scores of Transformers`, async ({ page, server, open }) => {
    const model = serveRepository(server, name);
    await prepare(await open());
    const found = await page.evaluate(
      async ({ model, texts, pairs, topK }) => {
        const { TextClassifier } = window.tabserve;
        const classifier = await TextClassifier.create({ model, device: 'wasm' });
        const reports: { tokens: number; isTruncated: boolean }[] = [];
        classifier.addEventListener('request', ({ detail }) => reports.push(detail.preprocessing));
        const given = [...texts, ...pairs.map(([text, pair]) => ({ text, pair }))];
        const answers = [];
        for (const text of given) answers.push(await classifier.classify(text, { topK }));
        const together = await classifier.classify(given, { topK });
        const { model: info, fallbacks } = classifier.info;
        classifier.destroy();
        return { answers, together, reports, info, fallbacks };
      },
      { model, texts: golden.texts, pairs: golden.pairs, topK: labels.length },
    );
    expect(found.together).toEqual(found.answers);
    expect(found.info.labels).toEqual(labels);
    expect(found.fallbacks).toEqual([]);
    for (const [at, { tokens, scores }] of answers.entries()) {
      const ordered = [...(found.answers[at] ?? [])].sort((a, b) => a.index - b.index);
      expect(ordered).toHaveLength(labels.length);
      for (const [index, score] of scores.entries()) {
        expect(ordered[index]?.score, `text ${at}`).toBeCloseTo(score, 5);
        expect(ordered[index]?.label).toBe(labels[index]);
      }
      expect(found.reports[at]?.tokens, `text ${at}`).toBe(tokens);
    }
    // The fifth text is longer than any of these models reads.
    expect(found.reports.slice(0, 5).map(({ isTruncated }) => isTruncated)).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
    expect(found.reports[4]?.tokens).toBe(found.info.maxTokens);
  });
}

for (const [name, { vectors }] of Object.entries(golden.embedders)) {
  test(`the embedder ${name}: the vectors of sentence-transformers`, async ({
    page,
    server,
    open,
  }) => {
    const model = serveRepository(server, name);
    await prepare(await open());
    const found = await page.evaluate(
      async ({ model, texts }) => {
        const { EmbeddingIndex, TextEmbedder, similarity } = window.tabserve;
        await TextEmbedder.preload({ model, device: 'wasm' });
        const embedder = await TextEmbedder.create({ model, device: 'wasm' });
        const vectors = await embedder.embed(texts);
        const [unit] = await embedder.embed(texts, { normalize: true });
        const index = await EmbeddingIndex.create();
        await index.add(vectors.map((vector, at) => [`${at}`, vector]));
        const [nearest] = await index.nearest(vectors[2] as Float32Array, 1);
        index.destroy();
        const { fallbacks } = embedder.info;
        embedder.destroy();
        return {
          vectors: vectors.map((each) => [...each]),
          unit: unit && Math.hypot(...unit),
          same: unit && similarity(unit, unit),
          nearest: nearest?.id,
          fallbacks,
        };
      },
      { model, texts: golden.texts },
    );
    for (const [at, wanted] of vectors.entries()) {
      const own = found.vectors[at] ?? [];
      expect(own).toHaveLength(wanted.length);
      const worst = Math.max(...wanted.map((each, i) => Math.abs(each - (own[i] ?? 9))));
      expect(worst, `text ${at}`).toBeLessThan(1e-5);
    }
    expect(found.unit).toBeCloseTo(1, 5);
    expect(found.nearest).toBe('2');
    expect(found.fallbacks).toEqual([]);
  });
}

test('what is wrong is said, and the next call works', async ({ page, server, open }) => {
  const model = serveRepository(server, 'bert');
  serveRepository(server, 'roberta', ['tokenizer.json'], 'lacking');
  serveRepository(server, 'mini');
  const tokenizer = JSON.parse(
    readFileSync(join(folder, 'models/mini/tokenizer.json'), 'utf8'),
  ) as Record<string, unknown> & { model: object };
  for (const [name, wrong] of [
    ['empty', '{}'],
    ['cut', '{"model":'],
    ['unknown', JSON.stringify({ ...tokenizer, normalizer: { type: 'Reverse' } })],
    [
      'numbers',
      JSON.stringify({ ...tokenizer, model: { ...tokenizer.model, vocab: { a: 1e12 } } }),
    ],
    ['page', '<!doctype html><p>not here'],
  ] as const) {
    serveRepository(server, 'one');
    for (const file of ['config.json', 'tokenizer_config.json', 'onnx/model.onnx']) {
      server.route(`/hub/${name}/${file}`, readFileSync(join(folder, 'models/one', file)));
    }
    server.route(`/hub/${name}/tokenizer.json`, Buffer.from(wrong));
  }
  serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  await prepare(await open());
  const found = await page.evaluate(async (model) => {
    const { ImageClassifier, TextClassifier, TextEmbedder } = window.tabserve;
    const open = (model: string) =>
      window.failureOf(TextClassifier.create({ model, device: 'wasm' }));
    const refused: Record<string, unknown> = {};
    for (const name of ['empty', 'cut', 'unknown', 'numbers', 'page']) {
      refused[name] = await open(`/hub/${name}/`);
    }
    refused.roberta = await open('/lacking/roberta/');
    const classifier = await TextClassifier.create({ model, device: 'wasm' });
    const fails = (text: unknown, options?: object) =>
      window.failureOf(classifier.classify(text as string, options));
    const calls = [
      await fails(7),
      await fails(null),
      await fails({ text: 'a', pair: 3 }),
      await fails(['a', undefined]),
      await fails('x'.repeat(10_000_001)),
      await fails('a', { allow: ['sad'] }),
    ];
    const odd = await classifier.classify(['', '\ud800', '\0', 'a'.repeat(1_000_000)]);
    const aborted = await fails('a', { signal: AbortSignal.abort(new Error('enough')) });
    const [best] = await classifier.classify('And on it goes.');
    const kinds = {
      none: await window.failureOf(TextClassifier.create({} as { model: string })),
      embedder: await open('/hub/mini/'),
      picture: await open('/mean/model.json'),
      text: await window.failureOf(ImageClassifier.create({ model, device: 'wasm' })),
      asEmbedder: await window.failureOf(TextEmbedder.create({ model, device: 'wasm' })),
    };
    classifier.destroy();
    const late = await fails('a');
    return { refused, calls, odd: odd.length, aborted, best, kinds, late };
  }, model);
  expect(found.refused).toMatchObject({
    empty: { code: 'model-invalid', message: expect.stringContaining('tokenizer') },
    cut: { code: 'model-invalid', message: expect.stringContaining('JSON') },
    unknown: { code: 'unsupported', message: expect.stringContaining('"Reverse"') },
    numbers: { code: 'model-invalid', message: expect.stringContaining('vocab') },
    page: { code: expect.stringMatching(/model-invalid|model-not-found/) },
    roberta: { code: 'model-not-found', message: expect.stringContaining('/tokenizer.json') },
  });
  for (const call of found.calls) expect(call?.code).toBe('invalid-argument');
  expect(found.odd).toBe(4);
  expect(found.aborted?.message).toBe('enough');
  expect(found.best?.label).toBeTruthy();
  expect(found.kinds).toMatchObject({
    none: { code: 'invalid-argument', message: expect.stringContaining('TextClassifier') },
    embedder: { code: 'unsupported', message: expect.stringContaining('Use TextEmbedder') },
    picture: { code: 'unsupported', message: expect.stringContaining('Use ImageClassifier') },
    text: { code: 'unsupported', message: expect.stringContaining('Use TextClassifier') },
    asEmbedder: { code: 'unsupported', message: expect.stringContaining('Use TextClassifier') },
  });
  expect(found.late?.code).toBe('destroyed');
});

const { self } = policies;

for (const [name, way, csp] of [
  ['a module', 'module', ''],
  ["a module, worker-src 'self'", 'module', self],
  ['a script tag', 'script', ''],
  ["a script tag, worker-src 'self'", 'script', self],
  ['a script tag from another origin', 'other', ''],
] as const) {
  placed(`texts by ${name}`, async ({ page, server, cdn }) => {
    const model = serveRepository(server, 'bert');
    await openPlace(page, server, cdn, { way, csp });
    const [text = ''] = golden.texts;
    const answers = await page.evaluate(
      async ({ model, text }) => {
        const { TextClassifier } = window.tabserve;
        const classifier = await TextClassifier.create({ model, device: 'wasm' });
        const answers = await classifier.classify(text);
        classifier.destroy();
        return answers;
      },
      { model, text },
    );
    const wanted = golden.classifiers.bert?.answers[0]?.scores ?? [];
    for (const { index, score } of answers) expect(score).toBeCloseTo(wanted[index] ?? 9, 5);
  });
}
