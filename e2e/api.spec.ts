/** The API as a page uses it, on a model whose answer is the picture's mean colour. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSource } from '../src/index.js';
import { expect, test } from './fixtures.js';
import { meanColour, serveModel, sha256 } from './models.js';

test.beforeEach(async ({ server, open }) => {
  serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  const page = await open();
  await page.evaluate(() => {
    /** A canvas of one colour, with another one in its left half if given. */
    window.paint = (colour: string, left = colour, size = 64) => {
      const canvas = document.createElement('canvas');
      canvas.width = canvas.height = size;
      const context = canvas.getContext('2d');
      if (!context) throw new Error('no 2d context');
      context.fillStyle = colour;
      context.fillRect(0, 0, size, size);
      context.fillStyle = left;
      context.fillRect(0, 0, size / 2, size);
      return canvas;
    };
    window.toPng = (canvas: HTMLCanvasElement) =>
      new Promise<Blob>((resolve, reject) =>
        canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no blob')))),
      );
    window.createMean = (options = {}) =>
      window.tabserve.ImageClassifier.create({
        model: '/mean/model.json',
        device: 'wasm',
        ...options,
      });
  });
});

declare global {
  interface Window {
    paint(colour: string, left?: string, size?: number): HTMLCanvasElement;
    toPng(canvas: HTMLCanvasElement): Promise<Blob>;
    createMean(
      options?: Parameters<typeof window.tabserve.ImageClassifier.create>[0],
    ): ReturnType<typeof window.tabserve.ImageClassifier.create>;
  }
}

test('every kind of image gives the same answer, and stays usable', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const classifier = await window.createMean();
    const canvas = window.paint('#0000ff');
    const png = await window.toPng(canvas);
    const bytes = await png.arrayBuffer();
    const url = URL.createObjectURL(png);
    const img = new Image();
    img.src = url;
    const svg = new Blob(
      [
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="40" height="40" fill="#00f"/></svg>',
      ],
      { type: 'image/svg+xml' },
    );
    const svgImage = document.createElementNS('http://www.w3.org/2000/svg', 'image');
    svgImage.setAttribute('href', url);
    const svgRoot = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svgRoot.append(svgImage);
    document.body.append(svgRoot);
    const offscreen = new OffscreenCanvas(64, 64);
    offscreen.getContext('2d')?.drawImage(canvas, 0, 0);
    const context = canvas.getContext('2d');
    const imageData = context?.getImageData(0, 0, 64, 64) as ImageData;
    const bitmap = await createImageBitmap(canvas);
    const frame = new VideoFrame(canvas, { timestamp: 0 });
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = canvas.captureStream();
    // A captured canvas gives a frame each time that something is drawn.
    const redraw = setInterval(() => canvas.getContext('2d')?.drawImage(offscreen, 0, 0), 50);
    await video.play();
    clearInterval(redraw);

    const sources = {
      img,
      svgImage,
      video,
      canvas,
      offscreen,
      bitmap,
      imageData,
      frame,
      png,
      svg,
      file: new File([png], 'blue.png'),
      bytes,
      view: new Uint8Array(bytes),
      url: new URL(url),
      blobUrl: url,
      dataUrl: canvas.toDataURL(),
    };
    const best: Record<string, string | undefined> = {};
    for (const [name, source] of Object.entries(sources)) {
      const answers = await classifier.classify(source);
      best[name] = answers.map(({ label, score }) => `${label} ${score.toFixed(2)}`).join(', ');
    }
    const usable = {
      bitmap: bitmap.width,
      bytes: bytes.byteLength > 0,
      frame: frame.codedWidth,
      imageData: imageData.data.length,
    };
    frame.close();
    return { best, usable };
  });
  expect(
    new Set(Object.entries(outcome.best).map(([name, answer]) => `${name}: ${answer}`)),
  ).toEqual(
    new Set(
      Object.keys(outcome.best).map((name) =>
        name === 'video'
          ? // A video's colours pass through YUV.
            expect.stringMatching(/^video: blue (1\.00|0\.9\d)/)
          : `${name}: blue 1.00, red 0.00, green 0.00`,
      ),
    ),
  );
  expect(outcome.usable).toEqual({ bitmap: 64, bytes: true, frame: 64, imageData: 64 * 64 * 4 });
});

