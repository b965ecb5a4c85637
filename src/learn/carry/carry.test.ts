import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { numbersOf } from '../../base/tensor.js';
import { readOnnx } from '../../model/onnx/graph.js';
import type { Backend } from '../../runtime/backend.js';
import { ModelSession } from '../../runtime/session.js';
import { wasmBackend } from '../../testing/engine.js';
import { GraphBuilder } from '../onnx/builder.js';
import { escaped } from './card.js';
import { featuresOf, withOutput } from './cut.js';
import { merge } from './merge.js';
import { unzipFiles, zipFiles } from './zip.js';

let backend: Backend;

beforeAll(() => {
  backend = wasmBackend();
});

async function run(graph: Uint8Array, dims: number[], outputs: string[]) {
  const session = await ModelSession.create(backend, { bytes: graph, external: [] }, 'test.onnx');
  const data = Float32Array.from(
    { length: dims.reduce((product, size) => product * size, 1) },
    (_, i) => Math.sin(i),
  );
  const input = session.inputs[0]?.name ?? '';
  const results = await session.run({ [input]: { type: 'float32', dims, data } }, outputs);
  await session.release();
  return outputs.map((name) => Array.from(numbersOf(results[name] as never)));
}

const values = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.cos(seed + i * i));

/** Features of `[N, 4, 3, 3]` pictures in several shapes, and a head of five classes on them. */
function backbone(shape: 'vector' | 'map' | 'tokens'): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder();
  const input = graph.input('image', 'float32', ['N', 4, 3, 3]);
  const features = graph.op('Tanh', [input]);
  const tokens = () => graph.op('Reshape', [features, graph.ints(0, 4, 9)]);
  const made = {
    vector: () => graph.op('Flatten', [features], { axis: 1 }),
    map: () => features,
    tokens,
  }[shape]();
  const dims = { vector: ['N', 36], map: ['N', 4, 3, 3], tokens: ['N', 4, 9] }[shape];
  graph.output('features', made, 'float32', dims);
  const flat = graph.op('Flatten', [made], { axis: 1 });
  const weights = graph.tensor('float32', [36, 5], values(180, 1));
  const biases = graph.tensor('float32', [5], values(5, 2));
  const logits = graph.op('Add', [graph.op('MatMul', [flat, weights]), biases]);
  graph.output('scores', graph.op('Softmax', [logits], { axis: 1 }), 'float32', ['N', 5]);
  return graph.write('backbone');
}

const softmax = (logits: readonly number[]) => {
  const powers = logits.map((each) => Math.exp(each));
  const sum = powers.reduce((total, each) => total + each, 0);
  return powers.map((each) => each / sum);
};

describe('a head on a backbone', () => {
  it.each([
    ['vector', 'none', 36],
    ['map', 'average', 4],
    ['tokens', 'mean', 9],
    ['tokens', 'cls', 9],
  ] as const)(
    '%s, pooled by %s, gives the softmax of its product',
    async (shape, pooling, columns) => {
      const graph = backbone(shape);
      const weights = { data: Float64Array.from(values(3 * columns, 3)), rows: 3, columns };
      const biases = Float64Array.of(0.1, -0.2, 0.3);
      const { file, scores } = merge({
        graph,
        input: 'image',
        embedding: { name: 'features', pooling },
        head: { weights, biases },
        temperature: 2,
        labels: ['<a>', 'b', 'c'],
        where: 'test',
      });
      const [features = [], found = []] = await run(file, [2, 4, 3, 3], ['features', scores]);
      const size = features.length / 2;
      for (const picture of [0, 1]) {
        const own = features.slice(picture * size, (picture + 1) * size);
        const pooled = Array.from({ length: columns }, (_, d) => {
          if (pooling === 'none' || pooling === 'cls') return own[d] as number;
          const places =
            pooling === 'mean'
              ? [0, 1, 2, 3].map((t) => t * columns + d)
              : [...Array(9).keys()].map((p) => d * 9 + p);
          return places.reduce((sum, at) => sum + (own[at] as number), 0) / places.length;
        });
        const logits = [...biases].map(
          (bias, c) =>
            pooled.reduce(
              (sum, x, d) => sum + x * (weights.data[c * columns + d] as number),
              bias,
            ) / 2,
        );
        for (const [c, expected] of softmax(logits).entries()) {
          expect(found[picture * 3 + c]).toBeCloseTo(expected, 5);
        }
      }
      const model = readOnnx(file);
      expect(model.nodes.some(({ op }) => op === 'MatMul')).toBe(false);
      expect([...model.metadata]).toEqual([['labels', '["<a>","b","c"]']]);
    },
  );

  it('can stand on a head that was put on before', async () => {
    const head = (rows: number) => ({
      weights: { data: Float64Array.from(values(36 * rows, rows)), rows, columns: 36 },
      biases: new Float64Array(rows),
    });
    const common = {
      input: 'image',
      embedding: { name: 'features' },
      temperature: 1,
      where: 'test',
    };
    const first = merge({
      ...common,
      graph: backbone('vector'),
      head: head(3),
      labels: ['a', 'b', 'c'],
    });
    const second = merge({ ...common, graph: first.file, head: head(2), labels: ['a', 'b'] });
    const direct = merge({
      ...common,
      graph: backbone('vector'),
      head: head(2),
      labels: ['a', 'b'],
    });
    expect(second.file.length).toBe(direct.file.length);
    expect(await run(second.file, [1, 4, 3, 3], [second.scores])).toEqual(
      await run(direct.file, [1, 4, 3, 3], [direct.scores]),
    );
    // Probabilities too can be features.
    const onScores = merge({
      ...common,
      graph: first.file,
      embedding: { name: 'scores' },
      head: {
        weights: { data: new Float64Array(6), rows: 2, columns: 3 },
        biases: new Float64Array(2),
      },
      labels: ['a', 'b'],
    });
    expect(onScores.scores).not.toBe('scores');
    expect(await run(onScores.file, [1, 4, 3, 3], [onScores.scores])).toEqual([[0.5, 0.5]]);
  });
});

