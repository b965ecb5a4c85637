/**
 * A 14 MB model from the store never reads the network. How long its first answer takes, and over
 * local HTTP without a store, is printed, not judged:
 * `TABSERVE_ROUNDS=7 npx playwright test e2e/store-time.spec.ts`.
 */
import { readFileSync } from 'node:fs';
import { expect, needsShared, test } from './fixtures.js';
import { mobileNetManifest, sha256 } from './models.js';
import { sharedFolder } from './server.js';

const rounds = Number(process.env.TABSERVE_ROUNDS ?? 1);
const file = 'models/mobilenet_v2_1.0_224.fp32.onnx';

test('MobileNetV2 from the store reads no network', async ({ server, context }) => {
  needsShared(file);
  test.setTimeout(300_000);
  const bytes = readFileSync(`${sharedFolder}/${file}`);
  const labels = Array.from({ length: 1001 }, (_, index) => `${index}`);
  const manifest = mobileNetManifest('fp32', labels);
  const url = `/shared/${file}`;
  server.route('/plain/model.json', { ...manifest, files: [{ url, dtype: 'fp32' }] });
  server.route('/kept/model.json', {
    ...manifest,
    files: [{ url, dtype: 'fp32', bytes: bytes.length, sha256: sha256(bytes) }],
  });
  // In a process of its own each time: what a process has compiled serves all of its pages.
  const inNewPage = async <T, A>(run: (argument: A) => Promise<T>, argument: A): Promise<T> => {
    const page = await context.newPage();
    await page.goto(`${server.origin}/pages/library.html`);
    await page.waitForFunction(() => 'tabserve' in window);
    const result = await page.evaluate(run as (argument: unknown) => Promise<T>, argument);
    await page.close();
    return result;
  };
  const firstAnswer = (model: string) =>
    inNewPage(async (model) => {
      const began = performance.now();
      const classifier = await window.tabserve.ImageClassifier.create({ model, device: 'wasm' });
      await classifier.classify(new ImageData(224, 224));
      const time = performance.now() - began;
      const { from } = classifier.info.model;
      const { models } = window.tabserve;
      // What is put into the store after the answer has to be there for the next visit.
      for (let size = -1; size !== (await models.usage()).bytes; ) {
        size = (await models.usage()).bytes;
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      return { time, from };
    }, model);
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await inNewPage(() => window.tabserve.models.evict(), null);
    const http = await firstAnswer('/plain/model.json');
    await firstAnswer('/kept/model.json');
    server.requests.length = 0;
    const store = await firstAnswer('/kept/model.json');
    expect([http.from, store.from]).toEqual(['network', 'store']);
    expect(server.requests.filter((path) => /\.(wasm|onnx|json)$/.test(path))).toEqual([]);
    ratios.push(store.time / http.time);
    console.log(`HTTP ${http.time.toFixed(0)} ms, store ${store.time.toFixed(0)} ms`);
  }
  const median = ratios.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN;
  console.log(`median of the ratios: ${median.toFixed(2)}`);
});