test('what a page holds otherwise is a picture too', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const classifier = await window.createMean();
    const png = await window.toPng(window.paint('#0000ff'));
    const picture = document.createElement('picture');
    const source = document.createElement('source');
    source.srcset = URL.createObjectURL(png);
    const img = document.createElement('img');
    img.src = URL.createObjectURL(await window.toPng(window.paint('#ff0000')));
    picture.append(source, img);
    document.body.append(picture);
    const root = await navigator.storage.getDirectory();
    const handle = await root.getFileHandle('blue.png', { create: true });
    const writable = await handle.createWritable();
    await writable.write(png);
    await writable.close();
    const read = new Response(png);
    await read.arrayBuffer();
    const said = async (image: ImageSource) => {
      try {
        return (await classifier.classify(image))[0]?.label;
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const broken = new ReadableStream<Uint8Array>({ start: (all) => all.error(new Error('cut')) });
    return {
      picture: await said(picture),
      response: await said(new Response(png)),
      stream: await said(png.stream()),
      handle: await said(handle),
      empty: await said(document.createElement('picture')),
      missing: await said(new Response('', { status: 404 })),
      read: await said(read),
      broken: await said(broken),
    };
  });
  expect(outcome).toEqual({
    picture: 'blue',
    response: 'blue',
    stream: 'blue',
    handle: 'blue',
    empty: 'image-undecodable',
    missing: 'network',
    read: 'image-undecodable',
    broken: 'network',
  });
});

test('a folder or a drop gives its pictures, one after the other', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const classifier = await window.createMean();
    const blob = await window.toPng(window.paint('#00ff00'));
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle('photos', { create: true });
    const inner = await folder.getDirectoryHandle('more', { create: true });
    const places = [
      [folder, 'a.png'],
      [folder, 'notes.txt'],
      [folder, '.hidden.png'],
      [inner, 'b.png'],
    ] as const;
    for (const [parent, name] of places) {
      const file = await parent.getFileHandle(name, { create: true });
      const writable = await file.createWritable();
      await writable.write(blob);
      await writable.close();
    }
    const all = async (images: DataTransfer | FileSystemDirectoryHandle) => {
      const found: string[] = [];
      for await (const { source, classifications } of classifier.classifyAll(images)) {
        found.push(`${source.name}: ${classifications?.[0]?.label}`);
      }
      return found.sort();
    };
    const drop = new DataTransfer();
    drop.items.add(new File([blob], 'dropped.png', { type: 'image/png' }));
    drop.items.add('words', 'text/plain');
    return { folder: await all(folder), drop: await all(drop) };
  });
  expect(outcome).toEqual({
    folder: ['a.png: green', 'b.png: green'],
    drop: ['dropped.png: green'],
  });
});

