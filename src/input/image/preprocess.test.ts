import { describe, expect, it } from 'vitest';
import { decode } from './decode.js';
import type { ModelInput, Preprocess } from './manifest.js';
import { createPreprocessor } from './preprocess.js';
import type { CapturedImage, PixelRect } from './types.js';

const input: ModelInput = {
  name: 'input',
  layout: 'NHWC',
  dtype: 'uint8',
  width: 4,
  height: 4,
  channels: 3,
  colorOrder: 'RGB',
};

/** A picture of one colour. */
function plain(width: number, height: number, rgba: number[]): CapturedImage {
  const data = new Uint8ClampedArray(width * height * 4).map((_, i) => rgba[i % 4] ?? 0);
  return { kind: 'pixels', pixels: { data, width, height, channels: 4 } };
}

async function cropOf(image: CapturedImage, preprocess: Preprocess, into = input) {
  const source = await decode(image);
  return createPreprocessor(into, preprocess).crop(source);
}

describe('reduction', () => {
  const by = (preprocess: Preprocess, width: number, height: number, region?: PixelRect) =>
    createPreprocessor(input, preprocess).reduction({ width, height }, region);
  const resize = { policy: 'exact', width: 4, height: 4 } as const;

  it('leaves twice the pixels that are needed', () => {
    expect([15, 16, 31, 32, 63, 64, 999].map((side) => by({ resize }, side, side))).toEqual([
      1, 2, 2, 4, 4, 8, 8,
    ]);
  });
  it('goes by the axis that shrinks less', () => {
    expect(by({ resize }, 999, 16)).toBe(2);
  });
  it('goes by the region', () => {
    expect(by({ resize }, 999, 999, { x: 1, y: 1, width: 16, height: 90 })).toBe(2);
  });
  it('is none where single pixels count', () => {
    expect(by({ resize: { ...resize, filter: 'nearest' } }, 999, 999)).toBe(1);
    expect(by({ resize: { ...resize, antialias: false } }, 999, 999)).toBe(1);
    expect(by({ crop: { policy: 'center', width: 4, height: 4 } }, 999, 999)).toBe(1);
  });
});

it('resizes a reduced picture as the whole one', async () => {
  const preprocess = { resize: { policy: 'exact', width: 4, height: 4, filter: 'box' } } as const;
  const { crop } = createPreprocessor(input, preprocess);
  // Columns of one value per 8 pixels, and what is left of them at a quarter of the size.
  const columns = (width: number, each: number): CapturedImage => {
    const picture = plain(width, width, [0, 0, 0, 255]);
    if (picture.kind !== 'pixels') throw new Error(picture.kind);
    picture.pixels.data.forEach((_, at, data) => {
      if (at % 4 < 3) data[at] = Math.floor(((at >> 2) % width) / each) * 20;
    });
    return picture;
  };
  const region = { x: 16, y: 3, width: 32, height: 50 };
  const whole = await crop(await decode(columns(64, 8)), region);
  const reduced = { ...(await decode(columns(16, 2))), width: 64, height: 64, reducedBy: 4 };
  expect(await crop(reduced, region)).toEqual(whole);
  expect(Array.from(whole.data.subarray(0, 12), (byte) => byte / 20)).toEqual([
    2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5,
  ]);
});

