/** Pictures through page, worker and engine: the answers of the references, on the pixels of a canvas. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { meanColour } from '../../e2e/models.js';
import { detectorInput, detectors, segmenter as mask } from '../../e2e/vision/manifests.js';
import { decodePng, imageData } from '../testing/png.js';
import { keeper, openTab, projectFile, projectJson, type Tab } from '../testing/tab.js';
import { ImageClassifier } from './image-classifier.js';
import { ImageEmbedder } from './image-embedder.js';
import { ImageSegmenter } from './image-segmenter.js';
import { ObjectDetector } from './object-detector.js';

vi.setConfig({ testTimeout: 60_000 });

interface Repository {
  config: object;
  preprocessor?: object;
}
const both = ['wide', 'tall'] as const;
type Which = (typeof both)[number];
const golden = <T>(name: string) => projectJson<T>(`e2e/vision/golden/${name}.json`);

let tab: Tab;
let pictures: Record<Which, ImageData>;
beforeAll(async () => {
  tab = await openTab();
  const read = (which: Which) => decodePng(projectFile(`e2e/vision/golden/${which}.png`));
  pictures = { wide: read('wide'), tall: read('tall') };
  routeModel('/mean', meanColour.manifest);
});
const { kept, destroyKept } = keeper();
afterEach(() => {
  destroyKept();
  return tab.expectNothingLeft();
});
afterAll(() => tab.close());

function routeModel(path: string, manifest: object, model: Uint8Array = meanColour.model): string {
  tab.route(`${path}/model.json`, manifest);
  tab.route(`${path}/mean.onnx`, new Uint8Array(model));
  return `${path}/model.json`;
}
function routeRepository(name: string, { config, preprocessor }: Repository): string {
  tab.route(`/hub/${name}/config.json`, config);
  if (preprocessor) tab.route(`/hub/${name}/preprocessor_config.json`, preprocessor);
  tab.route(`/hub/${name}/onnx/model.onnx`, projectFile(`e2e/vision/golden/${name}.onnx`));
  return `/hub/${name}/`;
}
function routeOwn(name: string, manifest: object): string {
  const core = { name, version: '1.0.0', files: [{ url: `${name}.onnx`, dtype: 'fp32' }] };
  tab.route(`/own/${name}/model.json`, { ...core, ...manifest });
  tab.route(`/own/${name}/${name}.onnx`, projectFile(`e2e/vision/golden/${name}.onnx`));
  return `/own/${name}/model.json`;
}
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('It did not fail.'),
    (error: unknown) => error,
  );
/** A picture of one colour. */
function plain(red: number, green: number, blue: number, width = 8, height = 8): ImageData {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let at = 0; at < data.length; at += 4) data.set([red, green, blue, 255], at);
  return imageData(data, width, height);
}
const red = () => plain(255, 0, 0);
const green = () => plain(0, 255, 0);
const wasm = { device: 'wasm' } as const;

