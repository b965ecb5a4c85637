/** A decoder of PNG files and a canvas to read them through, which Node lacks. */
import { crc32, deflateSync } from 'node:zlib';
import { vi } from 'vitest';
import { TestBitmap } from './bitmap.js';
import { decodePng } from './png.js';

class DecodedBitmap extends TestBitmap {
  constructor(readonly picture: ImageData) {
    super(picture.width, picture.height);
  }
}

/** Has worker and page decode PNG files, and nothing else. */
export function decodePngFiles(): void {
  vi.stubGlobal('createImageBitmap', async (file: Blob) => {
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (bytes[1] !== 0x50) throw new DOMException('It is no PNG.', 'InvalidStateError');
    return new DecodedBitmap(decodePng(bytes));
  });
  vi.stubGlobal(
    'OffscreenCanvas',
    class {
      getContext() {
        let drawn: { picture: ImageData; x: number; y: number };
        return {
          globalCompositeOperation: '',
          drawImage({ picture }: DecodedBitmap, x: number, y: number) {
            drawn = { picture, x, y };
          },
          getImageData(x: number, y: number, width: number, height: number) {
            const { picture } = drawn;
            const data = new Uint8ClampedArray(width * height * 4);
            for (let row = 0; row < height; row++) {
              const from = ((y - drawn.y + row) * picture.width + x - drawn.x) * 4;
              data.set(picture.data.subarray(from, from + width * 4), row * width * 4);
            }
            return { data };
          },
        };
      }
    },
  );
}

/** A picture as a PNG file: 8 bits per channel, in colours with alpha. */
export function pngFile({ data, width, height }: ImageData, name = 'picture.png'): File {
  const rows = Buffer.alloc(height * (1 + width * 4));
  for (let row = 0; row < height; row++) {
    rows.set(data.subarray(row * width * 4, (row + 1) * width * 4), row * (1 + width * 4) + 1);
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 6], 8);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const chunks = [chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND')];
  return new File([Buffer.concat([signature, ...chunks])], name, { type: 'image/png' });
}

function chunk(type: string, content: Uint8Array = new Uint8Array()): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const whole = Buffer.alloc(named.length + 8);
  whole.writeUInt32BE(content.length, 0);
  whole.set(named, 4);
  whole.writeUInt32BE(crc32(named), named.length + 4);
  return whole;
}
