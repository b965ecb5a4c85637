/** An embedder's worker code, and an index's, reaches the worker wherever tabserve runs. */
import type { Page } from '@playwright/test';
import { expect, openPlace, policies, test } from './embedding.js';
import { meanColour, serveModel } from './models.js';

const { labels: _, output, ...described } = meanColour.manifest;
const manifest = { ...described, task: 'image-embedding', output: { name: output.name } };

const { self, typed } = policies;

/** The vectors of two colours, and what a classifier beside says. */
async function embed(page: Page, model: string) {
  return page.evaluate(async (model) => {
    const { EmbeddingIndex, ImageEmbedder, ImageClassifier } = window.tabserve;
    const embedder = await ImageEmbedder.create({ model, device: 'wasm' });
    const picture = (colour: string) => {
      const canvas = document.createElement('canvas');
      canvas.width = canvas.height = 8;
      const context = canvas.getContext('2d') as CanvasRenderingContext2D;
      context.fillStyle = colour;
      context.fillRect(0, 0, 8, 8);
      return canvas;
    };
    const vector = await embedder.embed(picture('#f00'));
    const unit = await embedder.embed(picture('#ff0'), { normalize: true });
    const refused = await ImageClassifier.create({ model, device: 'wasm' }).then(
      () => null,
      ({ code }) => code,
    );
    const index = await EmbeddingIndex.create();
    await index.add([
      ['red', vector],
      ['yellow', unit],
    ]);
    const [nearest] = await index.nearest(unit, 1);
    index.destroy();
    embedder.destroy();
    return {
      nearest: nearest?.id,
      isVector: vector instanceof Float32Array,
      values: [...vector, ...unit],
      refused,
    };
  }, model);
}

for (const [name, way, csp] of [
  ['a module', 'module', ''],
  ["a module, worker-src 'self'", 'module', self],
  ['a module, Trusted Types', 'module', typed],
  ['a script tag', 'script', ''],
  ["a script tag, worker-src 'self'", 'script', self],
  ['a script tag, Trusted Types', 'script', typed],
  ['a script tag from another origin', 'other', ''],
] as const) {
  test(`an embedder by ${name}`, async ({ page, server, cdn }) => {
    const model = serveModel(server, '/embedder', manifest as never, meanColour.model);
    await openPlace(page, server, cdn, { way, csp });
    const half = expect.closeTo(Math.SQRT1_2, 6);
    expect(await embed(page, model)).toEqual({
      isVector: true,
      values: [1, 0, 0, half, half, 0],
      refused: 'unsupported',
      nearest: 'yellow',
    });
  });
}

test.afterEach(({ server }) => {
  server.headersFor = () => ({});
});