test('labels come in the language that is asked for, with what else is known of them', async ({
  page,
  server,
}) => {
  const words = Buffer.from(
    JSON.stringify([
      { label: 'Rot', short: 'R', group: 'warm' },
      { label: 'Grün', group: 'kalt' },
      { label: 'Blau', group: 'kalt' },
    ]),
  );
  const manifest = {
    ...meanColour.manifest,
    labels: { url: 'labels.json' },
    translations: {
      de: { url: 'labels.de.json', bytes: words.length, sha256: sha256(words) },
      fr: { url: 'labels.fr.txt' },
    },
    output: { ...meanColour.manifest.output, thresholds: { green: 0.6 } },
  };
  serveModel(server, '/coloured', manifest, meanColour.model);
  server.route('/coloured/labels.json', [{ label: 'red' }, { label: 'green' }, { label: 'blue' }]);
  server.route('/coloured/labels.de.json', words);
  server.route('/coloured/labels.fr.txt', Buffer.from('rouge\nvert\n'));
  const outcome = await page.evaluate(async () => {
    const create = (lang?: string) =>
      window.createMean({ model: '/coloured/model.json', ...(lang && { lang }) });
    const yellow = window.paint('#ffff00', '#808000');
    const german = await create('de-AT');
    const auto = await create('auto');
    const refused = (lang: string) =>
      create(lang).then(
        () => 'no error',
        (error: unknown) => `${(error as { code: string }).code}: ${(error as Error).message}`,
      );
    return {
      german: (await german.classify(yellow)).map(({ score: _, ...rest }) => rest),
      language: german.info.model.language,
      own: german.info.model.labels,
      filtered: (await german.classify(yellow, { allow: ['green'] }))[0]?.label,
      lower: (await german.classify(yellow, { thresholds: { green: 0.9, blue: 0.5 } })).map(
        ({ label }) => label,
      ),
      auto: (await auto.classify(yellow))[0]?.label,
      autoLanguage: auto.info.model.language,
      misspelt: await german.classify(yellow, { thresholds: { gren: 0.5 } }).catch(String),
      wrong: await german.classify(yellow, { thresholds: { green: 5 } }).catch(String),
      missing: await refused('es'),
      short: await refused('fr'),
      noTag: await refused('German please'),
      detector: await window.tabserve.ImageEmbedder.create({ lang: 'de' } as never).catch(String),
    };
  });
  expect(outcome).toMatchObject({
    german: [
      { label: 'Rot', index: 0, short: 'R', group: 'warm' },
      { label: 'Grün', index: 1, group: 'kalt' },
      { label: 'Blau', index: 2, group: 'kalt' },
    ],
    language: 'de',
    own: ['red', 'green', 'blue'],
    filtered: 'Grün',
    lower: ['Rot'],
    auto: 'red',
    autoLanguage: 'en',
  });
  expect(outcome.misspelt).toContain('Did you mean "green"?');
  expect(outcome.wrong).toContain('thresholds["green"]');
  expect(outcome.missing).toMatch(/^invalid-argument: .*no labels in "es".* en, de, fr/);
  expect(outcome.short).toMatch(/^manifest-invalid: .*2 labels; the model has 3/);
  expect(outcome.noTag).toContain('The option "lang" is "German please"');
  expect(outcome.detector).toContain('There is no option "lang"');
});

test('a relative address is resolved against the page', async ({ page, server }) => {
  const png = await page.evaluate(async () => {
    const blob = await window.toPng(window.paint('#00ff00'));
    return [...new Uint8Array(await blob.arrayBuffer())];
  });
  server.route('/pages/green.png', Buffer.from(png));
  const label = await page.evaluate(
    async () => (await (await window.createMean()).classify('green.png'))[0]?.label,
  );
  expect(label).toBe('green');
});

test('options choose among the answers; ties go to the lowest index', async ({ page }) => {
  const answers = await page.evaluate(async () => {
    const classifier = await window.createMean();
    const yellowAndBlack = window.paint('#000000', '#ffff00');
    const labels = async (options: Parameters<typeof classifier.classify>[1]) =>
      (await classifier.classify(yellowAndBlack, options)).map(({ label }) => label);
    return {
      all: await classifier.classify(yellowAndBlack),
      topK: await labels({ topK: 1 }),
      threshold: await labels({ threshold: 0.25 }),
      allow: await labels({ allow: ['green', 'blue'] }),
      deny: await labels({ deny: ['red'] }),
      crop: await classifier.classify(yellowAndBlack, {
        crop: { x: 0, y: 0, width: 32, height: 64 },
      }),
    };
  });
  expect(answers.all.map(({ label, index }) => [label, index])).toEqual([
    ['red', 0],
    ['green', 1],
    ['blue', 2],
  ]);
  expect(answers.all[0]?.score).toBeCloseTo(0.5, 2);
  expect(answers.topK).toEqual(['red']);
  expect(answers.threshold).toEqual(['red', 'green']);
  expect(answers.allow).toEqual(['green', 'blue']);
  expect(answers.deny).toEqual(['green', 'blue']);
  expect(answers.crop[0]?.score).toBe(1);
});

