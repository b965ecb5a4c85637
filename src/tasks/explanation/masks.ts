/** Which parts of a picture are hidden: plain arithmetic, the same on every machine. */

/** Width and height in pixels of the network's input. */
export interface Area {
  readonly width: number;
  readonly height: number;
}

/** A stream of numbers of 0 ≤ x < 1. */
export type Random = () => number;

/**
 * Mulberry32: 32 bits of state, equal everywhere.
 *
 * Source: Tommy Ettinger, https://gist.github.com/tommyettinger/46a874533244883189143505d203312c.
 */
export function random(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The corners of the squares of an occlusion, row by row. The last of a row ends at the edge. */
export function occlusionPlaces(
  { width, height }: Area,
  window: number,
  stride: number,
): { x: number; y: number }[] {
  const along = (side: number) => {
    const last = Math.max(0, side - window);
    const count = Math.ceil(last / stride) + 1;
    return Array.from({ length: count }, (_, at) => Math.min(at * stride, last));
  };
  const columns = along(width);
  return along(height).flatMap((y) => columns.map((x) => ({ x, y })));
}

/** How many of the squares lie over each pixel. */
export function occlusionCover(area: Area, window: number, stride: number): Float32Array {
  const cover = new Float32Array(area.width * area.height);
  for (const place of occlusionPlaces(area, window, stride))
    addSquare(cover, area, place, window, 1);
  return cover;
}

/** Adds to the pixels of a square. */
export function addSquare(
  map: Float32Array,
  { width, height }: Area,
  { x, y }: { x: number; y: number },
  window: number,
  value: number,
): void {
  const right = Math.min(width, x + window);
  for (let row = y; row < Math.min(height, y + window); row++) {
    for (let at = row * width + x; at < row * width + right; at++)
      map[at] = (map[at] as number) + value;
  }
}

/**
 * The mask of RISE with this number: a grid of cells, each kept with a probability, enlarged bilinearly
 * to one cell more than the picture, and cut at a random place.
 *
 * Source: Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models",
 * BMVC 2018, and its code, which enlarges as scikit-image's `resize(order=1, mode='reflect')`.
 *
 * @param number - From 0. Each has random numbers of its own, so that any of them can be made alone.
 * @returns 0 where the picture is hidden, 1 where it is kept.
 */
export function riseMask(
  { width, height }: Area,
  { grid, probability, seed }: { grid: number; probability: number; seed: number },
  number: number,
): Float32Array {
  const next = random((Math.imul(number + 1, 0x9e3779b1) ^ seed) >>> 0);
  const cells = Float32Array.from({ length: grid * grid }, () => (next() < probability ? 1 : 0));
  const columns = enlarged(grid, width, next());
  const rows = enlarged(grid, height, next());
  const mask = new Float32Array(width * height);
  for (const [y, row] of rows.entries()) {
    for (const [x, column] of columns.entries()) {
      const at = (r: number, c: number) => cells[r * grid + c] as number;
      const above = mix(at(row.low, column.low), at(row.low, column.high), column.share);
      const below = mix(at(row.high, column.low), at(row.high, column.high), column.share);
      mask[y * width + x] = mix(above, below, row.share);
    }
  }
  return mask;
}

/** Between which cells each pixel of one axis lies. */
function enlarged(grid: number, side: number, chance: number) {
  const cell = Math.ceil(side / grid);
  const whole = (grid + 1) * cell;
  const start = Math.floor(chance * cell);
  return Array.from({ length: side }, (_, at) => {
    let place = ((start + at + 0.5) * grid) / whole - 0.5;
    // Mirrored at the middle of the outermost cells.
    place = Math.abs(place);
    if (place > grid - 1) place = 2 * (grid - 1) - place;
    const low = Math.max(0, Math.floor(place));
    return { low, high: Math.min(grid - 1, low + 1), share: place - low };
  });
}

function mix(one: number, other: number, share: number): number {
  return one + (other - one) * share;
}

/**
 * Keeps or hides the greatest pixels of a map.
 *
 * @param fraction - 0…1, of all pixels. Equal ones come in their order.
 * @returns 0 where the picture is hidden, 1 where it is kept.
 */
export function orderMask(
  ranks: Uint32Array,
  fraction: number,
  hide: 'first' | 'rest',
): Float32Array {
  const count = Math.round(fraction * ranks.length);
  const mask = new Float32Array(ranks.length).fill(hide === 'first' ? 1 : 0);
  for (const at of ranks.subarray(0, count)) mask[at] = hide === 'first' ? 0 : 1;
  return mask;
}

/** The places of a map's numbers, greatest first. */
export function ranked(map: Float32Array): Uint32Array {
  const places = Uint32Array.from(map, (_, at) => at);
  return places.sort((a, b) => (map[b] as number) - (map[a] as number) || a - b);
}
