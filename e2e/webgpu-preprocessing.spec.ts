/** Preprocessing on the GPU: the bits of the CPU, or the CPU. */
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import fc from 'fast-check';
import type { PixelRect, Preprocess, ResizeFilter } from '../src/index.js';
import { test as base, expect, needsShared } from './fixtures.js';
import { cropProbe, meanColour, serveModel } from './models.js';
import { sharedFolder } from './server.js';
import { anchor, compare, type Outcome, type Trial, type TrialPicture } from './tensor-probe.js';

const input: Trial['input'] = {
  layout: 'NCHW',
  dtype: 'float32',
  width: 16,
  height: 12,
  channels: 3,
  colorOrder: 'RGB',
};
const resize = { policy: 'exact', width: 16, height: 12 } as const;
// Below zero, since scores are not: the elements are answered as scores.
const normalise = { mean: [-0.1, -0.2, -0.3], std: [0.229, 0.224, 0.225] };
const picture: TrialPicture = { as: 'png', width: 61, height: 47 };

const filters: readonly ResizeFilter[] = [
  'nearest',
  'box',
  'bilinear',
  'hamming',
  'bicubic',
  'lanczos',
];

/** All pictures were done on the GPU, as the CPU does them. */
const done = (times = 1) => ({ on: Array<string>(times).fill('gpu'), differing: 0 });

/** The same, without what depends on the pictures. */
const essence = ({ on, differing }: Outcome) => ({ on, differing });

/** `trials`: a page whose workers stay, for all tests that leave no traces. */
const test = base.extend<object, { trials: Page }>({
  trials: [
    async ({ browser, server }, use) => {
      const page = await browser.newPage();
      await page.goto(`${server.origin}/pages/library.html`);
      await anchor(page);
      await use(page);
      await page.close();
    },
    { scope: 'worker' },
  ],
});

for (const as of ['png', 'jpeg', 'bitmap', 'canvas', 'frame', 'yuv-frame'] as const) {
  test(`${as}: the same tensor, with transparency and without`, async ({ trials: page }) => {
    for (const alpha of [false, true]) {
      const preprocess = { resize, ...normalise, background: [10, 200, 90] } satisfies Preprocess;
      const trial: Trial = { input, preprocess, picture: { ...picture, as, alpha } };
      const outcome = await compare(page, trial);
      expect(essence(outcome), `${outcome.reasons} ${outcome.first}`).toEqual(done());
      expect(outcome.distinct).toBeGreaterThan(20);
    }
  });
}

test('every filter, shrinking, growing and one pixel wide', async ({ trials: page }) => {
  const sizes = [
    [61, 47],
    [5, 4],
    [1, 30],
    [200, 1],
  ] as const;
  for (const filter of filters) {
    for (const antialias of [true, false]) {
      for (const [width, height] of sizes) {
        // OpenCV's kernel, which bicubic without antialias stands for, is the CPU's alone.
        const kernel = { filter, antialias, reference: 'pillow-12' } as const;
        const preprocess = { resize: { ...resize, ...kernel }, ...normalise };
        const trial = { input, preprocess, picture: { ...picture, width, height } };
        const outcome = await compare(page, trial);
        const name = `${filter} ${antialias} ${width} × ${height}: ${outcome.first}`;
        expect(essence(outcome), name).toEqual(done());
      }
    }
  }
});

test('every layout and type, colours in any order, and grey', async ({ trials: page }) => {
  for (const dtype of ['float32', 'float16', 'uint8'] as const) {
    for (const layout of ['NCHW', 'NHWC'] as const) {
      for (const colorOrder of ['RGB', 'BGR', 'GRAY'] as const) {
        const channels = colorOrder === 'GRAY' ? 1 : 3;
        // Odd, so that the last word of the tensor is not full.
        const size = { width: 15, height: 11 };
        const trial: Trial = {
          input: { ...size, dtype, layout, colorOrder, channels },
          preprocess: {
            resize: { policy: 'exact', ...size },
            ...(dtype !== 'uint8' && { mean: -0.25, std: 0.3 }),
          },
          picture: { ...picture, alpha: true },
        };
        const outcome = await compare(page, trial);
        const name = `${dtype} ${layout} ${colorOrder}: ${outcome.first}`;
        expect(essence(outcome), name).toEqual(done());
      }
    }
  }
});

