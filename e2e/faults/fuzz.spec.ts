/** Random input to the built package in a browser: everything ends, in an answer or a typed error. */
import fc from 'fast-check';
import { expect, test } from '../fixtures.js';
import { meanColour } from '../models.js';
import { prepare } from './page.js';
import { Random } from './random.js';

const runs = 1_000;

test.beforeEach(async ({ open, server }) => prepare(await open(), server));

function seeded(what: string): number {
  const { seed } = new Random();
  console.log(`${what}: ${runs}, seed: ${seed}`);
  return seed;
}

test('messages to the worker', async ({ page, server }) => {
  test.setTimeout(180_000);
  const calls = ['start', 'load', 'run', 'unload', 'cancel', 'ping', 'evict', 'update'];
  const json = fc.jsonValue({ maxDepth: 3 });
  const number = fc.oneof(fc.integer(), fc.double(), fc.constant(null));
  const image = fc.oneof(
    fc.record({ kind: fc.constantFrom('blob', 'bytes', 'url', 'bitmap', 'frame', 'pixels', 'x') }),
    fc.record({ kind: fc.constant('url'), url: fc.oneof(fc.string(), fc.constant('/no.png')) }),
    fc.record({
      kind: fc.constant('pixels'),
      pixels: fc.record({ data: json, width: number, height: number, channels: number }),
    }),
  );
  const model = fc.oneof(
    fc.record({ kind: fc.constantFrom('name', 'hub', 'url', 'files', 'directory', 'manifest') }),
    fc.record({ kind: fc.constantFrom('url', 'hub'), url: fc.string(), name: fc.string() }),
    fc.record({
      kind: fc.constant('name'),
      name: fc.string(),
      version: fc.constant(null),
      fileUrls: fc.oneof(fc.constant({}), json),
    }),
    fc.record({ kind: fc.constant('files'), files: json }),
    fc.record({ kind: fc.constant('directory'), directory: fc.oneof(fc.constant({}), json) }),
    fc.record({ kind: fc.constant('manifest'), manifest: json, files: json, baseUrl: json }),
  );
  const options = fc.record(
    {
      crop: json,
      quality: fc.oneof(fc.constantFrom('exact', 'fast'), json),
      topK: number,
      threshold: number,
      thresholds: json,
      allow: json,
      deny: json,
    },
    { requiredKeys: [] },
  );
  const almost = fc.oneof(
    fc.record(
      {
        requestId: fc.oneof(fc.integer(), json),
        modelId: number,
        payload: fc.oneof(image, json),
        options: fc.oneof(options, json),
        task: fc.oneof(fc.constant(null), json),
        timeLeft: number,
      },
      { requiredKeys: [] },
    ),
    fc.record({
      requestId: fc.integer(),
      modelId: fc.constant(1),
      payload: image,
      options: fc.record({
        crop: fc.constant(null),
        quality: fc.constantFrom('exact', 'fast'),
        topK: fc.integer({ min: 1 }),
        threshold: fc.constant(0),
        thresholds: fc.constant(null),
        allow: fc.constant(null),
        deny: fc.constant(null),
      }),
      task: fc.constantFrom(null, 'tensor'),
      timeLeft: fc.constant(null),
    }),
    fc.record({
      requestId: fc.integer(),
      model,
      task: fc.constantFrom(null, 'image-classification', 'x'),
      dtype: fc.constantFrom('auto', 'fp32', 'x'),
      settings: fc.record({
        preprocessing: fc.constantFrom('auto', 'gpu', 'x'),
        maxPixels: fc.integer(),
      }),
      mirrors: fc.oneof(fc.constant({}), json),
      hubUrl: fc.oneof(fc.constant('http://127.0.0.1:1/'), json),
      stallTimeout: fc.constant(100),
      local: fc.boolean(),
    }),
    fc.record({
      device: fc.constantFrom('wasm', 'webgpu', 'x'),
      threads: number,
      wasmUrls: json,
      restUrls: fc.oneof(fc.constant([]), json),
      binary: fc.oneof(fc.constant(null), json),
      lockName: json,
      packs: fc.oneof(fc.constant([]), json),
      page: json,
    }),
  );
  const argument = fc.record({
    type: fc.oneof({ weight: 5, arbitrary: fc.constant('RAW') }, { weight: 1, arbitrary: json }),
    value: fc.oneof(json, almost),
    name: fc.constantFrom('proxy', 'throw', 'toString'),
  });
  const path = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...calls).map((name) => [name]) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        ['constructor', 'constructor'],
        ['start', 'constructor'],
        ['__proto__', 'polluted'],
        [],
      ),
    },
    { weight: 1, arbitrary: json },
  );
  const message = fc.oneof(
    json,
    fc.record({ id: fc.uuid() }).chain((id) =>
      fc
        .record({
          type: fc.oneof(
            { weight: 4, arbitrary: fc.constant('APPLY') },
            {
              weight: 1,
              arbitrary: fc.constantFrom('GET', 'SET', 'CONSTRUCT', 'ENDPOINT', 'RELEASE', 'x'),
            },
          ),
          path,
          argumentList: fc.oneof(fc.array(argument, { maxLength: 2 }), json),
          value: argument,
        })
        .map((rest) => ({ ...id, ...rest })),
    ),
  );
  const messages = fc.sample(message, { numRuns: runs, seed: seeded('messages') });
  const outcome = await page.evaluate(
    async ({ messages, wasmUrl, modelUrl }) => {
      const errors: string[] = [];
      const worker = new Worker('/dist/worker-wasm.js', { name: 'tabserve-wasm' });
      worker.addEventListener('error', (event) => errors.push(event.message));
      const heard = new Map<unknown, unknown>();
      let ready: () => void = () => undefined;
      const isReady = new Promise<void>((resolve) => {
        ready = resolve;
      });
      worker.addEventListener('message', ({ data }) => {
        if (data.tabserve === 'ready') ready();
        else heard.set(data.id, data.value);
      });
      await isReady;
      const ask = async (name: string, value: unknown, transfer: Transferable[] = []) => {
        const id = crypto.randomUUID();
        const argumentList = [{ type: 'RAW', value }];
        worker.postMessage({ id, type: 'APPLY', path: [name], argumentList }, transfer);
        while (!heard.has(id) && errors.length === 0) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        return heard.get(id);
      };
      const parsed: unknown[] = messages.map((text) => JSON.parse(text));
      // Half of them before the worker is started, half with a model in it.
      for (const each of parsed.slice(0, parsed.length / 2)) worker.postMessage(each);
      const { port1, port2 } = new MessageChannel();
      // The page's part: takes every manifest as it is, and knows no other models.
      port1.onmessage = ({ data: { id, path, argumentList } }) => {
        const unknown = {
          name: 'TabserveError',
          code: 'model-not-found',
          message: 'Nothing is known.',
          details: {},
        };
        const value =
          path[0] === 'validate' ? { value: argumentList[0].value } : { error: unknown };
        port1.postMessage({ id, type: 'RAW', value });
      };
      await ask(
        'start',
        {
          device: 'wasm',
          threads: 1,
          wasmUrls: [wasmUrl],
          restUrls: [],
          binary: null,
          lockName: 'fuzz',
          packs: [],
          page: port2,
        },
        [port2],
      );
      const load = {
        requestId: 1,
        model: { kind: 'url', url: modelUrl },
        task: 'image-classification',
        dtype: 'auto',
        settings: { preprocessing: 'auto', maxPixels: 1e6 },
        mirrors: {},
        hubUrl: 'http://127.0.0.1:1/',
        stallTimeout: 10_000,
        local: false,
      };
      await ask('load', load);
      for (const each of parsed.slice(parsed.length / 2)) worker.postMessage(each);
      // Random messages may have unloaded it.
      await ask('load', load);
      const blob = await window.pngOf('blue');
      const answer = await ask('run', {
        requestId: 2,
        modelId: 1,
        payload: { kind: 'blob', blob },
        options: {
          crop: null,
          quality: 'exact',
          topK: 1,
          threshold: 0,
          thresholds: null,
          allow: null,
          deny: null,
        },
        task: null,
        timeLeft: null,
      });
      // Whoever signs a message with an identity is answered.
      const isSigned = (each: unknown): each is { id: string } =>
        typeof each === 'object' && each !== null && 'id' in each && typeof each.id === 'string';
      const unanswered = () => parsed.filter(isSigned).filter(({ id }) => !heard.has(id));
      for (let wait = 0; wait < 200 && unanswered().length > 0; wait++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const codes: Record<string, number> = {};
      for (const value of heard.values()) {
        const error = (value as { error?: { code?: string; message: string } } | undefined)?.error;
        const code = error ? (error.code ?? `untyped: ${error.message}`) : 'value';
        codes[code] = (codes[code] ?? 0) + 1;
      }
      worker.terminate();
      return { answer, codes, errors, unanswered: unanswered() };
    },
    {
      messages: messages.map((each) => JSON.stringify(each)),
      wasmUrl: `${server.origin}/dist/ort/ort-wasm-simd-threaded.wasm.gz`,
      modelUrl: `${server.origin}/mean/model.json`,
    },
  );
  console.log(JSON.stringify(outcome.codes));
  expect(outcome.errors).toEqual([]);
  expect(outcome.unanswered).toEqual([]);
  expect(outcome.answer).toMatchObject({ value: { answer: [{ label: 'blue' }] } });
  expect(outcome.codes['invalid-argument']).toBeGreaterThan(100);
  expect(Object.keys(outcome.codes).filter((code) => code.startsWith('untyped'))).toEqual([]);
});

