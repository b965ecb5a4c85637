import { describe, expect, it } from 'vitest';
import type { ModelInput } from './manifest.js';
import { createTensorWriter } from './tensor.js';
import type { PixelImage } from './types.js';

const input: ModelInput = {
  name: 'input',
  layout: 'NCHW',
  dtype: 'float32',
  width: 2,
  height: 1,
  channels: 3,
  colorOrder: 'RGB',
};
const crop: PixelImage = {
  data: Uint8Array.of(10, 20, 30, 40, 50, 60),
  width: 2,
  height: 1,
  channels: 3,
};
const asTheyAre = { scale: 1 };

function written(overrides: Partial<ModelInput>, preprocess = {}, image = crop): number[] {
  const writer = createTensorWriter({ ...input, ...overrides }, preprocess);
  const into = writer.allocate(1);
  writer.write(image, into);
  return Array.from(into);
}

describe('layout and order', () => {
  it('NCHW keeps channels apart', () => {
    expect(written({}, asTheyAre)).toEqual([10, 40, 20, 50, 30, 60]);
  });
  it('NHWC keeps pixels together', () => {
    expect(written({ layout: 'NHWC' }, asTheyAre)).toEqual([10, 20, 30, 40, 50, 60]);
  });
  it('BGR turns the channels around', () => {
    expect(written({ colorOrder: 'BGR' }, asTheyAre)).toEqual([30, 60, 20, 50, 10, 40]);
    const nhwc = written({ colorOrder: 'BGR', layout: 'NHWC' }, asTheyAre);
    expect(nhwc).toEqual([30, 20, 10, 60, 50, 40]);
  });
  it('GRAY has one channel', () => {
    const grey: PixelImage = { data: Uint8Array.of(7, 9), width: 2, height: 1, channels: 1 };
    expect(written({ colorOrder: 'GRAY', channels: 1 }, asTheyAre, grey)).toEqual([7, 9]);
  });
  it('writes into its place in the batch only', () => {
    const writer = createTensorWriter(input, asTheyAre);
    const into = writer.allocate(3).fill(-1);
    writer.write(crop, into, 1);
    expect(Array.from(into.subarray(0, 6))).toEqual(Array(6).fill(-1));
    expect(Array.from(into.subarray(6, 12))).toEqual([10, 40, 20, 50, 30, 60]);
    expect(Array.from(into.subarray(12))).toEqual(Array(6).fill(-1));
  });
});

describe('a crop smaller than the input', () => {
  const larger = { width: 3, height: 2 };
  it('lies top left, with zeros around', () => {
    const mean10 = { scale: 1, mean: 10 };
    expect(written(larger, mean10)).toEqual(
      [
        [0, 30, 0, 0, 0, 0],
        [10, 40, 0, 0, 0, 0],
        [20, 50, 0, 0, 0, 0],
      ].flat(),
    );
    const nhwc = written({ ...larger, layout: 'NHWC' }, mean10);
    expect(nhwc).toEqual([0, 10, 20, 30, 40, 50, ...Array(12).fill(0)]);
  });
  it('leaves nothing of the picture before, and its neighbours alone', () => {
    const writer = createTensorWriter({ ...input, ...larger }, asTheyAre);
    const into = writer.allocate(3).fill(-1);
    writer.write(crop, into, 1);
    expect(Array.from(into.subarray(0, 18))).toEqual(Array(18).fill(-1));
    expect(into.subarray(18, 36).filter((value) => value === 0)).toHaveLength(12);
    expect(Array.from(into.subarray(36))).toEqual(Array(18).fill(-1));
  });
});

describe('normalisation', () => {
  it('scales to 0…1 by default', () => {
    expect(written({})[0]).toBe(Math.fround(10 / 255));
  });
  it('takes one number for all channels', () => {
    expect(written({}, { scale: 1, mean: 128, std: 128 })[0]).toBe(-0.921875);
  });
  it('takes one number per channel, in the order of the network', () => {
    const preprocess = { scale: 1, mean: [1, 2, 3], std: [1, 2, 4] };
    expect(written({ colorOrder: 'BGR' }, preprocess)).toEqual([29, 59, 9, 24, 1.75, 9.25]);
  });
  it('rounds once, from double precision', () => {
    const preprocess = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    expect(written({}, preprocess)[0]).toBe(Math.fround((10 / 255 - 0.485) / 0.229));
  });
});

describe('dtype', () => {
  it('uint8 takes the bytes as they are', () => {
    expect(written({ dtype: 'uint8' })).toEqual([10, 40, 20, 50, 30, 60]);
  });
  it('float16 is given as bits', () => {
    const preprocess = { scale: 1, mean: 10, std: 10 };
    // 0, 3, 1, 4, 2, 5
    expect(written({ dtype: 'float16' }, preprocess)).toEqual([
      0x0000, 0x4200, 0x3c00, 0x4400, 0x4000, 0x4500,
    ]);
  });
});
