/**
 * When a JPEG file is left to the ordinary decoder, and that what was decoded is closed then. The bits
 * of what is decoded here are tested in browsers.
 */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { PixelSource } from './types.js';

const open = new Set<object>();

/** What the decoder gives. */
interface Decoded {
  width: number;
  height: number;
  rotation: number;
  flip: boolean;
  format: string;
}
let decoded: Partial<Decoded>;
let asked: { desiredWidth?: number; desiredHeight?: number; transfer: unknown[] }[];
/** Whether the browser's own conversion gives the planes' bits. */
let isExact: boolean;

class Frame {
  readonly format: string;
  readonly rotation: number;
  readonly flip: boolean;

  constructor(
    readonly width: number,
    readonly height: number,
    { rotation = 0, flip = false, format = 'I420' }: Partial<Decoded>,
  ) {
    this.rotation = rotation;
    this.flip = flip;
    this.format = format;
    open.add(this);
  }

  close(): void {
    open.delete(this);
  }
}

function sourceOf(frame: Frame, value: number): PixelSource {
  const { width, height } = frame;
  return {
    width,
    height,
    format: 'RGBA',
    read: async (_rect, into) => void into.fill(value),
    close: () => frame.close(),
  };
}
vi.mock('./ycc.js', () => ({
  openPlanes: (frame: Frame) => (frame.format === 'I420' ? sourceOf(frame, 7) : undefined),
}));
vi.mock('./bands.js', () => ({
  asStored: {},
  openStored: (frame: Frame) => (frame.format === 'RGBX' ? sourceOf(frame, 7) : undefined),
  openBitmap: async (frame: Frame) => sourceOf(frame, isExact ? 7 : 8),
}));

let jpeg: typeof import('./jpeg.js');
beforeEach(async () => {
  open.clear();
  decoded = {};
  asked = [];
  isExact = true;
  let isProbe = true;
  vi.stubGlobal(
    'ImageDecoder',
    class {
      readonly #wanted: (typeof asked)[number];
      constructor(wanted: (typeof asked)[number]) {
        this.#wanted = wanted;
        open.add(this);
      }
      async decode() {
        if (isProbe) {
          isProbe = false;
          return { image: new Frame(23, 23, {}) };
        }
        asked.push(this.#wanted);
        if (decoded.format === 'broken') throw new TypeError('No JPEG.');
        const { desiredWidth = 64, desiredHeight = 33 } = this.#wanted;
        const { width = desiredWidth, height = desiredHeight } = decoded;
        return { image: new Frame(width, height, decoded) };
      }
      close() {
        open.delete(this);
      }
    },
  );
  vi.stubGlobal(
    'OffscreenCanvas',
    class {
      getContext = () => ({ fillRect: () => undefined });
      convertToBlob = async () => new Blob(['jpeg']);
    },
  );
  vi.stubGlobal('createImageBitmap', async () => new Frame(23, 23, {}));
  // What a browser does is tried once for a page.
  vi.resetModules();
  jpeg = await import('./jpeg.js');
});

const size = { width: 64, height: 33 };
const decode = (orientation = 1, reduction: 1 | 2 | 4 | 8 = 1) =>
  jpeg.decodeJpeg(new ArrayBuffer(8), size, orientation, () => reduction);

describe('a browser', () => {
  it('whose planes are exact is asked once, and nothing of that is left', async () => {
    expect(await jpeg.hasExactPlanes()).toBe(true);
    expect(await jpeg.hasExactPlanes()).toBe(true);
    expect(open.size).toBe(0);
  });

  it('whose own conversion differs, or that has no such decoder, is not used', async () => {
    isExact = false;
    expect(await decode()).toBeUndefined();
    expect([asked, open.size]).toEqual([[], 0]);
    vi.stubGlobal('ImageDecoder', undefined);
    vi.resetModules();
    jpeg = await import('./jpeg.js');
    expect(await decode()).toBeUndefined();
  });
});

describe('a file', () => {
  it.each(['I420', 'RGBX'])('decoded to %s is given whole', async (format) => {
    decoded = { format };
    const source = await decode();
    expect(source).toMatchObject(size);
    expect(asked[0]).not.toHaveProperty('desiredWidth');
    source?.close();
    expect(open.size).toBe(0);
  });

  it('may be reduced, and says by how much and how large it was', async () => {
    const source = await decode(1, 4);
    expect(asked[0]).toMatchObject({ desiredWidth: 16, desiredHeight: 9 });
    expect(source).toMatchObject({ ...size, reducedBy: 4 });
  });

  it('that is turned is reduced only where nothing is left over, by its upright size', async () => {
    const wanted = vi.fn(() => 2 as const);
    decoded = { rotation: 90 };
    await jpeg.decodeJpeg(new ArrayBuffer(8), size, 6, wanted);
    expect(wanted).toHaveBeenCalledWith({ width: 33, height: 64 });
    expect(asked[0]).not.toHaveProperty('desiredWidth');
  });

  it.each([
    [1, 0, false],
    [2, 0, true],
    [3, 180, false],
    [4, 180, true],
    [5, 90, true],
    [6, 90, false],
    [7, 270, true],
    [8, 270, false],
  ])('of orientation %i is taken only from a frame that says so', async (at, rotation, flip) => {
    decoded = { rotation, flip };
    const source = await decode(at);
    expect(source).toMatchObject(at < 5 ? size : { width: 33, height: 64 });
    source?.close();
    for (const wrong of [
      { rotation: (rotation + 90) % 360, flip },
      { rotation, flip: !flip },
    ]) {
      decoded = wrong;
      expect(await decode(at)).toBeUndefined();
    }
    expect(open.size).toBe(0);
  });

  it.each([
    ['of another size', { width: 63 }],
    ['of another height', { height: 34 }],
    ['in a form that nobody knows', { format: 'NV12' }],
    ['that is broken', { format: 'broken' }],
  ])('%s is left to the ordinary decoder', async (_name, change) => {
    decoded = change;
    expect(await decode()).toBeUndefined();
    expect(open.size).toBe(0);
  });
});
