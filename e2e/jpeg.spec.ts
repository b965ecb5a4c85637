/** JPEG files of every layout: decoded by the fastest way that gives the bits of the ordinary one. */
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.js';
import { adobe, exif, type JpegLayout, jfif, sampling, swappedProfile, writeJpeg } from './jpeg.js';
import { cropProbe, serveModel } from './models.js';
import type { TestServer } from './server.js';

/** Serves a worker that notes what was decoded how, and then is the built one. */
function serveWatchedWorker(server: TestServer): string {
  server.route('/watched-worker.js', (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/javascript' });
    response.end(`
      self.decoded = [];
      const { decode } = ImageDecoder.prototype;
      ImageDecoder.prototype.decode = async function () {
        const result = await decode.call(this);
        self.decoded.push(result.image.format);
        return result;
      };
      const create = self.createImageBitmap;
      self.createImageBitmap = (source, options) => {
        if (source instanceof Blob) self.decoded.push(options ? 'as stored' : 'default');
        return create(source, options);
      };
      importScripts('/dist/worker-wasm.js');
    `);
  });
  return `${server.origin}/watched-worker.js`;
}

/** What the worker decoded since it was last asked, in order. */
async function takeDecoded(page: Page): Promise<string[]> {
  const [worker] = page.workers();
  return (
    (await worker?.evaluate(() => (self as unknown as { decoded: string[] }).decoded.splice(0))) ??
    []
  );
}

/** Lets the network see a part of the picture as it is. */
const asItIs = { ...cropProbe, manifest: { ...cropProbe.manifest, preprocess: {} } };

type Classifier = Awaited<ReturnType<typeof window.tabserve.ImageClassifier.create>>;

async function start(page: Page, server: TestServer): Promise<void> {
  const models = {
    whole: serveModel(server, '/crop-probe', cropProbe.manifest, cropProbe.model),
    part: serveModel(server, '/as-it-is', asItIs.manifest, asItIs.model),
  };
  await page.evaluate(
    async ({ models, workerUrl }) => {
      const { ImageClassifier } = window.tabserve;
      const whole = await ImageClassifier.create({
        model: models.whole,
        device: 'wasm',
        workerUrl,
      });
      const part = await ImageClassifier.create({ model: models.part, device: 'wasm', workerUrl });
      const bytesOf = async (classifier: Classifier, image: Blob, options?: object) => {
        const answers = await classifier.classify(image, { topK: 224 * 224 * 3, ...options });
        const bytes = new Uint8Array(answers.length);
        for (const { index, score } of answers) bytes[index] = score;
        return bytes;
      };
      Object.assign(window, { whole, part, bytesOf });
    },
    { models, workerUrl: serveWatchedWorker(server) },
  );
  await takeDecoded(page);
}

interface Comparison {
  /** Bytes that differ between the file and a bitmap that the platform made of it. */
  differing: number;
  /** Different values among the bytes, which shows that there is a picture. */
  values: number;
}

/** Classifies the file at `path`, and a bitmap of it, and compares what the network sees. */
function compare(
  page: Page,
  path: string,
  crop?: { x: number; y: number; width: number; height: number },
): Promise<Comparison> {
  return page.evaluate(
    async ({ path, crop }) => {
      const { whole, part, bytesOf } = window as unknown as {
        whole: Classifier;
        part: Classifier;
        bytesOf(
          classifier: Classifier,
          image: ImageBitmapSource,
          options?: object,
        ): Promise<Uint8Array>;
      };
      const file = await (await fetch(path)).blob();
      const bitmap = await createImageBitmap(file, {
        colorSpaceConversion: 'none',
        premultiplyAlpha: 'none',
      });
      const classifier = crop ? part : whole;
      const ours = await bytesOf(classifier, file, crop && { crop });
      const theirs = await bytesOf(classifier, bitmap, crop && { crop });
      return {
        differing: ours.filter((byte, at) => byte !== theirs[at]).length,
        values: new Set(ours).size,
      };
    },
    { path, ...(crop && { crop }) },
  );
}

const size = { width: 451, height: 337 };