describe('crop', () => {
  it('shows letterbox bars in the background colour', async () => {
    const resize = { policy: 'letterbox', width: 4, height: 4 } as const;
    const { data } = await cropOf(plain(8, 4, [9, 8, 7, 255]), { resize, background: [1, 2, 3] });
    const row = (colour: number[]) => Array.from({ length: 4 }, () => colour).flat();
    const bar = row([1, 2, 3]);
    const middle = row([9, 8, 7]);
    expect(Array.from(data)).toEqual([...bar, ...middle, ...middle, ...bar]);
  });

  it('surrounds a picture smaller than the crop with black', async () => {
    const crop = { policy: 'center', width: 4, height: 4 } as const;
    const { data } = await cropOf(plain(2, 4, [9, 9, 9, 255]), { crop });
    expect(Array.from(data.subarray(0, 12))).toEqual([0, 0, 0, 9, 9, 9, 9, 9, 9, 0, 0, 0]);
  });

  it('composites transparency over the background, white by default', async () => {
    const { data } = await cropOf(plain(4, 4, [200, 0, 0, 128]), {});
    expect(Array.from(data.subarray(0, 3))).toEqual([227, 127, 127]);
  });

  it("turns grey before resizing, by Pillow's luma", async () => {
    const grey: ModelInput = { ...input, channels: 1, colorOrder: 'GRAY' };
    const resize = { policy: 'exact', width: 4, height: 4 } as const;
    const { data } = await cropOf(plain(9, 5, [200, 100, 50, 255]), { resize }, grey);
    // (200 · 19595 + 100 · 38470 + 50 · 7471 + 32768) >> 16
    expect(Array.from(data)).toEqual(Array(16).fill(124));
  });

  it('is the same in many bands as in one', async () => {
    const resize = { policy: 'exact', width: 4, height: 4 } as const;
    // 3 MB, three bands.
    const { data } = await cropOf(plain(1000, 800, [1, 2, 3, 255]), { resize });
    expect(Array.from(data)).toEqual(Array.from({ length: 16 }, () => [1, 2, 3]).flat());
  });

  it('stops between bands when aborted', async () => {
    const source = await decode(plain(1000, 800, [1, 2, 3, 255]));
    const reason = new Error('enough');
    const resize = { policy: 'exact', width: 4, height: 4 } as const;
    const crop = createPreprocessor(input, { resize }).crop(
      source,
      undefined,
      AbortSignal.abort(reason),
    );
    await expect(crop).rejects.toBe(reason);
  });
});

describe('run', () => {
  it('writes the picture into its place and times each step', async () => {
    const preprocessor = createPreprocessor(input, {});
    const into = preprocessor.allocate(2);
    const times = await preprocessor.run(plain(4, 4, [5, 5, 5, 255]), into, 1);
    expect(Array.from(into)).toEqual([...Array(48).fill(0), ...Array(48).fill(5)]);
    expect(Object.keys(times)).toEqual(['decode', 'resample', 'tensor']);
  });

  it('looks at a region only', async () => {
    const image = plain(6, 4, [0, 0, 0, 255]);
    if (image.kind === 'pixels') image.pixels.data.fill(255, 0, 4);
    const preprocessor = createPreprocessor(input, {});
    const into = preprocessor.allocate(1);
    await preprocessor.run(image, into, 0, { region: { x: 2, y: 0, width: 4, height: 4 } });
    expect(Math.max(...into)).toBe(0);
  });
});

describe('decode', () => {
  it('refuses more than maxPixels', async () => {
    const decoding = decode(plain(10, 10, [0, 0, 0, 0]), { maxPixels: 99 });
    await expect(decoding).rejects.toMatchObject({ code: 'image-too-large', retryable: false });
  });

  it('refuses a PNG by its header alone', async () => {
    const header = Uint8Array.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60', (c) =>
      c.charCodeAt(0),
    );
    const decoding = decode({ kind: 'blob', blob: new File([header], 'bomb.png') });
    await expect(decoding).rejects.toMatchObject({
      code: 'image-too-large',
      details: { name: '"bomb.png"', width: 60000, height: 60000 },
    });
  });

  it.each([
    ['', 'it is empty (0 bytes)'],
    ['<!doctype html><p>404', 'it is HTML or XML, starting with "<!doctype html><p>404"'],
    ['not an image', 'it is text, starting with "not an image"'],
  ])('says what %j is instead of an image', async (text, message) => {
    const bytes = new TextEncoder().encode(text).buffer;
    for (const image of [
      { kind: 'blob', blob: new Blob([text]) },
      { kind: 'bytes', bytes },
    ] as const) {
      const decoding = decode(image);
      await expect(decoding).rejects.toMatchObject({ code: 'image-undecodable' });
      await expect(decoding).rejects.toThrow(message);
    }
  });

  it('rejects with the reason of an aborted signal', async () => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(decode(plain(1, 1, [0]), { signal })).rejects.toBe(reason);
  });

  it('needs a page for SVG', async () => {
    const decoding = decode({ kind: 'blob', blob: new Blob(['<svg/>']) });
    await expect(decoding).rejects.toMatchObject({ code: 'unsupported' });
  });
});
