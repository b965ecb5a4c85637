import { describe, expect, it } from 'vitest';
import { writeOnnx } from '../../../e2e/onnx.js';
import { activationHeads, activationMap } from './activation.js';
import { linearModel } from './linear.js';
import { occlusionCover, occlusionPlaces, orderMask, random, ranked, riseMask } from './masks.js';
import { maskable } from './pixels.js';
import { withoutToken } from './tokens.js';
import { explanation } from './worker.js';

describe('occlusion', () => {
  it('covers every pixel, the last square of a row ending at the edge', () => {
    const places = occlusionPlaces({ width: 7, height: 4 }, 4, 2);
    expect(places.map(({ x }) => x)).toEqual([0, 2, 3]);
    expect(new Set(places.map(({ y }) => y))).toEqual(new Set([0]));
    const cover = occlusionCover({ width: 7, height: 4 }, 4, 2);
    expect([...cover.slice(0, 7)]).toEqual([1, 1, 2, 3, 2, 2, 1]);
  });

  it('takes a square that is as large as the picture', () => {
    expect(occlusionPlaces({ width: 4, height: 4 }, 4, 9)).toEqual([{ x: 0, y: 0 }]);
  });
});

describe('masks', () => {
  it('are the same for the same number, and others for another', () => {
    const area = { width: 9, height: 5 };
    const options = { grid: 3, probability: 0.5, seed: 2 };
    expect(riseMask(area, options, 7)).toEqual(riseMask(area, options, 7));
    expect(riseMask(area, options, 7)).not.toEqual(riseMask(area, options, 8));
    expect(riseMask(area, options, 7)).not.toEqual(riseMask(area, { ...options, seed: 3 }, 7));
    expect([...riseMask(area, { ...options, probability: 1 }, 0)]).toEqual(Array(45).fill(1));
    expect([...riseMask(area, { ...options, grid: 1 }, 0)].every((each) => each % 1 === 0)).toBe(
      true,
    );
  });

  it('come of numbers that other languages make too', () => {
    const next = random(1);
    // Of the recipe's Python.
    expect([next(), next()]).toEqual([0.6270739405881613, 0.002735721180215478]);
  });

  it('hide the greatest pixels first, equal ones in their order', () => {
    const ranks = ranked(Float32Array.of(1, 3, 3, 0));
    expect([...ranks]).toEqual([1, 2, 0, 3]);
    expect([...orderMask(ranks, 0.5, 'first')]).toEqual([1, 0, 0, 1]);
    expect([...orderMask(ranks, 0.25, 'rest')]).toEqual([0, 1, 0, 0]);
  });
});

describe('a hidden part of a picture', () => {
  const size = { width: 2, height: 1, channels: 2 };
  const half = Float32Array.of(0.5, 0);

  it('is nothing, by channels or by pixels', () => {
    const into = new Float32Array(4);
    maskable([1, 2, 3, 4], { ...size, layout: 'NCHW' }, 'zero').masked(half, into);
    expect([...into]).toEqual([0.5, 0, 1.5, 0]);
    maskable([1, 2, 3, 4], { ...size, layout: 'NHWC' }, 'zero').masked(half, into);
    expect([...into]).toEqual([0.5, 1, 0, 0]);
  });

  it('is the mean of its channel, or what is around it', () => {
    const into = new Float32Array(4);
    maskable([1, 3, 10, 20], { ...size, layout: 'NCHW' }, 'mean').masked(half, into);
    expect([...into]).toEqual([1.5, 2, 12.5, 15]);
    maskable([5, 5, 9, 9], { ...size, layout: 'NCHW' }, 'blur').masked(half, into);
    expect([...into].map((each) => Math.round(each * 1e5) / 1e5)).toEqual([5, 5, 9, 9]);
  });
});

