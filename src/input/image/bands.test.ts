/**
 * Which of the ways to a picture's pixels is taken, and that whatever is opened is closed. What the ways
 * give is tested in browsers; here stand platforms that do it differently.
 */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { BandContext } from './bands.js';

const open = new Set<object>();

/** Pixels that a page has, as RGBA. */
class Bitmap {
  constructor(
    public width: number,
    public height: number,
    readonly data: Uint8ClampedArray,
  ) {
    open.add(this);
  }

  close(): void {
    open.delete(this);
    this.width = 0;
    this.height = 0;
  }
}

/** How this browser's frames are. */
let platform: { format: string | null; alters: boolean; refuses: boolean };

class Frame {
  readonly format: string | null;
  readonly codedWidth: number;
  readonly codedHeight: number;
  displayWidth: number;
  displayHeight: number;
  rotation = 0;
  flip = false;
  readonly #bytes: Uint8ClampedArray;

  constructor({ width, height, data }: Bitmap, init: { timestamp: number }) {
    if (platform.refuses && width > 2) throw new TypeError('It is too large.');
    if (typeof init.timestamp !== 'number') throw new TypeError('A timestamp is needed.');
    this.codedWidth = this.displayWidth = width;
    this.codedHeight = this.displayHeight = height;
    this.format = platform.format;
    this.#bytes = data.slice();
    if (platform.format?.startsWith('B')) {
      for (let at = 0; at < data.length; at += 4) {
        this.#bytes[at] = data[at + 2] as number;
        this.#bytes[at + 2] = data[at] as number;
      }
    }
    if (platform.alters) this.#bytes[0] = 1;
    open.add(this);
  }

