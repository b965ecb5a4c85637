/** The WebGPU backend, on Chromium's software adapter: right answers, and honest choices. */
import { readFileSync } from 'node:fs';
import type { DetectedObject } from '../src/index.js';
import { expect, needsShared, test } from './fixtures.js';
import { meanColour, mobileNetManifest, serveModel } from './models.js';
import { sharedFolder } from './server.js';
import { golden, type HubFiles, servePictures, serveRepository } from './vision/served.js';

test('asked for by name, WebGPU answers, on a device and an engine build of its own', async ({
  open,
  server,
}) => {
  const model = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  const page = await open();
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  const { info, best } = await page.evaluate(async (model) => {
    const classifier = await window.tabserve.ImageClassifier.create({ model, device: 'webgpu' });
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d');
    if (context) context.fillStyle = 'lime';
    context?.fillRect(0, 0, canvas.width, canvas.height);
    const [best] = await classifier.classify(canvas);
    return { info: classifier.info, best };
  }, model);
  expect(best).toMatchObject({ label: 'green', score: 1 });
  expect(info).toMatchObject({ device: 'webgpu', engine: 'jspi', fallbacks: [] });
  expect(info.adapter).toMatch(/swiftshader/i);
  expect(requests.filter((url) => url.endsWith('.wasm.gz'))).toHaveLength(1);
});

test('auto does not take a software adapter, and loads no WebGPU code', async ({
  open,
  server,
}) => {
  const model = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  const page = await open();
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  const info = await page.evaluate(async (model) => {
    const classifier = await window.tabserve.ImageClassifier.create({ model });
    return classifier.info;
  }, model);
  expect(info.device).toBe('wasm');
  expect(info.fallbacks[0]?.reason).toContain('software');
  expect(requests.filter((url) => /jspi|asyncify/.test(url))).toEqual([]);
});

test('a browser without JSPI gets the asyncify build', async ({ open, page, server }) => {
  const model = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  await page.addInitScript(() => {
    Reflect.deleteProperty(WebAssembly, 'Suspending');
  });
  await open();
  const { engine, best } = await page.evaluate(async (model) => {
    const classifier = await window.tabserve.ImageClassifier.create({ model, device: 'webgpu' });
    const [best] = await classifier.classify(new ImageData(8, 8));
    return { engine: classifier.info.engine, best };
  }, model);
  expect(engine).toBe('asyncify');
  // Transparent pixels show the white background.
  expect(best).toMatchObject({ label: 'red', score: 1 });
});

test('MobileNetV2 on WebGPU answers as native onnxruntime, in order of class', async ({
  open,
  server,
}) => {
  needsShared('reference.json');
  test.setTimeout(900_000);
  const { images: allImages } = JSON.parse(
    readFileSync(`${sharedFolder}/reference.json`, 'utf8'),
  ) as {
    images: { file: string; top5: Record<string, [index: number, score: number][]> }[];
  };
  // The software adapter takes seconds for each: all of them only when asked for.
  const step = process.env.TABSERVE_ALL_PHOTOS ? 1 : 6;
  const images = allImages.filter((_, index) => index % step === 0);
  const labels = readFileSync(`${sharedFolder}/models/imagenet_1001.txt`, 'utf8')
    .trimEnd()
    .split('\n');
  server.route('/mobilenet/model.json', mobileNetManifest('fp32', labels));
  const page = await open();
  const answers = await page.evaluate(
    async (files) => {
      const classifier = await window.tabserve.ImageClassifier.create({
        model: '/mobilenet/model.json',
        device: 'webgpu',
      });
      const answers = await classifier.classify(files);
      classifier.destroy();
      return answers;
    },
    images.map(({ file }) => `/shared/images/photos/${file}`),
  );
  expect(answers.map((each) => each.map(({ index }) => index))).toEqual(
    images.map(({ top5 }) => top5['mobilenet_v2_1.0_224.fp32']?.map(([index]) => index)),
  );
});

for (const name of ['detr', 'yolos', 'rt_detr']) {
  test(`the boxes of ${name}, from a picture that the GPU has preprocessed`, async ({
    open,
    server,
  }) => {
    interface Answers {
      threshold: number;
      objects: DetectedObject[];
    }
    const { cases } = golden<{ cases: Record<string, HubFiles & { answers: { tall: Answers } }> }>(
      'detection',
    );
    const detector = cases[name] as (typeof cases)[string];
    servePictures(server);
    const model = serveRepository(server, name, detector);
    const page = await open();
    const { threshold, objects } = detector.answers.tall;
    const found = await page.evaluate(
      async ({ model, threshold }) => {
        const { ObjectDetector } = window.tabserve;
        const options = { model, device: 'webgpu', preprocessing: 'gpu' } as const;
        const detector = await ObjectDetector.create(options);
        const reports: unknown[] = [];
        detector.addEventListener('request', ({ detail }) => reports.push(detail.preprocessing));
        const objects = await detector.detect('/tall.png', { threshold });
        const { device } = detector.info;
        detector.destroy();
        return { objects, device, reports };
      },
      { model, threshold },
    );
    expect(found.device).toBe('webgpu');
    expect(found.reports).toEqual([expect.objectContaining({ device: 'gpu' })]);
    expect(found.objects.map(({ label }) => label)).toEqual(objects.map(({ label }) => label));
    for (const [i, { box }] of found.objects.entries()) {
      for (const side of ['x', 'y', 'width', 'height'] as const) {
        expect(Math.abs(box[side] - (objects[i]?.box[side] ?? 1e9))).toBeLessThan(0.5);
      }
    }
  });
}