describe('a text without a token', () => {
  const ids = { type: 'int64', dims: [1, 4], data: BigInt64Array.of(1n, 2n, 3n, 4n) } as const;
  const mask = { type: 'int64', dims: [1, 4], data: BigInt64Array.of(1n, 1n, 1n, 1n) } as const;
  const places = { type: 'int32', dims: [1, 4], data: Int32Array.of(0, 1, 2, 3) } as const;
  const input = { ids: 'ids', attentionMask: 'mask', positionIds: 'places' };

  it('is shorter', () => {
    const found = withoutToken({ ids, mask, places }, 1, { isFixed: false, padId: 9 }, input);
    expect(found).toEqual({
      ids: { type: 'int64', dims: [1, 3], data: BigInt64Array.of(1n, 3n, 4n) },
      mask: { type: 'int64', dims: [1, 3], data: BigInt64Array.of(1n, 1n, 1n) },
      places: { type: 'int32', dims: [1, 3], data: Int32Array.of(0, 1, 2) },
    });
  });

  it('is filled up where the network takes one length only', () => {
    const found = withoutToken({ ids, mask }, 3, { isFixed: true, padId: 9 }, input);
    expect(found.ids).toMatchObject({ dims: [1, 4], data: BigInt64Array.of(1n, 2n, 3n, 9n) });
    expect(found.mask).toMatchObject({ dims: [1, 4], data: BigInt64Array.of(1n, 1n, 1n, 0n) });
  });
});

describe('a class activation map', () => {
  it('is the features themselves where these are the classes', () => {
    const model = writeOnnx({
      input: { name: 'input', type: 'float32', shape: ['N', 3, 8, 8] },
      nodes: [{ op: 'GlobalAveragePool' }, { op: 'Flatten', attributes: { axis: 1 } }],
      output: { name: 'mean', shape: ['N', 3] },
    });
    const head = activationHeads(new Uint8Array(model), ['mean']).get('mean');
    expect(head).toEqual({ features: 'input', isChannelsLast: false, weights: null });
  });

  it('adds the channels up, wherever they lie', () => {
    const weights = Float32Array.of(1, 0, 2, -1);
    const plain = {
      type: 'float32',
      dims: [1, 2, 1, 3],
      data: Float32Array.of(1, 2, 3, 10, 20, 30),
    } as const;
    const head = { features: 'f', isChannelsLast: false, weights };
    expect(activationMap(plain, head, 1)).toEqual({
      width: 3,
      height: 1,
      data: Float32Array.of(-8, -16, -24),
    });
    const turned = {
      type: 'float32',
      dims: [1, 1, 3, 2],
      data: Float32Array.of(1, 10, 2, 20, 3, 30),
    } as const;
    expect(activationMap(turned, { ...head, isChannelsLast: true }, 1)?.data).toEqual(
      Float32Array.of(-8, -16, -24),
    );
    expect(activationMap(plain, head, 2)).toBeUndefined();
  });
});

it('says why a graph is not linear', () => {
  const model = writeOnnx({
    input: { name: 'input', type: 'float32', shape: ['N', 3, 8, 8] },
    nodes: [{ op: 'GlobalAveragePool' }],
    output: { name: 'mean', shape: ['N', 3, 1, 1] },
  });
  expect(linearModel(new Uint8Array(model))).toBe('it has no linear classifier or regressor');
});

describe('messages', () => {
  const good = {
    kind: 'variants',
    target: 0,
    score: 1,
    variants: { kind: 'rise', grid: 7, probability: 0.5, seed: 1 },
    from: 0,
    count: 4,
    baseline: 'zero',
  };

  it('pass as they should be', () => {
    expect(explanation.checks.options(good, 'options')).toBeUndefined();
    expect(explanation.checks.payload({ kind: 'graph' }, 'payload')).toBeUndefined();
  });

  it.each([
    { ...good, count: 65 },
    { ...good, from: -1 },
    { ...good, variants: { kind: 'rise', grid: 1e6, probability: 0.5, seed: 1 } },
    { ...good, variants: { kind: 'occlusion', window: 0, stride: 1 } },
    { ...good, baseline: 'white' },
    { kind: 'begin', own: 'x', target: null, activation: true },
    null,
  ])('do not pass otherwise: %j', (options) => {
    expect(explanation.checks.options(options, 'options')).toMatch(/"options/);
  });
});
