/**
 * Objects, as a page asks for them: the boxes of Transformers, Ultralytics' and YOLOX' steps with
 * torchvision and OpenCV, on the same weights; options; and every way of being wrong, after which the
 * next call works.
 */
import type { DetectedObject } from '../src/index.js';
import { expect, test } from './fixtures.js';
import { meanColour, serveModel } from './models.js';
import { detectorInput, detectors } from './vision/manifests.js';
import {
  both,
  golden,
  type HubFiles,
  prepare,
  serveManifest,
  servePictures,
  serveRepository,
  type Which,
} from './vision/served.js';

interface Case extends Partial<HubFiles> {
  iou?: number;
  answers: Record<Which, { threshold: number; objects: DetectedObject[] }>;
}
const { labels, cases } = golden<{ labels: string[]; cases: Record<string, Case> }>('detection');

test.beforeEach(async ({ server, open }) => {
  servePictures(server);
  for (const [name, { config, preprocessor }] of Object.entries(cases)) {
    if (config) serveRepository(server, name, { config, ...(preprocessor && { preprocessor }) });
  }
  for (const [name, manifest] of Object.entries(detectors)) {
    serveManifest(server, name, { task: 'object-detection', labels, ...manifest });
  }
  serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  await prepare(await open());
});

/** How far boxes may be from the reference's, in pixels. */
const tolerance = 0.5;

function expectObjects(found: DetectedObject[], expected: DetectedObject[], what: string): void {
  expect(
    found.map(({ label }) => label),
    what,
  ).toEqual(expected.map(({ label }) => label));
  for (const [i, object] of found.entries()) {
    const wanted = expected[i] as DetectedObject;
    expect(object.index, what).toBe(wanted.index);
    expect(object.score, `${what} ${i}`).toBeCloseTo(wanted.score, 3);
    for (const side of ['x', 'y', 'width', 'height'] as const) {
      expect(Math.abs(object.box[side] - wanted.box[side]), `${what} ${i} ${side}`).toBeLessThan(
        tolerance,
      );
    }
  }
}

for (const name of Object.keys(cases)) {
  test(`${name}: the boxes, labels and order of the reference`, async ({ page }) => {
    const { answers, iou } = cases[name] as Case;
    const found = await page.evaluate(
      async ({ model, thresholds, iou }) => {
        const detector = await window.tabserve.ObjectDetector.create({ model, device: 'wasm' });
        const found: Record<string, DetectedObject[]> = {};
        for (const [which, threshold] of Object.entries(thresholds)) {
          const options = { threshold, ...(iou !== undefined && { iou }) };
          found[which] = await detector.detect(`/${which}.png`, options);
        }
        const { model: info, fallbacks } = detector.info;
        detector.destroy();
        return { found, info, fallbacks };
      },
      {
        model: cases[name]?.config ? `/hub/${name}/` : `/own/${name}/model.json`,
        thresholds: Object.fromEntries(both.map((which) => [which, answers[which].threshold])),
        iou,
      },
    );
    for (const which of both) {
      expectObjects(found.found[which] ?? [], answers[which].objects, which);
    }
    expect(found.info.labels).toEqual(labels);
    expect(found.fallbacks).toEqual([]);
  });
}

test('options: topK, threshold, iou, several pictures, and a part of one', async ({ page }) => {
  const found = await page.evaluate(async () => {
    const { ObjectDetector } = window.tabserve;
    const model = '/own/yolo/model.json';
    const detector = await ObjectDetector.create({ model, device: 'wasm' });
    const all = await detector.detect('/wide.png', { threshold: 0, iou: null, topK: 1000 });
    const some = await detector.detect('/wide.png', { threshold: 0, iou: null });
    const none = await detector.detect('/wide.png', { threshold: 1 });
    const apart = await detector.detect('/wide.png', { threshold: 0, iou: 0 });
    const [wide, tall] = await detector.detect(['/wide.png', '/tall.png'], { topK: 3 });
    const alone = await detector.detect('/tall.png', { topK: 3 });
    const crop = { x: 40, y: 30, width: 60, height: 70 };
    const part = await detector.detect('/wide.png', { crop, threshold: 0.8 });
    // The same part as a picture of its own.
    const bitmap = await createImageBitmap(await (await fetch('/wide.png')).blob(), 40, 30, 60, 70);
    const cut = await detector.detect(bitmap, { threshold: 0.8 });
    const metrics = detector.metrics();
    detector.destroy();
    return { all, some, none, apart, wide, tall, alone, part, cut, metrics };
  });
  // As many candidates as the grids have cells; those that lie wholly in the bars are none.
  expect(found.all.length).toBeGreaterThan(60);
  expect(found.all.length).toBeLessThanOrEqual(84);
  expect(found.some).toHaveLength(Math.min(100, found.all.length));
  expect(found.none).toEqual([]);
  expect(found.apart.length).toBeLessThan(found.all.length);
  expect(found.wide).toHaveLength(3);
  expect(found.tall).toEqual(found.alone);
  expect(found.part.length).toBeGreaterThan(0);
  const shifted = found.cut.map(({ box, ...rest }) => ({
    ...rest,
    box: { ...box, x: expect.closeTo(box.x + 40, 6), y: expect.closeTo(box.y + 30, 6) },
  }));
  expect(found.part).toEqual(shifted);
  expect(found.metrics).toMatchObject({ errors: 0, pending: 0 });
});

