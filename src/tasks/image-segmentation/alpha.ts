/** From one plane of any size to the alpha of each pixel. */
import type { Axis } from './axes.js';
import type { Planes } from './classes.js';
import type { MaskOutput } from './types.js';

/** Numbers of 0…1. */
export function activated(
  values: ArrayLike<number>,
  activation: MaskOutput['activation'],
): Float64Array {
  const numbers = Float64Array.from(values);
  switch (activation) {
    case 'none':
      return numbers;
    case 'sigmoid':
      return numbers.map((logit) => 1 / (1 + Math.exp(-logit)));
    case 'min-max': {
      const least = numbers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
      const most = numbers.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      return numbers.map((each) => (most > least ? (each - least) / (most - least) : 0));
    }
  }
}

/**
 * The plane as bytes of the map's size, interpolated bilinearly; 0 where the network did not look.
 *
 * @param plane - One plane of 0…1.
 */
export function alphaOf(plane: Planes, x: Axis, y: Axis): Uint8ClampedArray<ArrayBuffer> {
  const { values, width } = plane;
  const alpha = new Uint8ClampedArray(x.length * y.length);
  for (let row = y.from; row < y.to; row++) {
    const above = (y.low[row] as number) * width;
    const below = (y.high[row] as number) * width;
    const down = y.weight[row] as number;
    for (let column = x.from; column < x.to; column++) {
      const low = x.low[column] as number;
      const high = x.high[column] as number;
      const right = x.weight[column] as number;
      const top = mix(values[above + low] as number, values[above + high] as number, right);
      const bottom = mix(values[below + low] as number, values[below + high] as number, right);
      alpha[row * x.length + column] = 255 * mix(top, bottom, down);
    }
  }
  return alpha;
}

function mix(a: number, b: number, weight: number): number {
  return a * (1 - weight) + b * weight;
}