test('wrong options are refused by name', async ({ page }) => {
  const messages = await page.evaluate(async () => {
    const classifier = await window.createMean();
    const image = window.paint('red');
    const message = (promise: Promise<unknown>) =>
      promise.then(
        () => 'no error',
        (error: unknown) =>
          window.tabserve.isTabserveError(error, 'invalid-argument') ? error.message : `${error}`,
      );
    return [
      await message(classifier.classify(image, { topK: 0 })),
      await message(classifier.classify(image, { threshold: 2 })),
      await message(classifier.classify(image, { allow: ['purple'] })),
      await message(classifier.classify(image, { crop: { x: 0, y: 0, width: 65, height: 1 } })),
      await message(classifier.classify(42 as never)),
      await message(window.createMean({ device: 'npu' as never })),
      await message(window.createMean({ threads: 0 })),
      await message(classifier.classify(image, { quality: 'best' as never })),
      // As querySelector() gives it.
      await message(classifier.classify(null as never)),
    ];
  });
  expect(messages[0]).toContain('"topK" is 0');
  expect(messages[1]).toContain('"threshold" is 2');
  expect(messages[2]).toContain('"purple"');
  expect(messages[3]).toContain('65');
  expect(messages[4]).toContain('type Number is not accepted');
  expect(messages[5]).toContain('"device" is "npu"');
  expect(messages[6]).toContain('"threads" is 0');
  expect(messages[7]).toContain('"quality" is "best"');
  expect(messages[8]).toContain('type Null is not accepted');
});

test('an array gives one list per image, in order', async ({ page }) => {
  const labels = await page.evaluate(async () => {
    const classifier = await window.createMean();
    const colours = ['red', 'lime', 'blue'] as const;
    const images = Array.from({ length: 30 }, (_, index) => window.paint(colours[index % 3] ?? ''));
    const answers = await classifier.classify(images);
    return { labels: answers.map((each) => each[0]?.label), none: await classifier.classify([]) };
  });
  expect(labels.none).toEqual([]);
  expect(labels.labels).toEqual(
    Array.from({ length: 30 }, (_, index) => ['red', 'green', 'blue'][index % 3]),
  );
});

test('one bad image rejects its array and says which', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const classifier = await window.createMean();
    const good = window.paint('red');
    const error = await classifier
      .classify([good, new Blob(['x']), good, good, good])
      .catch((error: unknown) => error);
    if (!window.tabserve.isTabserveError(error)) throw error;
    const after = await classifier.classify(good);
    return { code: error.code, image: error.details.image, after: after[0]?.label };
  });
  expect(outcome).toEqual({ code: 'image-undecodable', image: 1, after: 'red' });
});

test('classifiers share one worker unless asked otherwise', async ({ page }) => {
  const label = () =>
    page.evaluate(async () => {
      const classifiers = await Promise.all([window.createMean(), window.createMean()]);
      Object.assign(window, { classifiers });
      const answers = await Promise.all(classifiers.map((c) => c.classify(window.paint('red'))));
      return answers.map((answer) => answer[0]?.label);
    });
  expect(await label()).toEqual(['red', 'red']);
  expect(page.workers()).toHaveLength(1);
  await page.evaluate(async () => {
    Object.assign(window, { own: await window.createMean({ ownWorker: true }) });
  });
  expect(page.workers()).toHaveLength(2);
  await page.evaluate(() => {
    const { classifiers, own } = window as unknown as {
      classifiers: { destroy(): void }[];
      own: { destroy(): void };
    };
    for (const classifier of [...classifiers, own]) classifier.destroy();
  });
  await expect.poll(() => page.workers().length).toBe(0);
});

test('progress is in bytes, never falls, and ends complete', async ({ page, server }) => {
  const address = '/dist/ort/ort-wasm-simd-threaded.wasm.gz';
  const engine = readFileSync(join(import.meta.dirname, '..', address));
  // Slowly, as over a line.
  server.route(address, (_request, response) => {
    response.writeHead(200, { 'Content-Length': engine.length });
    let at = 0;
    const send = () => {
      response.write(engine.subarray(at, at + 100_000));
      at += 100_000;
      if (at < engine.length) setTimeout(send, 30);
      else response.end();
    };
    send();
  });
  const events = await page.evaluate(async () => {
    const events: [number, number][] = [];
    await window.createMean({
      monitor: (monitor) =>
        monitor.addEventListener('downloadprogress', ({ loaded, total }) =>
          events.push([loaded, total]),
        ),
    });
    return events;
  });
  server.unroute(address);
  expect(events.length).toBeGreaterThan(4);
  const loaded = events.map(([bytes]) => bytes);
  expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
  expect(new Set(events.map(([, total]) => total)).size).toBe(1);
  expect(events.at(-1)?.[0]).toBe(events.at(-1)?.[1]);
  // The engine's binary and the model.
  expect(events.at(-1)?.[1]).toBe(engine.length + meanColour.model.length);
});

