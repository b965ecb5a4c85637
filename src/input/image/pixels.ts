/** Operations on bands of four-byte pixels, in place. */
import type { PixelFormat } from './types.js';

/**
 * Composites straight-alpha pixels over a colour, with the rounding of Pillow's
 * `Image.paste(…, mask=alpha)` (`src/libImaging/Paste.c`, `BLEND`).
 *
 * @param band - RGBA or BGRA bytes.
 * @param background - RGB of 0…255.
 */
export function compositeOver(
  band: Uint8Array,
  format: PixelFormat,
  [red, green, blue]: readonly [number, number, number],
): void {
  const [first, third] = format.startsWith('B') ? [blue, red] : [red, blue];
  for (let i = 0; i < band.length; i += 4) {
    const alpha = band[i + 3] as number;
    if (alpha === 255) continue;
    band[i] = blend(band[i] as number, first, alpha);
    band[i + 1] = blend(band[i + 1] as number, green, alpha);
    band[i + 2] = blend(band[i + 2] as number, third, alpha);
  }
}

function blend(over: number, under: number, alpha: number): number {
  const sum = over * alpha + under * (255 - alpha) + 128;
  return ((sum >> 8) + sum) >> 8;
}

/**
 * Writes each pixel's ITU-R 601 luma into its first byte, rounded as Pillow's `convert('L')` does
 * (`src/libImaging/Convert.c`, `L24`).
 */
export function greyInPlace(band: Uint8Array, format: PixelFormat): void {
  const [red, blue] = format.startsWith('B') ? [2, 0] : [0, 2];
  for (let i = 0; i < band.length; i += 4) {
    band[i] = luma(band[i + red] as number, band[i + 1] as number, band[i + blue] as number);
  }
}

/** Pillow's luma of one colour of 0…255. */
export function luma(red: number, green: number, blue: number): number {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}
