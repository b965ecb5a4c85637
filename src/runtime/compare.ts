/**
 * Whether two devices compute the same.
 *
 * Raw outputs are compared, before anything is made of them: a wrong device often still has the
 * first label right. What crosses to the page and to the other device's worker is a
 * {@link OutputDigest}, of bounded size.
 */
import type { OutputDigest } from '../base/probe.js';
import { numbersOf, type Tensors } from '../base/tensor.js';

/** Numbers of an output that are compared one by one. */
export const maxSample = 4096;

/** Parts of an output whose size is compared. */
export const maxBlocks = 256;

/**
 * How far apart numbers may be, as a share of the output's largest magnitude, by the type of the
 * weights.
 *
 * - fp32: 0.001, as the engine's own tests allow on WebGPU. Sound devices were seen to differ by up
 *   to 10⁻⁵; a wrong one by 0.1 and more.
 * - fp16: 0.02. WASM computes with 24 bits where the GPU has 11, and layers add up.
 * - int8: 0.05. A number that falls on the other side of a rounding is one step of 255 away, and
 *   some of those steps reach the output.
 */
export const tolerances = { fp32: 1e-3, fp16: 2e-2, int8: 5e-2 } as const;

/**
 * An output may hold what has little to do with each other, such as boxes in pixels and scores of 0…1.
 * So numbers are compared by the size of their own row or channel, but as if that were at least this
 * share of the output's: rounding of what was added up and has cancelled out may be that large.
 */
const leastShare = 0.02;

/** So many numbers tell the size of a row or channel. */
const enough = 16;

/** As good as zero, as ONNX's own tests have it. */
const nothing = 1e-7;

/** Of whole numbers, such as classes or counts, this share may differ at all. */
const differentIntegers = 0.02;

/** Where two devices differ. */
export interface Difference {
  output: string;
  /** What each has there. */
  expected: number;
  found: number;
  /** In words, with both numbers. */
  message: string;
}

/** How much of an output is looked at. */
export interface Detail {
  /** Every how many numbers one is compared. */
  step: number;
  /** In how many numbers the output's parts are. */
  size: number;
}

/**
 * Of more than so many numbers every n-th is taken, where n has no divisor in common with a dimension,
 * so that no row and no channel is passed over; what goes wrong between them is seen in the size of the
 * parts.
 */
export function detailOf(dims: readonly number[], numbers = maxSample, blocks = maxBlocks): Detail {
  const length = dims.reduce((product, size) => product * size, 1);
  let step = Math.max(1, Math.ceil(length / numbers));
  if (length > 0) while (dims.some((size) => divisor(size, step) > 1)) step += 1;
  return { step, size: Math.max(1, Math.ceil(length / blocks)) };
}

/** The greatest common one, by Euclid. */
function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/**
 * What is compared of outputs. Strings are left out.
 *
 * @param like - Another digest of the same outputs, to be compared with. @default in all detail
 */
export function digestOf(
  outputs: Tensors,
  like: readonly Pick<OutputDigest, 'name' | 'step' | 'blocks'>[] = [],
): OutputDigest[] {
  return Object.entries(outputs)
    .filter(([, { type }]) => type !== 'string')
    .map(([name, tensor]) => {
      const numbers = numbersOf(tensor);
      const { length } = numbers;
      const other = like.find((each) => each.name === name);
      const { step, size } = other
        ? { step: other.step, size: Math.ceil(length / Math.max(1, other.blocks.length)) || 1 }
        : detailOf(tensor.dims);
      const sample = Float64Array.from(
        { length: Math.ceil(length / step) },
        (_, index) => numbers[index * step] as number,
      );
      const blocks = Float64Array.from({ length: Math.ceil(length / size) }, (_, block) => {
        let sum = 0;
        const end = Math.min((block + 1) * size, length);
        for (let i = block * size; i < end; i++) sum += (numbers[i] as number) ** 2;
        return Math.sqrt(sum / (end - block * size));
      });
      return { name, type: tensor.type, dims: [...tensor.dims], step, sample, blocks };
    });
}

/**
 * Compares what a device computed with what the reference did for the same input.
 *
 * Numbers that the reference itself could not compute (NaN, ±Infinity) show nothing, unless they are
 * most of an output.
 *
 * @param tolerance - One of {@link tolerances}.
 * @returns The first difference; `undefined` where there is none.
 */
