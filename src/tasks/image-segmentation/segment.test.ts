import { describe, expect, it } from 'vitest';
import { numbersOf } from '../../base/tensor.js';
import { planGeometry } from '../../input/image/geometry.js';
import type { Preprocess } from '../../input/image/manifest.js';
import { golden, type PackedTensor, pictureSizes, unpacked } from '../../testing/vision-golden.js';
import { activated, alphaOf } from './alpha.js';
import { mapAxes, mapSize, mostPixels } from './axes.js';
import { areas, chosenClasses, classesOf } from './classes.js';
import { classColours, colourOf, whiteOf } from './overlay.js';

type Which = keyof typeof pictureSizes;
const { segformer, matting, upsampling } = golden<{
  segformer: { maps: Record<Which, Record<'map' | 'logits', PackedTensor>> };
  matting: { alphas: Record<Which, Record<'alpha' | 'logits', PackedTensor>> };
  upsampling: Record<'map' | 'logits', PackedTensor>[];
}>('segmentation.json');

const planesOf = (packed: PackedTensor) => {
  const tensor = unpacked(packed);
  const [, classes = 0, height = 0, width = 0] = tensor.dims;
  return { values: numbersOf(tensor), classes, height, width };
};
const plain = (size: { width: number; height: number }) =>
  planGeometry(
    size,
    { width: 64, height: 64 },
    {
      resize: { policy: 'exact', width: 64, height: 64 },
    },
  );
const input = { width: 64, height: 64 };

/** Which part of two maps is the same. */
function agreement(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let same = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) same += 1;
  return same / a.length;
}

describe('the class of each pixel', () => {
  it.each(upsampling.map((each) => [each.logits.dims.join(), each.map.dims.join(), each] as const))(
    'of [%s] at %s, as torch has it',
    (_from, _to, { logits, map }) => {
      const planes = planesOf(logits);
      const [height = 0, width = 0] = map.dims;
      const { x, y } = mapAxes(plain({ width, height }), { width, height }, input, planes);
      const found = classesOf(planes, x, y);
      expect(agreement(found.map, numbersOf(unpacked(map)))).toBeGreaterThanOrEqual(0.999);
    },
  );

  it('is never one that the graph rules out', () => {
    const never = new Array<number>(4).fill(-Infinity);
    const planes = { values: [0, 3, 1, 0, 1, 0, 2, 5, ...never], classes: 3, height: 2, width: 2 };
    const size = { width: 4, height: 4 };
    const { x, y } = mapAxes(plain(size), size, input, planes);
    const ruledOut = classesOf(planes, x, y).map;
    const two = classesOf({ ...planes, values: planes.values.slice(0, 8), classes: 2 }, x, y).map;
    expect(ruledOut).toEqual(two);
  });

  it.each(['wide', 'tall'] as const)('of the %s picture, as SegFormer has it', (which) => {
    const { map, logits } = segformer.maps[which];
    const planes = planesOf(logits);
    const size = pictureSizes[which];
    const { x, y } = mapAxes(plain(size), size, input, planes);
    expect(agreement(classesOf(planes, x, y).map, numbersOf(unpacked(map)))).toBeGreaterThanOrEqual(
      0.999,
    );
  });

  it('is looked up where a letterbox has the picture, and is none where a crop has left it out', () => {
    // Left half class 0, right half class 1, as the network sees it.
    const values = Float32Array.from({ length: 2 * 64 * 64 }, (_, i) => {
      const isRight = i % 64 >= 32;
      return i < 64 * 64 === isRight ? 0 : 1;
    });
    const planes = { values, classes: 2, height: 64, width: 64 };
    const mapWith = (preprocess: Preprocess, size: { width: number; height: number }) => {
      const plan = planGeometry(size, input, preprocess);
      const { x, y } = mapAxes(plan, size, input, planes);
      return classesOf(planes, x, y);
    };
    const box = { width: 64, height: 64 };
    // 16 pixels of bars left and right: the picture's own middle is that of the input.
    const boxed = mapWith({ resize: { policy: 'letterbox', ...box } }, { width: 32, height: 64 });
    expect([...boxed.map.subarray(0, 32)]).toEqual([...Array(16).fill(0), ...Array(16).fill(1)]);
    // At the top left, the picture ends where class 1 would begin.
    const pad = { policy: 'bottom-right', ...box } as const;
    const corner = mapWith({ pad }, { width: 32, height: 64 });
    expect([...areas(corner.map, 2)]).toEqual([32 * 64, 0]);
    const crop = { policy: 'center', ...box } as const;
    const cropped = mapWith({ crop }, { width: 128, height: 64 });
    const none = Array(32).fill(cropped.noClass);
    const seen = [...Array(32).fill(0), ...Array(32).fill(1)];
    expect([...cropped.map.subarray(0, 128)]).toEqual([...none, ...seen, ...none]);
    expect([...areas(cropped.map, 2)]).toEqual([32 * 64, 32 * 64]);
  });

  it('may be chosen by the graph', () => {
    const planes = { values: [0, 1, 7, -1], classes: 1, height: 2, width: 2 };
    const size = { width: 4, height: 4 };
    const { x, y } = mapAxes(plain(size), size, input, planes);
    const { map, noClass } = chosenClasses(planes, 3, x, y);
    expect([...map.subarray(0, 4)]).toEqual([0, 0, 1, 1]);
    expect([...map.subarray(12)]).toEqual(Array(4).fill(noClass));
  });

  it('needs two bytes for many classes', () => {
    const planes = planesOf((upsampling.at(-1) as { logits: PackedTensor }).logits);
    const size = { width: 2, height: 2 };
    const { x, y } = mapAxes(plain(size), size, input, planes);
    expect(classesOf(planes, x, y)).toMatchObject({ noClass: 65535, map: expect.any(Uint16Array) });
  });
});

