import * as ort from 'onnxruntime-web';
import { describe, expect, it } from 'vitest';
import { ortVersion } from '../../base/version.js';
import {
  type Field,
  messageOf,
  readAll,
  readFields,
  varintBytes,
  written,
} from '../../model/onnx/wire.js';
import { cureModel, cures } from './cures.js';
import { elementType, newNode, newTensor, readNode, readTensor } from './graph.js';

const bytes = (number: number, content: Uint8Array): Field => ({ number, type: 2, bytes: content });
const message = (number: number, ...fields: Field[]) => bytes(number, written(messageOf(fields)));
const text = (number: number, value: string) => bytes(number, new TextEncoder().encode(value));
const integer = (number: number, value: number): Field => ({
  number,
  type: 0,
  bytes: varintBytes(value),
});
const value = (number: number, name: string, shape?: readonly number[]) =>
  message(
    number,
    text(1, name),
    message(
      2,
      message(
        1,
        integer(1, elementType.float32),
        ...(shape ? [message(2, ...shape.map((dim) => message(1, integer(1, dim))))] : []),
      ),
    ),
  );

/** Numbers without a pattern that a mistake could hide in. */
const noise = (count: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * i * 0.37 + i));

interface ConvCase {
  op?: 'Conv' | 'ConvTranspose';
  inputs?: number;
  outputs?: number;
  kernel?: readonly number[];
  attributes?: Readonly<Record<string, number | readonly number[]>>;
  opset?: number;
  /** Where the weights come from. */
  weights?: 'raw' | 'floats' | 'elsewhere' | 'fed' | 'shapeless' | 'constant';
  /** Another node that takes them. */
  isShared?: boolean;
}

function model({
  op = 'Conv',
  inputs = 6,
  outputs = 8,
  kernel = [3, 3],
  attributes = {},
  opset = 17,
  weights = 'raw',
  isShared = false,
}: ConvCase): Uint8Array {
  const group = typeof attributes.group === 'number' ? attributes.group : 1;
  const dims =
    op === 'Conv' ? [outputs, inputs / group, ...kernel] : [inputs, outputs / group, ...kernel];
  const numbers = noise(dims.reduce((product, dim) => product * dim, 1));
  const data = new Uint8Array(numbers.buffer);
  const tensor = { name: 'w', dims, type: elementType.float32, data };
  const fields: Record<NonNullable<ConvCase['weights']>, Field[]> = {
    raw: [bytes(5, newTensor(tensor))],
    floats: [
      message(
        5,
        ...dims.map((dim) => integer(1, dim)),
        integer(2, 1),
        text(8, 'w'),
        bytes(4, data),
      ),
    ],
    elsewhere: [
      message(
        5,
        ...dims.map((dim) => integer(1, dim)),
        integer(2, 1),
        text(8, 'w'),
        integer(14, 1),
      ),
    ],
    fed: [value(11, 'w', dims)],
    shapeless: [value(11, 'w')],
    constant: [
      message(
        1,
        text(2, 'w'),
        text(4, 'Constant'),
        message(5, text(1, 'value'), bytes(5, newTensor(tensor)), integer(20, 4)),
      ),
    ],
  };
  return written(
    messageOf([
      integer(1, 8),
      message(8, integer(2, opset)),
      message(
        7,
        ...fields[weights].filter(({ number }) => number === 1),
        bytes(1, newNode(op, ['x', 'w'], ['y'], attributes)),
        ...(isShared ? [bytes(1, newNode('Identity', ['w'], ['z']))] : []),
        text(2, 'g'),
        ...fields[weights].filter(({ number }) => number === 5),
        value(11, 'x', [1, inputs, ...kernel.map(() => 7)]),
        ...fields[weights].filter(({ number }) => number === 11),
        value(12, 'y'),
        ...(isShared ? [value(12, 'z')] : []),
      ),
    ]),
  );
}

async function outputOf(file: Uint8Array, inputs: number, rank = 2): Promise<number[]> {
  const session = await ort.InferenceSession.create(file, { graphOptimizationLevel: 'disabled' });
  const x = new ort.Tensor(noise(inputs * 7 ** rank), [1, inputs, ...new Array(rank).fill(7)]);
  const { y } = await session.run({ x });
  await session.release();
  return Array.from(y?.data as Float32Array);
}

const graphOf = (file: Uint8Array) =>
  readFields(readAll(readFields(file), 7)[0] ?? new Uint8Array());
const opsOf = (file: Uint8Array) => readAll(graphOf(file), 1).map((node) => readNode(node).op);
const tensorsOf = (file: Uint8Array) => readAll(graphOf(file), 5).map(readTensor);