export function compareOutputs(
  reference: readonly OutputDigest[],
  found: readonly OutputDigest[],
  tolerance: number,
): Difference | undefined {
  for (const expected of reference) {
    const actual = found.find(({ name }) => name === expected.name);
    const isAlike = actual?.dims.join() === expected.dims.join() && actual.type === expected.type;
    if (!actual || !isAlike) {
      const [right, wrong] = [expected.dims.join(' × '), actual?.dims.join(' × ') ?? 'nothing'];
      return different(expected.name, Number.NaN, Number.NaN, `${wrong}, not ${right}`);
    }
    const difference =
      compareNumbers(expected, 'sample', actual, tolerance) ??
      compareNumbers(expected, 'blocks', actual, tolerance);
    if (difference) return difference;
  }
  return undefined;
}

/** For each number of a digest how large it is taken to be, at least. */
function sizesOf({ dims, step, sample }: OutputDigest, scale: number): Float64Array {
  const sizes = new Float64Array(sample.length).fill(scale);
  let below = 1;
  for (const size of dims.toReversed()) {
    const stride = below;
    below *= size;
    if (size < 2 || sample.length < enough * size) continue;
    const most = new Float64Array(size);
    const placeOf = (i: number) => Math.floor((i * step) / stride) % size;
    for (const [i, value] of sample.entries()) {
      const place = placeOf(i);
      if (Number.isFinite(value)) most[place] = Math.max(most[place] as number, Math.abs(value));
    }
    for (const i of sample.keys()) {
      sizes[i] = Math.min(sizes[i] as number, most[placeOf(i)] as number);
    }
  }
  return sizes.map((size) => Math.max(size, leastShare * scale));
}

/** The same for the parts. */
function partSizes({ dims, blocks }: OutputDigest, scale: number): Float64Array {
  const length = dims.reduce((product, size) => product * size, 1);
  const own = length >= enough * blocks.length ? leastShare : 1;
  return blocks.map((size) => Math.max(Number.isFinite(size) ? size : 0, own * scale));
}

function compareNumbers(
  expected: OutputDigest,
  of: 'sample' | 'blocks',
  actual: OutputDigest,
  tolerance: number,
): Difference | undefined {
  const { name, type } = expected;
  const isWhole = !type.startsWith('float');
  const [right, found] = [expected[of], actual[of]];
  let scale = 0;
  let useful = 0;
  for (const value of right) {
    if (!Number.isFinite(value)) continue;
    useful += 1;
    scale = Math.max(scale, Math.abs(value));
  }
  if (of === 'sample' && useful < right.length / 2) {
    const share = `${right.length - useful} of ${right.length} numbers of the reference are none`;
    return different(name, Number.NaN, Number.NaN, `it cannot be compared: ${share}`);
  }
  const sizes = of === 'sample' ? sizesOf(expected, scale) : partSizes(expected, scale);
  // Integers are right or wrong; quantised ones may be a step off.
  const allowedAt = (i: number) =>
    isWhole ? (/^u?int8$/.test(type) ? 1 : 0) : tolerance * (sizes[i] as number) + nothing;
  let worst = -1;
  let largest = 0;
  let off = 0;
  for (let i = 0; i < right.length; i++) {
    const value = right[i] as number;
    if (!Number.isFinite(value)) continue;
    const distance = Math.abs((found[i] as number) - value);
    if (distance <= allowedAt(i)) continue;
    off += 1;
    if (worst >= 0 && distance <= largest) continue;
    worst = i;
    largest = distance;
    // Nothing is further off than NaN.
    if (Number.isNaN(distance)) break;
  }
  const most = isWhole ? Math.floor(differentIntegers * right.length) : 0;
  // The size of parts says nothing about classes and counts.
  if (worst < 0 || (off <= most && !Number.isNaN(largest)) || (isWhole && of === 'blocks')) {
    return undefined;
  }
  const [expectedNumber, foundNumber] = [right[worst] as number, found[worst] ?? Number.NaN];
  const what = of === 'sample' ? 'number' : 'root mean square of part';
  const numbers = `${shown(foundNumber)} instead of ${shown(expectedNumber)}`;
  const limit = isWhole ? '' : `, where ${shown(allowedAt(worst))} apart is allowed`;
  return different(name, expectedNumber, foundNumber, `${what} ${worst} is ${numbers}${limit}`);
}

function different(output: string, expected: number, found: number, what: string): Difference {
  return { output, expected, found, message: `output "${output}": ${what}` };
}

function shown(value: number): string {
  return Number.isInteger(value) ? `${value}` : value.toPrecision(4);
}
