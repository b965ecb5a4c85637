import { expect, it } from 'vitest';
import { openPixels } from './bands.js';
import { turned } from './turn.js';

/** A letter per pixel, rows from the top. */
function picture(...rows: string[]) {
  const width = rows[0]?.length ?? 0;
  const data = Uint8Array.from([...rows.join('')].flatMap((c) => [c.charCodeAt(0), 0, 0, 255]));
  return openPixels({ data, width, height: rows.length, channels: 4 });
}

async function read(
  source: ReturnType<typeof picture>,
  rect = { x: 0, y: 0, width: source.width, height: source.height },
): Promise<string[]> {
  const bytes = new Uint8Array(rect.width * rect.height * 4);
  await source.read(rect, bytes);
  const letters = String.fromCharCode(...bytes.filter((_, at) => at % 4 === 0));
  return Array.from({ length: rect.height }, (_, y) =>
    letters.slice(y * rect.width, (y + 1) * rect.width),
  );
}

// Exif 2.32: which side of what is seen the stored 0th row and 0th column are.
it.each([
  [1, ['abc', 'def']],
  [2, ['cba', 'fed']],
  [3, ['fed', 'cba']],
  [4, ['def', 'abc']],
  [5, ['ad', 'be', 'cf']],
  [6, ['da', 'eb', 'fc']],
  [7, ['fc', 'eb', 'da']],
  [8, ['cf', 'be', 'ad']],
])('orientation %i', async (orientation, expected) => {
  const source = turned(picture('abc', 'def'), orientation);
  expect(await read(source)).toEqual(expected);
  // Part by part, in one buffer after another.
  for (const [y, line] of expected.entries()) {
    for (let x = 1; x <= line.length; x++) {
      const rect = { x: x - 1, y, width: 1, height: expected.length - y };
      expect(await read(source, rect)).toEqual(expected.slice(y).map((each) => each[x - 1]));
    }
  }
});