test('images', async ({ page }) => {
  test.setTimeout(180_000);
  const random = new Random(seeded('images'));
  const damage = Array.from({ length: runs }, () => ({
    file: random.between(0, 5),
    cut: random.next(),
    flips: Array.from({ length: random.between(0, 12) }, () => [
      random.next(),
      random.between(0, 255),
    ]),
    splice: random.next() < 0.2,
  }));
  const outcomes = await page.evaluate(async (damage) => {
    const classifier = await window.createMean({ maxPixels: 4_000_000 });
    const canvas = window.canvasOf('red', 40);
    canvas.getContext('2d')?.fillText('?', 10, 10);
    const encode = (type: string) =>
      new Promise<Uint8Array>((resolve) =>
        canvas.toBlob(
          async (blob) => resolve(new Uint8Array(await (blob as Blob).arrayBuffer())),
          type,
        ),
      );
    const text = (value: string) => new TextEncoder().encode(value);
    const files = [
      await encode('image/png'),
      await encode('image/jpeg'),
      await encode('image/webp'),
      text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="40" height="40" fill="#f00"/><script>document.title = "run"</script></svg>',
      ),
      text('GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00'),
      text(`BM${'\0'.repeat(60)}`),
    ];
    const codes: Record<string, number> = {};
    await Promise.all(
      damage.map(async ({ file, cut, flips, splice }) => {
        const source = files[file] as Uint8Array;
        const bytes = source.slice(
          0,
          cut < 0.3 ? Math.floor((cut / 0.3) * source.length) : undefined,
        );
        for (const [at, value] of flips) bytes[Math.floor((at ?? 0) * bytes.length)] = value ?? 0;
        const parts = splice ? [bytes, files[(file + 1) % files.length] as Uint8Array] : [bytes];
        const outcome = await window.outcomeOf(
          classifier.classify(new Blob(parts as Uint8Array<ArrayBuffer>[]), { timeout: 60_000 }),
        );
        codes[outcome] = (codes[outcome] ?? 0) + 1;
      }),
    );
    const after = await window.outcomeOf(classifier.classify(window.canvasOf('lime')));
    return { codes, after, title: document.title, restarts: classifier.metrics().restarts };
  }, damage);
  console.log(JSON.stringify(outcomes.codes));
  const known = ['red', 'green', 'blue', 'image-undecodable', 'image-too-large'];
  expect(Object.keys(outcomes.codes).filter((code) => !known.includes(code))).toEqual([]);
  expect(outcomes.codes['image-undecodable']).toBeGreaterThan(50);
  expect(outcomes).toMatchObject({ after: 'green', title: 'tabserve under test', restarts: 0 });
});

