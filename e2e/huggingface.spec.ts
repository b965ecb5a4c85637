/** Models that are described otherwise than by a `model.json`: a hub's repository, a bare graph. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import type { CreateOptions } from '../src/index.js';
import { expect, test } from './fixtures.js';
import { sha256 } from './models.js';
import { writeOnnx } from './onnx.js';
import type { TestServer } from './server.js';

/** Answers the mean red, green and blue, under the names that the hub's exporters give. */
const graph = writeOnnx({
  input: { name: 'pixel_values', type: 'float32', shape: ['N', 3, 8, 8] },
  nodes: [{ op: 'GlobalAveragePool' }, { op: 'Flatten', attributes: { axis: 1 } }],
  output: { name: 'logits', shape: ['N', 3] },
});

/** The same, times weights that lie in a file of their own. */
const outsideWeights = Buffer.from(new Float32Array([0, 9, 1]).buffer);
const graphWithOutside = writeOnnx({
  input: { name: 'pixel_values', type: 'float32', shape: ['N', 3, 8, 8] },
  nodes: [
    { op: 'GlobalAveragePool' },
    { op: 'Flatten', attributes: { axis: 1 } },
    { op: 'Mul', external: { name: 'weights', shape: [3], location: 'model.onnx_data' } },
  ],
  output: { name: 'logits', shape: ['N', 3] },
});

const config = { id2label: { 0: 'red', 1: 'green', 2: 'blue' }, architectures: ['Anything'] };
const preprocessor = {
  image_processor_type: 'ViTImageProcessor',
  size: { height: 8, width: 8 },
  do_normalize: false,
};

/** Serves files at a path, as a mirror would. */
function serveFiles(
  server: TestServer,
  path: string,
  files: Readonly<Record<string, Buffer | object>>,
): void {
  for (const [name, content] of Object.entries(files)) server.route(`${path}/${name}`, content);
}

/** Serves a repository as the hub does: with a list of its files. */
function serveRepository(
  server: TestServer,
  name: string,
  files: Readonly<Record<string, Buffer | object>>,
  revision = 'main',
): void {
  serveFiles(server, `/hub/${name}/resolve/${revision}`, files);
  server.route(
    `/hub/api/models/${name}/tree/${revision}`,
    Object.entries(files).map(([path, content]) => ({
      type: 'file',
      path,
      size: Buffer.isBuffer(content) ? content.length : JSON.stringify(content).length,
      ...(Buffer.isBuffer(content) && { lfs: { oid: sha256(content), size: content.length } }),
    })),
  );
}

/** What a model says of a green picture, with what it says of itself; or its error. */
function ask(
  page: Page,
  model: string,
  options: Pick<CreateOptions, 'hubUrl' | 'dtype'> = {},
  [width, height] = [8, 8],
) {
  return page.evaluate(
    async ([model, options, width, height]) => {
      const { ImageClassifier, isTabserveError } = window.tabserve;
      try {
        const classifier = await ImageClassifier.create({ model, device: 'wasm', ...options });
        const canvas = new OffscreenCanvas(width, height);
        const context = canvas.getContext('2d');
        if (!context) throw new Error('no 2d context');
        context.fillStyle = '#00ff00';
        context.fillRect(0, 0, width, height);
        const answers = await classifier.classify(canvas);
        const { info } = classifier;
        classifier.destroy();
        return { label: answers[0]?.label, score: answers[0]?.score, info };
      } catch (error) {
        if (!isTabserveError(error)) throw error;
        return { code: error.code, message: error.message };
      }
    },
    [model, options, width, height] as const,
  );
}

const hub = { hubUrl: '/hub' };

test('a repository of the hub is loaded, and from then on without the network', async ({
  server,
  open,
}) => {
  serveRepository(server, 'owner/colours', {
    'config.json': config,
    'preprocessor_config.json': preprocessor,
    'onnx/model.onnx': graph,
  });
  const page = await open();
  const first = await ask(page, 'hf:owner/colours', hub);
  expect(first).toMatchObject({
    label: 'green',
    info: { model: { name: 'owner/colours', from: 'network', file: 'onnx/model.onnx' } },
  });
  // softmax of 0, 1, 0
  expect(first.score).toBeCloseTo(0.5761, 3);
  expect(first.info?.fallbacks.filter(({ from }) => from.startsWith('hf:'))).toEqual([]);
  server.requests.length = 0;
  const second = await ask(page, 'hf:owner/colours', hub);
  expect(second).toMatchObject({ label: 'green', info: { model: { from: 'store' } } });
  expect(server.requests.filter((path) => path.startsWith('/hub/'))).toEqual([]);
});