test('regions, crops, letterboxes and borders', async ({ trials: page }) => {
  const crop = { policy: 'center', width: 16, height: 12 } as const;
  const ways: { preprocess: Preprocess; crop?: Trial['crop'] }[] = [
    { preprocess: { resize: { policy: 'shorter-side', size: 20 }, crop } },
    { preprocess: { resize: { policy: 'crop-fraction', fraction: 0.875 }, crop } },
    {
      preprocess: { resize: { policy: 'letterbox', width: 16, height: 12 }, background: [9, 8, 7] },
    },
    { preprocess: { resize: { policy: 'shorter-side', size: 5 }, crop } },
    { preprocess: { crop } },
    { preprocess: { resize }, crop: { x: 11, y: 3, width: 29, height: 41 } },
    { preprocess: { resize }, crop: { x: 60, y: 46, width: 1, height: 1 } },
  ];
  for (const { preprocess, crop } of ways) {
    const outcome = await compare(page, {
      input,
      preprocess: { ...preprocess, ...normalise },
      picture: { ...picture, alpha: true },
      crop,
    });
    const name = `${JSON.stringify(preprocess)} ${JSON.stringify(crop)}: ${outcome.first}`;
    expect(essence(outcome), name).toEqual(done());
  }
});

test('any picture and any preprocessing', async ({ trials: page }) => {
  const side = fc.integer({ min: 1, max: 40 });
  const kernel = {
    filter: fc.constantFrom(...filters),
    antialias: fc.boolean(),
    reference: fc.constant('pillow-12' as const),
  };
  const trials = fc.record({ width: side, height: side }).chain(({ width, height }) =>
    fc.record({
      input: fc.record({
        layout: fc.constantFrom('NCHW', 'NHWC'),
        dtype: fc.constant('float32'),
        width: fc.constant(width),
        height: fc.constant(height),
        channels: fc.constant(3),
        colorOrder: fc.constantFrom('RGB', 'BGR'),
      }),
      preprocess: fc.record({
        resize: fc.oneof(
          fc.record({
            policy: fc.constantFrom('exact', 'letterbox'),
            width: fc.constant(width),
            height: fc.constant(height),
            ...kernel,
          }),
          fc.record({ policy: fc.constant('shorter-side'), size: side, ...kernel }),
        ),
        crop: fc.constant({ policy: 'center', width, height }),
        std: fc.double({ min: 0.01, max: 4, noNaN: true }),
        mean: fc.double({ min: -2, max: 0, noNaN: true }),
        background: fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 0, max: 255 }))),
      }),
      picture: fc.record({
        as: fc.constantFrom('png', 'jpeg', 'bitmap', 'canvas', 'frame'),
        width: fc.integer({ min: 1, max: 90 }),
        height: fc.integer({ min: 1, max: 90 }),
        alpha: fc.boolean(),
      }),
      times: fc.constantFrom(1, 1, 3),
    }),
  ) as fc.Arbitrary<Trial>;
  await fc.assert(
    fc.asyncProperty(trials, async (trial) => {
      const { differing, on, reasons, first } = await compare(page, trial);
      expect(differing, first).toBe(0);
      // Where nothing of the picture reaches the input there is nothing for a GPU to do.
      if (reasons[0] !== 'nothing of it reaches the input') {
        expect(on, `${reasons}`).toEqual(done(trial.times).on);
      }
    }),
    { numRuns: Number(process.env.TABSERVE_RUNS ?? 120) },
  );
});

test('EXIF orientation turns the picture upright', async ({ trials: page }) => {
  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const trial: Trial = {
      input,
      preprocess: { resize, ...normalise },
      picture: { ...picture, as: 'jpeg', orientation },
      // Within the picture only if it was turned.
      crop: orientation > 4 ? { x: 0, y: 0, width: 47, height: 61 } : undefined,
    };
    const outcome = await compare(page, trial);
    expect(essence(outcome), `${orientation}: ${outcome.first}`).toEqual(done());
  }
});

