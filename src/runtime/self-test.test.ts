import { describe, expect, it } from 'vitest';
import { arrayClasses, type NumberType, type Tensors } from '../base/tensor.js';
import { checkTensor } from './check-input.js';
import { tolerances } from './compare.js';
import { differenceFrom, openTest, tensorTests, testFeeds } from './self-test.js';

/** `onnx.numpy_helper.from_array(array, name).SerializeToString()`, onnx 1.23.2. */
const files: Readonly<Record<string, string>> = {
  // np.array([[0.5, -1.25, 3]], np.float32)
  'mean.pb': 'CAEIAxABQgRtZWFuSgwAAAA/AACgvwAAQEA=',
  // np.array([-1, 2**40], np.int64)
  'ids.pb': 'CAIQB0IDaWRzShD//////////wAAAAAAAQAA',
  // np.array([0.5, -2], np.float16)
  'half.pb': 'CAIQCkIEaGFsZkoEADgAwA==',
};
const read = async (url: string) => new Uint8Array(Buffer.from(files[url] ?? '', 'base64'));

describe('made-up tensors', () => {
  it('are the same as when they were recorded, in all versions', () => {
    const float = checkTensor('float32', [2, 3], 1);
    const rounded = Array.from(float.data as Float32Array, (value) => Number(value.toFixed(5)));
    expect(rounded).toMatchInlineSnapshot(`
      [
        0.85543,
        -0.12091,
        0.08538,
        0.47758,
        -0.04145,
        -0.24025,
      ]
    `);
    expect(Array.from(checkTensor('uint8', [4], 2).data as Uint8Array)).toMatchInlineSnapshot(`
      [
        67,
        103,
        118,
        124,
      ]
    `);
    expect(
      Array.from(checkTensor('int64', [4], 3).data as BigInt64Array, Number),
    ).toMatchInlineSnapshot(`
      [
        24,
        24,
        31,
        6,
      ]
    `);
    expect(Array.from(checkTensor('float16', [3], 4).data as Uint16Array)).toMatchInlineSnapshot(`
      [
        13058,
        13045,
        46322,
      ]
    `);
  });

  it.each(Object.keys(arrayClasses) as NumberType[])('of %s', (type) => {
    const feeds = testFeeds({
      mask: { type, dims: [2, 2] },
      ones: { type, dims: [2], data: 1 },
      list: { type, dims: [2], data: [0, 1] },
      none: { type, dims: [0] },
    });
    for (const { data } of Object.values(feeds)) expect(data).toBeInstanceOf(arrayClasses[type]);
    const one = type === 'float16' ? 0x3c00 : 1;
    expect(Array.from(feeds.ones?.data as Uint8Array, Number)).toEqual([one, one]);
    expect(Array.from(feeds.list?.data as Uint8Array, Number)).toEqual([0, one]);
    // Names say nothing here: what is meant stands in "data".
    if (type !== 'bool')
      expect(new Set(Array.from(feeds.mask?.data as Uint8Array)).size).not.toBe(1);
  });

  it('are refused where the numbers are too few', () => {
    const inputs = { x: { type: 'float32', dims: [3], data: [1, 2] } } as const;
    expect(() => testFeeds({ x: { ...inputs.x, dims: [3], data: [1, 2] } })).toThrow(
      /"x" has 2 numbers for \[3\]/,
    );
  });
});

describe('files of tensors', () => {
  it('are read as numpy wrote them', async () => {
    const { feeds } = await openTest({ inputs: Object.keys(files), outputs: {} }, read);
    expect(feeds).toEqual({
      mean: { type: 'float32', dims: [1, 3], data: Float32Array.of(0.5, -1.25, 3) },
      ids: { type: 'int64', dims: [2], data: BigInt64Array.of(-1n, 2n ** 40n) },
      half: { type: 'float16', dims: [2], data: Uint16Array.of(0x3800, 0xc000) },
    });
  });

  it.each([
    ['empty', ''],
    ['cut off', 'CAEIAxABQgRtZWFuSgwAAAA/'],
    ['a page', Buffer.from('<!doctype html><title>404</title>').toString('base64')],
    // Sizes of more than all memory, and no numbers.
    [
      'too large',
      Buffer.from([8, 0x80, 0x80, 0x80, 0x80, 0x40, 16, 1, 66, 1, 120]).toString('base64'),
    ],
  ])('are refused where one is %s', async (_what, content) => {
    const reading = openTest(
      { inputs: ['x.pb'], outputs: {} },
      async () => new Uint8Array(Buffer.from(content, 'base64')),
    );
    await expect(reading).rejects.toThrow(/x\.pb is no tensor of a self-test/);
  });
});

describe('what is found', () => {
  const output = { type: 'float32', dims: [1, 3] } as const;
  const session = (...values: number[]) => ({
    run: async (_feeds: unknown, names: readonly string[]): Promise<Tensors> =>
      Object.fromEntries(
        names.map((name) => [name, { ...output, data: Float32Array.from(values) }]),
      ),
  });
  const record = (test: object) => openTest({ inputs: {}, outputs: {}, ...test }, read);

  it.each([
    ['numbers', { mean: { ...output, dims: [1, 3], numbers: [0.5, -1.25, 3] } }],
    [
      'every second number and the parts',
      {
        mean: { ...output, dims: [1, 3], step: 2, numbers: [0.5, 3], parts: [0.9519, 3] },
      },
    ],
    ['a file', ['mean.pb']],
  ])('is compared with %s', async (_what, outputs) => {
    const open = await record({ outputs });
    const { fp32 } = tolerances;
    expect(await differenceFrom(open, session(0.5, -1.25, 3), fp32)).toBeUndefined();
    expect(await differenceFrom(open, session(0.5, -1.25, 3.001), fp32)).toBeUndefined();
    expect(await differenceFrom(open, session(0.5, -1.3, 3), fp32)).toMatch(
      /"mean": .* instead of/,
    );
    expect(await differenceFrom(open, session(0.5, Number.NaN, 3), fp32)).toMatch(/NaN/);
    expect(await differenceFrom(open, session(0.5, -1.25), fp32)).toBeDefined();
  });
});

it('tests hold for their file, or for all', () => {
  const any = { inputs: {}, outputs: {} };
  const one = { ...any, file: 'a.onnx' };
  const manifest = {
    name: 'm',
    version: '1.0.0',
    task: 'tensor',
    files: [],
    selfTest: [{ image: 'x.png', index: 0 }, any, one],
  };
  expect(tensorTests(manifest, 'a.onnx')).toEqual([any, one]);
  expect(tensorTests(manifest, 'b.onnx')).toEqual([any]);
  expect(tensorTests({ ...manifest, selfTest: undefined }, 'a.onnx')).toEqual([]);
});
