/**
 * Pictures as the GPU takes them: with the bytes that the CPU would read, or not at all.
 *
 * `copyExternalImageToTexture` may convert colours and alpha, and browsers round such conversions as
 * they like. What is not converted comes through as it is; that is tried once per device. What a
 * canvas rounds is learned from a canvas, which is tried as well. Measured in Chromium: undoing
 * premultiplication on the GPU is one step off in 0.3 % of all cases; a VideoFrame as a source fails
 * on some devices, while a bitmap of it costs 0.1 ms.
 */
import { messageOf } from '../../base/errors.js';
import type { PixelRect, PixelSource } from './types.js';

/** A picture to be copied to a texture. Whoever has it closes it. */
export interface GpuImage {
  bitmap: ImageBitmap;
  /**
   * What its fourth byte means. `premultiplied` is copied so, and then changed to what a canvas
   * makes of it.
   */
  alpha: 'opaque' | 'straight' | 'premultiplied';
  close(): void;
}

/** What a device does to pictures. */
interface Finding {
  /** Whether bytes that need no conversion come through as they are. */
  isExact: boolean;
  /** By alpha · 256 + premultiplied value, what a canvas gives back; `undefined` if that varies. */
  table: Uint8Array<ArrayBuffer> | undefined;
}

/** Side of the pictures that devices are tried with: every value with every alpha. */
const side = 256;

/** Different colours that a comparison has to have seen to prove something. */
const enoughColours = 64;

/** Pixels on a side of what is compared of a picture. */
const patch = 128;

