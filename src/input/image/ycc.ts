/**
 * The planes of a decoded JPEG as pixels, with the bits that the platform's own conversion has
 * (`ycc.wat`). Half of the platform's time for a photo goes into that conversion and its copies.
 */
import { type Code, CodePool, reserve } from './code.js';
import type { PixelRect, PixelSource } from './types.js';
import binary from './ycc.wat';

interface Exports extends Code {
  convert(
    luma: number,
    cb: number,
    cbFar: number,
    distance: number,
    into: number,
    width: number,
    bias: number,
    step: number,
  ): void;
}

/** How chroma is stored: the bits of x and y that are dropped, and the two numbers of `ycc.wat`. */
type Sampling = readonly [x: number, y: number, bias: number, step: number];

const samplings: Readonly<Record<string, Sampling>> = {
  I420: [1, 1, 8 - 16 * 128, 7 - 8],
  I422: [1, 0, 4 - 16 * 128, 8 - 4],
  I444: [0, 0, 0, 0],
};

/** libjpeg-turbo interpolates no narrower chroma than this, in samples. */
const leastChroma = 3;

/** Planes are read in pieces of about so many bytes, which stay in the cache. */
const pieceBytes = 1 << 17;

/** What is read or written before or behind a row, at most. */
const slack = 64;

const pool = new CodePool<Exports>(binary);

/**
 * Pixels of a frame that has the planes of a JPEG, as they are stored, whichever way up it is shown.
 * Takes the frame over: it is closed with the source.
 *
 * @returns `undefined`, and the frame stays open, if its format is not one of these, or its width
 *   one that is decoded in another way.
 */
export function openPlanes(frame: VideoFrame): PixelSource | undefined {
  const sampling = samplings[frame.format ?? ''];
  const { codedWidth: width, codedHeight: height } = frame;
  if (!sampling || (width + sampling[0]) >> sampling[0] < leastChroma) return undefined;
  const code = pool.acquire();
  return {
    width,
    height,
    format: 'RGBX',
    async read(rect, into) {
      const rows = Math.max(1, Math.floor(pieceBytes / rect.width));
      for (let row = 0; row < rect.height; row += rows) {
        const piece = { ...rect, y: rect.y + row, height: Math.min(rows, rect.height - row) };
        await convert(code, frame, sampling, piece, into.subarray(row * rect.width * 4));
      }
    },
    close() {
      if (frame.format === null) return;
      frame.close();
      pool.release(code);
    },
  };
}

/** Converts `rect` of the frame. Chroma samples around it are read too, which its edges depend on. */
async function convert(
  { memory, convert: convertRow }: Exports,
  frame: VideoFrame,
  [sx, sy, bias, step]: Sampling,
  { x, y, width, height }: PixelRect,
  into: Uint8Array,
): Promise<void> {
  const columns = around(x, width, frame.codedWidth);
  const lines = around(y, height, frame.codedHeight);
  const chromaWidth = (columns.length + sx) >> sx;
  const chromaHeight = (lines.length + sy) >> sy;
  // Room for one sample more on either side.
  const stride = chromaWidth + 2;
  const distance = stride * chromaHeight;
  const cb = slack;
  const luma = cb + 2 * distance;
  const row = luma + columns.length * lines.length + slack;
  reserve(memory, row + width * 4 + 2 * slack);
  const bytes = new Uint8Array(memory.buffer as ArrayBuffer);
  await frame.copyTo(bytes, {
    rect: { x: columns.from, y: lines.from, width: columns.length, height: lines.length },
    layout: [
      { offset: luma, stride: columns.length },
      { offset: cb, stride },
      { offset: cb + distance, stride },
    ],
  });
  // The picture's outermost samples count twice.
  for (let at = cb; at < luma; at += stride) {
    bytes[at - 1] = bytes[at] as number;
    bytes[at + chromaWidth] = bytes[at + chromaWidth - 1] as number;
  }
  const skipped = x & sx;
  const column = x - skipped - columns.from;
  const first = cb + (column >> sx) - sx;
  const pixels = bytes.subarray(row + skipped * 4, row + (skipped + width) * 4);
  for (let n = 0; n < height; n++) {
    const line = y + n - lines.from;
    const near = line >> sy;
    const beside = near + (line & 1 ? sy : -sy);
    const far = Math.min(Math.max(beside, 0), chromaHeight - 1);
    convertRow(
      luma + line * columns.length + column,
      first + near * stride,
      first + far * stride,
      distance,
      row,
      width + skipped,
      bias,
      step,
    );
    into.set(pixels, n * width * 4);
  }
}

/** One axis of a part of the picture, widened to pairs of pixels and one more on either side. */
function around(from: number, length: number, whole: number): { from: number; length: number } {
  const first = Math.max(0, (from & ~1) - 2);
  return { from: first, length: Math.min(whole, ((from + length + 1) & ~1) + 2) - first };
}
