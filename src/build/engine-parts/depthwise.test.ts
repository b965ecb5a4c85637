/** The kernel for depthwise convolutions computes what the engine's own function does, bit for bit. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, it, vi } from 'vitest';
import { type Convolution, depthwise, others, outputsOf, usual } from './convolutions.js';
import { assembledKernel, withDirectKernel } from './direct.js';
import profile from './engine-profile.json' with { type: 'json' };
import { preceded } from './split.js';

const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
const binary = new Uint8Array(readFileSync(join(folder, profile.engine.file)));

// Each engine is compiled anew, in a process of its own.
vi.setConfig({ testTimeout: 300_000 });

/** With the kernel before its function; `alone` has a trap in the function's place. */
let linked: Uint8Array;
let alone: Uint8Array;

beforeAll(async () => {
  const kernel = await assembledKernel();
  linked = preceded(binary, profile.convolve, kernel);
  alone = preceded(binary, profile.convolve, kernel, 'trap');
});

/** Such as the kernel takes: any sizes and paddings that leave 4 × 4 outputs or more. */
const any: fc.Arbitrary<Convolution> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    channels: fc.integer({ min: 2, max: 5 }),
    kernel: fc.constantFrom(3, 5),
    stride: fc.constantFrom(1, 2),
    height: fc.integer({ min: 4, max: 40 }),
    width: fc.integer({ min: 4, max: 90 }),
    pads: fc.tuple(...[0, 1, 2, 3].map(() => fc.integer({ min: 0, max: 5 }))),
    isBiased: fc.boolean(),
    next: fc.constantFrom<Convolution['next']>(null, 'Relu', [0, 6], [-0.3, 0.4], [-0, 0.5]),
  })
  .map(({ kernel, stride, height, width, pads, channels, ...more }) => {
    // From outputs to the input, which may be smaller than the kernel and no multiple of the stride.
    const [top = 0, left = 0, bottom = 0, right = 0] = pads;
    const rows = (height - 1) * stride + kernel - top - bottom;
    const columns = (width - 1) * stride + kernel - left - right;
    const input = [Math.max(1, rows), Math.max(1, columns)] as const;
    const padded = [top, left, bottom - Math.min(0, rows - 1), right - Math.min(0, columns - 1)];
    return depthwise(channels, input, kernel, stride, {
      ...more,
      pads: padded as [number, number, number, number],
    });
  });

it('gives the same bits, whatever the shape', async () => {
  const some = fc.sample(any, 60);
  const right = await outputsOf(binary, some, 1);
  const found = await outputsOf(alone, some, 1);
  expect(some.filter((_, at) => found[at] !== right[at])).toEqual([]);
});

it('gives them on two threads, and with what it leaves to the engine', async () => {
  const all = [...usual, ...others];
  const right = await outputsOf(binary, all, 1);
  const found = await outputsOf(linked, all, 1);
  expect(all.filter((_, at) => found[at] !== right[at])).toEqual([]);
  expect(await outputsOf(alone, usual, 2)).toEqual(right.slice(0, usual.length));
  // Other outputs would be seen.
  const [first] = usual;
  const wrong = await outputsOf(binary, [{ ...first, next: [0, 5.5] } as Convolution], 1);
  expect(wrong).not.toEqual(right.slice(0, 1));
});

it.each<[string, Convolution]>([
  ['fewer outputs than are computed at a time', depthwise(3, [12, 3], 3, 1)],
  ['another activation', depthwise(2, [16, 16], 3, 1, { next: 'LeakyRelu' })],
])('does not take %s', async (_what, one) => {
  await expect(outputsOf(alone, [one], 1)).rejects.toThrow('unreachable');
});

it('is not put before another function', async () => {
  // Of the same type, and not called by convolutions.
  const other = 2131 - 100;
  await expect(withDirectKernel(binary, other)).rejects.toThrow('not where convolutions are');
});
