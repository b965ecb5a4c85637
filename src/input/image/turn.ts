/** Pictures that are stored another way up than they are shown. */
import type { PixelSource } from './types.js';

/**
 * `source` as EXIF's orientation shows it (Exif 2.32, 4.6.4, tag 0x0112).
 *
 * @param orientation - 1…8. 1: as it is stored; 6: to be turned clockwise by 90°.
 */
export function turned(source: PixelSource, orientation: number): PixelSource {
  if (orientation === 1) return source;
  // Stored rows are shown as columns, or come from the right, or from the bottom.
  const swaps = orientation >= 5;
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  const { format, close } = source;
  let stored = new Uint32Array(0);
  return {
    width: swaps ? source.height : source.width,
    height: swaps ? source.width : source.height,
    format,
    async read(rect, into) {
      const [x, y, width, height] = swaps
        ? [rect.y, rect.x, rect.height, rect.width]
        : [rect.x, rect.y, rect.width, rect.height];
      const count = width * height;
      if (stored.length < count) stored = new Uint32Array(count);
      await source.read(
        {
          x: fromRight ? source.width - x - width : x,
          y: fromBottom ? source.height - y - height : y,
          width,
          height,
        },
        new Uint8Array(stored.buffer, 0, count * 4),
      );
      const pixels = new Uint32Array(into.buffer, into.byteOffset, count);
      const across = fromRight ? -1 : 1;
      const down = fromBottom ? -width : width;
      const [stepX, stepY] = swaps ? [down, across] : [across, down];
      let line = (fromRight ? width - 1 : 0) + (fromBottom ? (height - 1) * width : 0);
      for (let to = 0; to < count; line += stepY) {
        for (let at = line, end = to + rect.width; to < end; at += stepX) {
          pixels[to++] = stored[at] as number;
        }
      }
    },
    close,
  };
}