test('a picture whose proportions are kept is padded with zeros', async ({ server, open }) => {
  serveFiles(server, '/mirror/padded', {
    'config.json': config,
    'preprocessor_config.json': {
      ...preprocessor,
      size: { shortest_edge: 8, longest_edge: 8 },
      do_pad: true,
      pad_size: { height: 8, width: 8 },
    },
    'onnx/model.onnx': graph,
  });
  const page = await open();
  const answer = await ask(page, `${server.origin}/mirror/padded/`, {}, [32, 16]);
  // Half of the input is green: softmax of 0, 1/2, 0
  expect(answer).toMatchObject({ label: 'green', score: expect.closeTo(0.4519, 3) });
});

test('a revision is another model', async ({ server, open }) => {
  const files = {
    'config.json': { id2label: { 0: 'r', 1: 'g', 2: 'b' } },
    'preprocessor_config.json': preprocessor,
    'onnx/model.onnx': graph,
  };
  serveRepository(server, 'owner/colours', files, 'v2');
  const page = await open();
  expect(await ask(page, 'hf:owner/colours@v2', hub)).toMatchObject({ label: 'g' });
});

test('a folder with the layout works from any server, and is kept', async ({ server, open }) => {
  serveFiles(server, '/mirror/colours', {
    'config.json': config,
    'processor_config.json': { image_processor: preprocessor },
    'onnx/model.onnx': graph,
  });
  const page = await open();
  const url = `${server.origin}/mirror/colours/`;
  expect(await ask(page, url)).toMatchObject({ label: 'green' });
  server.requests.length = 0;
  expect(await ask(page, url)).toMatchObject({
    label: 'green',
    info: { model: { from: 'store' } },
  });
  expect(server.requests.filter((path) => path.startsWith('/mirror/'))).toEqual([]);
});

test('files of external data come along', async ({ server, open }) => {
  const files = {
    'config.json': config,
    'preprocessor_config.json': preprocessor,
    'onnx/model.onnx': graphWithOutside,
    'onnx/model.onnx_data': outsideWeights,
  };
  serveRepository(server, 'owner/outside', files);
  serveFiles(server, '/mirror/outside', files);
  const page = await open();
  const fromHub = await ask(page, 'hf:owner/outside', hub);
  expect(fromHub).toMatchObject({ label: 'green' });
  // softmax of 0, 9, 0: the weights were used.
  expect(fromHub.score).toBeCloseTo(0.99975, 4);
  expect(fromHub.info?.model.bytes).toBe(graphWithOutside.length + outsideWeights.length);
  expect((await ask(page, 'hf:owner/outside', hub)).info?.model.from).toBe('store');
  expect((await ask(page, `${server.origin}/mirror/outside/`)).score).toBeCloseTo(0.99975, 4);
});

test('the precision is chosen by the names of the files', async ({ server, open }) => {
  serveRepository(server, 'owner/precise', {
    'config.json': config,
    'preprocessor_config.json': preprocessor,
    'onnx/model.onnx': graph,
    'onnx/model_fp16.onnx': graph,
    'onnx/model_quantized.onnx': graph,
  });
  const page = await open();
  for (const [dtype, file] of [
    ['fp32', 'onnx/model.onnx'],
    ['fp16', 'onnx/model_fp16.onnx'],
    ['int8', 'onnx/model_quantized.onnx'],
  ] as const) {
    const { info } = await ask(page, 'hf:owner/precise', { ...hub, dtype });
    expect(info).toMatchObject({ dtype, model: { file } });
  }
});

