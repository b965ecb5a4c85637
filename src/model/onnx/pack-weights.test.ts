/** What packing takes and refuses. That its numbers are right shows `runtime/pack-weights.engine.test.ts`. */
import { describe, expect, it } from 'vitest';
import { packWeights } from './pack-weights.js';
import {
  type Field,
  messageOf,
  readAll,
  readFields,
  readIntegers,
  varintBytes,
  written,
} from './wire.js';

const integer = (number: number, value: number): Field => ({
  number,
  type: 0,
  bytes: varintBytes(value),
});
const bytes = (number: number, content: Uint8Array): Field => ({ number, type: 2, bytes: content });
const message = (number: number, ...fields: Field[]) => bytes(number, written(messageOf(fields)));
const text = (number: number, value: string) => bytes(number, new TextEncoder().encode(value));

const numbers = Float32Array.from({ length: 1024 }, (_, at) => Math.sin(at));
const raw = new Uint8Array(numbers.buffer);

const tensor = (name: string, data: readonly Field[], type = 1) =>
  message(5, integer(1, 32), integer(1, 32), integer(2, type), text(8, name), ...data);
const external = (entries: Readonly<Record<string, string>>) => [
  integer(14, 1),
  ...Object.entries(entries).map(([key, value]) => message(13, text(1, key), text(2, value))),
];

/** `y = x · w`, 32 × 32. */
function model({
  opset = 13,
  ir = 8,
  weight = tensor('w', [bytes(9, raw)]),
  nodes = [message(1, text(1, 'x'), text(1, 'w'), text(2, 'y'), text(4, 'MatMul'))],
  more = [] as Field[],
} = {}) {
  return written(
    messageOf([
      integer(1, ir),
      message(8, text(1, ''), integer(2, opset)),
      message(7, ...nodes, weight, message(11, text(1, 'x')), message(12, text(1, 'y')), ...more),
    ]),
  );
}

function graphOf(file: Uint8Array) {
  const fields = readFields(file);
  const graph = readFields(readAll(fields, 7)[0] ?? new Uint8Array());
  const named = (number: number, field: number) =>
    readAll(graph, number).map(
      (each) => `${Buffer.from(readAll(readFields(each), field)[0] ?? [])}`,
    );
  return {
    ir: readIntegers(fields, 1)[0],
    operators: named(1, 4),
    constants: named(5, 8),
    inputs: named(11, 1),
  };
}

const plain = packWeights(model());

it('puts the dequantiser before what reads it, under the name of the weight', () => {
  expect(graphOf(plain.model)).toEqual({
    ir: 8,
    operators: ['DequantizeLinear', 'MatMul'],
    constants: ['w_quantized', 'w_scale'],
    inputs: ['x'],
  });
  expect(plain.weights).toMatchObject([{ name: 'w', count: 1024 }]);
  // Of a sine in 127 steps; as numpy has it.
  expect(plain.weights[0]?.noise).toBeGreaterThan(45);
});

it('takes numbers that are not raw, and those that lie in other files, as if they were', () => {
  expect(packWeights(model({ weight: tensor('w', [bytes(4, raw)]) })).model).toEqual(plain.model);
  const file = new Uint8Array(5000);
  file.set(raw, 96);
  const outside = external({ location: 'w.bin', offset: '96', length: '4096' });
  const packed = packWeights(model({ weight: tensor('w', outside) }), new Map([['w.bin', file]]));
  expect(packed.model).toEqual(plain.model);
});

it('brings other constants in from other files', () => {
  const bias = message(
    5,
    integer(1, 1),
    integer(2, 1),
    text(8, 'b'),
    ...external({ location: 'b' }),
  );
  const { model: file } = packWeights(
    model({ more: [bias] }),
    new Map([['b', Uint8Array.of(0, 0, 128, 63)]]),
  );
  expect(graphOf(file).constants).toEqual(['b', 'w_quantized', 'w_scale']);
  expect(Buffer.from(file).includes(Buffer.from([74, 4, 0, 0, 128, 63]))).toBe(true);
});

it('takes a weight out of the inputs of old graphs', () => {
  const { model: file } = packWeights(model({ ir: 3, more: [message(11, text(1, 'w'))] }));
  expect(graphOf(file)).toMatchObject({ ir: 7, inputs: ['x'] });
});

it('gives no name twice', () => {
  const { model: file } = packWeights(model({ more: [tensor('w_scale', [bytes(9, raw)])] }));
  expect(graphOf(file).constants).toEqual(['w_scale', 'w_quantized', 'w_scale_1']);
});

describe('leaves', () => {
  const other = message(1, text(1, 'w'), text(1, 'x'), text(2, 'z'), text(4, 'Conv'));
  const product = message(1, text(1, 'x'), text(1, 'w'), text(2, 'y'), text(4, 'MatMul'));
  const infinite = numbers.slice();
  infinite[5] = Number.POSITIVE_INFINITY;
  it.each<[string, Parameters<typeof model>[0]]>([
    ['what nodes read in two ways', { nodes: [product, other] }],
    ['float64', { weight: tensor('w', [bytes(9, raw)], 11) }],
    ['infinities', { weight: tensor('w', [bytes(9, new Uint8Array(infinite.buffer))]) }],
    ['sizes that do not fit', { weight: tensor('w', [bytes(9, raw.subarray(4))]) }],
    ['what only sums read', { nodes: [message(1, text(1, 'w'), text(2, 'y'), text(4, 'Add'))] }],
    ['what is an output too', { more: [message(12, text(1, 'w'))] }],
  ])('%s', (_what, change) => {
    expect(() => packWeights(model(change))).toThrow(/no float32 weights of 512 numbers or more/);
  });
});

describe('refuses', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['older opsets', model({ opset: 12 }), /opset 13, and this model has 12/],
    [
      'what is quantised',
      model({ more: [message(1, text(4, 'DequantizeLinear'))] }),
      /quantised already/,
    ],
    [
      'graphs in nodes',
      model({ more: [message(1, text(4, 'If'), message(5, text(1, 'g'), message(6)))] }),
      /nested graphs/,
    ],
    [
      'missing files',
      model({ weight: tensor('w', external({ location: 'gone.bin' })) }),
      /"gone.bin", which is not there/,
    ],
    ['bytes that are no model', Uint8Array.of(255, 255, 255, 1, 7), /not an ONNX model|no graph/],
    ['a cut-off model', model().subarray(0, 3000), /not an ONNX model/],
    ['nothing', new Uint8Array(), /no graph/],
  ])('%s', (_what, file, problem) => {
    expect(() => packWeights(file)).toThrow(problem);
  });

  it('files that end too early', () => {
    const weight = tensor('w', external({ location: 'w.bin', offset: '96' }));
    const short = new Map([['w.bin', new Uint8Array(90)]]);
    expect(() => packWeights(model({ weight }), short)).toThrow(/too few for "w"/);
  });
});
