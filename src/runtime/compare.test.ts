import { describe, expect, it } from 'vitest';
import type { Tensor, Tensors } from '../base/tensor.js';
import { checkInput } from './check-input.js';
import { compareOutputs, detailOf, digestOf, maxBlocks, maxSample, tolerances } from './compare.js';

/** Outputs of a network that answers [1, channels, 16, 16]. */
function outputs(channels: number, change: (value: number, index: number) => number = (v) => v) {
  const data = Float32Array.from({ length: channels * 256 }, (_, i) =>
    change(Math.sin(i * 0.7) * (1 + (i % 5)), i),
  );
  return { y: { type: 'float32', dims: [1, channels, 16, 16], data } } satisfies Tensors;
}

const differ = (right: Tensors, found: Tensors, tolerance: number = tolerances.fp32) =>
  compareOutputs(digestOf(right), digestOf(found), tolerance);

/** As many numbers as are compared one by one, and more. */
const sizes = [4, 64, 1000];

describe.each(sizes)('%i channels', (channels) => {
  const right = outputs(channels);

  it('the same numbers, or as good as', () => {
    expect(differ(right, right)).toBeUndefined();
    const rounded = outputs(channels, (value, i) => value * (1 + 1e-5 * Math.cos(i)));
    expect(differ(right, rounded)).toBeUndefined();
  });

  it('one channel that is scaled', () => {
    const last = channels - 1;
    const wrong = outputs(channels, (v, i) => (Math.floor(i / 256) === last ? v * 1.05 : v));
    const difference = differ(right, wrong);
    expect(difference?.output).toBe('y');
    expect(difference?.message).toMatch(/is -?[\d.]+ instead of -?[\d.]+, where .* is allowed/);
    expect(difference?.found).not.toBe(difference?.expected);
  });

  it('one channel of zeros', () => {
    const wrong = outputs(channels, (v, i) => (Math.floor(i / 256) === 1 ? 0 : v));
    expect(differ(right, wrong)).toBeDefined();
  });

  it('NaN anywhere', () => {
    for (const at of [0, 257, channels * 256 - 2]) {
      const wrong = outputs(channels, (v, i) => (i === at ? Number.NaN : v));
      expect(differ(right, wrong)?.found).toBeNaN();
    }
  });

  it('the buffer of another run', () => {
    const other = outputs(channels, (_, i) => Math.cos(i * 0.3) * 3);
    expect(differ(right, other)).toBeDefined();
  });
});

describe.each([
  ['in channels', (box: number, field: number, boxes: number) => field * boxes + box],
  ['in rows', (box: number, field: number) => box * 12 + field],
])('boxes in pixels beside scores, %s', (order, placeOf) => {
  const boxes = 8232;
  /** Four numbers of up to 640 and eight scores for each box. */
  const detections = (change: (score: number, field: number) => number) => {
    const data = new Float32Array(boxes * 12);
    for (let box = 0; box < boxes; box++) {
      for (let field = 0; field < 12; field++) {
        const wave = Math.abs(Math.sin(box * 0.37 + field * 1.7));
        data[placeOf(box, field, boxes)] = field < 4 ? 640 * wave : change(wave, field);
      }
    }
    const dims = order === 'in rows' ? [1, boxes, 12] : [1, 12, boxes];
    return { y: { type: 'float32', dims, data } } satisfies Tensors;
  };
  const right = detections((score) => score);

  it('one class whose scores are scaled', () => {
    for (let scaled = 4; scaled < 12; scaled++) {
      const wrong = detections((score, field) => (field === scaled ? score * 0.95 : score));
      expect(differ(right, wrong), `class ${scaled}`).toBeDefined();
    }
  });

  it('rounding', () => {
    const sound = detections((score, field) => score * (1 + 1e-5 * Math.cos(field)));
    expect(differ(right, sound)).toBeUndefined();
  });
});

it('every row and channel is looked at, whatever the sizes', () => {
  for (const dims of [
    [1, 171, 4099],
    [1, 6000, 84],
    [3, 5, 7, 11, 13, 17],
    [1, 10_007],
  ]) {
    const { step } = detailOf(dims);
    for (const size of dims) {
      const seen = new Set(Array.from({ length: size }, (_, i) => (i * step) % size));
      expect(seen.size).toBe(size);
    }
  }
});

const tensor = (type: Tensor['type'], data: Tensor['data']): Tensors => ({
  y: { type, dims: [data.length], data },
});