test('progress without a known size says so, and ends at 1', async ({ page, server }) => {
  // No length: as from a server that makes its answers while it sends them.
  server.route('/mean/mean.onnx', (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
    response.write(meanColour.model.subarray(0, 100));
    setTimeout(() => response.end(meanColour.model.subarray(100)), 500);
  });
  const events = await page.evaluate(async () => {
    const events: { lengthComputable: boolean; progress: number; share: number }[] = [];
    await window.createMean({
      monitor: (monitor) =>
        monitor.addEventListener('downloadprogress', (event) => {
          const { lengthComputable, progress, loaded, total } = event;
          events.push({ lengthComputable, progress, share: total === 0 ? 0 : loaded / total });
        }),
    });
    return events;
  });
  expect(events.map(({ lengthComputable }) => lengthComputable)).toContain(false);
  for (const { progress, lengthComputable } of events.slice(0, -1)) {
    if (!lengthComputable) expect(progress).toBeLessThan(1);
  }
  expect(events.at(-1)).toEqual({ lengthComputable: true, progress: 1, share: 1 });
});

test('availability follows the life of a model', async ({ page }) => {
  const states = await page.evaluate(async () => {
    const { ImageClassifier } = window.tabserve;
    const ask = (model = '/mean/model.json') =>
      ImageClassifier.availability({ model, device: 'wasm' });
    const before = await ask();
    const creating = window.createMean();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const during = await ask();
    const classifier = await creating;
    const after = await ask();
    classifier.destroy();
    return { before, during, after, unknown: await ask('no-such-model') };
  });
  expect(states).toEqual({
    before: 'downloadable',
    during: 'downloading',
    after: 'available',
    unknown: 'unavailable',
  });
});

test('info, metrics and request events tell what happened', async ({ page }) => {
  const { info, metrics, reports, states } = await page.evaluate(async () => {
    const classifier = await window.createMean({ device: 'auto' });
    const reports: { id: string; stages: string[] }[] = [];
    const states: string[] = [classifier.state];
    classifier.addEventListener('request', ({ detail }) =>
      reports.push({ id: detail.id, stages: Object.keys(detail.timings) }),
    );
    classifier.addEventListener('statechange', () => states.push(classifier.state));
    await classifier.classify(window.paint('red'), { id: 'mine' });
    await classifier.classify(new Blob(['?'])).catch(() => undefined);
    const info = classifier.info;
    classifier.destroy();
    return { info, metrics: classifier.metrics(), reports, states };
  });
  expect(info.model).toMatchObject({ name: 'mean-colour', version: '1.0.0', width: 8, height: 8 });
  expect(info).toMatchObject({ device: 'wasm', dtype: 'fp32', threads: 1, engine: 'wasm' });
  // Headless Chromium has no WebGPU adapter, and the page is told.
  expect(info.fallbacks).toEqual([
    { from: 'webgpu', to: 'wasm', reason: expect.stringMatching(/./) },
  ]);
  expect(metrics).toMatchObject({
    requests: 2,
    errors: 1,
    errorsByCode: { 'image-undecodable': 1 },
    pending: 0,
    restarts: 0,
  });
  expect(metrics.latency.total.p50).toBeGreaterThan(0);
  expect(reports).toEqual([
    {
      id: 'mine',
      stages: ['capture', 'queue', 'decode', 'preprocess', 'inference', 'postprocess', 'total'],
    },
  ]);
  expect(states).toEqual(['ready', 'destroyed']);
});

test('threads work on an isolated page, and are given up with a reason elsewhere', async ({
  page,
  open,
}) => {
  const create = () =>
    page.evaluate(async () => {
      const classifier = await window.createMean({ threads: 2 });
      const [best] = await classifier.classify(window.paint('red'));
      return { best: best?.label, threads: classifier.info.threads, info: classifier.info };
    });
  const plain = await create();
  expect(plain).toMatchObject({ best: 'red', threads: 1 });
  expect(plain.info.fallbacks[0]).toMatchObject({ from: '2 threads', to: '1 thread' });
  expect(plain.info.fallbacks[0]?.reason).toContain('Cross-Origin-Opener-Policy');

  const setUp = await page.evaluate(() => [window.paint.toString(), window.createMean.toString()]);
  await open({ isolated: true });
  await page.evaluate(([paint, createMean]) => {
    Object.assign(window, {
      paint: new Function(`return ${paint}`)(),
      createMean: new Function(`return ${createMean}`)(),
    });
  }, setUp);
  const isolated = await create();
  expect(isolated).toMatchObject({ best: 'red', threads: 2, info: { fallbacks: [] } });
});

