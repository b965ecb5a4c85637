/** A device is believed only after it has given the right answer. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import type { TensorTest } from '../src/index.js';
import { temporaryFolder } from '../src/testing/folder.js';
import { believeInGpu, breakGpu, type GpuFault, hurryClock } from './devices.js';
import { expect, needsShared, test } from './fixtures.js';
import { meanColour, serveModel, sha256 } from './models.js';
import { writeTensor } from './onnx.js';
import { sharedFolder, type TestServer } from './server.js';

/** Models that the engine computes wrongly on WebGPU, and what is right. */
const cases = 'cases/webgpu';

/** Byte j of the picture is `(j * 37) % 251`, alpha 255; 32 × 32. */
function classifyPattern(page: Page, models: readonly string[], device: 'auto' | 'webgpu') {
  return page.evaluate(
    async ({ models, device }) => {
      const data = new Uint8ClampedArray(32 * 32 * 4);
      for (let j = 0; j < data.length; j++) data[j] = j % 4 === 3 ? 255 : (j * 37) % 251;
      const picture = new ImageData(data, 32, 32);
      const results: Record<string, { scores: number[]; fallbacks: string[]; device: string }> = {};
      for (const name of models) {
        const classifier = await window.tabserve.ImageClassifier.create({
          model: `/shared/cases/webgpu/${name}.json`,
          device,
        });
        const answers = await classifier.classify(picture, { topK: 5 });
        const scores = answers.toSorted((a, b) => a.index - b.index).map(({ score }) => score);
        const { info } = classifier;
        const fallbacks = info.fallbacks.map(({ reason }) => reason);
        results[name] = { scores, fallbacks, device: info.device };
        classifier.destroy();
      }
      return results;
    },
    { models, device },
  );
}

for (const build of ['jspi', 'asyncify'] as const) {
  test(`known faults of the engine are gone round: ${build}`, async ({ page, open }) => {
    needsShared(cases);
    const expected = JSON.parse(
      readFileSync(`${sharedFolder}/${cases}/expected.json`, 'utf8'),
    ) as Record<string, number[]>;
    if (build === 'asyncify') {
      await page.addInitScript(() => {
        Reflect.deleteProperty(WebAssembly, 'Suspending');
      });
    }
    await open();
    const results = await classifyPattern(page, Object.keys(expected), 'webgpu');
    for (const [name, right] of Object.entries(expected)) {
      const { scores = [], device } = results[name] ?? {};
      expect(device, name).toBe('webgpu');
      right.forEach((score, index) => {
        expect(Math.abs((scores[index] ?? 0) - score), `${name}, class ${index}`).toBeLessThan(
          1e-3,
        );
      });
    }
    // Whether a model was rewritten is said, and only of those that were.
    expect(results.conv5_6_16?.fallbacks).toEqual([expect.stringContaining('from 6 to 8')]);
    expect(results.conv5_8_16?.fallbacks).toEqual([]);
  });
}

test('auto moves to a GPU that is wrong by itself with a model that was made right', async ({
  page,
  open,
}) => {
  needsShared(cases);
  const expected = JSON.parse(readFileSync(`${sharedFolder}/${cases}/expected.json`, 'utf8')) as {
    conv5_6_16: number[];
  };
  await believeInGpu(page);
  hurryClock(page);
  await open();
  const { info, answers } = await page.evaluate(async () => {
    const data = new Uint8ClampedArray(32 * 32 * 4);
    for (let j = 0; j < data.length; j++) data[j] = j % 4 === 3 ? 255 : (j * 37) % 251;
    const picture = new ImageData(data, 32, 32);
    const model = '/shared/cases/webgpu/conv5_6_16.json';
    const classifier = await window.tabserve.ImageClassifier.create({ model });
    const answers: { device: string; scores: number[] }[] = [];
    let device = '';
    classifier.addEventListener('request', ({ detail }) => {
      device = detail.device;
    });
    const began = performance.now();
    while (device !== 'webgpu' && performance.now() - began < 60_000) {
      const found = await classifier.classify(picture, { topK: 5 });
      const scores = found.toSorted((a, b) => a.index - b.index).map(({ score }) => score);
      answers.push({ device, scores });
    }
    return { info: classifier.info, answers };
  });
  expect(info).toMatchObject({ device: 'webgpu', verified: 'reference' });
  for (const { device, scores } of answers) {
    expected.conv5_6_16.forEach((score, index) => {
      expect(Math.abs((scores[index] ?? 0) - score), device).toBeLessThan(1e-3);
    });
  }
});

