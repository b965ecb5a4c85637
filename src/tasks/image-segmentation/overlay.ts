/** Maps as pixels to draw. */

/**
 * A class in the colour of the PASCAL VOC palette (`VOClabelcolormap`), at an opacity of 0…1; what has
 * no class is transparent. Class 0, which that palette has black, is transparent as well.
 *
 * @returns RGBA, not premultiplied.
 */
export function classColours(
  map: ArrayLike<number>,
  noClass: number,
  opacity: number,
): Uint8ClampedArray<ArrayBuffer> {
  const alpha = Math.round(255 * opacity);
  const pixels = new Uint8ClampedArray(4 * map.length);
  const colours = new Map<number, readonly [number, number, number]>();
  for (let i = 0; i < map.length; i++) {
    const index = map[i] as number;
    if (index === noClass || index === 0) continue;
    const colour = colours.get(index) ?? colourOf(index);
    colours.set(index, colour);
    pixels.set(colour, 4 * i);
    pixels[4 * i + 3] = alpha;
  }
  return pixels;
}

/** White of that alpha: with `globalCompositeOperation = 'destination-in'` it cuts the subject out. */
export function whiteOf(alpha: ArrayLike<number>, opacity: number): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * alpha.length).fill(255);
  for (let i = 0; i < alpha.length; i++) pixels[4 * i + 3] = (alpha[i] as number) * opacity;
  return pixels;
}

/** The bits of the class's number, in turns, from the highest bits of red, green and blue on. */
export function colourOf(index: number): readonly [number, number, number] {
  const colour: [number, number, number] = [0, 0, 0];
  for (let bit = 0; bit < 8; bit++) {
    for (const channel of [0, 1, 2] as const) {
      colour[channel] |= ((index >> (3 * bit + channel)) & 1) << (7 - bit);
    }
  }
  return colour;
}
