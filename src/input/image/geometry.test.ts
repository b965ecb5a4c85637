import { describe, expect, it } from 'vitest';
import { isTabserveError } from '../../base/errors.js';
import { planGeometry, type Size } from './geometry.js';
import type { Preprocess } from './manifest.js';

const input = { width: 224, height: 224 };
const crop = { policy: 'center', width: 224, height: 224 } as const;
const size = (width: number, height: number): Size => ({ width, height });

function plan(source: Size, preprocess: Preprocess, into = input) {
  return planGeometry(source, into, preprocess);
}

describe('resized size', () => {
  // Expected values: int(size * long / short), as torchvision and Transformers compute it.
  it.each([
    [size(640, 480), size(341, 256)],
    [size(480, 640), size(256, 341)],
    [size(500, 333), size(384, 256)],
    [size(333, 500), size(256, 384)],
    [size(256, 256), size(256, 256)],
    [size(100, 100), size(256, 256)],
    [size(20000, 10), size(512000, 256)],
    [size(1, 1), size(256, 256)],
  ])('shorter side of %o to 256: %o', (source, expected) => {
    const { resized } = plan(source, { resize: { policy: 'shorter-side', size: 256 }, crop });
    expect(resized).toEqual(expected);
  });

  it("takes timm's crop fraction: floor(224 / 0.875) = 256, floor(224 / 0.9) = 248", () => {
    const resize = (fraction: number) => ({ policy: 'crop-fraction', fraction }) as const;
    const at = (fraction: number) => plan(size(500, 333), { resize: resize(fraction), crop });
    expect(at(0.875).resized).toEqual(size(384, 256));
    expect(at(0.9).resized).toEqual(size(372, 248));
    expect(at(1).resized).toEqual(size(336, 224));
  });

  it('takes the crop fraction of a crop that is not square as ResizeKeepRatio does', () => {
    const wide = { policy: 'center', width: 224, height: 112 } as const;
    const { resized } = plan(
      size(640, 480),
      { resize: { policy: 'crop-fraction', fraction: 0.875 }, crop: wide },
      size(224, 112),
    );
    // ratio = min(640 / 256, 480 / 128) = 2.5
    expect(resized).toEqual(size(256, 192));
  });

  it('takes an exact size without regard to proportions', () => {
    const made = plan(size(640, 480), { resize: { policy: 'exact', width: 224, height: 224 } });
    expect(made.resized).toEqual(size(224, 224));
    expect(made.window).toEqual({ x: 0, y: 0, width: 224, height: 224 });
  });
});

describe('proportions kept', () => {
  const padded = { policy: 'bottom-right', width: 310, height: 310 } as const;
  const resizedTo = (source: Size, resize: Preprocess['resize']) => {
    const { resized } = plan(source, { resize, pad: padded }, size(310, 310));
    return [resized.width, resized.height];
  };

  // Expected values: transformers.image_transforms.get_size_with_aspect_ratio, here as width, height.
  it.each([
    [size(640, 480), 200, 300, [266, 200]],
    [size(640, 480), 240, 300, [300, 225]],
    [size(480, 640), 240, 300, [225, 300]],
    [size(333, 251), 150, 200, [199, 150]],
    [size(250, 371), 150, 200, [135, 200]],
    // The shorter side rounds to what it is, so that nothing is resized.
    [size(301, 100), 240, 300, [301, 100]],
    [size(299, 100), 100, 300, [299, 100]],
    [size(20000, 10), 240, 300, [300, 1]],
    [size(301, 2), 240, 300, [301, 2]],
    // Theirs is taken as it is too, for which there is no room here.
    [size(311, 3), 240, 300, [300, 3]],
    // Theirs has no pixel left.
    [size(20000, 1), 240, 300, [300, 1]],
    [size(1, 20000), 240, 300, [1, 300]],
  ])(
    'the shorter side of %o to %i, the longer one at most %i: %o',
    (source, short, longest, expected) => {
      expect(resizedTo(source, { policy: 'shorter-side', size: short, longest })).toEqual(expected);
    },
  );

  const into160 = (rounding?: 'half-even' | 'half-up' | 'floor') =>
    ({ policy: 'fit', width: 160, height: 160, rounding }) as const;

  it('rounds halves as timm, as SAM, or not at all', () => {
    // 160 · 5 / 320 = 2.5, 160 · 7 / 320 = 3.5
    expect(resizedTo(size(320, 5), into160())).toEqual([160, 2]);
    expect(resizedTo(size(320, 7), into160('half-even'))).toEqual([160, 4]);
    expect(resizedTo(size(320, 5), into160('half-up'))).toEqual([160, 3]);
    expect(resizedTo(size(320, 7), into160('floor'))).toEqual([160, 3]);
    expect(resizedTo(size(20000, 10), into160('floor'))).toEqual([160, 1]);
  });

  it('enlarges too, and takes the side that fits first', () => {
    const wide = { policy: 'fit', width: 200, height: 50 } as const;
    expect(resizedTo(size(20, 10), wide)).toEqual([100, 50]);
    expect(resizedTo(size(10, 1), wide)).toEqual([200, 20]);
  });
});