const faults: GpuFault[] = ['scales a channel', 'gives NaN', 'gives the numbers of the last run'];

/** The description of the mean colour's model, with the digest by which it is remembered. */
const { manifest, model } = meanColour;
const digest = sha256(model);
const known = { ...manifest, files: manifest.files.map((file) => ({ ...file, sha256: digest })) };

/** Waits until a device was refused, and asks for one more answer. */
function refusal(page: Page, url: string, device: 'auto' | 'webgpu') {
  return page.evaluate(
    async ({ url, device }) => {
      const classifier = await window.tabserve.ImageClassifier.create({ model: url, device });
      const first = classifier.info;
      if (classifier.state !== 'degraded') {
        await new Promise((done) => classifier.addEventListener('statechange', done));
      }
      const [best] = await classifier.classify(new ImageData(8, 8));
      const { info, state } = classifier;
      classifier.destroy();
      return { first, info, state, best };
    },
    { url, device },
  );
}

/** A GPU was left for WASM, which gives the right answer. Transparent pixels show the white background. */
function expectLeft(
  { info, state, best }: Awaited<ReturnType<typeof refusal | typeof verdict>>,
  reason: RegExp,
): void {
  expect(state).toBe('degraded');
  expect(info).toMatchObject({ device: 'wasm', verified: 'reference' });
  expect(info.fallbacks).toEqual([
    { from: 'webgpu', to: 'wasm', reason: expect.stringMatching(reason) },
  ]);
  expect(best).toMatchObject({ label: 'red', score: 1 });
}

for (const fault of faults) {
  test(`auto does not move to a GPU that ${fault}, now and at the next visit`, async ({
    page,
    open,
    server,
  }) => {
    await believeInGpu(page);
    hurryClock(page);
    breakGpu(page, fault);
    const url = serveModel(server, '/known', known, model);
    await open();
    const refused = await refusal(page, url, 'auto');
    expectLeft(
      refused,
      /^webgpu \(.+\) does not compute what WASM computes for the same input: output "mean": number \d is \S+ instead of -?[\d.e-]+, where \S+ apart is allowed$/,
    );

    // Another page of the same browser, whose GPU is well: what was found is remembered.
    const later = await page.context().newPage();
    await believeInGpu(later);
    await later.goto(page.url());
    await later.waitForFunction(() => 'tabserve' in window);
    const again = await refusal(later, url, 'auto');
    expect(again.info.fallbacks).toEqual(refused.info.fallbacks);
  });
}

test('a GPU that was asked for by name is checked after the first answers', async ({
  page,
  open,
  server,
}) => {
  const url = serveModel(server, '/known', known, model);
  await open();
  const visit = () =>
    page.evaluate(async (model) => {
      const classifier = await window.tabserve.ImageClassifier.create({ model, device: 'webgpu' });
      await classifier.classify(new ImageData(8, 8));
      const first = classifier.info.verified;
      const began = performance.now();
      while (classifier.info.verified === 'none' && performance.now() - began < 60_000) {
        await new Promise((done) => setTimeout(done, 100));
      }
      const { info, state } = classifier;
      classifier.destroy();
      return { first, info, state };
    }, url);
  const { first, info, state } = await visit();
  expect(first).toBe('none');
  expect(info).toMatchObject({ device: 'webgpu', verified: 'reference', fallbacks: [] });
  expect(state).toBe('ready');
  // What was found is remembered, and costs nothing.
  await open();
  server.requests.length = 0;
  expect((await visit()).first).toBe('reference');
  expect(server.requests.filter((path) => path.endsWith('threaded.wasm.gz'))).toEqual([]);
});

test('a GPU that was asked for by name and computes wrongly is left for WASM', async ({
  page,
  open,
  server,
}) => {
  breakGpu(page, 'scales a channel');
  const url = serveModel(server, '/known', known, model);
  await open();
  const refused = await refusal(page, url, 'webgpu');
  expect(refused.first).toMatchObject({ device: 'webgpu', verified: 'none', fallbacks: [] });
  expectLeft(refused, /does not compute what WASM/);
});