test('no request is made during classification', async ({ page }) => {
  await page.evaluate(async () => {
    const classifier = await window.createMean();
    await classifier.classify(window.paint('red'));
    Object.assign(window, { classifier, png: await window.toPng(window.paint('lime')) });
  });
  const requests: string[] = [];
  page.context().on('request', (request) => requests.push(request.url()));
  const labels = await page.evaluate(async () => {
    const { classifier, png } = window as unknown as {
      classifier: Awaited<ReturnType<typeof window.createMean>>;
      png: Blob;
    };
    const answers = await classifier.classify([png, window.paint('blue'), png]);
    return answers.map((answer) => answer[0]?.label);
  });
  expect(labels).toEqual(['green', 'blue', 'green']);
  expect(requests).toEqual([]);
});

test('watch yields the newest frame, counts the skipped ones, and stops', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const classifier = await window.createMean();
    const canvas = window.paint('red');
    const context = canvas.getContext('2d');
    let drawn = 0;
    const colours = ['red', 'lime', 'blue'];
    const timer = setInterval(() => {
      if (!context) return;
      context.fillStyle = colours[Math.floor(drawn++ / 20) % 3] ?? '';
      context.fillRect(0, 0, 64, 64);
    }, 20);
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = canvas.captureStream(50);
    document.body.append(video);

    const tooEarly = await classifier
      .classify(video)
      .catch((error: { code: string }) => error.code);
    await video.play();
    const labels: (string | undefined)[] = [];
    let skipped = 0;
    for await (const { classifications, skippedFrames } of classifier.watch(video)) {
      labels.push(classifications[0]?.label);
      skipped += skippedFrames;
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (labels.length === 15) break;
    }
    const aborted = await (async () => {
      const controller = new AbortController();
      setTimeout(() => controller.abort('enough'), 100);
      for await (const _ of classifier.watch(video, { signal: controller.signal }));
    })().catch((reason: unknown) => reason);
    clearInterval(timer);
    return { tooEarly, labels: [...new Set(labels)].sort(), skipped, aborted };
  });
  expect(outcome.tooEarly).toBe('image-not-ready');
  expect(outcome.labels).toEqual(['blue', 'green', 'red']);
  expect(outcome.skipped).toBeGreaterThan(5);
  expect(outcome.aborted).toBe('enough');
});

test('many files are classified, each with its own answer or error', async ({ page }) => {
  const found = await page.evaluate(async () => {
    const classifier = await window.createMean();
    const canvas = new OffscreenCanvas(8, 8);
    const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
    context.fillStyle = 'red';
    context.fillRect(0, 0, 8, 8);
    const red = await canvas.convertToBlob();
    const files = [
      new File([red], 'one.png'),
      new File(['no picture'], 'two.png'),
      new File([red], 'three.png'),
    ];
    const transfer = new DataTransfer();
    for (const file of files) transfer.items.add(file);
    const all: (string | undefined)[] = [];
    for await (const { source, index, classifications, error } of classifier.classifyAll(
      transfer.files,
    )) {
      const code = (error as { code?: string } | undefined)?.code;
      all.push(`${index} ${source.name}: ${classifications?.[0]?.label ?? code}`);
    }
    const early: number[] = [];
    for await (const { index } of classifier.classifyAll(files, { ordered: false })) {
      early.push(index);
      break;
    }
    const wrong = await classifier
      .classifyAll(files, { concurrency: 0 })
      .next()
      .catch((error: { code: string }) => error.code);
    return { all, early: early.length, wrong };
  });
  expect(found.all).toEqual(['0 one.png: red', '1 two.png: image-undecodable', '2 three.png: red']);
  expect(found.early).toBe(1);
  expect(found.wrong).toBe('invalid-argument');
});