/** The ways of one device with pictures. */
export class GpuImages {
  readonly #device: GPUDevice;
  readonly #finding: Promise<Finding>;
  /** Kinds of frames, and whether the browser's two ways of converting them agree. */
  readonly #conversions = new Map<string, boolean>();
  /** 65536 bytes: what a canvas gives back, by alpha · 256 + premultiplied value. */
  readonly unpremultiply: GPUBuffer;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.unpremultiply = device.createBuffer({
      size: side * side,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
    });
    this.#finding = this.#tryDevice().catch(() => ({ isExact: false, table: undefined }));
  }

  /** The picture of `source`, or why it cannot be the same on the GPU. */
  async accept(source: PixelSource): Promise<GpuImage | string> {
    try {
      return await this.#accept(source);
    } catch (error) {
      // Of what the browser refuses here, such as a frame of so many pixels, the CPU has no need.
      return `this browser cannot hand it over: ${messageOf(error)}`;
    }
  }

  async #accept(source: PixelSource): Promise<GpuImage | string> {
    const { native, format } = source;
    if (!native) return 'it came as plain pixels, or was decoded to them';
    const { image, reading } = native;
    if (typeof VideoFrame !== 'function') return 'this browser has no VideoFrame here';
    const { isExact, table } = await this.#finding;
    if (!isExact) return 'this GPU does not take pictures unchanged';
    if (reading === 'drawn' && !table) return 'this browser changes transparent pixels';
    if (reading !== 'converted') {
      const { primaries, transfer } = colourSpaceOf(image);
      // Only that is a conversion of nothing.
      if (primaries !== 'bt709' || transfer !== 'iec61966-2-1') {
        return `its colours are not sRGB (${primaries}, ${transfer})`;
      }
    }
    if (!(image instanceof VideoFrame)) {
      const alpha =
        reading === 'drawn' ? 'premultiplied' : format.endsWith('A') ? 'straight' : 'opaque';
      // It is closed with the source.
      return { bitmap: image, alpha, close() {} };
    }
    const { rotation = 0, flip = false } = image as { rotation?: number; flip?: boolean };
    if (reading === 'stored' && (rotation !== 0 || flip)) return 'it is stored turned';
    const kind = kindOf(image, source);
    if (reading === 'converted' && this.#conversions.get(kind) === false) return differs(kind);
    const bitmap = await createImageBitmap(image);
    let accepted: GpuImage | undefined;
    try {
      if (bitmap.width !== source.width || bitmap.height !== source.height) {
        return 'this browser changes its size';
      }
      if (reading === 'converted' && !this.#conversions.get(kind)) {
        const problem = await this.#compareConversion(kind, source, bitmap);
        if (problem !== undefined) return problem;
      }
      accepted = { bitmap, alpha: 'opaque', close: () => bitmap.close() };
      return accepted;
    } finally {
      if (!accepted) bitmap.close();
    }
  }

  async #tryDevice(): Promise<Finding> {
    const data = new Uint8ClampedArray(side * side * 4);
    for (let i = 0; i < side * side; i++) {
      data.set([i & 255, (i * 7) & 255, (i * 13) & 255, i >> 8], i * 4);
    }
    const straight = await createImageBitmap(new ImageData(data, side, side), {
      colorSpaceConversion: 'none',
      premultiplyAlpha: 'none',
    });
    try {
      const isExact = equal(await this.#copied(straight, whole, false), data);
      const table = await this.#learn(straight);
      if (table) this.#device.queue.writeBuffer(this.unpremultiply, 0, table);
      return { isExact, table };
    } finally {
      straight.close();
    }
  }

  /** What a canvas does to premultiplied bytes, if it is always the same. */
  async #learn(straight: ImageBitmap): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const canvas = new OffscreenCanvas(side, side);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (!context) return undefined;
    context.globalCompositeOperation = 'copy';
    context.drawImage(straight, 0, 0);
    const drawn = context.getImageData(0, 0, side, side).data;
    const premultiplied = await createImageBitmap(canvas);
    const table = new Uint8Array(side * side).fill(255);
    const isKnown = new Uint8Array(side * side);
    // A bitmap does not tell whether it is premultiplied: either kind has to come out the same.
    for (const bitmap of [premultiplied, straight]) {
      const bytes = await this.#copied(bitmap, whole, true);
      for (let i = 0; i < bytes.length; i++) {
        if (i % 4 === 3) continue;
        const at = (bytes[i | 3] as number) * 256 + (bytes[i] as number);
        if (isKnown[at] && table[at] !== drawn[i]) return undefined;
        isKnown[at] = 1;
        table[at] = drawn[i] as number;
      }
    }
    premultiplied.close();
    // No canvas holds a colour that exceeds its alpha.
    for (let alpha = 1; alpha < 256; alpha++) {
      for (let value = 0; value <= alpha; value++) {
        if (!isKnown[alpha * 256 + value]) return undefined;
      }
    }
    return table;
  }

  /**
   * Compares, on the first picture of its kind that has enough colours, what a canvas and what a
   * bitmap make of a frame that has to be converted.
   *
   * @returns Why the bitmap cannot be used; `undefined` if it can.
   */
  async #compareConversion(
    kind: string,
    source: PixelSource,
    bitmap: ImageBitmap,
  ): Promise<string | undefined> {
    const { width, height } = source;
    const rect = {
      x: Math.max(0, (width - patch) >> 1),
      y: Math.max(0, (height - patch) >> 1),
      width: Math.min(width, patch),
      height: Math.min(height, patch),
    };
    const expected = new Uint8Array(rect.width * rect.height * 4);
    await source.read(rect, expected);
    const isAlike = equal(await this.#copied(bitmap, rect, false), expected);
    if (!isAlike) {
      this.#conversions.set(kind, false);
      return differs(kind);
    }
    if (new Set(new Uint32Array(expected.buffer)).size < enoughColours) {
      return 'it has too few colours to tell whether this browser converts such frames in one way';
    }
    this.#conversions.set(kind, true);
    return undefined;
  }

  /** What arrives on the GPU: RGBA bytes. */
  async #copied(
    source: ImageBitmap,
    { x, y, width, height }: PixelRect,
    premultipliedAlpha: boolean,
  ): Promise<Uint8Array> {
    const device = this.#device;
    const { COPY_SRC, COPY_DST, RENDER_ATTACHMENT } = GPUTextureUsage;
    const texture = device.createTexture({
      size: [width, height],
      format: 'rgba8unorm',
      usage: COPY_SRC | COPY_DST | RENDER_ATTACHMENT,
    });
    const stride = Math.ceil((width * 4) / 256) * 256;
    const buffer = device.createBuffer({
      size: stride * height,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    try {
      device.queue.copyExternalImageToTexture(
        { source, origin: { x, y } },
        { texture, premultipliedAlpha },
        [width, height],
      );
      const encoder = device.createCommandEncoder();
      encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow: stride }, [width, height]);
      device.queue.submit([encoder.finish()]);
      await buffer.mapAsync(GPUMapMode.READ);
      const padded = new Uint8Array(buffer.getMappedRange());
      const bytes = new Uint8Array(width * height * 4);
      for (let row = 0; row < height; row++) {
        const at = row * stride;
        bytes.set(padded.subarray(at, at + width * 4), row * width * 4);
      }
      return bytes;
    } finally {
      texture.destroy();
      buffer.destroy();
    }
  }
}

const whole: PixelRect = { x: 0, y: 0, width: side, height: side };

/** What frames have in common that a browser converts alike. */
function kindOf({ format, colorSpace }: VideoFrame, { width, height }: PixelSource): string {
  const { primaries, transfer, matrix, fullRange } = colorSpace;
  return [format, width, height, primaries, transfer, matrix, fullRange].join(' ');
}

function differs(kind: string): string {
  return `this browser converts frames of the kind "${kind}" in two ways, which differ`;
}

function colourSpaceOf(image: ImageBitmap | VideoFrame): VideoColorSpace {
  if (image instanceof VideoFrame) return image.colorSpace;
  const frame = new VideoFrame(image, { timestamp: 0 });
  try {
    return frame.colorSpace;
  } finally {
    frame.close();
  }
}

function equal(a: Uint8Array, b: Uint8Array | Uint8ClampedArray): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