it.each(['wide', 'tall'] as const)('the alpha of the %s picture, as torch has it', (which) => {
  const { alpha, logits } = matting.alphas[which];
  const planes = planesOf(logits);
  const size = pictureSizes[which];
  const { x, y } = mapAxes(plain(size), size, input, planes);
  const values = activated(planes.values, 'sigmoid');
  const found = alphaOf({ ...planes, values }, x, y);
  const wanted = numbersOf(unpacked(alpha));
  const worst = found.reduce((most, each, i) => {
    return Math.max(most, Math.abs(each - (wanted[i] as number)));
  }, 0);
  expect(worst).toBeLessThanOrEqual(1);
  expect(agreement(found, wanted)).toBeGreaterThan(0.999);
});

it('stretches from the least to the greatest', () => {
  expect([...activated([2, 4, 3], 'min-max')]).toEqual([0, 1, 0.5]);
  expect([...activated([2, 2], 'min-max')]).toEqual([0, 0]);
});

it('has a map of the picture, unless that is enormous', () => {
  expect(mapSize({ width: 6000, height: 4000 })).toEqual({ width: 6000, height: 4000 });
  const { width, height } = mapSize({ width: 12_000, height: 8_000 });
  expect(width * height).toBeLessThanOrEqual(mostPixels);
  expect(width / height).toBeCloseTo(1.5, 3);
});

it('colours as the PASCAL VOC palette', () => {
  expect([1, 2, 3, 8, 15].map(colourOf)).toEqual([
    [128, 0, 0],
    [0, 128, 0],
    [128, 128, 0],
    [64, 0, 0],
    [192, 128, 128],
  ]);
  expect([...classColours([0, 1, 255], 255, 0.5)]).toEqual([
    ...[0, 0, 0, 0],
    ...[128, 0, 0, 128],
    ...[0, 0, 0, 0],
  ]);
  expect([...whiteOf([200], 0.5)]).toEqual([255, 255, 255, 100]);
});
