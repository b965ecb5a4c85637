/**
 * Maps of pictures, as a page asks for them: those of SegFormer's post-processing and of torch's
 * interpolation on the same weights; overlays; and every way of being wrong, after which the next call
 * works.
 */
import { expect, test } from './fixtures.js';
import { meanColour, serveModel } from './models.js';
import { segmenter as mask } from './vision/manifests.js';
import {
  both,
  golden,
  type HubFiles,
  pictures,
  prepare,
  serveManifest,
  servePictures,
  serveRepository,
  type Which,
} from './vision/served.js';

interface Packed {
  data: string;
}
const { labels, segformer, matting } = golden<{
  labels: string[];
  segformer: HubFiles & { maps: Record<Which, { map: Packed }> };
  matting: { alphas: Record<Which, { alpha: Packed }> };
}>('segmentation');

const bytesOf = ({ data }: Packed) => Buffer.from(data, 'base64');

test.beforeEach(async ({ server, open }) => {
  servePictures(server);
  serveRepository(server, 'segformer', segformer);
  serveManifest(server, 'matting', mask);
  serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  await prepare(await open());
});

for (const which of both) {
  const { width, height } = pictures[which];

  test(`SegFormer's map of the ${which} picture`, async ({ page }) => {
    const found = await page.evaluate(async (which) => {
      const { ImageSegmenter } = window.tabserve;
      const segmenter = await ImageSegmenter.create({ model: '/hub/segformer/', device: 'wasm' });
      const found = await segmenter.segment(`/${which}.png`);
      const { model, fallbacks } = segmenter.info;
      segmenter.destroy();
      if (found.kind !== 'semantic') throw new Error(found.kind);
      return { ...found, map: [...found.map], labels: model.labels, fallbacks };
    }, which);
    const wanted = bytesOf(segformer.maps[which].map);
    expect(found).toMatchObject({ width, height, region: { x: 0, y: 0, width, height } });
    expect(found.map).toHaveLength(width * height);
    const same = found.map.filter((each, i) => each === wanted[i]).length;
    expect(same / wanted.length).toBeGreaterThanOrEqual(0.999);
    expect(found.labels).toEqual(labels);
    expect(found.fallbacks).toEqual([]);
    expect(found.overlay).toBeNull();
    // The areas are those of the map.
    const counts = found.segments.map(({ index, pixels, label, share }) => {
      expect(label).toBe(labels[index]);
      expect(share).toBeCloseTo(pixels / (width * height), 12);
      expect(pixels).toBe(found.map.filter((each) => each === index).length);
      return pixels;
    });
    expect(counts).toEqual(counts.toSorted((a, b) => b - a));
    expect(counts.reduce((a, b) => a + b)).toBe(width * height);
  });

  test(`the alpha of the ${which} picture's subject`, async ({ page }) => {
    const found = await page.evaluate(async (which) => {
      const { ImageSegmenter } = window.tabserve;
      const model = '/own/matting/model.json';
      const segmenter = await ImageSegmenter.create({ model, device: 'wasm' });
      const found = await segmenter.segment(`/${which}.png`);
      segmenter.destroy();
      if (found.kind !== 'mask') throw new Error(found.kind);
      return { ...found, alpha: [...found.alpha] };
    }, which);
    const wanted = bytesOf(matting.alphas[which].alpha);
    expect(found).toMatchObject({ width, height });
    const worst = Math.max(...found.alpha.map((each, i) => Math.abs(each - (wanted[i] as number))));
    expect(worst).toBeLessThanOrEqual(1);
    const mean = wanted.reduce((a, b) => a + b, 0) / wanted.length / 255;
    expect(found.share).toBeCloseTo(mean, 3);
  });
}

