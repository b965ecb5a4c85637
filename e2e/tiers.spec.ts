/**
 * `auto` on a machine with a GPU: WASM answers first, and WebGPU takes over if it is measured to be
 * faster. The adapter here is a software one, which the page is made to take for a real one.
 */
import type { Page } from '@playwright/test';
import { believeInGpu, hurryClock } from './devices.js';
import { expect, test } from './fixtures.js';
import { meanColour, serveModel } from './models.js';

/** Asks for one colour after another until the classifier has settled on a device. */
function serveUntilSettled(page: Page, model: string) {
  return page.evaluate(async (model) => {
    const colours = { red: 'red', lime: 'green', blue: 'blue' };
    const canvases = Object.keys(colours).map((colour) => {
      const canvas = document.createElement('canvas');
      const context = canvas.getContext('2d');
      if (context) context.fillStyle = colour;
      context?.fillRect(0, 0, canvas.width, canvas.height);
      return canvas;
    });
    const classifier = await window.tabserve.ImageClassifier.create({ model });
    const first = classifier.info;
    const devices: string[] = [];
    const order: number[] = [];
    let moves = 0;
    classifier.addEventListener('devicechange', () => {
      moves += 1;
    });
    classifier.addEventListener('request', ({ detail }) => {
      devices.push(detail.device);
      order.push(Number(detail.id));
    });
    const answers: string[] = [];
    const pending: Promise<unknown>[] = [];
    const began = performance.now();
    for (let id = 0; performance.now() - began < 60_000; id++) {
      // A few at a time, so that some are always under way.
      if (pending.length >= 3) await pending.shift();
      const answer = classifier.classify(canvases[id % 3] as HTMLCanvasElement, { id: `${id}` });
      pending.push(
        answer.then(([best]) => {
          answers[id] = best?.label ?? '';
        }),
      );
      if (
        classifier.info.reason.startsWith('measured') &&
        devices.at(-1) === classifier.info.device
      )
        break;
    }
    await Promise.all(pending);
    const { info, state } = classifier;
    const metrics = classifier.metrics();
    classifier.destroy();
    return { first, info, state, devices, order, moves, answers, metrics };
  }, model);
}

test('WASM answers until WebGPU is measured to be faster; no request fails or is overtaken', async ({
  page,
  open,
  server,
}) => {
  test.setTimeout(180_000);
  await believeInGpu(page);
  hurryClock(page);
  const model = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  await open();
  const { first, info, state, devices, order, moves, answers, metrics } = await serveUntilSettled(
    page,
    model,
  );
  expect(first).toMatchObject({ device: 'wasm', engine: 'wasm', fallbacks: [] });
  expect(info).toMatchObject({ device: 'webgpu', engine: 'jspi', fallbacks: [] });
  expect(info.reason).toMatch(/^measured to be faster: webgpu [\d.]+ ms a run, wasm [\d.]+ ms$/);
  expect(state).toBe('ready');
  expect(moves).toBe(1);
  // First all of WASM's, then all of WebGPU's, none overtaken by one that was asked after the move.
  expect(devices.join(' ')).toMatch(/^(wasm )+webgpu( webgpu)*$/);
  const byWasm = devices.lastIndexOf('wasm') + 1;
  expect(Math.max(...order.slice(0, byWasm))).toBeLessThan(Math.min(...order.slice(byWasm)));
  expect(answers).toEqual(answers.map((_, index) => ['red', 'green', 'blue'][index % 3]));
  expect(metrics).toMatchObject({ errors: 0, retries: 0, restarts: 0 });
});

test('WASM stays where WebGPU is slower, and says what was measured', async ({
  page,
  open,
  server,
}) => {
  test.setTimeout(180_000);
  await believeInGpu(page);
  const model = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  await open();
  const { info, state, devices, moves, metrics } = await serveUntilSettled(page, model);
  expect(info).toMatchObject({ device: 'wasm', engine: 'wasm', fallbacks: [] });
  expect(info.reason).toMatch(/^measured to be no slower: webgpu [\d.]+ ms a run, wasm [\d.]+ ms$/);
  expect(state).toBe('ready');
  expect(moves).toBe(0);
  expect(new Set(devices)).toEqual(new Set(['wasm']));
  expect(metrics).toMatchObject({ errors: 0, retries: 0, restarts: 0 });
});

test('a WebGPU that cannot take over is reported, and WASM goes on', async ({
  page,
  open,
  server,
}) => {
  await believeInGpu(page);
  const model = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  const binary = '/dist/ort/ort-wasm-simd-threaded.jspi.wasm.gz';
  server.route(binary, (_request, response) => response.writeHead(404).end());
  await open();
  const outcome = await page.evaluate(async (model) => {
    const classifier = await window.tabserve.ImageClassifier.create({ model, cdn: false });
    const states: string[] = [classifier.state];
    // It may have been refused before the page knows of the classifier.
    if (classifier.state !== 'degraded') {
      await new Promise((resolve) => {
        classifier.addEventListener('statechange', () => {
          states.push(classifier.state);
          resolve(null);
        });
      });
    }
    const [best] = await classifier.classify(new ImageData(8, 8));
    return { states, best, info: classifier.info };
  }, model);
  server.unroute(binary);
  expect(outcome.states.at(-1)).toBe('degraded');
  expect(outcome.states).not.toContain('failed');
  expect(outcome.best?.label).toBe('red');
  expect(outcome.info).toMatchObject({ device: 'wasm' });
  expect(outcome.info.fallbacks).toEqual([
    { from: 'webgpu', to: 'wasm', reason: expect.stringMatching(/jspi\.wasm.*HTTP 404/) },
  ]);
});

test('where the user saves data, only the engine of the GPU is loaded', async ({
  page,
  open,
  server,
}) => {
  await believeInGpu(page);
  await page.addInitScript(() =>
    Object.defineProperty(navigator, 'connection', { value: { saveData: true } }),
  );
  const model = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  await open();
  server.requests.length = 0;
  const info = await page.evaluate(async (model) => {
    const classifier = await window.tabserve.ImageClassifier.create({ model });
    return classifier.info;
  }, model);
  expect(info).toMatchObject({ device: 'webgpu', engine: 'jspi' });
  expect(server.requests.filter((path) => path.endsWith('.wasm.gz'))).toHaveLength(1);
});