describe('padding', () => {
  const pad = { policy: 'bottom-right', width: 224, height: 224 } as const;

  it('leaves the output as large as the picture became', () => {
    const resize = { policy: 'fit', width: 224, height: 224 } as const;
    const made = plan(size(448, 224), { resize, pad });
    expect(made.output).toEqual(size(224, 112));
    expect(made.window).toEqual({ x: 0, y: 0, width: 224, height: 112 });
    expect(made.offset).toEqual({ x: 0, y: 0 });
  });

  it('is refused for a picture that is larger', () => {
    const resize = { policy: 'shorter-side', size: 200 } as const;
    expect(() => plan(size(448, 224), { resize, pad })).toThrow('becomes 400 × 200');
  });
});

describe('centre crop', () => {
  const offsetX = (width: number, rounding: 'half-even' | 'floor') => {
    const { window } = plan(size(width, 224), { crop: { ...crop, rounding } });
    return window.x;
  };

  it('rounds halves to even, as torchvision', () => {
    expect([225, 226, 227, 229, 231].map((w) => offsetX(w, 'half-even'))).toEqual([0, 1, 2, 2, 4]);
  });

  it('rounds down, as Transformers', () => {
    expect([225, 226, 227, 229, 231].map((w) => offsetX(w, 'floor'))).toEqual([0, 1, 1, 2, 3]);
  });

  it('surrounds a picture that is too small with black: the odd pixel right and below, as torchvision', () => {
    const made = plan(size(221, 300), { crop });
    expect(made.window).toEqual({ x: 0, y: 38, width: 221, height: 224 });
    expect(made.offset).toEqual({ x: 1, y: 0 });
    expect(made.border).toEqual([0, 0, 0]);
  });

  it('surrounds it with another colour where the manifest says so', () => {
    expect(plan(size(221, 300), { crop: { ...crop, fill: [1, 2, 3] } }).border).toEqual([1, 2, 3]);
  });

  it('puts the odd pixel left and above, as Transformers', () => {
    const made = plan(size(221, 300), { crop: { ...crop, rounding: 'floor' } });
    expect(made.offset).toEqual({ x: 2, y: 0 });
  });
});

describe('letterbox', () => {
  const resize = { policy: 'letterbox', width: 224, height: 224 } as const;

  it('fits and centres, with bars in the background colour', () => {
    const made = plan(size(640, 480), { resize, background: [1, 2, 3] });
    expect(made.resized).toEqual(size(224, 168));
    expect(made.offset).toEqual({ x: 0, y: 28 });
    expect(made.output).toEqual(size(224, 224));
    expect(made.border).toEqual([1, 2, 3]);
  });

  it('keeps at least one pixel', () => {
    expect(plan(size(20000, 10), { resize }).resized).toEqual(size(224, 1));
  });

  it('may be cropped', () => {
    const small = { policy: 'center', width: 100, height: 200 } as const;
    const made = plan(size(640, 480), { resize, crop: small }, size(100, 200));
    expect(made.window).toEqual({ x: 62, y: 0, width: 100, height: 168 });
    expect(made.offset).toEqual({ x: 0, y: 16 });
  });
});

describe('region', () => {
  it('stands for the whole picture', () => {
    const region = { x: 5, y: 7, width: 480, height: 640 };
    const made = planGeometry(
      size(2000, 2000),
      input,
      { resize: { policy: 'shorter-side', size: 256 }, crop },
      region,
    );
    expect(made.region).toEqual(region);
    expect(made.resized).toEqual(size(256, 341));
    // (341 − 224) / 2 = 58.5
    expect(made.window).toEqual({ x: 16, y: 58, width: 224, height: 224 });
  });

  it.each([
    { x: -1, y: 0, width: 5, height: 5 },
    { x: 0, y: 0, width: 0, height: 5 },
    { x: 6, y: 0, width: 5, height: 5 },
    { x: 0, y: 6, width: 5, height: 5 },
    { x: 0.5, y: 0, width: 5, height: 5 },
    { x: Number.NaN, y: 0, width: 5, height: 5 },
  ])('refuses %o in 10 × 10', (region) => {
    expect(() => planGeometry(size(10, 10), input, {}, region)).toThrow(/not within the picture/);
  });
});

it('says so when the picture does not come out in the size of the input', () => {
  let thrown: unknown;
  try {
    plan(size(30, 40), {});
  } catch (error) {
    thrown = error;
  }
  expect(isTabserveError(thrown, 'invalid-argument')).toBe(true);
  expect(String(thrown)).toContain('becomes 30 × 40, but the model takes 224 × 224');
});