test('a photo of 12 megapixels', async ({ trials: page }) => {
  const size = { width: 224, height: 224 };
  const outcome = await compare(page, {
    input: { ...input, ...size },
    preprocess: {
      resize: { policy: 'shorter-side', size: 256 },
      crop: { policy: 'center', ...size },
      ...normalise,
    },
    picture: { as: 'jpeg', width: 4000, height: 3000 },
  });
  expect(essence(outcome), `${outcome.reasons} ${outcome.first}`).toEqual(done());
});

test('photos become the crop that Pillow makes, bit for bit', async ({ trials: page, server }) => {
  needsShared('reference.json');
  test.setTimeout(600_000);
  const { images } = JSON.parse(readFileSync(`${sharedFolder}/reference.json`, 'utf8')) as {
    images: { file: string; crop_sha256: string }[];
  };
  const step = process.env.TABSERVE_ALL_PHOTOS ? 1 : 12;
  const chosen = images.filter((_, index) => index % step === 0);
  const model = serveModel(server, '/crop-probe', cropProbe.manifest, cropProbe.model);
  const found = await page.evaluate(
    async ({ model, files }) => {
      const classifier = await window.tabserve.ImageClassifier.create({
        model,
        device: 'webgpu',
        preprocessing: 'gpu',
      });
      const reports: string[] = [];
      classifier.addEventListener('request', ({ detail }) =>
        reports.push(detail.preprocessing.device),
      );
      const hashes: Record<string, string> = {};
      for (const file of files) {
        const photo = await fetch(`/shared/images/photos/${file}`);
        const answers = await classifier.classify(await photo.blob(), { topK: 224 * 224 * 3 });
        const bytes = new Uint8Array(answers.length);
        for (const { index, score } of answers) bytes[index] = score;
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
        hashes[file] = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
      }
      classifier.destroy();
      return { hashes, on: [...new Set(reports)] };
    },
    { model, files: chosen.map(({ file }) => file) },
  );
  expect(found.on).toEqual(['gpu']);
  expect(found.hashes).toEqual(
    Object.fromEntries(chosen.map(({ file, crop_sha256 }) => [file, crop_sha256])),
  );
});

test('a picture of more pixels than are held on the GPU at a time', async ({ trials: page }) => {
  const outcome = await compare(page, {
    input,
    preprocess: { resize, ...normalise },
    picture: { as: 'jpeg', width: 4200, height: 4100 },
  });
  expect(essence(outcome), `${outcome.reasons} ${outcome.first}`).toEqual(done());
});

