/**
 * Packed weights against numpy's, as they are in the file, as the engine reads them, and as they are
 * widened when such a file is loaded. By `src/model/golden/packed-weights.py`.
 */
import * as ort from 'onnxruntime-web';
import { beforeAll, describe, expect, it } from 'vitest';
import cases from '../model/golden/packed-weights.json';
import { packWeights } from '../model/onnx/pack-weights.js';
import { type Field, readAll, readFields, readIntegers } from '../model/onnx/wire.js';
import { widenIntegers } from './widen-weights.js';

beforeAll(() => {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
});

/** The constants of a file by their names: `dims`, and `raw_data` as it is written. */
function constantsOf(model: Uint8Array): Map<string, { dims: number[]; raw: Buffer }> {
  const graph = readFields(readAll(readFields(model), 7)[0] ?? new Uint8Array());
  return new Map(
    readAll(graph, 5).map((bytes) => {
      const fields: Field[] = readFields(bytes);
      const raw = Buffer.from(readAll(fields, 9)[0] ?? []);
      return [
        `${Buffer.from(readAll(fields, 8)[0] ?? [])}`,
        { dims: readIntegers(fields, 1), raw },
      ];
    }),
  );
}

async function run(model: Uint8Array, { shape, type }: (typeof cases)[number]) {
  const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] });
  const count = shape.reduce((product, size) => product * size, 1);
  const x =
    type === 'int64'
      ? new ort.Tensor(
          'int64',
          BigInt64Array.from({ length: count }, (_, i) => BigInt((i * 5) % 40)),
          shape,
        )
      : new ort.Tensor(
          'float32',
          Float32Array.from({ length: count }, (_, i) => Math.sin(i / 7)),
          shape,
        );
  const { y } = await session.run({ x });
  await session.release();
  return y?.data as Float32Array;
}

describe.each(cases)('$what', (each) => {
  const source = new Uint8Array(Buffer.from(each.model, 'base64'));
  const { model, weights } = packWeights(source);

  it('has the integers and scales of numpy', () => {
    expect(weights.map(({ name }) => name).toSorted()).toEqual(
      Object.keys(each.weights).toSorted(),
    );
    const constants = constantsOf(model);
    for (const [name, { dims, integers, scales }] of Object.entries(each.weights)) {
      expect(constants.has(name)).toBe(false);
      expect(constants.get(`${name}_quantized`)?.dims).toEqual(dims);
      expect(constants.get(`${name}_quantized`)?.raw.toString('base64')).toBe(integers);
      const raw = constants.get(`${name}_scale`)?.raw ?? Buffer.alloc(0);
      expect(scales.map((_, at) => raw.readFloatLE(at * 4))).toEqual(scales);
    }
  });

  it.each([
    ['as a file', model],
    ['widened', widenIntegers(model)],
  ])('answers as native onnxruntime, %s', async (_how, bytes) => {
    const most = Math.max(...each.output.map(Math.abs));
    const answer = await run(bytes, each);
    expect(answer).toHaveLength(each.output.length);
    for (const [at, value] of each.output.entries()) {
      expect(Math.abs((answer[at] ?? Number.NaN) - value)).toBeLessThan(2e-6 * Math.max(most, 1));
    }
  });

  it('has nothing left to dequantise once it is widened', () => {
    const text = Buffer.from(widenIntegers(model)).toString('latin1');
    expect(Buffer.from(model).toString('latin1')).toContain('DequantizeLinear');
    expect(text).not.toContain('DequantizeLinear');
    for (const name of Object.keys(each.weights)) expect(text).not.toContain(`${name}_quantized`);
  });
});