  async copyTo(
    into: Uint8Array,
    { rect, layout }: { rect: DOMRect; layout: { offset: number; stride: number }[] },
  ): Promise<void> {
    const { offset = 0, stride = 0 } = layout[0] ?? {};
    for (let y = 0; y < rect.height; y += 1) {
      const from = ((rect.y + y) * this.codedWidth + rect.x) * 4;
      into.set(this.#bytes.subarray(from, from + rect.width * 4), offset + y * stride);
    }
  }

  close(): void {
    open.delete(this);
    this.displayWidth = 0;
  }
}

/** A canvas of one bitmap or frame, and how often one was made. */
let contexts: string[];
function context(width: number, height: number): BandContext {
  contexts.push(`${width} × ${height}`);
  let shown: { bitmap: Bitmap; x: number; y: number } | undefined;
  return {
    globalCompositeOperation: 'source-over',
    drawImage(bitmap, x, y) {
      shown = { bitmap: bitmap as unknown as Bitmap, x, y };
    },
    getImageData(left, top, columns, rows) {
      const data = new Uint8ClampedArray(columns * rows * 4);
      if (!shown) return { data };
      const { bitmap, x, y } = shown;
      for (let row = 0; row < rows; row += 1) {
        const from = ((top - y + row) * bitmap.width + left - x) * 4;
        data.set(bitmap.data.subarray(from, from + columns * 4), row * columns * 4);
      }
      return { data };
    },
  };
}

/** A picture whose bytes all differ. */
const picture = (width = 4, height = 3) =>
  new Bitmap(
    width,
    height,
    Uint8ClampedArray.from({ length: width * height * 4 }, (_, i) => i + 9),
  );

let bands: typeof import('./bands.js');
beforeEach(async () => {
  open.clear();
  contexts = [];
  platform = { format: 'RGBA', alters: false, refuses: false };
  vi.stubGlobal('VideoFrame', Frame);
  vi.stubGlobal(
    'ImageData',
    class {
      constructor(
        readonly data: Uint8ClampedArray,
        readonly width: number,
        readonly height: number,
      ) {}
    },
  );
  vi.stubGlobal('createImageBitmap', async (from: Bitmap) =>
    from instanceof Frame
      ? picture(from.displayWidth, from.displayHeight)
      : new Bitmap(from.width, from.height, from.data),
  );
  // What a browser does is tried once for a page.
  vi.resetModules();
  bands = await import('./bands.js');
});

const openBitmap = (bitmap: Bitmap, straight: boolean) =>
  bands.openBitmap(bitmap as unknown as ImageBitmap, straight, context);
const openFrame = (frame: Frame) => bands.openFrame(frame as unknown as VideoFrame, context);
const rect = { x: 1, y: 1, width: 2, height: 2 };
/** The same part of {@link picture}. */
const part = [29, 30, 31, 32, 33, 34, 35, 36, 45, 46, 47, 48, 49, 50, 51, 52];
async function partOf(source: Awaited<ReturnType<typeof openBitmap>>) {
  const bytes = new Uint8Array(16);
  await source.read(rect, bytes);
  const swap = source.format.startsWith('B') ? 2 : 0;
  return [...bytes.keys()].map((at) => bytes[(at & 1) === 0 ? at ^ swap : at]);
}

describe('a bitmap', () => {
  it.each([
    ['RGBA', true, 'stored'],
    ['BGRA', true, 'stored'],
    // Nobody knows whether its bytes are premultiplied.
    ['RGBA', false, 'drawn'],
    ['RGBX', false, 'stored'],
    ['I420', true, 'drawn'],
    [null, true, 'drawn'],
  ])('with frames of %s, known to be straight: %s, is %s', async (format, straight, reading) => {
    platform.format = format;
    const bitmap = picture();
    const source = await openBitmap(bitmap, straight);
    expect([source.width, source.height, source.native?.reading]).toEqual([4, 3, reading]);
    expect(source.native?.image).toBe(bitmap);
    expect(await partOf(source)).toEqual(part);
    source.close();
    expect(open.size).toBe(0);
  });

  it.each([
    ['that alter bytes', () => Object.assign(platform, { alters: true })],
    ['that there are not', () => vi.stubGlobal('VideoFrame', undefined)],
    ['that are too large', () => Object.assign(platform, { refuses: true })],
  ])('is drawn where the browser has frames %s', async (_name, change) => {
    change();
    const source = await openBitmap(picture(), true);
    expect(source).toMatchObject({ format: 'RGBA', native: { reading: 'drawn' } });
    expect(await partOf(source)).toEqual(part);
    source.close();
    expect(open.size).toBe(0);
  });

  it('is drawn to one canvas for all parts that fit into it', async () => {
    const source = await openBitmap(picture(), false);
    for (const height of [2, 1, 2, 3]) {
      await source.read({ x: 0, y: 0, width: 4, height }, new Uint8Array(48));
    }
    expect(contexts).toEqual(['4 × 2', '4 × 3']);
  });

  it('that is closed is told so', async () => {
    const bitmap = picture();
    bitmap.close();
    await expect(openBitmap(bitmap, true)).rejects.toMatchObject({ code: 'image-undecodable' });
  });

  it('is closed where there is nothing to read it with', async () => {
    vi.stubGlobal('VideoFrame', undefined);
    vi.stubGlobal('OffscreenCanvas', undefined);
    const opening = bands.openBitmap(picture() as unknown as ImageBitmap, true, undefined);
    await expect(opening).rejects.toMatchObject({ code: 'unsupported' });
    expect(open.size).toBe(0);
  });

  it('for which no canvas can be made says how large that would be', async () => {
    platform.refuses = true;
    vi.stubGlobal(
      'OffscreenCanvas',
      class {
        getContext = () => null;
      },
    );
    const source = await bands.openBitmap(picture() as unknown as ImageBitmap, true, undefined);
    await expect(source.read(rect, new Uint8Array(16))).rejects.toMatchObject({
      code: 'out-of-memory',
      message: expect.stringContaining('2 × 2'),
    });
  });
});

describe('a frame', () => {
  const frame = (format: string, change: Partial<Frame> = {}) => {
    const bitmap = picture();
    platform.format = format;
    const made = Object.assign(new Frame(bitmap, { timestamp: 0 }), change);
    bitmap.close();
    // As the browser's own are.
    platform.format = 'RGBA';
    return made;
  };

  it('that is opaque and upright is read as it is stored', async () => {
    const source = await openFrame(frame('BGRX'));
    expect(source).toMatchObject({ format: 'BGRX', native: { reading: 'stored' } });
    expect(await partOf(source)).toEqual(part);
    source.close();
    expect(open.size).toBe(0);
  });

  it.each<[string, string, Partial<Frame>]>([
    ['turned', 'RGBX', { rotation: 90 }],
    ['mirrored', 'RGBX', { flip: true }],
    ['stretched', 'RGBX', { displayWidth: 8 }],
    ['of planes', 'I420', {}],
  ])('that is %s is drawn, once', async (_name, format, change) => {
    const source = await openFrame(frame(format, change));
    expect(source).toMatchObject({ format: 'RGBA', native: { reading: 'converted' } });
    expect(contexts).toEqual([]);
    Object.assign(source.native?.image ?? {}, { data: picture().data, width: 4 });
    await source.read(rect, new Uint8Array(16));
    await source.read(rect, new Uint8Array(16));
    expect(contexts).toHaveLength(1);
    source.close();
    expect([...open].filter((each) => each instanceof Frame)).toEqual([]);
  });

  it('with transparency becomes a bitmap, and is closed', async () => {
    const given = frame('BGRA');
    const source = await openFrame(given);
    expect(source.native?.reading).toBe('drawn');
    expect(open.has(given)).toBe(false);
    source.close();
    expect(open.size).toBe(0);
  });

  it('that is closed is told so', async () => {
    const closed = frame('I420');
    closed.close();
    await expect(openFrame(closed)).rejects.toMatchObject({ code: 'image-undecodable' });
  });

  it('is opened as it is stored only where it holds opaque colours', () => {
    const stored = (given: Frame) => bands.openStored(given as unknown as VideoFrame);
    expect(stored(frame('RGBX', { rotation: 90 }))).toMatchObject({ width: 4, height: 3 });
    for (const format of ['RGBA', 'BGRA', 'I420']) {
      const given = frame(format);
      expect(stored(given)).toBeUndefined();
      expect(open.has(given)).toBe(true);
    }
  });
});

it('pixels are read in place, and not changed', async () => {
  const whole = Uint8ClampedArray.from({ length: 56 }, (_, i) => i + 1);
  // A part of a larger buffer.
  const data = whole.subarray(8);
  const source = bands.openPixels({ data, width: 4, height: 3, channels: 4 });
  const bytes = new Uint8Array(16);
  await source.read(rect, bytes);
  expect([...bytes]).toEqual(part);
  source.close();
  expect([...data]).toEqual(Array.from({ length: 48 }, (_, i) => i + 9));
});
