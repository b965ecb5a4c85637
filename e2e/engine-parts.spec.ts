/** The engine in two parts: what usual networks run on comes first, and the rest when a model needs it. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.js';
import { meanColour, serveModel } from './models.js';
import { writeOnnx } from './onnx.js';
import type { TestServer } from './server.js';

const dist = join(import.meta.dirname, '../dist');
const first = '/dist/ort/ort-wasm-simd-threaded.wasm.gz';
const rest = '/dist/ort/ort-wasm-simd-threaded.rest.wasm.gz';
const whole = join(dist, '../node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm');

type Nodes = Parameters<typeof writeOnnx>[0]['nodes'];
const [float32, float64] = [1, 11];

/** The mean colour, through these nodes, none of which changes it. */
function model(nodes: Nodes): Buffer {
  return writeOnnx({
    input: { name: 'input', type: 'float32', shape: ['N', 3, 8, 8] },
    nodes: [{ op: 'GlobalAveragePool' }, { op: 'Flatten', attributes: { axis: 1 } }, ...nodes],
    output: { name: 'mean', shape: ['N', 3] },
  });
}

/** What each needs of the engine. */
const models = {
  usual: model([{ op: 'Relu' }]),
  /** An operator of which the file tells that it is not in the first part. */
  foreseen: model([{ op: 'Abs' }]),
  /** Usual operators on unusual numbers, which only shows when the graph is loaded or run. */
  unforeseen: model([
    { op: 'Cast', attributes: { to: float64 } },
    { op: 'Relu' },
    { op: 'Cast', attributes: { to: float32 } },
  ]),
};

function serve(server: TestServer): void {
  for (const [name, bytes] of Object.entries(models)) {
    serveModel(server, `/parts/${name}`, meanColour.manifest, bytes);
  }
  server.requests.length = 0;
}

interface Settings {
  threads?: number;
  cdn?: boolean;
  wasmUrl?: string;
}

/** Red's mean by a model of `/parts/`, or the error. */
function red(page: Page, name: keyof typeof models, settings: Settings = {}) {
  return page.evaluate(
    async ({ name, settings }) => {
      const { ImageClassifier, isTabserveError } = window.tabserve;
      try {
        const classifier = await ImageClassifier.create({
          model: `/parts/${name}/model.json`,
          device: 'wasm',
          ...settings,
        });
        const canvas = new OffscreenCanvas(8, 8);
        const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
        context.fillStyle = 'rgb(255, 51, 0)';
        context.fillRect(0, 0, 8, 8);
        const png = await canvas.convertToBlob();
        const answers = await classifier.classify(png).finally(() => classifier.destroy());
        return Object.fromEntries(
          answers.map(({ label, score }) => [label, Math.round(score * 1000) / 1000]),
        );
      } catch (error) {
        if (!isTabserveError(error)) throw error;
        return { code: error.code, message: error.message };
      }
    },
    { name, settings },
  );
}

const right = { red: 1, green: 0.2, blue: 0 };
const engines = (server: TestServer) => server.requests.filter((path) => path.endsWith('.gz'));

test.beforeEach(({ server }) => serve(server));
test.afterEach(({ server }) => server.unroute(rest));

test('the first part has at most 1.4 MB, and both have no more than the whole has', () => {
  const [one, other] = [first, rest].map((path) => statSync(join(dist, '..', path)).size);
  expect(one).toBeLessThan(1_400_000);
  const { length } = gzipSync(readFileSync(whole), { level: 9 });
  expect((one ?? 0) + (other ?? 0)).toBeLessThan(1.1 * length);
});

for (const isolated of [false, true]) {
  const settings = isolated ? { threads: 2 } : {};

  test.describe(isolated ? 'two threads' : 'one thread', () => {
    test('a usual network does without the rest', async ({ open, server }) => {
      const page = await open({ isolated });
      server.requests.length = 0;
      expect(await red(page, 'usual', settings)).toEqual(right);
      expect(engines(server)).toEqual([first]);
    });

    for (const name of ['foreseen', 'unforeseen'] as const) {
      test(`the rest comes when it is needed, ${name}`, async ({ open, server }) => {
        const page = await open({ isolated });
        server.requests.length = 0;
        expect(await red(page, name, settings)).toEqual(right);
        expect(engines(server)[0]).toBe(first);
        expect(engines(server)).toContain(rest);
      });
    }

    test('a policy of one origin is enough', async ({ open, server }) => {
      const page = await open({
        isolated,
        csp: "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:",
      });
      server.requests.length = 0;
      expect(await red(page, 'unforeseen', settings)).toEqual(right);
      expect(engines(server)).toContain(rest);
    });
  });
}

test('every embedded model answers from the first part', async ({ open, server }) => {
  const page = await open();
  server.requests.length = 0;
  await page.evaluate(async () => {
    for (const model of ['photos', 'everyday', 'digits']) {
      for (const dtype of ['auto', 'int8'] as const) {
        if (model === 'digits' && dtype === 'int8') continue;
        const { ImageClassifier } = window.tabserve;
        const classifier = await ImageClassifier.create({ model, device: 'wasm', dtype });
        await classifier.classify(await createImageBitmap(new ImageData(40, 30)));
        classifier.destroy();
      }
    }
  });
  expect(new Set(engines(server))).toEqual(new Set([first]));
});

test('the rest is fetched once for several models, and kept for the next visit', async ({
  open,
  server,
}) => {
  const page = await open();
  server.requests.length = 0;
  await page.evaluate(() => window.tabserve.models.prepare());
  expect(engines(server)).toEqual([first, rest]);
  server.route(rest, (_request, response) => response.writeHead(500).end());
  expect(await red(page, 'foreseen')).toEqual(right);
  expect(await red(page, 'unforeseen')).toEqual(right);
  await page.reload();
  await page.waitForFunction(() => 'tabserve' in window);
  expect(await red(page, 'foreseen')).toEqual(right);
});

test('a rest that is not there is an error that says what to do', async ({ open, server }) => {
  server.route(rest, (_request, response) => response.writeHead(404).end());
  const page = await open();
  expect(await red(page, 'foreseen', { cdn: false })).toMatchObject({
    message: expect.stringMatching(/rest\.wasm\.gz.*404/s),
  });
  expect(await red(page, 'unforeseen', { cdn: false })).toMatchObject({
    message: expect.stringMatching(/rest of ONNX Runtime.*rest\.wasm\.gz.*404.*"ort" folder/s),
  });
  // Models that do without it are served all the same.
  expect(await red(page, 'usual', { cdn: false })).toEqual(right);
});

test('a rest of other bytes is refused', async ({ open, server }) => {
  const other = readFileSync(whole);
  server.route(rest, gzipSync(other, { level: 1 }));
  const page = await open();
  expect(await red(page, 'foreseen', { cdn: false })).toMatchObject({
    code: 'integrity',
    message: expect.stringContaining('sha256'),
  });
  expect(await red(page, 'unforeseen', { cdn: false })).toMatchObject({
    message: expect.stringContaining('sha256'),
  });
});

test('the engine in one piece, as its own package has it, does too', async ({ open, server }) => {
  server.route('/one/ort-wasm-simd-threaded.wasm', readFileSync(whole));
  const page = await open();
  server.requests.length = 0;
  const settings = { wasmUrl: '/one/ort-wasm-simd-threaded.wasm' };
  expect(await red(page, 'unforeseen', settings)).toEqual(right);
  expect(await red(page, 'foreseen', settings)).toEqual(right);
  expect(engines(server)).toEqual([]);
});
