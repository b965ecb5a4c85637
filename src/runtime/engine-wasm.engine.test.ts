/** The calls of the engine's C functions, beside those of ONNX Runtime's own JavaScript on the same binary. */
import { readdirSync, readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-web';
import start from 'onnxruntime-web/ort-wasm-simd-threaded.mjs';
import { beforeAll, expect, it } from 'vitest';
import { type Glue, wasmEngine } from './engine-wasm.js';

type Session = Awaited<ReturnType<typeof ort.InferenceSession.create>>;

let own: ReturnType<typeof wasmEngine>;
/** The engine's. */
let glue: Glue;
beforeAll(() => {
  ort.env.wasm.numThreads = 1;
  own = wasmEngine(async (options) => {
    glue = await start(options);
    return glue;
  });
});

const folder = new URL('../../e2e/', import.meta.url);
const read = (path: string) => new Uint8Array(readFileSync(new URL(path, folder)));
const graphs = ['tabular/golden', 'text/golden/models/bert/onnx', 'bridge/golden', 'vision/golden']
  .flatMap((path) => readdirSync(new URL(path, folder)).map((name) => `${path}/${name}`))
  .filter((path) => path.endsWith('.onnx'));

/** Elements that mean nothing, but not the same in every place. */
function feedsOf({ inputMetadata }: Session): Record<string, ort.Tensor> {
  return Object.fromEntries(
    inputMetadata.map((each) => {
      if (!each.isTensor) throw new Error(`${each.name} is no tensor.`);
      const dims = each.shape.map((size) => (typeof size === 'number' && size < 1000 ? size : 2));
      const length = dims.reduce((product, size) => product * size, 1);
      const numbers = Array.from({ length }, (_, i) => i % 3);
      const data =
        each.type === 'string'
          ? numbers.map((i) => ['a', 'größer', '字'][i] as string)
          : each.type === 'int64'
            ? BigInt64Array.from(numbers, BigInt)
            : each.type === 'float64'
              ? Float64Array.from(numbers)
              : ['bool', 'uint8'].includes(each.type)
                ? Uint8Array.from(numbers, (i) => i & 1)
                : Float32Array.from(numbers);
      return [each.name, new ort.Tensor(each.type as 'float32', data as Float32Array, dims)];
    }),
  );
}

it('has graphs to compare, with texts, whole numbers and maps among them', () => {
  expect(graphs.length).toBeGreaterThan(35);
});

it.each(graphs)('says and computes the same of %s', async (path) => {
  const theirs = await ort.InferenceSession.create(read(path), { executionProviders: ['wasm'] });
  const ours = await own.InferenceSession.create(read(path));
  expect(ours.inputMetadata).toEqual(theirs.inputMetadata);
  expect(ours.outputMetadata).toEqual(theirs.outputMetadata);
  const feeds = feedsOf(theirs);
  const names = theirs.outputMetadata.filter((each) => each.isTensor).map(({ name }) => name);
  const [expected, found] = [await theirs.run(feeds, names), await ours.run(feeds, names)];
  expect(Object.keys(found)).toEqual(names);
  for (const name of names) {
    const { type, dims, data } = expected[name] as ort.Tensor;
    expect(found[name]).toMatchObject({ type, dims });
    expect(found[name]?.data).toEqual(data);
  }
  await ours.release();
  await theirs.release();
});

it('takes tensors without elements', async () => {
  const session = await own.InferenceSession.create(read('tabular/golden/linear.onnx'));
  const [input] = session.inputMetadata;
  const [output] = session.outputMetadata;
  const width = input?.isTensor ? Number(input.shape[1]) : 0;
  const none = new ort.Tensor('float32', new Float32Array(), [0, width]);
  const found = await session.run({ [input?.name ?? '']: none }, [output?.name ?? '']);
  expect(found[output?.name ?? '']).toMatchObject({ dims: [0, 1], data: new Float32Array() });
});

it('computes only the outputs that are asked for', async () => {
  const session = await own.InferenceSession.create(read('vision/golden/detr.onnx'));
  const theirs = await ort.InferenceSession.create(read('vision/golden/detr.onnx'));
  const [, last] = session.outputMetadata;
  const found = await session.run(feedsOf(theirs), [last?.name ?? '']);
  expect(Object.keys(found)).toEqual([last?.name]);
});

it('says what is wrong as the engine does', async () => {
  const messages = async (engine: Pick<typeof ort, 'InferenceSession'>) => {
    const { InferenceSession } = engine;
    const session = await InferenceSession.create(read('tabular/golden/people.onnx'));
    const [map] = session.outputMetadata.filter((each) => !each.isTensor);
    const theirs = await ort.InferenceSession.create(read('tabular/golden/people.onnx'));
    const feeds = feedsOf(theirs);
    const first = Object.keys(feeds)[0] as string;
    const wrong = new ort.Tensor('float32', new Float32Array(3), [3]);
    const names = session.outputMetadata.map(({ name }) => name);
    const message = (error: Error) => error.message;
    return [
      await InferenceSession.create(new Uint8Array(20).fill(7)).then(String, message),
      await session.run({ ...feeds, [first]: wrong }, names).then(String, message),
      map && (await session.run(feeds, [map.name]).then(String, message)),
    ];
  };
  const [graph, feed, map] = await messages(own);
  expect(await messages(ort)).toEqual([graph, feed, map]);
  expect(graph).toMatch(/ERROR_CODE: 7, ERROR_MESSAGE: .*protobuf/);
  expect(feed).toMatch(/failed to call OrtRun\(\)\. ERROR_CODE: 2/);
  const session = await own.InferenceSession.create(read('bridge/golden/ident.onnx'));
  await expect(session.run({}, ['nothing'])).rejects.toThrow('The graph has no "nothing".');
});

it('gives back what it takes', async () => {
  const bytes = read('vision/golden/timm.onnx');
  const once = async () => (await own.InferenceSession.create(bytes)).release();
  await once();
  const before = glue.HEAPU8.byteLength;
  // Were nothing given back, it would be 80 MB more.
  for (let i = 0; i < 200; i++) await once();
  expect(glue.HEAPU8.byteLength - before).toBeLessThan(20_000_000);
});