test('what is wrong is said, and the next call works', async ({ page, server }) => {
  const manifest = (change: object) => ({
    task: 'object-detection',
    labels,
    ...detectors.yolo,
    ...change,
  });
  serveManifest(server, 'yolo', manifest({}));
  const described = {
    few: manifest({ labels: labels.slice(1) }),
    other: manifest({ output: { format: 'detr', logits: 'a', boxes: 'b', activation: 'softmax' } }),
    format: manifest({ output: { format: 'sparse', name: 'output0' } }),
    mask: manifest({ input: { ...detectorInput, mask: 'nowhere' } }),
  };
  for (const [name, each] of Object.entries(described)) {
    const core = {
      name: 'm',
      version: '1.0.0',
      files: [{ url: '../yolo/yolo.onnx', dtype: 'fp32' }],
    };
    server.route(`/own/${name}/model.json`, { ...core, ...each });
  }
  const found = await page.evaluate(async () => {
    const { ObjectDetector, ImageClassifier, ImageSegmenter } = window.tabserve;
    const create = (model: string) => ObjectDetector.create({ model, device: 'wasm' });
    const good = '/own/yolo/model.json';
    const detector = await create(good);
    const few = await create('/own/few/model.json');
    const failures = {
      classifier: await window.failureOf(create('/mean/model.json')),
      detector: await window.failureOf(ImageClassifier.create({ model: good, device: 'wasm' })),
      segmenter: await window.failureOf(ImageSegmenter.create({ model: good, device: 'wasm' })),
      nothing: await window.failureOf(ObjectDetector.create({} as never)),
      other: await window.failureOf(create('/own/other/model.json')),
      format: await window.failureOf(create('/own/format/model.json')),
      mask: await window.failureOf(create('/own/mask/model.json')),
      few: await window.failureOf(few.detect('/wide.png')),
      iou: await window.failureOf(detector.detect('/wide.png', { iou: 2 })),
      threshold: await window.failureOf(detector.detect('/wide.png', { threshold: Number.NaN })),
      topK: await window.failureOf(detector.detect('/wide.png', { topK: 0 })),
      picture: await window.failureOf(detector.detect(new Blob(['no picture']))),
      crop: await window.failureOf(
        detector.detect('/wide.png', { crop: { x: 0, y: 0, width: 158, height: 1 } }),
      ),
      aborted: await window.failureOf(
        detector.detect('/wide.png', { signal: AbortSignal.abort(new Error('enough')) }),
      ),
    };
    const next = await detector.detect('/wide.png', { topK: 1 });
    const { state } = detector;
    few.destroy();
    detector.destroy();
    const after = await window.failureOf(detector.detect('/wide.png'));
    return { failures, next, state, after };
  });
  const { failures } = found;
  expect(failures.classifier).toEqual({
    code: 'unsupported',
    message: expect.stringContaining('Use ImageClassifier for it'),
  });
  for (const each of [failures.detector, failures.segmenter]) {
    expect(each).toEqual({
      code: 'unsupported',
      message: expect.stringContaining('Use ObjectDetector for it'),
    });
  }
  const codeOf = (failure: { code: string } | null) => failure?.code;
  expect(failures.nothing?.message).toContain('ObjectDetector needs a "model"');
  expect(codeOf(failures.other)).toBe('model-invalid');
  expect(codeOf(failures.format)).toBe('manifest-invalid');
  expect(codeOf(failures.mask)).toBe('model-invalid');
  expect(failures.few).toEqual({
    code: 'model-invalid',
    message: expect.stringContaining('for 4 labels'),
  });
  for (const each of [failures.iou, failures.threshold, failures.topK, failures.crop]) {
    expect(codeOf(each)).toBe('invalid-argument');
  }
  expect(codeOf(failures.picture)).toBe('image-undecodable');
  expect(failures.aborted?.message).toBe('enough');
  expect(found.next).toHaveLength(1);
  expect(found.state).toBe('ready');
  expect(found.after?.code).toBe('destroyed');
});
