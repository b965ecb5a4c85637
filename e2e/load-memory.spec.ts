/** What loading a model takes beside what the loaded model takes. */
import type { Page } from '@playwright/test';
import type { ModelManifest } from '../src/index.js';
import { expect, test } from './fixtures.js';
import { measureMemory, peakMemory, serveCountingWorker } from './memory.js';
import { meanColour, sha256, wideModel } from './models.js';
import type { TestServer } from './server.js';
import { hostFile } from './weather.js';

const megabyte = 1_000_000;

/** 64 MB. */
const model = wideModel(2_666_667);

/** Bytes beside the model's own that a load may hold on to. */
const allowance = 20 * megabyte;

test.setTimeout(180_000);

let number = 0;

function host(server: TestServer, bytes: Buffer, dtype: 'fp32' | 'fp16' = 'fp32') {
  const path = `/load-memory/${++number}`;
  const file = hostFile(server, `${path}/model.onnx`, bytes);
  const manifest: ModelManifest = {
    ...meanColour.manifest,
    name: `wide-${number}`,
    files: [{ url: 'model.onnx', dtype, bytes: bytes.length, sha256: sha256(bytes) }],
  };
  server.route(`${path}/model.json`, manifest);
  return { url: `${server.origin}${path}/model.json`, file };
}

/** A page with a running engine, so that only the model is measured. */
async function openWithEngine(open: () => Promise<Page>, server: TestServer): Promise<Page> {
  const workerUrl = serveCountingWorker(server);
  const page = await open();
  await page.evaluate(async (workerUrl) => {
    const { ImageClassifier } = window.tabserve;
    const small = await ImageClassifier.create({ model: 'digits', device: 'wasm', workerUrl });
    // Until it is in the store, the engine's own binary is held too.
    const root = await navigator.storage.getDirectory();
    const home = await root.getDirectoryHandle('tabserve');
    const files = await home.getDirectoryHandle('files');
    for (let stored = 0; stored < 5_500_000; ) {
      stored = 0;
      for await (const handle of files.values()) {
        stored += (await (handle as FileSystemFileHandle).getFile()).size;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    Object.assign(window, {
      small,
      load: async (model: string) => {
        const classifier = await ImageClassifier.create({ model, device: 'wasm', workerUrl });
        Object.assign(window, { classifier });
        return classifier.info.model?.from;
      },
    });
  }, workerUrl);
  return page;
}

const load = (page: Page, url: string) =>
  page.evaluate(
    (url) => (window as unknown as { load(url: string): Promise<string> }).load(url),
    url,
  );

/**
 * Loads, and measures how much more is held at the peak than when all is done. The peak is the sum of
 * each part's own, which may not have been at one moment: no less than the truth.
 */
async function measureLoad(page: Page, url: string): Promise<{ from: string; beside: number }> {
  const before = await measureMemory(page);
  let from = '';
  const peak = await peakMemory(page, async () => {
    from = await load(page, url);
  });
  const after = await measureMemory(page);
  expect(peak.samples).toBeGreaterThan(20);
  expect(after.wasm).toBeGreaterThan(before.wasm);
  const beside = peak.jsHeap + peak.digest + peak.wasm - after.jsHeap - after.wasm;
  console.log(`${test.info().title}: ${Math.round(beside / megabyte)} MB`);
  return { from, beside };
}

test('beside a loaded model of 64 MB, a load from the network takes', async ({ server, open }) => {
  const { url } = host(server, model);
  const page = await openWithEngine(open, server);
  const { from, beside } = await measureLoad(page, url);
  expect(from).toBe('network');
  expect(beside).toBeLessThan(model.length + allowance);
});

test('beside a loaded model of 64 MB, a load from the store takes', async ({ server, open }) => {
  const { url } = host(server, model);
  const first = await openWithEngine(open, server);
  await load(first, url);
  // It is stored after the first answer.
  await first.evaluate(() => window.tabserve.models.usage());
  const page = await openWithEngine(open, server);
  const { from, beside } = await measureLoad(page, url);
  expect(from).toBe('store');
  expect(beside).toBeLessThan(model.length + allowance);
});

test('beside a loaded model of 64 MB, the second half of a download takes', async ({
  server,
  open,
}) => {
  const { url, file } = host(server, model);
  file.weather = () => (file.requests.length === 1 ? 'stall' : 'fine');
  const first = await openWithEngine(open, server);
  void load(first, url).catch(() => undefined);
  await expect.poll(() => file.sent).toBe(Math.floor(model.length / 2));
  const page = await openWithEngine(open, server);
  const { from, beside } = await measureLoad(page, url);
  expect(from).toBe('network');
  expect(file.requests.at(-1)?.range).toMatch(/^bytes=[1-9]/);
  expect(beside).toBeLessThan(model.length + allowance);
});

test('beside a loaded model of 32 MB in half precision, a load takes', async ({ server, open }) => {
  const half = wideModel(2_666_667, 'float16');
  const { url } = host(server, half, 'fp16');
  const page = await openWithEngine(open, server);
  const { beside } = await measureLoad(page, url);
  // The file, and twice as much for the same in single precision.
  expect(beside).toBeLessThan(3 * half.length + allowance);
});
