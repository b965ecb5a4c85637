/** Writes JPEG files of any layout, so that tests need no files of others. */

/** A JPEG to write. Every block of 8 × 8 samples has one random value. */
export interface JpegLayout {
  width: number;
  height: number;
  /** Per component, samples across and down in a unit. @default 4:2:0 */
  sampling?: readonly (readonly [across: number, down: number])[];
  /** Component ids. @default 1, 2, 3, … */
  ids?: readonly number[];
  /** Segments before the tables, made by {@link segment} and its kind. @default JFIF */
  segments?: readonly Buffer[];
}

/** Samplings by their usual names. */
export const sampling = {
  grey: [[1, 1]],
  yuv420: [
    [2, 2],
    [1, 1],
    [1, 1],
  ],
  yuv422: [
    [2, 1],
    [1, 1],
    [1, 1],
  ],
  yuv444: [
    [1, 1],
    [1, 1],
    [1, 1],
  ],
  yuv440: [
    [1, 2],
    [1, 1],
    [1, 1],
  ],
  cmyk: [
    [1, 1],
    [1, 1],
    [1, 1],
    [1, 1],
  ],
} as const;

/** A marker segment (ITU-T T.81, B.1.1.4). */
export function segment(marker: number, ...parts: (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
  );
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([head, body]);
}

export const jfif = segment(0xe0, 'JFIF\0\x01\x01\0\0\x01\0\x01\0\0');

/** Adobe's segment. `transform` 0: RGB or CMYK; 1: YCbCr; 2: YCCK. */
export function adobe(transform: 0 | 1 | 2): Buffer {
  return segment(0xee, 'Adobe\0\x64\0\0\0\0', Buffer.from([transform]));
}

/** EXIF with an orientation of 1…8 and a colour space (1: sRGB, 2: Adobe RGB, 65535: another). */
export function exif(orientation: number, colorSpace: number): Buffer {
  const tiff = Buffer.alloc(8 + 2 + 2 * 12 + 4 + 2 + 12 + 4);
  tiff.write('II', 'latin1');
  tiff.writeUInt16LE(42, 2);
  tiff.writeUInt32LE(8, 4);
  tiff.writeUInt16LE(2, 8);
  entry(tiff, 10, 0x0112, 3, orientation);
  entry(tiff, 22, 0x8769, 4, 38);
  tiff.writeUInt16LE(1, 38);
  entry(tiff, 40, 0xa001, 3, colorSpace);
  return segment(0xe1, 'Exif\0\0', tiff);
}

function entry(tiff: Buffer, at: number, tag: number, type: 3 | 4, value: number): void {
  tiff.writeUInt16LE(tag, at);
  tiff.writeUInt16LE(type, at + 2);
  tiff.writeUInt32LE(1, at + 4);
  if (type === 3) tiff.writeUInt16LE(value, at + 8);
  else tiff.writeUInt32LE(value, at + 8);
}