/** What is decoded, in order, for each layout. */
const layouts: Readonly<Record<string, [layout: JpegLayout, decoded: string[]]>> = {
  '4:2:0': [size, ['I420']],
  '4:2:2': [{ ...size, sampling: sampling.yuv422 }, ['I422']],
  '4:4:4': [{ ...size, sampling: sampling.yuv444 }, ['I444']],
  '4:4:0': [{ ...size, sampling: sampling.yuv440 }, ['BGRX']],
  grey: [{ ...size, sampling: sampling.grey }, ['BGRX']],
  CMYK: [{ ...size, sampling: sampling.cmyk, segments: [adobe(0)] }, ['BGRX']],
  YCCK: [{ ...size, sampling: sampling.cmyk, segments: [adobe(2)] }, ['BGRX']],
  'RGB by its component ids': [
    { ...size, sampling: sampling.yuv444, segments: [], ids: [0x52, 0x47, 0x42] },
    ['BGRX'],
  ],
  "RGB by Adobe's segment": [
    { ...size, sampling: sampling.yuv444, segments: [adobe(0)] },
    ['BGRX'],
  ],
  "YCbCr by Adobe's segment": [{ ...size, segments: [adobe(1)] }, ['I420']],
  'an ICC profile': [{ ...size, segments: [jfif, swappedProfile()] }, ['I420']],
  'EXIF, upright': [{ ...size, segments: [exif(1, 1)] }, ['I420']],
  'EXIF, upright, Adobe RGB': [{ ...size, segments: [exif(1, 2)] }, ['I420']],
  ...Object.fromEntries(
    [2, 3, 4, 5, 6, 7, 8].map((orientation): [string, [JpegLayout, string[]]] => [
      `EXIF orientation ${orientation}`,
      [{ ...size, segments: [exif(orientation, 1)] }, ['I420']],
    ]),
  ),
  'EXIF, turned, CMYK': [
    { ...size, sampling: sampling.cmyk, segments: [exif(8, 1), adobe(0)] },
    ['BGRX'],
  ],
  'EXIF without a valid orientation': [{ ...size, segments: [exif(9, 1)] }, ['as stored']],
  '1 pixel high': [{ width: 400, height: 1 }, ['I420']],
  'more than a megabyte': [
    {
      ...size,
      segments: [
        jfif,
        ...Array(17).fill(
          Buffer.concat([Buffer.from([0xff, 0xe5, 0xff, 0xff]), Buffer.alloc(65533)]),
        ),
      ],
    },
    ['I420'],
  ],
};

test('every layout has the bits of createImageBitmap', async ({ open, server }) => {
  const page = await open();
  await start(page, server);
  for (const [name, [layout, decoded]] of Object.entries(layouts)) {
    server.route('/made.jpg', writeJpeg(layout));
    const { differing, values } = await compare(page, '/made.jpg');
    expect(differing, name).toBe(0);
    expect(values, name).toBeGreaterThan(4);
    expect(await takeDecoded(page), name).toEqual(decoded);
  }
});

test('narrow pictures, whose chroma is not interpolated, have the same bits', async ({
  open,
  server,
}) => {
  const page = await open();
  await start(page, server);
  for (const width of [1, 2, 3, 4, 5, 6]) {
    const path = await page.evaluate(async (width) => {
      const canvas = new OffscreenCanvas(width, 40);
      const context = canvas.getContext('2d');
      for (let n = 0; context && n < width * 20; n++) {
        context.fillStyle = `hsl(${n * 47} 100% 50%)`;
        context.fillRect(n % width, Math.floor(n / width) * 2, 1, 2);
      }
      const file = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
      return URL.createObjectURL(file);
    }, width);
    expect((await compare(page, path)).differing, `${width}`).toBe(0);
    // A canvas writes an ICC profile.
    expect(await takeDecoded(page)).toEqual(width < 5 ? ['I420', 'as stored'] : ['I420']);
  }
});

test('every part of a picture has the bits of createImageBitmap', async ({ open, server }) => {
  const page = await open();
  await start(page, server);
  for (const name of ['yuv420', 'yuv422', 'yuv444'] as const) {
    // Large enough for several pieces of planes.
    const layout = { width: 1251, height: 637, sampling: sampling[name] };
    server.route('/made.jpg', writeJpeg(layout));
    for (const [x, y] of [
      [0, 0],
      [1, 1],
      [2, 3],
      [517, 206],
      [layout.width - 224, layout.height - 224],
      [layout.width - 225, layout.height - 225],
    ] as const) {
      const { differing, values } = await compare(page, '/made.jpg', {
        x,
        y,
        width: 224,
        height: 224,
      });
      expect(differing, `${name} at ${x}, ${y}`).toBe(0);
      expect(values).toBeGreaterThan(200);
    }
    expect(new Set(await takeDecoded(page))).toEqual(new Set([name.replace('yuv', 'I')]));
  }
});