describe('objects', () => {
  interface Found {
    label: string;
    index: number;
    score: number;
    box: { x: number; y: number; width: number; height: number };
  }
  interface Case extends Partial<Repository> {
    iou?: number;
    answers: Record<Which, { threshold: number; objects: Found[] }>;
  }
  const { labels, cases } = golden<{ labels: string[]; cases: Record<string, Case> }>('detection');
  const described = (name: string) => ({ task: 'object-detection', labels, ...detectors[name] });

  it.each(Object.entries(cases))('%s has the boxes of the reference', async (name, each) => {
    const { config, preprocessor, iou, answers } = each;
    const model = config
      ? routeRepository(name, { config, ...(preprocessor && { preprocessor }) })
      : routeOwn(name, described(name));
    const detector = kept(await ObjectDetector.create({ ...tab.places, ...wasm, model }));
    for (const which of both) {
      const { threshold, objects } = answers[which];
      const found = await detector.detect(pictures[which], {
        threshold,
        ...(iou !== undefined && { iou }),
      });
      expect(found.map(({ label }) => label)).toEqual(objects.map(({ label }) => label));
      for (const [i, { index, score, box }] of found.entries()) {
        const wanted = objects[i] as Found;
        expect(index).toBe(wanted.index);
        expect(score).toBeCloseTo(wanted.score, 3);
        for (const side of ['x', 'y', 'width', 'height'] as const) {
          expect(Math.abs(box[side] - wanted.box[side]), `${which} ${i} ${side}`).toBeLessThan(0.5);
        }
      }
    }
    expect(detector.info.model.labels).toEqual(labels);
    detector.destroy();
  });

  it('says what is wrong, and goes on', async () => {
    const broken = {
      format: { output: { format: 'sparse', name: 'output0' } },
      mask: { input: { ...detectorInput, mask: 'nowhere' } },
    };
    const files = [{ url: '../yolo/yolo.onnx', dtype: 'fp32' }];
    routeOwn('yolo', described('yolo'));
    for (const [name, change] of Object.entries(broken)) {
      const core = { name: 'm', version: '1.0.0', files };
      tab.route(`/own/${name}/model.json`, { ...core, ...described('yolo'), ...change });
      const model = `/own/${name}/model.json`;
      expect(
        await failure(ObjectDetector.create({ ...tab.places, ...wasm, model })),
        name,
      ).toMatchObject({ code: expect.stringMatching(/manifest-invalid|model-invalid/) });
    }
    const options = { ...tab.places, ...wasm, model: '/own/yolo/model.json' };
    expect(await failure(ImageClassifier.create(options))).toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/Use ObjectDetector for it/),
    });
    await ObjectDetector.preload(options);
    expect(await ObjectDetector.availability(options)).toBe('available');
    const detector = kept(await ObjectDetector.create(options));
    expect(await failure(detector.detect(pictures.wide, { iou: 2 }))).toMatchObject({
      code: 'invalid-argument',
    });
    const [one, two] = await detector.detect([pictures.wide, pictures.tall], { topK: 3 });
    expect(two).toEqual(await detector.detect(pictures.tall, { topK: 3 }));
    expect(one).toHaveLength(3);
    detector.destroy();
  });
});

describe('maps', () => {
  const { labels, segformer, matting } = golden<{
    labels: string[];
    segformer: Repository & { maps: Record<Which, { map: { data: string } }> };
    matting: { alphas: Record<Which, { alpha: { data: string } }> };
  }>('segmentation');
  const bytesOf = ({ data }: { data: string }) => Buffer.from(data, 'base64');

  it.each(both)('SegFormer’s map of the %s picture is the reference’s', async (which) => {
    const model = routeRepository('segformer', segformer);
    const segmenter = kept(await ImageSegmenter.create({ ...tab.places, ...wasm, model }));
    const found = await segmenter.segment(pictures[which]);
    const part = await segmenter.segment(pictures[which], {
      crop: { x: 10, y: 20, width: 50, height: 40 },
    });
    segmenter.destroy();
    if (found.kind !== 'semantic') throw new Error(found.kind);
    const wanted = bytesOf(segformer.maps[which].map);
    expect(found.map).toHaveLength(wanted.length);
    const same = found.map.filter((each, i) => each === wanted[i]).length;
    expect(same / wanted.length).toBeGreaterThanOrEqual(0.999);
    expect(found.segments.reduce((sum, { pixels }) => sum + pixels, 0)).toBe(wanted.length);
    for (const { index, label } of found.segments) expect(label).toBe(labels[index]);
    expect(part).toMatchObject({ width: 50, height: 40, region: { x: 10, y: 20 } });
  });

  it.each(both)('the alpha of the %s picture’s subject is the reference’s', async (which) => {
    const model = routeOwn('matting', mask);
    const segmenter = kept(await ImageSegmenter.create({ ...tab.places, ...wasm, model }));
    const found = await segmenter.segment(pictures[which]);
    segmenter.destroy();
    if (found.kind !== 'mask') throw new Error(found.kind);
    const wanted = bytesOf(matting.alphas[which].alpha);
    expect(found.alpha).toHaveLength(wanted.length);
    const far = found.alpha.filter((each, i) => Math.abs(each - (wanted[i] ?? 999)) > 1);
    expect(far).toHaveLength(0);
  });
});