/** An ICC profile (version 2, matrix and curves) in which red and green have changed places. */
export function swappedProfile(): Buffer {
  const xyz = (...values: [number, number, number]) => {
    const data = Buffer.alloc(20);
    data.write('XYZ ', 'latin1');
    values.forEach((value, n) => {
      data.writeInt32BE(Math.round(value * 65536), 8 + n * 4);
    });
    return data;
  };
  const curve = Buffer.from('curv\0\0\0\0\0\0\0\x01\x02\x33\0\0', 'latin1');
  const text = Buffer.from('text\0\0\0\0none\0\0\0\0', 'latin1');
  const tags: [string, Buffer][] = [
    ['desc', Buffer.from(`desc\0\0\0\0\0\0\0\x05swap${'\0'.repeat(80)}`, 'latin1')],
    ['cprt', text],
    ['wtpt', xyz(0.9642, 1, 0.8249)],
    ['gXYZ', xyz(0.4361, 0.2225, 0.0139)],
    ['rXYZ', xyz(0.3851, 0.7169, 0.0971)],
    ['bXYZ', xyz(0.1431, 0.0606, 0.7141)],
    ['rTRC', curve],
    ['gTRC', curve],
    ['bTRC', curve],
  ];
  const table = Buffer.alloc(4 + tags.length * 12);
  table.writeUInt32BE(tags.length);
  let offset = 128 + table.length;
  for (const [n, [name, data]] of tags.entries()) {
    const at = 4 + n * 12;
    table.write(name, at, 'latin1');
    table.writeUInt32BE(offset, at + 4);
    table.writeUInt32BE(data.length, at + 8);
    offset += data.length;
  }
  const header = Buffer.alloc(128);
  header.writeUInt32BE(offset, 0);
  header.writeUInt32BE(0x02400000, 8);
  header.write('mntrRGB XYZ ', 12, 'latin1');
  header.write('acsp', 36, 'latin1');
  xyz(0.9642, 1, 0.8249).copy(header, 68, 8);
  const profile = Buffer.concat([header, table, ...tags.map(([, data]) => data)]);
  return segment(0xe2, 'ICC_PROFILE\0\x01\x01', profile);
}

/** Writes a baseline JPEG of random blocks, the same ones at every call. */
export function writeJpeg(layout: JpegLayout): Buffer {
  const { width, height, segments = [jfif] } = layout;
  const parts = layout.sampling ?? sampling.yuv420;
  const ids = layout.ids ?? parts.map((_, n) => n + 1);
  const across = Math.max(...parts.map(([h]) => h));
  const down = Math.max(...parts.map(([, v]) => v));
  const size = Buffer.alloc(5);
  size.writeUInt8(8, 0);
  size.writeUInt16BE(height, 1);
  size.writeUInt16BE(width, 3);
  const units = Math.ceil(width / (8 * across)) * Math.ceil(height / (8 * down));
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    ...segments,
    // A step of 8 makes a block's only coefficient its mean less 128.
    segment(0xdb, Buffer.from([0, ...Array(64).fill(8)])),
    segment(
      0xc0,
      size,
      Buffer.from([parts.length]),
      Buffer.from(parts.flatMap(([h, v], n) => [ids[n] ?? 0, h * 16 + v, 0])),
    ),
    // Categories 0 to 11 in four bits each; and "end of block" in one.
    segment(0xc4, Buffer.from([0, 0, 0, 0, 12, ...Array(12).fill(0), ...Array(12).keys()])),
    segment(0xc4, Buffer.from([0x10, 1, ...Array(15).fill(0), 0])),
    segment(
      0xda,
      Buffer.from([parts.length, ...parts.flatMap((_, n) => [ids[n] ?? 0, 0]), 0, 63, 0]),
    ),
    scan(parts, units),
    Buffer.from([0xff, 0xd9]),
  ]);
}

function scan(parts: readonly (readonly [number, number])[], units: number): Buffer {
  const bytes: number[] = [];
  let bits = '';
  const last = parts.map(() => 0);
  let seed = 1;
  for (let unit = 0; unit < units; unit++) {
    for (const [n, [h, v]] of parts.entries()) {
      for (let block = 0; block < h * v; block++) {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
        const value = (seed >>> 24) - 128;
        const difference = value - (last[n] ?? 0);
        last[n] = value;
        const category = difference === 0 ? 0 : 32 - Math.clz32(Math.abs(difference));
        bits += category.toString(2).padStart(4, '0');
        if (category > 0) {
          const coded = difference > 0 ? difference : difference + 2 ** category - 1;
          bits += coded.toString(2).padStart(category, '0');
        }
        bits += '0';
        for (; bits.length >= 8; bits = bits.slice(8)) push(bits.slice(0, 8));
      }
    }
  }
  if (bits !== '') push(bits.padEnd(8, '1'));
  return Buffer.from(bytes);

  function push(byte: string): void {
    const value = Number.parseInt(byte, 2);
    bytes.push(value);
    if (value === 0xff) bytes.push(0);
  }
}