test('what is unknown is warned of; what is missing or contradicts is an error', async ({
  server,
  open,
}) => {
  const page = await open();
  const variant = async (name: string, files: Readonly<Record<string, Buffer | object>>) => {
    serveRepository(server, `owner/${name}`, files);
    return ask(page, `hf:owner/${name}`, hub);
  };
  const strange = await variant('strange', {
    'config.json': config,
    'preprocessor_config.json': { ...preprocessor, do_magic: true },
    'onnx/model.onnx': graph,
  });
  expect(strange.label).toBe('green');
  expect(strange.info?.fallbacks).toContainEqual({
    from: 'hf:owner/strange',
    to: 'assumption',
    reason: expect.stringContaining('"do_magic"'),
  });
  // It is as true of what the store has of it.
  server.requests.length = 0;
  const stored = await ask(page, 'hf:owner/strange', hub);
  expect(server.requests.filter((path) => path.startsWith('/hub/'))).toEqual([]);
  expect(stored.info?.fallbacks).toEqual(strange.info?.fallbacks);
  expect(
    await variant('torn', {
      'config.json': config,
      'preprocessor_config.json': { ...preprocessor, size: { height: 8, shortest_edge: 8 } },
      'onnx/model.onnx': graph,
    }),
  ).toMatchObject({
    code: 'manifest-invalid',
    message: expect.stringMatching(/"size\.shortest_edge".*"size\.height".*contradict/),
  });
  expect(
    await variant('torch-only', {
      'config.json': config,
      'preprocessor_config.json': preprocessor,
    }),
  ).toMatchObject({ code: 'model-not-found', message: expect.stringContaining('no ONNX graph') });
  expect(
    await variant('few-labels', {
      'config.json': { id2label: { 0: 'red', 1: 'green' } },
      'preprocessor_config.json': preprocessor,
      'onnx/model.onnx': graph,
    }),
  ).toMatchObject({
    code: 'model-invalid',
    message: expect.stringMatching(/2 labels.*3 classes/),
  });
  server.route('/hub/owner/private/resolve/main/config.json', (_request, response) => {
    response.writeHead(401).end();
  });
  expect(await ask(page, 'hf:owner/private', hub)).toMatchObject({
    code: 'model-not-found',
    message: expect.stringContaining('private'),
  });
  for (const name of ['hf:', 'hf:a/b/c', 'hf:../../etc', 'hf:a b']) {
    expect(await ask(page, name, hub)).toMatchObject({
      code: 'model-not-found',
      message: expect.stringContaining('hf:owner/name'),
    });
  }
});

test('a repository is dropped: as files, and as a directory', async ({ open }) => {
  const page = await open();
  const labels = await page.evaluate(
    async ([config, preprocessor, graph]) => {
      const files = {
        'config.json': JSON.stringify(config),
        'preprocessor_config.json': JSON.stringify(preprocessor),
        'model.onnx': new Uint8Array(graph),
      };
      const root = await navigator.storage.getDirectory();
      const directory = await root.getDirectoryHandle('dropped', { create: true });
      for (const [name, content] of Object.entries(files)) {
        const handle = await directory.getFileHandle(name, { create: true });
        const writable = await handle.createWritable();
        await writable.write(content);
        await writable.close();
      }
      const list = Object.entries(files).map(([name, content]) => new File([content], name));
      const canvas = new OffscreenCanvas(8, 8);
      const context = canvas.getContext('2d');
      if (!context) throw new Error('no 2d context');
      context.fillStyle = '#00ff00';
      context.fillRect(0, 0, 8, 8);
      const answers: (string | undefined)[] = [];
      for (const model of [list, directory]) {
        const classifier = await window.tabserve.ImageClassifier.create({ model, device: 'wasm' });
        answers.push((await classifier.classify(canvas))[0]?.label, classifier.info.model.from);
        classifier.destroy();
      }
      return answers;
    },
    [config, preprocessor, [...graph]] as const,
  );
  expect(labels).toEqual(['green', 'file', 'green', 'file']);
});

test('a bare graph answers, by address, file and bytes, and says what was assumed', async ({
  server,
  open,
}) => {
  server.route('/bare/colours.onnx', graph);
  const page = await open();
  const byUrl = await ask(page, '/bare/colours.onnx');
  expect(byUrl).toMatchObject({
    label: '1',
    info: { model: { name: 'colours', labels: ['0', '1', '2'], width: 8, height: 8 } },
  });
  expect(byUrl.info?.fallbacks).toContainEqual({
    from: 'manifest',
    to: 'usual preprocessing',
    reason: expect.stringContaining('ImageNet'),
  });
  const others = await page.evaluate(
    async (graph) => {
      const bytes = new Uint8Array(graph);
      const canvas = new OffscreenCanvas(8, 8);
      const context = canvas.getContext('2d');
      if (!context) throw new Error('no 2d context');
      context.fillStyle = '#00ff00';
      context.fillRect(0, 0, 8, 8);
      const labels: (string | undefined)[] = [];
      for (const model of [
        new File([bytes], 'mine.onnx'),
        [new File([bytes], 'a.onnx')],
        bytes,
        bytes.buffer,
      ]) {
        const classifier = await window.tabserve.ImageClassifier.create({ model, device: 'wasm' });
        labels.push((await classifier.classify(canvas))[0]?.label);
        classifier.destroy();
      }
      return { labels, left: bytes.length };
    },
    [...graph],
  );
  expect(others).toEqual({ labels: ['1', '1', '1', '1'], left: graph.length });
});

