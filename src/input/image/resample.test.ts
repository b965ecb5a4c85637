import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { compositeOver, greyInPlace } from './pixels.js';
import golden from './resample.golden.json' with { type: 'json' };
import { createResampler, type ResampleOptions } from './resample.js';

/** Four-byte pixels of noise, the same on every machine. */
function noise(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(width * height * 4);
  for (let i = 0; i < bytes.length; i++) {
    let x = (Math.imul(i, 2654435761) + 12345) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 2246822519) >>> 0;
    bytes[i] = (x ^ (x >>> 13)) >>> 24;
  }
  return bytes;
}

/** Resamples all of `pixels`, pushed in bands of `bandRows`. */
function resample(pixels: Uint8Array, options: ResampleOptions, bandRows: number): Uint8Array {
  const resampler = createResampler(options);
  const { x, y, width, height } = resampler.needs;
  for (let row = 0; row < height; row += bandRows) {
    const rows = Math.min(bandRows, height - row);
    const band = resampler.band(rows);
    for (let i = 0; i < rows; i++) {
      const at = ((y + row + i) * options.source.width + x) * 4;
      band.set(pixels.subarray(at, at + width * 4), i * width * 4);
    }
    resampler.push(rows);
  }
  const { data } = resampler.finish();
  resampler.close();
  return Uint8Array.from(data);
}

function whole(
  [width, height]: readonly [number, number],
  [toWidth, toHeight]: readonly [number, number],
): Pick<ResampleOptions, 'source' | 'resized' | 'window'> {
  return {
    source: { width, height },
    resized: { width: toWidth, height: toHeight },
    window: { x: 0, y: 0, width: toWidth, height: toHeight },
  };
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

// Made with Pillow 11.3: `Image.resize(…, filter)`, `crop` for a window, `convert('L')` before.
describe('equals Pillow', () => {
  for (const { source, resized, window, filter, channels, sha256: expected } of golden) {
    const name = `${source.join('×')} to ${resized.join('×')} ${filter} ${channels}${window ? ' window' : ''}`;
    it(name, () => {
      const [width = 0, height = 0] = source;
      const [toWidth = 0, toHeight = 0] = resized;
      const [x = 0, y = 0, w = toWidth, h = toHeight] = window ?? [];
      const options: ResampleOptions = {
        ...whole([width, height], [toWidth, toHeight]),
        window: { x, y, width: w, height: h },
        filter: filter as ResampleOptions['filter'],
        antialias: true,
        channels: channels as 1 | 3,
      };
      const pixels = noise(width, height);
      if (channels === 1) greyInPlace(pixels, 'RGBX');
      expect(sha256(resample(pixels, options, 7))).toBe(expected);
      expect(sha256(resample(pixels, options, height))).toBe(expected);
    });
  }
});

// Made with Pillow 13.0: `Image.resize((23, 17), filter, box=(3.5, 2.25, 84.25, 52.75))`.
it.each([
  ['bilinear', 'eb6f25e56e706dbff22ad521929dae1435a18415b57d0d6d09ade0cd03759660'],
  ['bicubic', '3a4bf2610f569c482093a34d4a872e3dfc5998d818830b5b854a6ae894b6132d'],
  ['box', 'b0b740aca42f24a5fe5d39ce49a36ec737394191438b7dd6af3fc27d11db4de4'],
  ['lanczos', 'd20fcc383333ef5f5fc1d82cb4cb08a7a4469de92d06f4d3bcf81ab798e79f7a'],
] as const)('equals Pillow with a box between pixels, %s', (filter, expected) => {
  const box = { x: 3.5, y: 2.25, width: 80.75, height: 50.5 };
  const options = { ...whole([97, 61], [23, 17]), box, filter, antialias: true } as const;
  expect(sha256(resample(noise(97, 61), { ...options, channels: 3 }, 9))).toBe(expected);
});

it('turns BGR around', () => {
  const options = { ...whole([30, 20], [9, 8]), filter: 'bilinear', antialias: true } as const;
  const rgb = noise(30, 20);
  const bgr = rgb.slice();
  for (let i = 0; i < bgr.length; i += 4) bgr.subarray(i, i + 3).reverse();
  const swapped = resample(bgr, { ...options, channels: 3, swap: true }, 20);
  expect(swapped).toEqual(resample(rgb, { ...options, channels: 3 }, 20));
});

it('asks only for the pixels that the window depends on', () => {
  const { needs } = createResampler({
    source: { width: 4000, height: 3000 },
    resized: { width: 400, height: 300 },
    window: { x: 100, y: 50, width: 10, height: 10 },
    filter: 'bilinear',
    antialias: true,
    channels: 3,
  });
  // The kernel reaches one resized pixel, 10 of the source, around each centre at 10 · (i + 0.5).
  expect(needs).toEqual({ x: 995, y: 495, width: 110, height: 110 });
});

describe('without antialiasing', () => {
  it('interpolates between the two nearest pixels, whatever the scale', () => {
    const pixels = new Uint8Array(8 * 4);
    for (let x = 0; x < 8; x++) pixels.fill(x * 10, x * 4, x * 4 + 4);
    const options = { ...whole([8, 1], [2, 1]), filter: 'bilinear', channels: 1 } as const;
    // Centres at 2 and 6: halfway between pixels 1 and 2, and between 5 and 6.
    expect(Array.from(resample(pixels, { ...options, antialias: false }, 1))).toEqual([15, 55]);
    // With it, all pixels within reach count: Σ x · weight, by Pillow.
    expect(Array.from(resample(pixels, { ...options, antialias: true }, 1))).not.toEqual([15, 55]);
  });
});

describe('alpha', () => {
  it("is composited over the background with Pillow's rounding", () => {
    const band = Uint8Array.of(200, 0, 0, 128, 10, 20, 30, 255, 1, 2, 3, 0);
    compositeOver(band, 'RGBA', [255, 255, 255]);
    expect(Array.from(band)).toEqual([227, 127, 127, 128, 10, 20, 30, 255, 255, 255, 255, 0]);
  });
  it('takes the background as RGB for BGRA too', () => {
    const band = Uint8Array.of(1, 2, 3, 0);
    compositeOver(band, 'BGRA', [10, 20, 30]);
    expect(Array.from(band)).toEqual([30, 20, 10, 0]);
  });
});
