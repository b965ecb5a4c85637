import { describe, expect, it } from 'vitest';
import { type Field, readAll, readFields } from '../model/onnx/wire.js';
import { bytes, integer, message, text, writeFields } from '../testing/onnx-fields.js';
import { widenIntegers } from './widen-weights.js';

const raw = (array: ArrayBufferView<ArrayBuffer>) => bytes(9, new Uint8Array(array.buffer));
const tensor = (name: string, type: number, dims: number[], data: Field) =>
  message(5, ...dims.map((length) => integer(1, length)), integer(2, type), data, text(8, name));

interface Parts {
  dims?: number[];
  type?: number;
  weight?: Int8Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  scale?: number[];
  zero?: Int8Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  attributes?: Field[];
  more?: Field[];
  output?: string;
}

/** A model with one weight of two rows and three columns. */
function model({
  dims = [2, 3],
  type = 3,
  weight = Int8Array.of(1, -2, 127, -128, 0, 5),
  scale = [0.5],
  zero,
  attributes = [],
  more = [],
  output = 'y',
}: Parts) {
  const inputs = ['w', 's', ...(zero ? ['z'] : [])].map((name) => text(1, name));
  return writeFields([
    integer(1, 8),
    message(
      7,
      message(1, ...inputs, text(2, 'wide'), text(4, 'DequantizeLinear'), ...attributes),
      message(1, text(1, 'x'), text(1, 'wide'), text(2, 'y'), text(4, 'MatMul')),
      ...more,
      tensor('w', type, dims, raw(weight)),
      tensor('s', 1, scale.length === 1 ? [] : [scale.length], raw(Float32Array.from(scale))),
      ...(zero ? [tensor('z', type, scale.length === 1 ? [] : [scale.length], raw(zero))] : []),
      message(11, text(1, 'x')),
      message(12, text(1, output)),
    ),
  ]);
}

const axis = (value: number) => message(5, text(1, 'axis'), integer(3, value));

function wide(file: Uint8Array): number[] | undefined {
  const graph = readFields(readAll(readFields(widenIntegers(file)), 7)[0] ?? new Uint8Array());
  const tensors = readAll(graph, 5).map((each) => readFields(each));
  const found = tensors.find(
    (fields) => new TextDecoder().decode(readAll(fields, 8)[0]) === 'wide',
  );
  if (!found) return undefined;
  expect(readAll(graph, 1)).toHaveLength(1);
  return Array.from(new Float32Array(Uint8Array.from(readAll(found, 9)[0] ?? []).buffer));
}

describe('widens', () => {
  it('one scale for all', () => {
    expect(wide(model({}))).toEqual([0.5, -1, 63.5, -64, 0, 2.5]);
  });
  it('a scale for each row', () => {
    expect(wide(model({ scale: [0.5, 2], attributes: [axis(0)] }))).toEqual([
      0.5, -1, 63.5, -256, 0, 10,
    ]);
  });
  it('a scale for each column, the axis by default', () => {
    expect(wide(model({ scale: [1, 10, 100] }))).toEqual([1, -20, 12700, -128, 0, 500]);
  });
  it('zero points of unsigned weights', () => {
    const weight = Uint8Array.of(0, 128, 255, 127, 128, 129);
    const zero = Uint8Array.of(128, 127);
    expect(wide(model({ type: 2, weight, zero, scale: [1, 1], attributes: [axis(0)] }))).toEqual([
      -128, 0, 127, 0, 1, 2,
    ]);
  });
});

describe('leaves alone', () => {
  const cases: Record<string, Uint8Array> = {
    'quantised activations': model({ more: [message(1, text(1, 'x'), text(4, 'QuantizeLinear'))] }),
    'a weight that others read too': model({ more: [message(1, text(1, 'w'), text(4, 'Cast'))] }),
    'graphs with subgraphs': model({
      more: [message(1, text(4, 'If'), message(5, text(1, 'g'), message(6)))],
    }),
    'what is an output': model({ output: 'wide' }),
    'dimensions that promise more than there is': model({ dims: [2 ** 30, 2 ** 30] }),
    'scales that do not fit': model({ scale: [1, 2, 3, 4] }),
    'blocks of scales': model({ attributes: [message(5, text(1, 'block_size'), integer(3, 2))] }),
    'other integers': model({ type: 6 }),
    'a cut-off model': model({}).subarray(0, 60),
    'bytes that are no model': Uint8Array.of(255, 255, 255, 1, 7),
    nothing: new Uint8Array(),
  };
  for (const [name, file] of Object.entries(cases)) {
    it(name, () => expect(widenIntegers(file)).toBe(file));
  }
});