test('a bare graph that is no classifier of images is refused', async ({ server, open }) => {
  const page = await open();
  const refused = async (model: Parameters<typeof writeOnnx>[0]) => {
    server.route('/bare/odd.onnx', writeOnnx(model));
    return ask(page, '/bare/odd.onnx');
  };
  expect(
    await refused({
      input: { name: 'vector', type: 'float32', shape: ['N', 7] },
      nodes: [{ op: 'Relu' }],
      output: { name: 'out', shape: ['N', 7] },
    }),
  ).toMatchObject({ code: 'model-invalid', message: expect.stringContaining('4 dimensions') });
  expect(
    await refused({
      input: { name: 'image', type: 'float32', shape: ['N', 5, 8, 8] },
      nodes: [{ op: 'GlobalAveragePool' }, { op: 'Flatten', attributes: { axis: 1 } }],
      output: { name: 'out', shape: ['N', 5] },
    }),
  ).toMatchObject({ code: 'model-invalid', message: expect.stringContaining('1 or 3 channels') });
});

test('the processor on torchvision is an option, and gives its bytes', async ({ server, open }) => {
  const golden = JSON.parse(
    readFileSync(join(import.meta.dirname, 'golden/processors.json'), 'utf8'),
  ) as { width: number; height: number; slow: number[]; fast: number[] };
  expect(golden.slow).not.toEqual(golden.fast);
  // Answers its input: 192 bytes, as they are.
  const pixels = writeOnnx({
    input: { name: 'pixel_values', type: 'float32', shape: ['N', 3, 8, 8] },
    nodes: [{ op: 'Flatten', attributes: { axis: 1 } }],
    output: { name: 'logits', shape: ['N', 192] },
  });
  serveFiles(server, '/mirror/pixels', {
    'config.json': {
      id2label: Object.fromEntries(Array.from({ length: 192 }, (_, index) => [index, `${index}`])),
      problem_type: 'regression',
    },
    'preprocessor_config.json': { ...preprocessor, do_rescale: false, resample: 3 },
    'onnx/model.onnx': pixels,
  });
  const page = await open();
  const found = await page.evaluate(async ({ width, height }) => {
    const data = Uint8ClampedArray.from({ length: width * height * 4 }, (_, j) =>
      j % 4 === 3 ? 255 : (j * j * 31) % 251,
    );
    const picture = new ImageData(data, width, height);
    const bytes = async (processor: 'slow' | 'fast') => {
      const classifier = await window.tabserve.ImageClassifier.create({
        model: new URL('/mirror/pixels/', location.href),
        device: 'wasm',
        processor,
      });
      const answers = await classifier.classify(picture, { topK: 192 });
      classifier.destroy();
      return answers.toSorted((a, b) => a.index - b.index).map(({ score }) => score);
    };
    return { slow: await bytes('slow'), fast: await bytes('fast') };
  }, golden);
  expect(found.fast).toEqual(golden.fast);
  expect(found.slow).toEqual(golden.slow);
});

test('labels that lie beside a bare graph are taken where they fit', async ({ server, open }) => {
  server.route('/beside/colours.onnx', graph);
  // More than there are classes; a page, as servers answer that know no 404; and the right ones.
  server.route('/beside/labels.txt', 'a\nb\nc\nd\n');
  server.route('/beside/classes.txt', '<!doctype html><title>An app</title>');
  server.route('/beside/class_names.json', { red: 0, green: 1, blue: 2 });
  const page = await open();
  const answer = await ask(page, '/beside/colours.onnx');
  expect(answer).toMatchObject({
    label: 'green',
    info: { model: { labels: ['red', 'green', 'blue'] } },
  });
  expect(answer.info?.fallbacks).toContainEqual(
    expect.objectContaining({ reason: expect.stringMatching(/3 labels in class_names\.json/) }),
  );
  // None fits: numbers, and why.
  server.unroute('/beside/class_names.json');
  const numbered = await ask(page, '/beside/colours.onnx');
  expect(numbered).toMatchObject({ label: '1', info: { model: { labels: ['0', '1', '2'] } } });
  expect(numbered.info?.fallbacks).toContainEqual(
    expect.objectContaining({ reason: expect.stringMatching(/labels\.txt names 4 labels for 3/) }),
  );
});
