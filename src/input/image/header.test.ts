import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { firstBytes, readHeader } from './header.js';

const latin1 = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const header = (...parts: (string | number[])[]) =>
  readHeader(new Blob(parts.map((p) => (typeof p === 'string' ? latin1(p) : Uint8Array.from(p)))));

describe('size', () => {
  it('PNG', async () => {
    const png = header('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', [0, 0, 0xea, 0x60, 0, 0, 1, 2, 8, 2]);
    expect(await png).toEqual({ type: 'png', size: { width: 60000, height: 258 } });
  });
  it('GIF', async () => {
    const gif = header('GIF89a', [0xa0, 0, 0x5a, 1, 0xf7, 0, 0]);
    expect(await gif).toEqual({ type: 'gif', size: { width: 160, height: 346 } });
  });
  it('BMP, from the top and from the bottom', async () => {
    const start = [0, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 64, 1, 0, 0];
    const up = header('BM', start, [180, 0, 0, 0, 1, 0, 24, 0]);
    expect(await up).toEqual({ type: 'bmp', size: { width: 320, height: 180 } });
    const down = header('BM', start, [0x4c, 0xff, 0xff, 0xff, 1, 0, 24, 0]);
    expect(await down).toEqual({ type: 'bmp', size: { width: 320, height: 180 } });
  });
  it('WebP, lossy, lossless and extended', async () => {
    const riff = 'RIFF\xff\0\0\0WEBP';
    const lossy = header(riff, 'VP8 \0\0\0\0', [0, 0, 0, 0x9d, 1, 0x2a, 0, 5, 0xd0, 2]);
    expect(await lossy).toEqual({ type: 'webp', size: { width: 1280, height: 720 } });
    const bits = (319 | (179 << 14)) >>> 0;
    const bytes = [bits & 255, (bits >> 8) & 255, (bits >> 16) & 255, bits >>> 24];
    const lossless = header(riff, 'VP8L\0\0\0\0', [0x2f, ...bytes]);
    expect(await lossless).toEqual({ type: 'webp', size: { width: 320, height: 180 } });
    const extended = header(riff, 'VP8X\x0a\0\0\0', [0, 0, 0, 0, 0xff, 4, 0, 0xcf, 2, 0]);
    expect(await extended).toEqual({ type: 'webp', size: { width: 1280, height: 720 } });
  });

  describe('JPEG', () => {
    const frame = [0xff, 0xc2, 0, 17, 8, 2, 0xd0, 5, 0, 3, 1, 0x22, 0];
    const size = { width: 1280, height: 720 };
    const segment = (length: number) => {
      const bytes = new Array<number>(length + 2).fill(0x55);
      bytes.splice(0, 4, 0xff, 0xe1, length >> 8, length & 255);
      return bytes;
    };
    it('after any number of long segments', async () => {
      const jpeg = header([0xff, 0xd8], segment(65535), segment(20), segment(4090), frame);
      expect(await jpeg).toEqual({ type: 'jpeg', size });
    });
    it.each([4080, 4081, 4082, 4083, 4084, 4085, 4090])(
      'across the end of what is read at a time (%i)',
      async (length) => {
        expect(await header([0xff, 0xd8], segment(length), frame)).toEqual({ type: 'jpeg', size });
      },
    );
    it('after fill bytes', async () => {
      expect(await header([0xff, 0xd8, 0xff, 0xff, 0xff], frame)).toEqual({ type: 'jpeg', size });
    });
    it('is not told by a file that ends before', async () => {
      expect(await header([0xff, 0xd8], segment(65535).slice(0, 9000))).toEqual({ type: 'jpeg' });
      expect(await header([0xff, 0xd8, 0xff])).toEqual({ type: 'jpeg' });
    });
    it('is not told after the pixels have begun', async () => {
      expect(await header([0xff, 0xd8, 0xff, 0xda, 0, 8], frame)).toEqual({ type: 'jpeg' });
    });
  });

  describe('what a JPEG says of its pixels', () => {
    const frame = [0xff, 0xc0, 0, 11, 8, 0, 9, 0, 7, 1, 1, 0x11, 0];
    const scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0];
    const components = (count: number) => frame.with(9, count);
    const segment = (marker: number, text: string) => {
      const length = text.length + 2;
      return [0xff, marker, length >> 8, length & 255, ...latin1(text)];
    };
    const icc = segment(0xe2, 'ICC_PROFILE\0\x01\x01');
    /** Orientation 6, big-endian and little-endian, behind another tag. */
    const big =
      'MM\0*\0\0\0\x08\0\x02\x01\x0f\0\x02\0\0\0\x01\0\0\0\0\x01\x12\0\x03\0\0\0\x01\0\x06\0\0';
    const little =
      'II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x01\0\0\0\0\0\0\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0';
    const exif = (tiff: string) => segment(0xe1, `Exif\0\0${tiff}`);
    const padding = segment(0xe5, 'x'.repeat(4060));
    const of = async (...parts: number[][]) => {
      const { orientation, plain } = await header([0xff, 0xd8], ...parts);
      // All of it in memory has to say the same.
      const bytes = Uint8Array.from([0xff, 0xd8, ...parts.flat()]);
      expect(await readHeader(bytes)).toEqual(await header([0xff, 0xd8], ...parts));
      return { orientation, plain };
    };

    it.each([
      ['grey', [frame], 1, true],
      ['three components', [components(3)], 1, true],
      ['CMYK', [components(4)], 1, false],
      ['a profile', [icc, frame], 1, false],
      ['a profile after the frame header', [frame, icc], 1, false],
      ['another APP2', [segment(0xe2, 'MPF\0II*\0\x08\0\0\0'), frame], 1, true],
      ['EXIF, big-endian', [exif(big), frame], 6, false],
      ['EXIF, little-endian', [exif(little), frame], 6, false],
      ['EXIF without an orientation', [exif(big.replace('\x01\x12', '\x01\x13')), frame], 1, false],
      [
        'EXIF, with nonsense for one',
        [exif(little.replace('\x06', '\x09')), frame],
        undefined,
        false,
      ],
      ['EXIF that is cut off', [exif(big.slice(0, 18)), frame], undefined, false],
      ['EXIF that is nonsense', [exif('MM'), frame], undefined, false],
      ['EXIF across the end of what is read at a time', [padding, exif(big), frame], 6, false],
    ])('%s', async (_, parts, orientation, plain) => {
      expect(await of(...parts, scan)).toEqual({ orientation, plain });
    });
    it('is not told before the pixels begin', async () => {
      expect(await of(frame)).toEqual({ orientation: undefined, plain: undefined });
    });
  });

  it('is left out where the file ends within its header', async () => {
    expect(await header('\x89PNG\r\n\x1a\n\0\0')).toEqual({ type: 'png' });
    expect(await header('RIFF\0\0\0\0WEBP')).toEqual({ type: 'webp' });
    expect(await header('GIF89a')).toEqual({ type: 'gif' });
  });
});