describe('where a base is cut', () => {
  it('is the input of its last product', async () => {
    const graph = new GraphBuilder();
    const input = graph.input('image', 'float32', ['N', 2, 3, 3]);
    const first = graph.op('Gemm', [
      graph.op('Flatten', [input], { axis: 1 }),
      graph.tensor('float32', [18, 6], values(108, 1)),
    ]);
    const relu = graph.op('Relu', [first]);
    const last = graph.op('Gemm', [
      relu,
      graph.tensor('float32', [6, 3], values(18, 2)),
      graph.tensor('float32', [3], values(3, 3)),
    ]);
    graph.output('probabilities', graph.op('Softmax', [last], { axis: 1 }), 'float32', ['N', 3]);
    const file = graph.write('classifier');
    expect(featuresOf(file, 'probabilities', 'test')).toEqual({ name: relu, pooling: 'none' });
    const cut = withOutput(file, relu);
    const [features = []] = await run(cut, [1, 2, 3, 3], [relu]);
    expect(features).toHaveLength(6);
    expect(Math.min(...features)).toBe(0);
    expect(withOutput(cut, relu)).toEqual(cut);
  });

  it('of a convolution is pooled', () => {
    const graph = new GraphBuilder();
    const input = graph.input('image', 'float32', ['N', 2, 3, 3]);
    const relu = graph.op('Relu', [input]);
    const conv = graph.op('Conv', [relu, graph.tensor('float32', [5, 2, 1, 1], values(10, 1))]);
    graph.output(
      'scores',
      graph.op('Flatten', [graph.op('GlobalAveragePool', [conv])], { axis: 1 }),
      'float32',
      ['N', 5],
    );
    expect(featuresOf(graph.write('net'), 'scores', 'test')).toEqual({
      name: relu,
      pooling: 'average',
    });
  });

  it("of the project's own models is before their last layer", () => {
    const digits = readFileSync(join(import.meta.dirname, '../../../models/digits/digits.onnx'));
    const { output } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../../models/digits/model.json'), 'utf8'),
    );
    expect(featuresOf(digits, output.name, 'digits').pooling).toBe('none');
  });

  it.each(['Identity', 'Conv'])('is nowhere in a graph without a product: %s', (op) => {
    const graph = new GraphBuilder();
    const input = graph.input('image', 'float32', ['N', 2, 3, 3]);
    // What comes after a convolution of the picture itself is not known to be one.
    const further = op === 'Conv' ? [graph.tensor('float32', [2, 2, 1, 1], values(4, 1))] : [];
    const first = graph.op(op, [input, ...further]);
    graph.output('scores', graph.op('Flatten', [first], { axis: 1 }), 'float32', ['N', 18]);
    expect(() => featuresOf(graph.write('net'), 'scores', 'test')).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    );
  });
});

describe('a zip', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);

  it('reads names as other systems write them', async () => {
    const zip = zipFiles({
      'Äpfel/猫.png': bytes('a'),
      'windows\\b.png': bytes('b'),
      'Thumbs.db': bytes('c'),
    });
    expect((await unzipFiles(new Blob([zip]))).map(({ path }) => path)).toEqual([
      'Äpfel/猫.png',
      'windows/b.png',
    ]);
    // As macOS writes them: without the flag that says that they are UTF-8.
    const silent = withFlags(zip, (flags) => flags & ~0x800);
    const [first] = await unzipFiles(new Blob([silent]));
    expect(first?.path).toBe('Äpfel/猫.png');
  });

  it('says of an encrypted zip that it is one', async () => {
    const zip = withFlags(zipFiles({ 'a/b.png': bytes('a') }), (flags) => flags | 1);
    await expect(unzipFiles(new Blob([zip]))).rejects.toThrow(/encrypted/);
  });

  it('comes back as it was, without what systems add', async () => {
    const zip = zipFiles({
      'model.onnx': bytes('weights'),
      'a/b.txt': bytes('text'),
      '__MACOSX/a': bytes('x'),
      '.hidden': bytes('x'),
    });
    const files = await unzipFiles(new Blob([zip]));
    const texts = await Promise.all(files.map(async ({ path, file }) => [path, await file.text()]));
    expect(Object.fromEntries(texts)).toEqual({ 'model.onnx': 'weights', 'a/b.txt': 'text' });
  });

  it.each([
    ['nothing', ''],
    ['a text', 'PK is no zip'],
    ['half of one', 'half'],
  ])('of %s is refused', async (_name, text) => {
    const whole = zipFiles({ a: bytes('x'.repeat(1000)) });
    const given = text === 'half' ? whole.slice(0, whole.length / 2) : bytes(text);
    await expect(unzipFiles(new Blob([given]))).rejects.toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
  });
});

it('a card takes labels for text', () => {
  expect(escaped('<b>*x*</b> | `y` & [z](u)\n#')).toBe(
    '&lt;b&gt;\\*x\\*&lt;/b&gt; \\| \\`y\\` &amp; \\[z\\](u) \\#',
  );
});

/** The zip with other flags in its local and central headers. */
function withFlags(zip: Uint8Array<ArrayBuffer>, change: (flags: number) => number) {
  const copy = zip.slice();
  const view = new DataView(copy.buffer);
  for (let at = 0; at + 10 < copy.length; at++) {
    const place = { 67324752: at + 6, 33639248: at + 8 }[view.getUint32(at, true)];
    if (place) view.setUint16(place, change(view.getUint16(place, true)), true);
  }
  return copy;
}