describe('vectors of pictures', () => {
  const cases =
    golden<Record<string, Repository & { vectors: Record<Which, number[]> }>>('embedding');

  it.each(Object.entries(cases))('%s has those of the reference', async (name, each) => {
    const model = routeRepository(name, each);
    const embedder = kept(await ImageEmbedder.create({ ...tab.places, ...wasm, model }));
    const found = await embedder.embed(both.map((which) => pictures[which]));
    const unit = await embedder.embed(pictures.wide, { normalize: true });
    embedder.destroy();
    for (const [i, which] of both.entries()) {
      const wanted = each.vectors[which];
      const own = found[i] ?? [];
      expect(own).toHaveLength(wanted.length);
      const scale = Math.max(1, ...wanted.map(Math.abs));
      const far = Math.max(...wanted.map((value, j) => Math.abs(value - (own[j] ?? 99))));
      expect(far / scale, which).toBeLessThan(1e-5);
    }
    expect(Math.hypot(...unit)).toBeCloseTo(1, 5);
  });
});

describe('a classifier', () => {
  const create = async (more: object = {}) =>
    kept(
      await ImageClassifier.create({ ...tab.places, ...wasm, model: '/mean/model.json', ...more }),
    );

  it('answers, captures at the call, and takes lists, options and parts', async () => {
    const classifier = await create();
    const picture = red();
    const asked = classifier.classify(picture, { topK: 1 });
    // What it shows now is asked about, not what it shows later.
    picture.data.fill(0);
    expect(await asked).toEqual([{ label: 'red', score: 1, index: 0 }]);
    const many = await classifier.classify([red(), green(), plain(0, 0, 255)], { topK: 1 });
    expect(many.map(([best]) => best?.label)).toEqual(['red', 'green', 'blue']);
    const filtered = await classifier.classify(plain(255, 128, 0), {
      deny: ['red'],
      threshold: 0.4,
    });
    expect(filtered.map(({ label }) => label)).toEqual(['green']);
    const halves = plain(255, 0, 0, 16, 8);
    for (let at = 0; at < halves.data.length; at += 64) {
      halves.data.set(green().data.subarray(0, 32), at + 32);
    }
    const [right] = await classifier.classify(halves, {
      crop: { x: 8, y: 0, width: 8, height: 8 },
    });
    expect(right).toMatchObject({ label: 'green', score: 1 });
    expect(classifier.info).toMatchObject({
      device: 'wasm',
      model: { name: 'mean-colour', labels: ['red', 'green', 'blue'], from: 'network' },
    });
    expect(classifier.metrics()).toMatchObject({ pending: 0, errors: 0 });
    classifier.destroy();
  });

  it('answers each of many by itself', async () => {
    const classifier = await create();
    const sources = [red(), plain(1, 1, 1, 0, 0), green()];
    const labels: (string | undefined)[] = [];
    for await (const { index, classifications, error } of classifier.classifyAll(sources)) {
      labels[index] = classifications?.[0]?.label ?? (error as { code: string }).code;
    }
    expect(labels).toEqual(['red', 'image-undecodable', 'green']);
    classifier.destroy();
  });

  it('says what is no picture, and goes on', async () => {
    const classifier = await create({ maxPixels: 100 });
    for (const [source, code] of [
      [7, 'invalid-argument'],
      [new Uint8Array(0), 'image-undecodable'],
      [new Blob(['<!doctype html>']), 'image-undecodable'],
      [new TextEncoder().encode('just text'), 'image-undecodable'],
      [plain(1, 2, 3, 20, 20), 'image-too-large'],
      ['/nowhere.png', 'network'],
      [new Blob(['<svg xmlns="http://www.w3.org/2000/svg"/>']), 'image-undecodable'],
    ] as const) {
      expect(await failure(classifier.classify(source as never)), code).toMatchObject({ code });
    }
    const outside = { crop: { x: 5, y: 5, width: 9, height: 9 } };
    expect(await failure(classifier.classify(red(), outside))).toMatchObject({
      code: 'invalid-argument',
    });
    expect((await classifier.classify(red()))[0]?.label).toBe('red');
    expect(classifier.metrics().errors).toBeGreaterThan(6);
    classifier.destroy();
  });

  it('reads digits with the embedded model, and the label file of another', async () => {
    const classifier = await create({ model: 'digits' });
    // A vertical stroke.
    const stroke = plain(0, 0, 0, 28, 28);
    for (let y = 4; y < 24; y += 1) {
      for (let x = 13; x < 16; x += 1) stroke.data.set([255, 255, 255, 255], (y * 28 + x) * 4);
    }
    expect((await classifier.classify(stroke))[0]?.label).toBe('1');
    classifier.destroy();
    const photos = await create({ model: 'photos' });
    expect(photos.info.model.labels).toHaveLength(1000);
    expect(await photos.classify(pictures.wide)).toHaveLength(5);
    photos.destroy();
  });

  it('comes back after its worker died, and answers what was under way', async () => {
    const classifier = await create();
    const states: string[] = [];
    classifier.addEventListener('statechange', () => states.push(classifier.state));
    const asked = classifier.classify(red());
    for (const worker of tab.stage.alive) worker.die();
    expect((await asked)[0]?.label).toBe('red');
    await vi.waitFor(() => expect(classifier.state).toBe('ready'));
    expect(states).toEqual(['recovering', 'ready']);
    expect(classifier.metrics().restarts).toBe(1);
    classifier.destroy();
  });

  it('can be given up at any time', async () => {
    const controller = new AbortController();
    const creating = create({ signal: controller.signal });
    controller.abort('enough');
    expect(await failure(creating)).toBe('enough');
    const classifier = await create();
    const stop = new AbortController();
    const asked = classifier.classify(red(), { signal: stop.signal });
    stop.abort('never mind');
    expect(await failure(asked)).toBe('never mind');
    const pending = failure(classifier.classify([red(), red(), red()]));
    classifier.destroy();
    expect(await pending).toMatchObject({ code: 'destroyed' });
    expect(await failure(classifier.classify(red()))).toMatchObject({ code: 'destroyed' });
  });

  it('shares its worker and its progress with others', async () => {
    const events: { loaded: number; total: number }[] = [];
    const [one, two] = await Promise.all([
      create(),
      create({
        monitor: (monitor: EventTarget) =>
          monitor.addEventListener('downloadprogress', (event) =>
            events.push(event as unknown as { loaded: number; total: number }),
          ),
      }),
    ]);
    expect(tab.stage.alive.size).toBe(1);
    expect(events.at(-1)?.loaded).toBe(events.at(-1)?.total);
    one.destroy();
    expect((await two.classify(red()))[0]?.label).toBe('red');
    two.destroy();
    const three = await create({ ownWorker: true });
    const four = await create({ ownWorker: true });
    expect(tab.stage.alive.size).toBeGreaterThan(1);
    three.destroy();
    four.destroy();
  });

  it.each([
    [
      'a manifest and its files',
      () => ({ 'mean.onnx': new Blob([new Uint8Array(meanColour.model)]) }),
      undefined,
    ],
    ['a manifest and its address', () => ({}), '/mean/'],
  ])('is made of %s', async (_name, files, baseUrl) => {
    const model = { manifest: meanColour.manifest, files: files(), ...(baseUrl && { baseUrl }) };
    const classifier = await create({ model });
    expect((await classifier.classify(green()))[0]?.label).toBe('green');
    expect(classifier.info.model.from).toBe(baseUrl ? 'network' : 'file');
  });

  it('is made of a graph alone, and says what it assumed', async () => {
    const classifier = await create({ model: [new Blob([new Uint8Array(meanColour.model)])] });
    expect(classifier.info.model.labels).toHaveLength(3);
    expect(classifier.info.fallbacks).toContainEqual(
      expect.objectContaining({ from: 'manifest', to: 'usual preprocessing' }),
    );
  });

  it.each<[string, unknown, string]>([
    ['a graph that is none', [new Blob(['not a graph'])], 'model-invalid'],
    ['a web page', [new Blob(['<!doctype html>'])], 'model-invalid'],
    ['a missing address', '/nowhere/model.json', 'model-not-found'],
    ['a name that nobody has', 'unheard-of', 'model-not-found'],
    ['a version that there is not', 'digits@9.9.9', 'model-not-found'],
    ['a file of the user’s disk', '/disk/model.json', 'manifest-invalid'],
    ['a number', 7, 'invalid-argument'],
  ])('is not made of %s', async (_name, model, code) => {
    const files = [{ url: 'file:///etc/passwd', dtype: 'fp32' }];
    routeModel('/disk', { ...meanColour.manifest, files });
    expect(await failure(create({ model }))).toMatchObject({ code });
  });
});
