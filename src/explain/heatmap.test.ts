import { describe, expect, it } from 'vitest';
import { areaUnder } from './curves.js';
import { normalised, painted, regionOf, resized } from './heatmap.js';
import { shuffledPlaces } from './table.js';

const map = (width: number, height: number, ...data: number[]) => ({
  width,
  height,
  data: Float32Array.from(data),
});

describe('a heat map', () => {
  it('is a share of its greatest number, and what speaks against the class is nothing', () => {
    expect([...normalised(map(3, 1, -2, 1, 4), true).data]).toEqual([0, 0.25, 1]);
    expect([...normalised(map(3, 1, 2, 3, 6), false).data]).toEqual([0, 0.25, 1]);
  });

  it('is nothing where it is the same everywhere, or speaks against the class only', () => {
    expect([...normalised(map(2, 1, 3, 3), false).data]).toEqual([0, 0]);
    expect([...normalised(map(2, 1, -3, -1), true).data]).toEqual([0, 0]);
  });

  it('is enlarged between the middles of its places', () => {
    const { data } = resized(map(2, 2, 0, 1, 2, 3), { width: 4, height: 4 });
    expect([...data.slice(0, 4)]).toEqual([0, 0.25, 0.75, 1]);
    expect([...data.slice(12)]).toEqual([2, 2.25, 2.75, 3]);
  });

  it('is clear where it is 0, and light where it is 1', () => {
    expect([...painted(map(2, 1, 0, 1), 0.5)]).toEqual([0, 0, 4, 0, 252, 255, 164, 128]);
  });

  it('lies where its picture was looked at', () => {
    // The middle 192 of 219 pixels, of a picture three times as large.
    const axis = { from: -13, scale: 3, to: 100 };
    const region = { x: 100, y: 100, width: 657, height: 657 };
    expect(regionOf({ region, x: axis, y: axis }, { width: 192, height: 192 })).toEqual({
      x: 139,
      y: 139,
      width: 576,
      height: 576,
    });
  });
});

it('measures the area under a curve', () => {
  expect(areaUnder([0, 0.5, 1], [1, 0.5, 0])).toBeCloseTo(0.5);
  expect(areaUnder([0, 0.25, 1], [0, 1, 1])).toBeCloseTo(0.875);
});

it('shuffles every place once', () => {
  const places = shuffledPlaces(5, () => 0);
  expect([...places]).toEqual([1, 2, 3, 4, 0]);
});