/** Waits until something is known of a device that was asked for by name. */
function verdict(page: Page, url: string) {
  return page.evaluate(async (model) => {
    const classifier = await window.tabserve.ImageClassifier.create({ model, device: 'webgpu' });
    const began = performance.now();
    const isOpen = () => classifier.info.verified === 'none' && classifier.state !== 'degraded';
    while (isOpen() && performance.now() - began < 60_000) {
      await new Promise((done) => setTimeout(done, 100));
    }
    const [best] = await classifier.classify(new ImageData(8, 8));
    const { info, state } = classifier;
    classifier.destroy();
    return { info, state, best };
  }, url);
}

/** The files of the engine without a GPU. */
const wasmEngine = /ort-wasm-simd-threaded(\.rest)?\.wasm/;

/** A self-test, and the files that it names. */
interface OwnTest {
  selfTest: TensorTest[];
  files: Record<string, Buffer>;
}

/** As the command line records it. */
function recorded(): OwnTest {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'model.json'), JSON.stringify(known));
  writeFileSync(join(folder, 'mean.onnx'), model);
  const script = join(import.meta.dirname, '../dist/cli.js');
  execFileSync(process.execPath, [script, 'pack', folder, '--self-test']);
  const { selfTest } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
  return { selfTest, files: {} };
}

/** In files, as Python writes them. */
function inFiles(): OwnTest {
  const tensor = (name: string, shape: number[], numbers: Float32Array) =>
    writeTensor({ name, shape, type: 'float32', data: new Uint8Array(numbers.buffer) });
  const means = [0.25, 0.5, -1];
  const areas = Float32Array.from({ length: 192 }, (_, i) => means[i >> 6] as number);
  const files = {
    'in.pb': tensor('input', [1, 3, 8, 8], areas),
    'out.pb': tensor('mean', [1, 3], Float32Array.from(means)),
  };
  return { selfTest: [{ inputs: ['in.pb'], outputs: ['out.pb'] }], files };
}

/** Serves the model with a self-test of its own. */
function serveTested(server: TestServer, { selfTest, files }: OwnTest): string {
  for (const [name, content] of Object.entries(files)) server.route(`/own/${name}`, content);
  return serveModel(server, '/own', { ...known, selfTest }, model);
}

for (const [form, make] of Object.entries({ recorded, 'in files': inFiles })) {
  test(`a GPU is believed by the model's own self-test, without WASM: ${form}`, async ({
    page,
    open,
    server,
  }) => {
    const url = serveTested(server, make());
    await open();
    server.requests.length = 0;
    const { info, state } = await verdict(page, url);
    expect(info).toMatchObject({ device: 'webgpu', verified: 'self-test', fallbacks: [] });
    expect(state).toBe('ready');
    expect(server.requests.filter((path) => wasmEngine.test(path))).toEqual([]);
    // What was found is remembered with what it was found by.
    await open();
    expect((await verdict(page, url)).info.verified).toBe('self-test');
  });

  test(`a GPU that fails the model's self-test is left for WASM: ${form}`, async ({
    page,
    open,
    server,
  }) => {
    breakGpu(page, 'scales a channel');
    const url = serveTested(server, make());
    await open();
    expectLeft(
      await verdict(page, url),
      /^webgpu \(.+\) does not compute what the model's self-test records: output "mean": number 1 is \S+ instead of/,
    );
  });
}

test('a GPU that fails the self-test says so where WASM cannot take over', async ({
  page,
  open,
  server,
}) => {
  breakGpu(page, 'gives NaN');
  const url = serveTested(server, recorded());
  await page.route(wasmEngine, (route) => route.fulfill({ status: 404 }));
  await open();
  const { info, state } = await page.evaluate(async (model) => {
    const classifier = await window.tabserve.ImageClassifier.create({ model, device: 'webgpu' });
    if (classifier.state !== 'degraded') {
      await new Promise((done) => classifier.addEventListener('statechange', done));
    }
    const { info, state } = classifier;
    classifier.destroy();
    return { info, state };
  }, url);
  expect(state).toBe('degraded');
  expect(info).toMatchObject({ device: 'webgpu', verified: 'none' });
  expect(info.fallbacks).toEqual([
    {
      from: 'webgpu',
      to: 'webgpu',
      reason: expect.stringMatching(
        /self-test records: .* is NaN instead of .*WASM cannot take over/,
      ),
    },
  ]);
});
