import type { CapturedImage } from '../input/image/types.js';

/** The picture of the recipes that made the golden values of hubs' processors. */
export function hubPicture(width: number, height: number): CapturedImage {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const check = ((Math.floor(x / 16) + Math.floor(y / 16)) % 2) * 90;
      for (let c = 0; c < 3; c++) {
        data[at + c] = (x * x * 7 + y * y * 3 + x * y * 5 + c * 85 + check) % 256;
      }
      data[at + 3] = 255;
    }
  }
  return { kind: 'pixels', pixels: { data, width, height, channels: 4 } };
}
