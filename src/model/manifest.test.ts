import { describe, expect, test } from 'vitest';
import { isTabserveError } from '../base/errors.js';
import { parseLabels } from './labels.js';
import { parseManifest } from './manifest.js';
import { selectFile } from './select.js';

const valid = {
  name: 'test',
  version: '1.2.3',
  task: 'image-classification',
  labels: ['a', 'b'],
  input: {
    name: 'x',
    layout: 'NCHW',
    dtype: 'float32',
    width: 8,
    height: 8,
    channels: 3,
    colorOrder: 'RGB',
  },
  preprocess: {
    resize: { policy: 'shorter-side', size: 10 },
    crop: { policy: 'center', width: 8, height: 8 },
    mean: [0.5, 0.5, 0.5],
    std: 0.25,
  },
  output: { name: 'y', activation: 'softmax' },
  files: [{ url: 'a.onnx', dtype: 'fp32' }],
} as const;

describe('parseManifest', () => {
  test('takes a valid manifest as it is', () => {
    expect(parseManifest(structuredClone(valid), 'model.json')).toEqual(valid);
  });

  const input = (change: object) => ({ ...valid, input: { ...valid.input, ...change } });
  const preprocess = (change: object) => ({
    ...valid,
    preprocess: { ...valid.preprocess, ...change },
  });
  test.each<[field: string, found: string, manifest: unknown]>([
    ['(the whole file)', '42', 42],
    ['name', '"../evil"', { ...valid, name: '../evil' }],
    ['version', '"one"', { ...valid, version: 'one' }],
    ['labels', '', { ...valid, labels: [] }],
    ['input.width', '0', input({ width: 0 })],
    ['input.dtype', '"bfloat16"', input({ dtype: 'bfloat16' })],
    ['input.channels', '3', input({ colorOrder: 'GRAY' })],
    ['preprocess.resize.policy', '"stretch"', preprocess({ resize: { policy: 'stretch' } })],
    [
      'preprocess.resize.size',
      '"10"',
      preprocess({ resize: { policy: 'shorter-side', size: '10' } }),
    ],
    ['preprocess.mean', '2 numbers', preprocess({ mean: [1, 2] })],
    ['preprocess.std', '', preprocess({ std: 0 })],
    [
      'preprocess.crop',
      'there is no "preprocess.crop"',
      preprocess({ resize: { policy: 'crop-fraction', fraction: 0.9 }, crop: undefined }),
    ],
    [
      'input.width × input.height',
      '8 × 8',
      preprocess({ crop: { policy: 'center', width: 9, height: 8 } }),
    ],
    [
      'preprocess.pad',
      '7 × 9',
      preprocess({ pad: { policy: 'bottom-right', width: 7, height: 9 } }),
    ],
    [
      'input.width × input.height',
      '8 × 8',
      preprocess({ pad: { policy: 'bottom-right', width: 9, height: 8 } }),
    ],
    [
      'preprocess.crop.fill.2',
      '256',
      preprocess({ crop: { ...valid.preprocess.crop, fill: [0, 0, 256] } }),
    ],
    ['files.0.sha256', '"abc"', { ...valid, files: [{ url: 'a', dtype: 'fp32', sha256: 'abc' }] }],
    ['output.activation', '"relu"', { ...valid, output: { name: 'y', activation: 'relu' } }],
  ])('says that %s is wrong: %s', (field, found, manifest) => {
    try {
      parseManifest(manifest, 'model.json');
      expect.unreachable();
    } catch (error) {
      if (!isTabserveError(error, 'manifest-invalid')) throw error;
      expect(error.details).toMatchObject({ manifest: 'model.json', field });
      expect(error.message).toContain(found);
      expect(error.message).toContain('expected');
    }
  });

  test('all that is wrong is said at once, in words', () => {
    const { version, ...rest } = input({ width: 0, layout: 'CHWN' });
    const many = { ...rest, verison: version, output: {}, preprocess: { mean: [1, 2], std: 'x' } };
    const say = () => parseManifest(many, 'model.json');
    expect(say).toThrow(/^model\.json: \d things are wrong: /);
    for (const part of [
      'there is no "version" (there is "verison": is that meant?), expected three numbers',
      '"input.width" is wrong: found 0, expected a whole number of pixels, from 1 to 16384',
      '"input.layout" is wrong: found "CHWN", expected "NCHW" or "NHWC"',
      '"preprocess.std" is wrong: found "x", expected a number above 0, or one for each channel',
      'there is no "output.name", expected the name of the graph\'s output',
      'there is no "output.activation"',
    ]) {
      expect(say).toThrow(part);
    }
  });

  test('so is all that does not fit together', () => {
    const many = preprocess({ mean: [1, 2], crop: { policy: 'center', width: 9, height: 8 } });
    expect(() => parseManifest(many, 'model.json')).toThrow(
      /2 things are wrong: .*"preprocess\.mean".*; .*"input\.width × input\.height"/,
    );
  });

  test('a fault that is repeated a million times costs nothing', () => {
    const many = { ...valid, labels: Array.from({ length: 1_000_000 }, () => 1), name: 7 };
    expect(() => parseManifest(many, 'model.json')).toThrow(/2 things are wrong/);
  });

  test('a manifest cannot reach the prototype of anything', () => {
    const hostile = JSON.parse('{"__proto__": {"polluted": true}, "name": "x"}');
    expect(() => parseManifest(hostile, 'model.json')).toThrow();
    expect('polluted' in {}).toBe(false);
  });
});

