import { expect, it } from 'vitest';
import { planGeometry } from './geometry.js';
import { inputToPicture } from './inverse.js';

const input = { width: 640, height: 640 };

it.each([
  // Ultralytics' LetterBox: round(side · ratio), and round(half of the rest − 0.1).
  [
    { width: 1920, height: 1080 },
    { width: 640, height: 360 },
    { x: 0, y: 140 },
  ],
  [
    { width: 1081, height: 1921 },
    { width: 360, height: 640 },
    { x: 140, y: 0 },
  ],
  [
    { width: 500, height: 333 },
    { width: 640, height: 426 },
    { x: 0, y: 107 },
  ],
  [
    { width: 3, height: 1000 },
    { width: 2, height: 640 },
    { x: 319, y: 0 },
  ],
])('centres %j as %j', (size, resized, offset) => {
  const resize = { policy: 'letterbox', ...input } as const;
  expect(planGeometry(size, input, { resize })).toMatchObject({ resized, offset, output: input });
});

it("lies at the top left, its sides cut off, as YOLOX' does", () => {
  const resize = { policy: 'letterbox', ...input, align: 'top-left', rounding: 'floor' } as const;
  const plan = planGeometry({ width: 500, height: 333 }, input, { resize });
  expect(plan).toMatchObject({ resized: { width: 640, height: 426 }, offset: { x: 0, y: 0 } });
  const other = planGeometry({ width: 1081, height: 1921 }, input, { resize });
  expect(other).toMatchObject({ resized: { width: 360, height: 640 }, offset: { x: 0, y: 0 } });
});

it('is undone by the ratio before it was rounded', () => {
  const resize = { policy: 'letterbox', ...input } as const;
  const size = { width: 4000, height: 3001 };
  const { x, y } = inputToPicture(planGeometry(size, input, { resize }), { resize });
  const back = ({ from, scale, to }: typeof x, value: number) => (value - from) * scale + to;
  // Ultralytics' scale_boxes: (value − pad) / gain.
  expect(back(x, 640)).toBeCloseTo(4000, 9);
  expect(back(y, 80)).toBeCloseTo(0, 9);
  expect(back(y, 560)).toBeCloseTo(480 / 0.16, 9);
});

it('knows the way back from a crop, a padding and a part of the picture', () => {
  const preprocess = {
    resize: { policy: 'shorter-side', size: 256 },
    crop: { policy: 'center', width: 224, height: 224 },
  } as const;
  const region = { x: 10, y: 20, width: 512, height: 1024 };
  const size = { width: 600, height: 1100 };
  const plan = planGeometry(size, { width: 224, height: 224 }, preprocess, region);
  // Resized to 256 × 512; the crop begins at 16, 144.
  expect(inputToPicture(plan, preprocess)).toEqual({
    x: { from: -16, scale: 2, to: 10 },
    y: { from: -144, scale: 2, to: 20 },
  });
});

it('brings sides down to multiples, as Transformers does for YOLOS', () => {
  const pad = { policy: 'bottom-right', width: 80, height: 80 } as const;
  const resize = { policy: 'shorter-side', size: 48, longest: 80, multipleOf: 16 } as const;
  const resized = ({ width, height }: { width: number; height: number }) =>
    planGeometry({ width, height }, { width: 80, height: 80 }, { resize, pad }).resized;
  expect(resized({ width: 157, height: 113 })).toEqual({ width: 64, height: 48 });
  expect(resized({ width: 90, height: 141 })).toEqual({ width: 48, height: 64 });
  expect(resized({ width: 48, height: 400 })).toEqual({ width: 16, height: 80 });
});
