/**
 * Vectors of pictures, as a page asks for them: those of Transformers and timm on the same weights; the
 * search among many; and every way of being wrong, after which the next call works.
 */
import { expect, test } from './fixtures.js';
import { meanColour, serveModel } from './models.js';
import {
  both,
  golden,
  type HubFiles,
  prepare,
  servePictures,
  serveRepository,
  type Which,
} from './vision/served.js';

const cases = golden<Record<string, HubFiles & { vectors: Record<Which, number[]> }>>('embedding');
const names = Object.keys(cases);

test.beforeEach(async ({ server, open }) => {
  servePictures(server);
  for (const name of names) serveRepository(server, name, cases[name] as HubFiles);
  serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  await prepare(await open());
});

for (const name of names) {
  test(`${name}: the vectors of the reference`, async ({ page }) => {
    const found = await page.evaluate(
      async ({ model, both }) => {
        const { ImageEmbedder, similarity } = window.tabserve;
        const embedder = await ImageEmbedder.create({ model, device: 'wasm' });
        const sources = both.map((which) => `/${which}.png`);
        const vectors = await embedder.embed(sources);
        const units = await embedder.embed(sources, { normalize: true });
        const [a, b] = vectors;
        const [c, d] = units;
        if (!a || !b || !c || !d) throw new Error('too few');
        const likeness = [similarity(a, b), similarity(c, d), similarity(a, a)];
        const { fallbacks, model: info } = embedder.info;
        embedder.destroy();
        const all = [...vectors, ...units].map((each) => [...each]);
        return { vectors: all, likeness, fallbacks, info };
      },
      { model: `/hub/${name}/`, both },
    );
    const expected = both.map((which) => cases[name]?.vectors[which] ?? []);
    for (const [i, vector] of expected.entries()) {
      const length = Math.hypot(...vector);
      const units = vector.map((each) => each / length);
      for (const [own, wanted] of [
        [found.vectors[i], vector],
        [found.vectors[i + 2], units],
      ] as const) {
        expect(own).toHaveLength(wanted.length);
        // 1e-5 of the vector's own scale: numbers beyond 1 have fewer digits behind the point.
        const scale = Math.max(1, ...wanted.map(Math.abs));
        const worst = Math.max(...wanted.map((each, j) => Math.abs(each - (own?.[j] ?? 9))));
        expect(worst / scale, `${both[i]}`).toBeLessThan(1e-5);
      }
    }
    const [one = [], other = []] = expected;
    const dot = one.reduce((sum, each, j) => sum + each * (other[j] as number), 0);
    const cosine = dot / Math.hypot(...one) / Math.hypot(...other);
    expect(found.likeness[0]).toBeCloseTo(cosine, 4);
    expect(found.likeness[1]).toBeCloseTo(cosine, 4);
    expect(found.likeness[2]).toBeCloseTo(1, 6);
    expect(found.fallbacks).toEqual([]);
    expect(found.info.labels).toEqual([]);
  });
}

test('an index finds what is there, and outlives the page when it was saved', async ({
  page,
  open,
}) => {
  const first = await page.evaluate(async () => {
    const { EmbeddingIndex, ImageEmbedder } = window.tabserve;
    const embedder = await ImageEmbedder.create({ model: '/hub/clip/', device: 'wasm' });
    const index = await EmbeddingIndex.create();
    const empty = await index.nearest([1, 2], 3);
    await index.add('wide', await embedder.embed('/wide.png'));
    await index.add([
      ['tall', await embedder.embed('/tall.png')],
      ['part', await embedder.embed('/tall.png', { crop: { x: 9, y: 9, width: 60, height: 60 } })],
    ]);
    const found = await index.nearest(await embedder.embed('/wide.png'), 2);
    await index.save('pictures');
    await index.remove(['part', 'nobody']);
    const after = { size: index.size, dimensions: index.dimensions, metric: index.metric };
    index.destroy();
    embedder.destroy();
    return { empty, found, after, gone: await window.failureOf(index.nearest([1])) };
  });
  expect(first.empty).toEqual([]);
  expect(first.found[0]).toEqual({ id: 'wide', score: expect.closeTo(1, 5) });
  expect(first.found).toHaveLength(2);
  expect(first.after).toEqual({ size: 2, dimensions: 24, metric: 'cosine' });
  expect(first.gone?.code).toBe('destroyed');

  await open();
  const second = await page.evaluate(async () => {
    const { EmbeddingIndex } = window.tabserve;
    const index = await EmbeddingIndex.load('pictures');
    const { size, dimensions } = index;
    const query = new Float32Array(dimensions).fill(1);
    const before = await index.nearest(query, 3);
    // Saved once more under another name, the same bytes are one file.
    await index.save('copy');
    const removed = await EmbeddingIndex.delete('pictures');
    const copy = await EmbeddingIndex.load('copy');
    const same = await copy.nearest(query, 3);
    const again = await EmbeddingIndex.delete('pictures');
    await EmbeddingIndex.delete('copy');
    index.destroy();
    copy.destroy();
    const { files } = { files: (await window.tabserve.models.usage()).bytes };
    return { size, before, removed, same, again, files };
  });
  expect(second.size).toBe(3);
  expect(second.before).toHaveLength(3);
  expect(second.same).toEqual(second.before);
  expect([second.removed, second.again]).toEqual([true, false]);
  await open();
  const missing = await page.evaluate(async () => {
    const { EmbeddingIndex, isTabserveError } = window.tabserve;
    return EmbeddingIndex.load('copy').catch((error) => isTabserveError(error, 'model-not-found'));
  });
  expect(missing).toBe(true);
});