test('manifests, as far as the engine', async ({ page }) => {
  test.setTimeout(180_000);
  const { manifest } = meanColour;
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(-1, 0, 8, 1e9, '', 'NCHW', 'mean.onnx', [], {}, { polluted: true }),
  );
  const changed = fc
    .array(
      fc.tuple(
        fc.constantFrom<readonly string[]>(
          ...Object.keys(manifest).map((key) => [key]),
          ...Object.keys(manifest.input).map((key) => ['input', key]),
          ['preprocess', 'resize', 'width'],
          ['preprocess', 'crop'],
          ['preprocess', 'mean'],
          ['output', 'name'],
          ['output', 'activation'],
          ['files', '0', 'url'],
          ['files', '0', 'sha256'],
          ['files', '0', 'bytes'],
        ),
        value,
      ),
      { minLength: 1, maxLength: 2 },
    )
    .map((changes) => {
      const copy = JSON.parse(JSON.stringify(manifest));
      for (const [path, part] of changes) {
        let at = copy;
        for (const key of path.slice(0, -1)) at = at?.[key];
        if (typeof at === 'object' && at !== null) at[path.at(-1) ?? ''] = structuredClone(part);
      }
      return JSON.stringify(copy);
    });
  const manifests = fc.sample(changed, { numRuns: runs, seed: seeded('manifests') });
  const outcome = await page.evaluate(async (manifests) => {
    // Keeps the worker alive between the others.
    const steady = await window.createMean();
    const mean = await (await fetch('/mean/mean.onnx')).blob();
    const codes: Record<string, number> = {};
    const next = manifests.values();
    const lane = async () => {
      for (const text of next) {
        let code = 'created';
        try {
          const classifier = await window.tabserve.ImageClassifier.create({
            model: { manifest: JSON.parse(text), files: { 'mean.onnx': mean } },
            device: 'wasm',
          });
          const label = await window.outcomeOf(classifier.classify(window.canvasOf('red')));
          if (label.startsWith('untyped')) code = label;
          classifier.destroy();
        } catch (error) {
          code = window.tabserve.isTabserveError(error) ? error.code : `untyped: ${error}`;
        }
        codes[code] = (codes[code] ?? 0) + 1;
      }
    };
    await Promise.all([lane(), lane(), lane()]);
    const after = await window.outcomeOf(steady.classify(window.canvasOf('lime')));
    const { polluted } = {} as { polluted?: unknown };
    return { codes, after, polluted: polluted !== undefined, restarts: steady.metrics().restarts };
  }, manifests);
  console.log(JSON.stringify(outcome.codes));
  expect(Object.keys(outcome.codes).filter((code) => /^(untyped|internal)/.test(code))).toEqual([]);
  expect(outcome.codes['manifest-invalid']).toBeGreaterThan(100);
  expect(outcome).toMatchObject({ after: 'green', polluted: false, restarts: 0 });
});
