/** Pictures in Node, with the pixels that Pillow and the browser give. */
import { readFile } from 'node:fs/promises';
import jpegBinary from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm?bytes';
import decodeJpeg, { init as openJpeg } from '@jsquash/jpeg/decode.js';
import pngBinary from '@jsquash/png/codec/pkg/squoosh_png_bg.wasm?bytes';
import decodePng, { init as openPng } from '@jsquash/png/decode.js';
import { openPixels } from '../input/image/bands.js';
import { readHeader } from '../input/image/header.js';
import { turned } from '../input/image/turn.js';
import type { PixelSource } from '../input/image/types.js';

/** Pictures with more pixels are refused. */
const maxPixels = 100_000_000;

/** What the decoders give, which Node does not have. */
class Pixels {
  readonly colorSpace = 'srgb';
  constructor(
    readonly data: Uint8ClampedArray,
    readonly width: number,
    readonly height: number,
  ) {}
}

/**
 * Reads a JPEG or PNG file, upright.
 *
 * @throws Error for another type, or one that is damaged or too large.
 */
export async function readPicture(path: string): Promise<PixelSource> {
  const file = await readFile(path);
  const header = await readHeader(new Uint8Array(file));
  const { type, size } = header;
  if (type !== 'jpeg' && type !== 'png') {
    throw new Error(`${path} is ${type}; this takes JPEG and PNG. Convert it to PNG.`);
  }
  if (size && size.width * size.height > maxPixels) {
    throw new Error(`${path} has ${size.width} × ${size.height} pixels, more than ${maxPixels}.`);
  }
  globalThis.ImageData ??= Pixels as unknown as typeof ImageData;
  const bytes = new Uint8Array(file).buffer;
  const { data, width, height } = await (type === 'jpeg' ? jpeg(bytes) : png(bytes)).catch(
    (cause: unknown) => {
      throw new Error(`${path} cannot be decoded: it is damaged.`, { cause });
    },
  );
  const pixels = openPixels({ data, width, height, channels: 4 });
  return turned(pixels, header.orientation ?? header.unheeded ?? 1);
}

async function jpeg(bytes: ArrayBuffer): Promise<ImageData> {
  await openJpeg(await WebAssembly.compile(jpegBinary));
  return decodeJpeg(bytes);
}

async function png(bytes: ArrayBuffer): Promise<ImageData> {
  await openPng(await WebAssembly.compile(pngBinary));
  return decodePng(bytes);
}