test('10,000 vectors of 512 numbers: the neighbours of brute force, from a worker', async ({
  page,
}) => {
  const found = await page.evaluate(async () => {
    const { EmbeddingIndex, similarity } = window.tabserve;
    const [count, length] = [10_000, 512];
    let state = 7;
    const random = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      return state / 2 ** 31;
    };
    const vectors = Array.from({ length: count }, () => Float32Array.from({ length }, random));
    const index = await EmbeddingIndex.create();
    await index.add(vectors.map((vector, i) => [`${i}`, vector] as const));
    const answers: { found: string[]; wanted: string[] }[] = [];
    const times: number[] = [];
    for (let i = 0; i < 30; i++) {
      const query = Float32Array.from({ length }, random);
      const began = performance.now();
      const nearest = await index.nearest(query, 10);
      times.push(performance.now() - began);
      if (i % 10 > 0) continue;
      const wanted = vectors
        .map((vector, id) => ({ id: `${id}`, score: similarity(vector, query) }))
        .sort((a, b) => b.score - a.score)
        .slice(0, 10);
      answers.push({ found: nearest.map(({ id }) => id), wanted: wanted.map(({ id }) => id) });
    }
    index.destroy();
    return { answers, median: times.toSorted((a, b) => a - b)[15] };
  });
  for (const { found: own, wanted } of found.answers) expect(own).toEqual(wanted);
  test.info().annotations.push({ type: 'ms a query', description: `${found.median}` });
  console.log(`An index of 10,000 × 512: ${found.median} ms a query (median).`);
});

test('what is wrong is said, and the next call works', async ({ page }) => {
  const found = await page.evaluate(async () => {
    const { EmbeddingIndex, ImageEmbedder, similarity } = window.tabserve;
    const create = (model: string) => ImageEmbedder.create({ model, device: 'wasm' });
    const embedder = await create('/hub/vit/');
    const index = await EmbeddingIndex.create({ metric: 'dot' });
    await index.add('a', [1, 2]);
    const failures = {
      classifier: await window.failureOf(create('/mean/model.json')),
      nothing: await window.failureOf(window.tabserve.ObjectDetector.create(undefined as never)),
      picture: await window.failureOf(embedder.embed(new Blob([]))),
      lengths: await window.failureOf((async () => similarity([1], [1, 2]))()),
      metric: await window.failureOf(EmbeddingIndex.create({ metric: 'near' as never })),
      dimensions: await window.failureOf(index.add('b', [1, 2, 3])),
      nan: await window.failureOf(index.add('b', [1, Number.NaN])),
      empty: await window.failureOf(index.add('b', [])),
      mixed: await window.failureOf(
        index.add([
          ['b', [1, 2]],
          ['c', [1, 2, 3]],
        ]),
      ),
      k: await window.failureOf(index.nearest([1, 2], 0)),
      query: await window.failureOf(index.nearest([1])),
      name: await window.failureOf(index.save('')),
      missing: await window.failureOf(EmbeddingIndex.load('nowhere')),
    };
    const next = await index.nearest([1, 1], 5);
    const { length } = await embedder.embed('/wide.png');
    index.destroy();
    embedder.destroy();
    return { failures, next, length, size: index.size };
  });
  const { failures } = found;
  expect(failures.classifier?.message).toContain('Use ImageClassifier for it');
  expect(failures.nothing?.message).toContain('ObjectDetector needs a "model"');
  expect(failures.picture?.code).toBe('image-undecodable');
  expect(failures.missing?.code).toBe('model-not-found');
  const wrong = ['lengths', 'metric', 'dimensions', 'nan', 'empty', 'mixed', 'k', 'query', 'name'];
  for (const name of wrong) {
    expect(failures[name as keyof typeof failures]?.code, name).toBe('invalid-argument');
  }
  expect(found.next).toEqual([{ id: 'a', score: 3 }]);
  expect(found.length).toBe(32);
  expect(found.size).toBe(1);
});

test('a classifier whose manifest names its embedding is an embedder too, and the embedded one is', async ({
  page,
  server,
}) => {
  const { output, ...rest } = meanColour.manifest;
  const both = { ...rest, output: { ...output, embedding: { name: output.name } } };
  serveModel(server, '/both', both, meanColour.model);
  const found = await page.evaluate(async () => {
    const { ImageClassifier, ImageEmbedder, similarity } = window.tabserve;
    const model = '/both/model.json';
    const classifier = await ImageClassifier.create({ model, device: 'wasm' });
    const embedder = await ImageEmbedder.create({ model, device: 'wasm' });
    const [best] = await classifier.classify('/wide.png');
    const vector = await embedder.embed('/wide.png');
    const refused = await window.failureOf(
      ImageEmbedder.create({ model: '/mean/model.json', device: 'wasm' }),
    );
    const own = await ImageEmbedder.create({ device: 'wasm' });
    const [wide, again, tall] = await own.embed(['/wide.png', '/wide.png', '/tall.png']);
    if (!wide || !again || !tall) throw new Error('too few');
    const likeness = [similarity(wide, again), similarity(wide, tall)];
    const { name } = own.info.model;
    for (const each of [classifier, embedder, own]) each.destroy();
    return {
      best: best?.score,
      largest: Math.max(...vector),
      refused: refused?.code,
      dimensions: wide.length,
      name,
      likeness,
    };
  });
  expect(found.best).toBeCloseTo(found.largest, 6);
  expect(found.refused).toBe('unsupported');
  expect([found.name, found.dimensions]).toEqual(['photos', 1280]);
  expect(found.likeness[0]).toBeCloseTo(1, 5);
  expect(found.likeness[1]).toBeLessThan(0.99);
});