describe('selectFile', () => {
  const manifest = parseManifest(
    {
      ...valid,
      files: [
        { url: '32', dtype: 'fp32' },
        { url: '16', dtype: 'fp16' },
        { url: '8', dtype: 'int8' },
      ],
    },
    'model.json',
  );
  const wasm = { device: 'wasm', fp16: true } as const;
  const oldGpu = { device: 'webgpu', fp16: false } as const;

  test('auto prefers fp16 where it can be computed', () => {
    expect(selectFile(manifest, 'auto', wasm).url).toBe('16');
    expect(selectFile(manifest, 'auto', oldGpu).url).toBe('32');
  });

  test('a dtype asked for by name is taken or refused', () => {
    expect(selectFile(manifest, 'int8', wasm).url).toBe('8');
    expect(() => selectFile(manifest, 'fp16', oldGpu)).toThrow(
      /offers fp32, fp16, int8.*computes fp32, int8/,
    );
  });
});

describe('selectFile with int8 weights', () => {
  const packed = { url: '8w', dtype: 'int8', weightsOnly: true };
  const choose = (files: object[], dtype: 'auto' | 'fp32' | 'fp16' | 'int8', fp16 = true) =>
    selectFile(parseManifest({ ...valid, files }, 'model.json'), dtype, { device: 'webgpu', fp16 })
      .url;
  const full = { url: '8', dtype: 'int8' };
  const single = { url: '32', dtype: 'fp32' };

  test('auto takes them first, wherever they stand', () => {
    expect(choose([single, { url: '16', dtype: 'fp16' }, full, packed], 'auto')).toBe('8w');
    expect(choose([packed], 'auto', false)).toBe('8w');
  });

  test('int8 by name is a file that computes in int8, if there is one', () => {
    expect(choose([packed, single, full], 'int8')).toBe('8');
    expect(choose([packed, single], 'int8')).toBe('8w');
    expect(choose([packed, single], 'fp32')).toBe('32');
    expect(() => choose([packed], 'fp32')).toThrow(/it offers int8/);
  });

  test('weights in half precision are taken the same way, on a GPU without 16-bit numbers too', () => {
    const halves = { url: '16w', dtype: 'fp16', weightsOnly: true };
    expect(choose([halves, full], 'auto', false)).toBe('16w');
    expect(choose([halves, full], 'fp16', false)).toBe('16w');
    expect(choose([halves, { url: '16', dtype: 'fp16' }], 'fp16')).toBe('16');
    expect(choose([halves, full], 'int8')).toBe('8');
    expect(() => choose([halves, full], 'fp32')).toThrow(/it offers fp16, int8/);
  });
});

test('labels are lines', () => {
  expect(parseLabels('\uFEFFa\r\nb c \n')).toEqual(['a', 'b c']);
  expect(parseLabels('a\n\nb')).toEqual(['a', '', 'b']);
});