describe('type', () => {
  it.each([
    ['', 'empty'],
    ['\0\0\0\x1cftypavif\0\0\0\0avifmif1', 'avif'],
    ['\0\0\0\x1cftypmif1\0\0\0\0mif1avif', 'avif'],
    ['\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'heic'],
    ['\0\0\0\x18ftypisom\0\0\0\0isommp42', 'unknown'],
    ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'svg'],
    ['\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a --><!-- b -->\n<svg/>', 'svg'],
    ['<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd" [<!ENTITY a "b">]><svg/>', 'svg'],
    ['<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>', 'svg'],
    ['<!doctype html><title>404</title>', 'html'],
    ['\n<html><body><svg/></body></html>', 'html'],
    ['BM is how this text begins', 'text'],
    ['{"error": "not found"}', 'text'],
    ['\0\x01\x02\x03', 'unknown'],
    ['\xff\xfe\xfd', 'unknown'],
  ])('of %j is %s', async (bytes, type) => {
    expect((await header(bytes)).type).toBe(type);
  });

  it('is found quickly in a file of nothing but comments', async () => {
    expect((await header('<!---->'.repeat(1000))).type).toBe('html');
  });
});

it('shows the first bytes as text or in hex', async () => {
  expect(await firstBytes(new Blob(['<!doctype html>…']), 9)).toBe('"<!doctype"');
  expect(await firstBytes(new Blob([Uint8Array.of(0, 255, 16)]))).toBe('00 ff 10');
});

it("EXIF's orientation is read from WebP files as Pillow writes them", async () => {
  const path = new URL('golden/orientations.json', import.meta.url);
  const files = JSON.parse(readFileSync(path, 'utf8')) as { orientation: number; file: string }[];
  expect(files).toHaveLength(16);
  for (const { orientation, file } of files) {
    const { type, unheeded } = await readHeader(new Blob([Buffer.from(file, 'base64')]));
    expect([type, unheeded ?? 1]).toEqual(['webp', orientation]);
  }
});