test('overlays are pictures to draw, and a part of a picture has a map of its own', async ({
  page,
}) => {
  const found = await page.evaluate(async () => {
    const { ImageSegmenter } = window.tabserve;
    const segmenter = await ImageSegmenter.create({ model: '/hub/segformer/', device: 'wasm' });
    const matting = await ImageSegmenter.create({
      model: '/own/matting/model.json',
      device: 'wasm',
    });
    const pixelsOf = (overlay: ImageBitmap | null) => {
      if (!overlay) throw new Error('no overlay');
      const { width, height } = overlay;
      const context = new OffscreenCanvas(width, height).getContext('2d');
      if (!context) throw new Error('no context');
      context.drawImage(overlay, 0, 0);
      overlay.close();
      return { width, height, data: [...context.getImageData(0, 0, width, height).data] };
    };
    const classes = await segmenter.segment('/wide.png', { overlay: true });
    const crop = { x: 10, y: 20, width: 50, height: 40 };
    const [part] = await segmenter.segment(['/wide.png'], { crop });
    const subject = await matting.segment('/wide.png', { overlay: true });
    if (classes.kind !== 'semantic' || subject.kind !== 'mask' || !part) throw new Error('kinds');
    const result = {
      map: [...classes.map],
      classes: pixelsOf(classes.overlay),
      alpha: [...subject.alpha],
      subject: pixelsOf(subject.overlay),
      part: { width: part.width, height: part.height, region: part.region },
    };
    segmenter.destroy();
    matting.destroy();
    return result;
  });
  expect(found.classes).toMatchObject(pictures.wide);
  // Class 0 is transparent, class 2 half green.
  for (const [i, index] of found.map.entries()) {
    const pixel = found.classes.data.slice(4 * i, 4 * i + 4);
    if (index === 0) expect(pixel[3]).toBe(0);
    if (index === 2) expect(pixel).toEqual([0, expect.closeTo(128, -1), 0, 128]);
  }
  expect(found.map).toContain(2);
  expect(found.subject.data.filter((_, i) => i % 4 === 3)).toEqual(found.alpha);
  expect(found.part).toEqual({
    width: 50,
    height: 40,
    region: { x: 10, y: 20, width: 50, height: 40 },
  });
});

test('a picture of 30 million pixels has a map of all of them', async ({ page }) => {
  const found = await page.evaluate(async () => {
    const { ImageSegmenter } = window.tabserve;
    const segmenter = await ImageSegmenter.create({ model: '/hub/segformer/', device: 'wasm' });
    const canvas = new OffscreenCanvas(6000, 5000);
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no context');
    context.drawImage(
      await createImageBitmap(await (await fetch('/wide.png')).blob()),
      ...([0, 0, 6000, 5000] as const),
    );
    const found = await segmenter.segment(canvas);
    segmenter.destroy();
    if (found.kind !== 'semantic') throw new Error(found.kind);
    const { width, height, map, segments } = found;
    return { width, height, length: map.length, all: segments.reduce((a, b) => a + b.pixels, 0) };
  });
  expect(found).toEqual({ width: 6000, height: 5000, length: 30_000_000, all: 30_000_000 });
});

test('what is wrong is said, and the next call works', async ({ page, server }) => {
  const described = {
    labels: { ...mask, output: { kind: 'semantic', name: 'mask' } },
    classes: { ...mask, labels: ['a', 'b'], output: { kind: 'semantic', name: 'mask' } },
    name: { ...mask, output: { ...mask.output, name: 'nowhere' } },
  };
  for (const [name, each] of Object.entries(described)) {
    const core = { name: 'm', version: '1.0.0' };
    const files = [{ url: '../matting/matting.onnx', dtype: 'fp32' }];
    server.route(`/own/${name}/model.json`, { ...core, files, ...each });
  }
  const found = await page.evaluate(async () => {
    const { ImageSegmenter, ImageEmbedder } = window.tabserve;
    const create = (model: string) => ImageSegmenter.create({ model, device: 'wasm' });
    const segmenter = await create('/own/matting/model.json');
    const classes = await create('/own/classes/model.json');
    const failures = {
      classifier: await window.failureOf(create('/mean/model.json')),
      embedder: await window.failureOf(
        ImageEmbedder.create({ model: '/hub/segformer/', device: 'wasm' }),
      ),
      labels: await window.failureOf(create('/own/labels/model.json')),
      name: await window.failureOf(create('/own/name/model.json')),
      classes: await window.failureOf(classes.segment('/wide.png')),
      opacity: await window.failureOf(segmenter.segment('/wide.png', { opacity: 2 })),
      picture: await window.failureOf(segmenter.segment(new Uint8Array(3))),
    };
    const next = await segmenter.segment('/wide.png');
    segmenter.destroy();
    classes.destroy();
    return { failures, kind: next.kind };
  });
  const { failures } = found;
  expect(failures.classifier?.message).toContain('Use ImageClassifier for it');
  expect(failures.embedder?.message).toContain('Use ImageSegmenter for it');
  expect(failures.labels).toEqual({
    code: 'manifest-invalid',
    message: expect.stringContaining('"labels"'),
  });
  expect(failures.name?.code).toBe('model-invalid');
  expect(failures.classes).toEqual({
    code: 'model-invalid',
    message: expect.stringContaining('2 classes'),
  });
  expect(failures.opacity?.code).toBe('invalid-argument');
  expect(failures.picture?.code).toBe('image-undecodable');
  expect(found.kind).toBe('mask');
});
