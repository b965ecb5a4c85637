/** Pictures for tests in Node, which has no decoder: PNG files as the `ImageData` of a canvas. */
import { inflateSync } from 'node:zlib';
import { TestImageData } from './bitmap.js';

/** What the page takes for an `ImageData`, which Node does not have. */
export function imageData(data: Uint8ClampedArray, width: number, height: number): ImageData {
  return new TestImageData(data, width, height) as unknown as ImageData;
}

/**
 * Decodes a PNG file of 8 bits per channel, in colours or grey, that is not interlaced.
 *
 * Source: W3C, Portable Network Graphics, third edition, 9 (filtering) and 11 (chunks).
 */
export function decodePng(file: Uint8Array): ImageData {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const parts: Uint8Array[] = [];
  let [width, height, type] = [0, 0, 0];
  for (let at = 8; at < file.length; ) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...file.subarray(at + 4, at + 8));
    if (name === 'IHDR') {
      width = view.getUint32(at + 8);
      height = view.getUint32(at + 12);
      type = view.getUint8(at + 17);
    }
    if (name === 'IDAT') parts.push(file.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const channels = { 0: 1, 2: 3, 4: 2, 6: 4 }[type];
  if (channels === undefined) throw new Error(`There is no decoder for PNG of type ${type}.`);
  const rows = unfiltered(inflateSync(Buffer.concat(parts)), width * channels, height, channels);
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 4; channel += 1) {
      const isAlpha = channel === 3;
      if (isAlpha && channels % 2 === 1) continue;
      const from = isAlpha ? channels - 1 : Math.min(channel, channels > 2 ? 2 : 0);
      data[pixel * 4 + channel] = rows[pixel * channels + from] ?? 0;
    }
  }
  return imageData(data, width, height);
}

function unfiltered(raw: Uint8Array, stride: number, height: number, step: number): Uint8Array {
  const out = new Uint8Array(stride * height);
  for (let row = 0; row < height; row += 1) {
    const filter = raw[row * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const at = row * stride + x;
      const left = x < step ? 0 : (out[at - step] ?? 0);
      const up = row === 0 ? 0 : (out[at - stride] ?? 0);
      const corner = row === 0 || x < step ? 0 : (out[at - stride - step] ?? 0);
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter ?? 0] ?? 0;
      out[at] = (raw[row * (stride + 1) + 1 + x] ?? 0) + guess;
    }
  }
  return out;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [a, b, c] = [left, up, corner].map((each) => Math.abs(guess - each)) as [
    number,
    number,
    number,
  ];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