describe('by type', () => {
  it('half precision and quantised weights may differ by more', () => {
    const right = outputs(4);
    const coarse = outputs(4, (value, i) => value * (1 + 0.01 * Math.sign(Math.cos(i))));
    expect(differ(right, coarse)).toBeDefined();
    expect(differ(right, coarse, tolerances.fp16)).toBeUndefined();
    expect(
      differ(
        right,
        outputs(4, (v) => v * 1.1),
        tolerances.int8,
      ),
    ).toBeDefined();
  });

  it('classes are equal but for a few', () => {
    const right = BigInt64Array.from({ length: 200 }, (_, i) => BigInt(i % 7));
    const few = right.with(3, 6n);
    const many = right.map((value, i) => (i % 10 ? value : value + 1n));
    expect(differ(tensor('int64', right), tensor('int64', few))).toBeUndefined();
    expect(differ(tensor('int64', right), tensor('int64', many))).toBeDefined();
    expect(
      differ(tensor('int64', right.slice(0, 1)), tensor('int64', many.slice(0, 1))),
    ).toBeDefined();
  });

  it('quantised numbers may be a step off', () => {
    const right = Uint8Array.from({ length: 200 }, (_, i) => i);
    expect(
      differ(
        tensor('uint8', right),
        tensor(
          'uint8',
          right.map((v) => v + 1),
        ),
      ),
    ).toBeUndefined();
    expect(
      differ(
        tensor('uint8', right),
        tensor(
          'uint8',
          right.map((v) => v + 2),
        ),
      ),
    ).toBeDefined();
  });
});

it('another shape, and an output that is missing', () => {
  const right = outputs(4);
  const turned = { y: { ...right.y, dims: [4, 1, 16, 16] } };
  expect(differ(right, turned)?.message).toContain('4 × 1 × 16 × 16, not 1 × 4 × 16 × 16');
  expect(differ(right, {})?.message).toContain('nothing, not');
});

it('what the reference has no number for shows nothing, unless it is most', () => {
  const infinite = (every: number) => outputs(4, (v, i) => (i % every ? v : -Infinity));
  expect(differ(infinite(4), infinite(4))).toBeUndefined();
  expect(
    differ(
      outputs(4, () => Number.NaN),
      outputs(4),
    )?.message,
  ).toContain('cannot be compared');
});

it('zeros are zeros', () => {
  const zeros = outputs(4, () => 0);
  expect(differ(zeros, zeros)).toBeUndefined();
  expect(
    differ(
      zeros,
      outputs(4, (_, i) => (i === 7 ? 1e-6 : 1e-9)),
    ),
  ).toBeDefined();
});

it('a digest is small whatever the output', () => {
  for (const length of [0, 1, 255, 256, 257, 4096, 4097, 1_000_003]) {
    const [digest] = digestOf(tensor('float32', new Float32Array(length)));
    expect(digest?.sample.length).toBeLessThanOrEqual(maxSample);
    expect(digest?.blocks.length).toBeLessThanOrEqual(maxBlocks);
  }
});

describe('check input', () => {
  const sample = {
    image: { type: 'float32', dims: [1, 3, 8, 8], data: new Float32Array(192) },
    half: { type: 'float16', dims: [64], data: new Uint16Array(64) },
    bytes: { type: 'uint8', dims: [64], data: new Uint8Array(64) },
    input_ids: { type: 'int64', dims: [1, 8], data: new BigInt64Array(8) },
    words: { type: 'int64', dims: [1, 2], data: BigInt64Array.of(101n, 7592n) },
    token_type_ids: { type: 'int64', dims: [1, 8], data: new BigInt64Array(8) },
  } satisfies Tensors;

  it('is the same for the same seed, and another for another', () => {
    expect(checkInput(sample, 1)).toEqual(checkInput(sample, 1));
    expect(checkInput(sample, 1)).not.toEqual(checkInput(sample, 2));
  });

  it('fills each type with what it usually has', () => {
    const { image, half, bytes, input_ids, words, token_type_ids } = checkInput(
      sample,
      1,
    ) as Tensors;
    const numbers = Array.from(image?.data as Float32Array);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...numbers)).toBeLessThanOrEqual(1);
    expect(new Set(numbers).size).toBeGreaterThan(150);
    expect(new Set(half?.data as Uint16Array).size).toBeGreaterThan(50);
    expect(new Set(bytes?.data as Uint8Array).size).toBeGreaterThan(40);
    expect(Math.max(...Array.from(input_ids?.data ?? [], Number))).toBeLessThan(32);
    expect(new Set(input_ids?.data as BigInt64Array).size).toBeGreaterThan(2);
    expect(words?.data).toEqual(sample.words.data);
    expect(token_type_ids?.data).toEqual(sample.token_type_ids.data);
  });
});