test('pictures that would not be the same are left to the CPU, which says so', async ({
  trials: page,
}) => {
  const cases: [TrialPicture, RegExp, PixelRect?][] = [
    [{ ...picture, as: 'image-data' }, /plain pixels/],
    [{ ...picture, as: 'bitmap', colorSpace: 'display-p3' }, /not sRGB \(smpte432/],
    [{ ...picture, width: 9000, height: 2 }, /9000 columns/],
    [{ as: 'yuv-frame', width: 6, height: 4 }, /too few colours/],
  ];
  // Within the GPU's reach, but not within a VideoFrame's, which tells the colour space.
  const region = { x: 39_000, y: 0, width: 30, height: 2 };
  cases.push([{ ...picture, width: 40_000, height: 2 }, /cannot hand it over/, region]);
  for (const [picture, reason, crop] of cases) {
    const preprocess = { resize, ...normalise };
    const outcome = await compare(page, { input, preprocess, picture, crop });
    expect(essence(outcome)).toEqual({ on: ['cpu'], differing: 0 });
    expect(outcome.reasons[0]).toMatch(reason);
  }
  // What its own colour space would change is not looked at in a file.
  const wide = { ...picture, colorSpace: 'display-p3' } as const;
  const file = await compare(page, { input, preprocess: { resize, ...normalise }, picture: wide });
  expect(essence(file)).toEqual(done());
});

test('a software adapter preprocesses only when asked to; WASM never does', async ({
  trials: page,
}) => {
  const found = await page.evaluate(async () => {
    const { ImageClassifier } = window.tabserve;
    const found = [];
    for (const device of ['webgpu', 'wasm'] as const) {
      const classifier = await ImageClassifier.create({ model: 'digits', device });
      found.push(classifier.info.preprocessing);
    }
    const wrong = ImageClassifier.create({ device: 'wasm', preprocessing: 'gpu' });
    const error = await wrong.catch((error: Error) => error.message);
    return { found, error };
  });
  expect(found.found).toEqual([
    { device: 'cpu', reason: expect.stringContaining('software') },
    { device: 'cpu', reason: 'the model runs on WASM' },
  ]);
  expect(found.error).toContain('"preprocessing" is "gpu"; it takes "auto", "cpu"');
});

/** Runs this in the workers, of which one has the GPU. */
async function inWorkers(page: Page, task: () => void): Promise<void> {
  await Promise.all(page.workers().map((worker) => worker.evaluate(task)));
}

const trial: Trial = { input, preprocess: { resize, ...normalise }, picture };

test('a device that alters pictures is found out', async ({ open }) => {
  const page = await open();
  await anchor(page);
  await inWorkers(page, () => {
    const { copyExternalImageToTexture: copy } = GPUQueue.prototype;
    GPUQueue.prototype.copyExternalImageToTexture = function (source, to, size) {
      copy.call(this, { ...source, flipY: true }, to, size);
    };
  });
  const outcome = await compare(page, trial);
  expect(essence(outcome)).toEqual({ on: ['cpu'], differing: 0 });
  expect(outcome.reasons).toEqual(['this GPU does not take pictures unchanged']);
});

test('a GPU that throws in the middle is replaced by the CPU', async ({ trials: page }) => {
  // The device is tried, and found good.
  expect(essence(await compare(page, trial))).toEqual(done());
  await inWorkers(page, () => {
    const { copyExternalImageToTexture: original } = GPUQueue.prototype;
    Object.assign(self, { original });
    GPUQueue.prototype.copyExternalImageToTexture = () => {
      throw new DOMException('no copy today', 'OperationError');
    };
  });
  const outcome = await compare(page, { ...trial, times: 3 });
  await inWorkers(page, () => {
    const { original } = self as unknown as Record<string, GPUQueue['copyExternalImageToTexture']>;
    if (original) GPUQueue.prototype.copyExternalImageToTexture = original;
  });
  expectReplaced(outcome);
});

test('a GPU that refuses in the middle is replaced by the CPU', async ({ trials: page }) => {
  expect(essence(await compare(page, trial))).toEqual(done());
  await inWorkers(page, () => {
    const { createBindGroup: original } = GPUDevice.prototype;
    Object.assign(self, { original });
    GPUDevice.prototype.createBindGroup = function (descriptor) {
      return original.call(this, { ...descriptor, entries: [] });
    };
  });
  const outcome = await compare(page, { ...trial, times: 3 });
  await inWorkers(page, () => {
    const { original } = self as unknown as Record<string, GPUDevice['createBindGroup']>;
    if (original) GPUDevice.prototype.createBindGroup = original;
  });
  expectReplaced(outcome);
});

function expectReplaced(outcome: Outcome): void {
  expect(essence(outcome)).toEqual({ on: ['cpu', 'cpu', 'cpu'], differing: 0 });
  expect(outcome.reasons[0]).toMatch(/^the GPU failed: /);
  expect(outcome.reasons[2]).toMatch(/^the GPU failed before: /);
}

test('a device that is lost in the middle is replaced, and goes on', async ({ page, open }) => {
  await open();
  await page.evaluate(async () => {
    const classifier = await window.tabserve.ImageClassifier.create({
      model: 'digits',
      device: 'webgpu',
      preprocessing: 'gpu',
    });
    window.anchors = [classifier];
  });
  await inWorkers(page, () => {
    const { pushErrorScope } = GPUDevice.prototype;
    let calls = 0;
    GPUDevice.prototype.pushErrorScope = function (kind) {
      calls += 1;
      if (calls === 20) this.destroy();
      pushErrorScope.call(this, kind);
    };
  });
  const outcome = await page.evaluate(async () => {
    const [classifier] = window.anchors;
    const reports: { on: string; attempts: number }[] = [];
    classifier?.addEventListener('request', ({ detail }) =>
      reports.push({ on: detail.preprocessing.device, attempts: detail.attempts }),
    );
    const canvas = document.createElement('canvas');
    canvas.getContext('2d')?.fillRect(100, 20, 20, 100);
    const asked = Array.from({ length: 20 }, () => classifier?.classify(canvas, { topK: 1 }));
    const answers = await Promise.all(asked);
    const labels = new Set(answers.map((each) => each?.[0]?.label));
    return { labels: labels.size, reports, restarts: classifier?.metrics().restarts };
  });
  expect(outcome.labels).toBe(1);
  expect(outcome.restarts).toBe(1);
  expect(outcome.reports.map(({ on }) => on)).toEqual(done(20).on);
  expect(outcome.reports.map(({ attempts }) => attempts)).toContain(2);
});

test('the asyncify build does it too', async ({ page, open }) => {
  await page.addInitScript(() => {
    Reflect.deleteProperty(WebAssembly, 'Suspending');
  });
  await anchor(await open());
  const engine = await page.evaluate(() => window.anchors[1]?.info.engine);
  expect(engine).toBe('asyncify');
  expect(essence(await compare(page, { ...trial, times: 4 }))).toEqual(done(4));
});

test('frames that a bitmap shows otherwise than a canvas are left to the CPU', async ({ open }) => {
  const page = await open();
  await anchor(page);
  await inWorkers(page, () => {
    const original = self.createImageBitmap;
    self.createImageBitmap = (image: ImageBitmapSource, ...rest: unknown[]) =>
      image instanceof VideoFrame
        ? original(new ImageData(image.displayWidth, image.displayHeight))
        : original(image, ...(rest as []));
  });
  const frame = { ...picture, as: 'yuv-frame' } as const;
  const outcome = await compare(page, { ...trial, picture: frame, times: 2 });
  expect(essence(outcome)).toEqual({ on: ['cpu', 'cpu'], differing: 0 });
  expect(outcome.reasons[1]).toContain('in two ways');
});

test('pictures of one size need nothing new of the GPU', async ({ trials: page }) => {
  await inWorkers(page, () => {
    const made = { textures: 0 };
    Object.assign(self, { made });
    const { createTexture } = GPUDevice.prototype;
    GPUDevice.prototype.createTexture = function (descriptor) {
      // Those that the device is tried with are read back.
      if (!(descriptor.usage & GPUTextureUsage.COPY_SRC)) made.textures += 1;
      return createTexture.call(this, descriptor);
    };
  });
  expect(essence(await compare(page, { ...trial, times: 5 }))).toEqual(done(5));
  const made = await Promise.all(
    page
      .workers()
      .map((worker) => worker.evaluate(() => (self as unknown as { made: object }).made)),
  );
  expect(made).toContainEqual(expect.objectContaining({ textures: 1 }));
});

test('the worker for WASM carries none of it', () => {
  const script = (flavour: string) =>
    readFileSync(`${import.meta.dirname}/../dist/worker-${flavour}.js`, 'utf8');
  expect(script('jspi')).toContain('copyExternalImageToTexture');
  expect(script('asyncify')).toContain('copyExternalImageToTexture');
  expect(script('wasm')).not.toContain('copyExternalImageToTexture');
});

test('an explanation of a picture that the GPU prepares is that of the CPU', async ({
  trials: page,
  server,
}) => {
  const model = serveModel(server, '/explained', meanColour.manifest, meanColour.model);
  const found = await page.evaluate(async (model) => {
    const { ImageClassifier } = window.tabserve;
    const url = '/dist/explain.js';
    const { explain } = (await import(url)) as typeof import('../src/explain/index.js');
    const canvas = new OffscreenCanvas(60, 40);
    const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
    context.fillStyle = '#c04020';
    context.fillRect(0, 0, 30, 40);
    const maps: number[][] = [];
    for (const options of [
      { device: 'wasm' },
      { device: 'webgpu', preprocessing: 'gpu' },
    ] as const) {
      const classifier = await ImageClassifier.create({ ...options, model, explanations: true });
      for (const method of ['cam', 'occlusion'] as const) {
        const { heatmap } = await explain(classifier, canvas, { method, class: 'red', window: 2 });
        maps.push([...heatmap.data]);
      }
      classifier.destroy();
    }
    return maps;
  }, model);
  const [cam = [], occlusion = [], ...others] = found;
  expect(new Set(cam).size).toBeGreaterThan(1);
  expect(new Set(occlusion).size).toBeGreaterThan(1);
  for (const [at, value] of [...cam, ...occlusion].entries()) {
    expect(others.flat()[at]).toBeCloseTo(value, 5);
  }
});