test('the ICC profile of these tests is one that this browser follows', async ({
  open,
  server,
}) => {
  const page = await open();
  server.route('/made.jpg', writeJpeg({ ...size, segments: [jfif, swappedProfile()] }));
  const [converted, stored] = await page.evaluate(async () => {
    const file = await (await fetch('/made.jpg')).blob();
    const bitmaps = [
      await createImageBitmap(file),
      await createImageBitmap(file, { colorSpaceConversion: 'none' }),
    ];
    return bitmaps.map((bitmap) => {
      const context = new OffscreenCanvas(50, 50).getContext('2d');
      context?.drawImage(bitmap, 0, 0);
      return context?.getImageData(0, 0, 50, 50).data.join();
    });
  });
  expect(converted).not.toBe(stored);
});

test('a damaged JPEG is left to the ordinary decoder, which says so', async ({ open, server }) => {
  const page = await open();
  await start(page, server);
  const whole = writeJpeg(size);
  server.route('/made.jpg', whole.subarray(0, whole.length >> 1));
  const error = await page.evaluate(async () => {
    const { whole } = window as unknown as { whole: Classifier };
    return whole.classify('/made.jpg').catch(({ code }: { code: string }) => code);
  });
  expect(error).toBe('image-undecodable');
  expect(await takeDecoded(page)).toEqual(['default']);
});

for (const orientation of [1, 6, 3]) {
  test(`quality 'fast' decodes a large JPEG at a reduced size, EXIF orientation ${orientation}`, async ({
    open,
    server,
  }) => {
    const page = await open();
    await start(page, server);
    server.route(
      '/made.jpg',
      writeJpeg({
        width: orientation === 1 ? 2051 : 2052,
        height: orientation === 1 ? 1539 : 1540,
        sampling: sampling.yuv444,
        segments: [exif(orientation, 1)],
      }),
    );
    const found = await page.evaluate(async () => {
      const { whole, part, bytesOf } = window as unknown as {
        whole: Classifier;
        part: Classifier;
        bytesOf(classifier: Classifier, image: Blob, options?: object): Promise<Uint8Array>;
      };
      const file = await (await fetch('/made.jpg')).blob();
      const difference = async (
        classifier: Classifier,
        crop?: object,
        other: object = { crop, quality: 'fast' },
      ) => {
        const exact = await bytesOf(classifier, file, { crop });
        const fast = await bytesOf(classifier, file, other);
        const differences = Array.from(exact, (byte, at) => Math.abs(byte - (fast[at] ?? 0)));
        return {
          differing: differences.filter((each) => each > 0).length,
          mean: differences.reduce((sum, each) => sum + each) / differences.length,
        };
      };
      return {
        whole: await difference(whole),
        region: await difference(whole, { x: 333, y: 101, width: 1201, height: 1111 }),
        small: await difference(whole, { x: 333, y: 101, width: 801, height: 700 }),
        besides: await difference(
          whole,
          { x: 333, y: 101, width: 1201, height: 1111 },
          { crop: { x: 335, y: 101, width: 1201, height: 1111 } },
        ),
        unresized: await difference(part, { x: 333, y: 101, width: 224, height: 224 }),
      };
    });
    // Reduced indeed, and of the same place: half a pixel of the network's makes more difference.
    for (const each of [found.whole, found.region]) {
      expect(each.differing).toBeGreaterThan(1000);
      expect(each.mean).toBeLessThan(found.besides.mean / 2);
    }
    // A region without pixels to spare is read as it is.
    expect(found.small.differing).toBe(0);
    expect(found.unresized.differing).toBe(0);
    const rgb = 'BGRX';
    expect(await takeDecoded(page)).toEqual(['I444', rgb, 'I444', rgb, ...Array(6).fill('I444')]);
  });
}