describe('convolutions whose channels the engine mixes up', () => {
  const cases: Record<string, ConvCase> = {
    'a 3 × 3 kernel': {},
    'a stride': { attributes: { strides: [2, 2] } },
    'padding, 1 × 1': { kernel: [1, 1], attributes: { pads: [1, 1, 1, 1] } },
    'a stride, 1 × 1': { kernel: [1, 1], attributes: { strides: [2, 2] } },
    'a dilation': { attributes: { dilations: [2, 2] } },
    'one axis': { kernel: [3] },
    '15 channels': { inputs: 15, outputs: 4 },
    'an operator set in which padding is an attribute': { opset: 10 },
    'weights as a list of numbers': { weights: 'floats' },
    'weights in a node': { weights: 'constant' },
  };
  for (const [name, each] of Object.entries(cases)) {
    it(`${name}: the cured model computes the same`, async () => {
      const file = model(each);
      const { model: cured, applied, unsolved } = cureModel(file);
      expect(applied).toEqual([expect.objectContaining({ nodes: 1 })]);
      expect(unsolved).toEqual([]);
      expect(opsOf(cured).filter((op) => op !== 'Constant')).toEqual(['Pad', 'Conv']);
      const { inputs = 6, kernel = [3, 3] } = each;
      const right = await outputOf(file, inputs, kernel.length);
      const found = await outputOf(cured, inputs, kernel.length);
      expect(found.length).toBe(right.length);
      const off = found.map((number, index) => Math.abs(number - (right[index] as number)));
      expect(Math.max(...off)).toBeLessThan(1e-4);
    });
  }

  it('weights are not kept twice', () => {
    const { model: cured } = cureModel(model({}));
    const weights = tensorsOf(cured).filter(({ type }) => type === elementType.float32);
    expect(weights.map(({ dims }) => dims)).toEqual([[8, 8, 3, 3]]);
  });

  it('weights that others take stay', () => {
    const names = tensorsOf(cureModel(model({ isShared: true })).model).map(({ name }) => name);
    expect(names).toContain('w');
  });

  for (const weights of ['elsewhere', 'fed'] as const) {
    it(`weights ${weights} are padded by a node`, () => {
      expect(opsOf(cureModel(model({ weights })).model)).toEqual(['Pad', 'Pad', 'Conv']);
    });
  }

  it('weights of unknown shape are not let through', () => {
    const { applied, unsolved } = cureModel(model({ weights: 'shapeless' }));
    expect(applied).toEqual([]);
    expect(unsolved).toEqual([expect.stringContaining('nothing says how many channels')]);
  });
});

describe('transposed convolutions whose groups the engine mixes up', () => {
  for (const [group, inputs] of [
    [2, 4],
    [3, 6],
    [4, 32],
  ] as const) {
    it(`${group} groups of ${inputs / group}: the cured model computes the same`, async () => {
      const file = model({ op: 'ConvTranspose', inputs, outputs: group, attributes: { group } });
      const { model: cured, applied } = cureModel(file);
      expect(applied).toEqual([expect.objectContaining({ nodes: 1 })]);
      const right = await outputOf(file, inputs);
      const found = await outputOf(cured, inputs);
      expect(found.length).toBe(right.length);
      const off = found.map((number, index) => Math.abs(number - (right[index] as number)));
      expect(Math.max(...off)).toBeLessThan(1e-4);
    });
  }

  it('weights that are fed are not let through', () => {
    const attributes = { group: 2 };
    const file = model({ op: 'ConvTranspose', inputs: 4, outputs: 2, attributes, weights: 'fed' });
    expect(cureModel(file).unsolved).toEqual([expect.stringContaining('are not in the graph')]);
  });
});

describe('leaves alone', () => {
  const cases: Record<string, ConvCase> = {
    'three channels': { inputs: 3 },
    'a multiple of four': { inputs: 12 },
    'channels that are not divisible by three': { inputs: 10 },
    'outputs that are not divisible by four': { outputs: 6 },
    groups: { attributes: { group: 2 }, inputs: 18 },
    'groups of several output channels': {
      op: 'ConvTranspose',
      inputs: 4,
      outputs: 4,
      attributes: { group: 2 },
    },
    'a matrix product': { kernel: [1, 1] },
  };
  for (const [name, each] of Object.entries(cases)) {
    it(name, () => {
      const file = model(each);
      expect(cureModel(file).model).toBe(file);
    });
  }

  it('bytes that are no model', () => {
    for (const file of [Uint8Array.of(255, 255, 255, 1, 7), model({}).subarray(0, 60)]) {
      expect(cureModel(file).model).toBe(file);
    }
  });
});

it('the table is for the engine in use: after an upgrade, make the report anew', () => {
  for (const { seenIn } of cures) expect(seenIn).toBe(ortVersion);
});
