/** From logits of any size to the class of each pixel. */
import type { Axis } from './axes.js';

/** Planes of numbers, one for each class. */
export interface Planes {
  /** `classes × height × width` */
  values: ArrayLike<number>;
  classes: number;
  height: number;
  width: number;
}

/** Numbers of classes, and the one for what was not seen. */
export interface ClassMap {
  map: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
  noClass: number;
}

/** A map without any class, narrow where the numbers of the classes allow. */
export function emptyMap(classes: number, pixels: number): ClassMap {
  const isNarrow = classes <= 0xff;
  const map = isNarrow ? new Uint8Array(pixels) : new Uint16Array(pixels);
  const noClass = isNarrow ? 0xff : 0xffff;
  return { map: map.fill(noClass), noClass };
}

/**
 * The class with the greatest number at each pixel of the map, the first of equal ones, where numbers
 * are interpolated bilinearly before they are compared, as Transformers'
 * `post_process_semantic_segmentation`.
 *
 * Where one class is the greatest at all four corners, it is so between them too, and nothing is to be
 * computed: with that, most of a map costs no arithmetic. Needs memory for two columns of the planes.
 */
export function classesOf(planes: Planes, x: Axis, y: Axis): ClassMap {
  const { values, classes, height, width } = planes;
  const winners = winnersOf(planes);
  const result = emptyMap(classes, x.length * y.length);
  const { map } = result;
  const plane = height * width;
  const left = new Float64Array(classes);
  const right = new Float64Array(classes);
  for (let row = y.from; row < y.to; row++) {
    const above = (y.low[row] as number) * width;
    const below = (y.high[row] as number) * width;
    const down = y.weight[row] as number;
    const start = row * x.length;
    let column = x.from;
    while (column < x.to) {
      const low = x.low[column] as number;
      const high = x.high[column] as number;
      let end = column + 1;
      while (end < x.to && x.low[end] === low && x.high[end] === high) end += 1;
      const winner = winners[above + low] as number;
      const isSettled =
        winners[above + high] === winner &&
        winners[below + low] === winner &&
        winners[below + high] === winner;
      if (isSettled) {
        map.fill(winner, start + column, start + end);
      } else {
        for (let c = 0; c < classes; c++) {
          const at = c * plane;
          left[c] = between(values, at + above + low, at + below + low, down);
          right[c] = between(values, at + above + high, at + below + high, down);
        }
        for (let i = column; i < end; i++) {
          map[start + i] = greatestBetween(left, right, x.weight[i] as number);
        }
      }
      column = end;
    }
  }
  return result;
}

/** Numbers of classes that the graph itself has chosen, by the nearest pixel. */
export function chosenClasses(planes: Planes, classes: number, x: Axis, y: Axis): ClassMap {
  const { values, width } = planes;
  const result = emptyMap(classes, x.length * y.length);
  const nearest = (axis: Axis, i: number) =>
    ((axis.weight[i] as number) < 0.5 ? axis.low[i] : axis.high[i]) as number;
  for (let row = y.from; row < y.to; row++) {
    const from = nearest(y, row) * width;
    for (let column = x.from; column < x.to; column++) {
      const index = values[from + nearest(x, column)] as number;
      if (index >= 0 && index < classes) result.map[row * x.length + column] = index;
    }
  }
  return result;
}

/** Pixels of each class in a map. */
export function areas(map: ArrayLike<number>, classes: number): Uint32Array {
  const counts = new Uint32Array(classes);
  for (let i = 0; i < map.length; i++) {
    const index = map[i] as number;
    if (index < classes) counts[index] = (counts[index] as number) + 1;
  }
  return counts;
}

/** The class with the greatest number at each of the planes' own pixels. */
function winnersOf({ values, classes, height, width }: Planes): Uint16Array {
  const plane = height * width;
  const winners = new Uint16Array(plane);
  const greatest = Float64Array.from({ length: plane }, (_, i) => values[i] as number);
  for (let c = 1; c < classes; c++) {
    for (let i = 0; i < plane; i++) {
      const value = values[c * plane + i] as number;
      if (value <= (greatest[i] as number)) continue;
      greatest[i] = value;
      winners[i] = c;
    }
  }
  return winners;
}

function between(values: ArrayLike<number>, a: number, b: number, weight: number): number {
  return mix(values[a] as number, values[b] as number, weight);
}

/** A class that the graph rules out has −Infinity, of which nothing is no number. */
function mix(a: number, b: number, weight: number): number {
  return weight === 0 ? a : a * (1 - weight) + b * weight;
}

function greatestBetween(left: Float64Array, right: Float64Array, weight: number): number {
  let winner = 0;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < left.length; c++) {
    const value = mix(left[c] as number, right[c] as number, weight);
    if (value <= greatest) continue;
    greatest = value;
    winner = c;
  }
  return winner;
}
