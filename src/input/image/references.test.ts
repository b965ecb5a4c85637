import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import references from './golden/references.json' with { type: 'json' };
import type { ResizeFilter, ResizeReference } from './manifest.js';
import { createResampler } from './resample.js';

/** As the recipe's. */
function noise(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(width * height * 4);
  for (let i = 0; i < bytes.length; i++) {
    let x = (Math.imul(i, 2654435761) + 12345) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 2246822519) >>> 0;
    bytes[i] = (x ^ (x >>> 13)) >>> 24;
  }
  return bytes;
}

type Row = readonly [readonly number[], readonly number[], string, string];

for (const [reference, rows] of Object.entries(references)) {
  describe(`${reference}, to the byte`, () => {
    for (const [from, to, filter, expected] of rows as unknown as readonly Row[]) {
      it(`${from.join('×')} to ${to.join('×')} ${filter}`, () => {
        const [width = 0, height = 0] = from;
        const [toWidth = 0, toHeight = 0] = to;
        const resampler = createResampler({
          source: { width, height },
          resized: { width: toWidth, height: toHeight },
          window: { x: 0, y: 0, width: toWidth, height: toHeight },
          filter: filter as ResizeFilter,
          antialias: reference !== 'opencv',
          reference: reference as ResizeReference,
          channels: 3,
        });
        const { needs } = resampler;
        const pixels = noise(width, height);
        // In two bands, so that the order of what is pushed matters.
        const half = needs.height >> 1;
        for (const [start, rows] of [
          [0, half],
          [half, needs.height - half],
        ] as const) {
          const band = resampler.band(rows);
          for (let row = 0; row < rows; row++) {
            const at = ((needs.y + start + row) * width + needs.x) * 4;
            band.set(pixels.subarray(at, at + needs.width * 4), row * needs.width * 4);
          }
          resampler.push(rows);
        }
        const { data } = resampler.finish();
        expect(createHash('sha256').update(data).digest('hex').slice(0, 24)).toBe(expected);
      });
    }
  });
}
