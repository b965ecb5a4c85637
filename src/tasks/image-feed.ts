/** How one picture, and what else a graph takes, is fed to it. */
import { float16Bits } from '../base/float16.js';
import type { Feeds, GpuTensor } from '../base/gpu-tensor.js';
import type { Tensor, TensorInfo, Tensors, TensorType } from '../base/tensor.js';
import { inputDimensions } from '../input/image/dimensions.js';
import type { Size } from '../input/image/geometry.js';
import type { ModelInput } from '../input/image/manifest.js';
import { findTensor, misfit } from './graph.js';

/** Most elements of an input: 1 GB of float32. */
const mostElements = 2 ** 28;

/** Made by {@link imageFeed}. */
export interface ImageFeed {
  /** How many pictures the graph takes at once: 1 unless its batch is fixed. */
  readonly batch: number;
  /**
   * All inputs of the graph. A fixed batch is filled with the same picture; the answers of the first
   * are to be taken.
   *
   * @param area - The part of the input, from its top left corner, that is not padding.
   */
  feeds(picture: Tensor | GpuTensor, area: () => Size): Feeds;
  /** The part of the outputs that belongs to the first picture of a fixed batch. */
  first(outputs: Tensors): Tensors;
}

/**
 * @param constants - The manifest's values of further inputs.
 * @throws TabserveError `model-invalid` where type or sizes differ from the manifest's, or where a
 *   further input has no value.
 */
export function imageFeed(
  inputs: readonly TensorInfo[],
  input: ModelInput,
  constants: Readonly<Record<string, number | number[]>>,
  where: string,
): ImageFeed {
  const { type, shape } = findTensor(inputs, input.name, 'input.name', where);
  if (type !== input.dtype) throw misfit(where, 'input.dtype', input.dtype, type);
  const fit = feedShape(shape, input);
  if (!fit || product(fit.dims) > mostElements) {
    const wanted = inputDimensions(input).join(', ');
    throw misfit(where, 'input', `[${wanted}]`, `[${shape.join(', ')}]`);
  }
  const { dims, batch } = fit;
  const others = inputs
    .filter(({ name }) => name !== input.name && name !== input.mask)
    .map((each) => [each.name, constantTensor(each, constants[each.name], where)] as const);
  const further = Object.fromEntries(others);
  const maskInfo =
    input.mask === undefined ? undefined : findTensor(inputs, input.mask, 'input.mask', where);
  const maskOf = maskInfo && padMask(maskInfo, input, where);
  const rest = (area: () => Size): Feeds =>
    maskOf ? { ...further, [maskInfo.name]: maskOf(area()) } : further;
  return {
    batch,
    feeds(picture, area) {
      if ('gpuBuffer' in picture) return { ...rest(area), [input.name]: { ...picture, dims } };
      const data = elementsOf(picture.data as Float32Array, batch, type);
      return { ...rest(area), [input.name]: { type: picture.type, dims, data } };
    },
    first(outputs) {
      if (batch === 1) return outputs;
      const own = Object.entries(outputs).map(([name, { type, dims, data }]) => {
        const [, ...rest] = dims;
        return [name, { type, dims: [1, ...rest], data: data.slice(0, data.length / batch) }];
      });
      return Object.fromEntries(own);
    },
  };
}

/**
 * The shape to feed: the manifest's, with the graph's batch, without dimensions of 1 that the graph
 * leaves out, or in one row. The numbers and their order are the same.
 */
function feedShape(
  shape: readonly (number | string)[],
  input: ModelInput,
): { dims: number[]; batch: number } | undefined {
  const [, ...picture] = inputDimensions(input);
  const flat = picture.filter((size) => size !== 1);
  for (const dims of [picture, flat, [product(picture)]]) {
    const fits = (own: typeof shape) =>
      own.length === dims.length &&
      own.every((size, axis) => typeof size === 'string' || size === dims[axis]);
    const batch = typeof shape[0] === 'number' ? shape[0] : 1;
    if (fits(shape.slice(1)) && batch > 0) return { dims: [batch, ...dims], batch };
    if (fits(shape)) return { dims, batch: 1 };
  }
  return undefined;
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}

/** The same picture as often as a fixed batch wants, as the engine takes it. */
function elementsOf(data: Float32Array, batch: number, type: string): Tensor['data'] {
  let all = data;
  if (batch > 1) {
    all = new (data.constructor as Float32ArrayConstructor)(data.length * batch);
    for (let index = 0; index < batch; index++) all.set(data, index * data.length);
  }
  return type === 'int64' ? BigInt64Array.from(all, BigInt) : all;
}

/**
 * Makes masks that are 1 where the picture is and 0 where it is padded. One of another size than the
 * input's, as in some exports, is of the nearest pixels.
 */
function padMask(
  { name, type, shape }: TensorInfo,
  input: ModelInput,
  where: string,
): (area: Size) => Tensor {
  const [batch, high, wide] = shape;
  const height = typeof high === 'number' ? high : input.height;
  const width = typeof wide === 'number' ? wide : input.width;
  const make = constantData[type];
  if (shape.length !== 3 || (typeof batch === 'number' && batch !== 1) || !make) {
    throw misfit(where, 'input.mask', '[1, height, width]', `${type} [${shape.join(', ')}] there`);
  }
  if (height * width > mostElements) throw misfit(where, 'input.mask', `"${name}"`, 'too much');
  return (area) => {
    const rows = Math.ceil((area.height * height) / input.height);
    const columns = Math.ceil((area.width * width) / input.width);
    const mask = new Float64Array(height * width);
    for (let y = 0; y < rows; y++) mask.fill(1, y * width, y * width + columns);
    return { type: type as TensorType, dims: [1, height, width], data: make(mask) };
  };
}

function constantTensor(
  { name, type, shape }: TensorInfo,
  value: number | number[] | undefined,
  where: string,
): Tensor {
  const dims = shape.map((size) => (typeof size === 'number' ? size : 1));
  const length = product(dims);
  const given = typeof value === 'number' ? length : (value?.length ?? 0);
  const found = `the further input "${name}" (${type} [${shape.join(', ')}])`;
  if (given !== length || length > mostElements) {
    throw misfit(where, 'constants', value === undefined ? 'nothing' : `${given} numbers`, found);
  }
  const numbers =
    typeof value === 'number'
      ? new Float64Array(length).fill(value)
      : Float64Array.from(value ?? []);
  const make = constantData[type];
  if (!make) throw misfit(where, 'constants', 'numbers', found);
  return { type: type as TensorType, dims, data: make(numbers) };
}

const constantData: Readonly<Record<string, (numbers: Float64Array) => Tensor['data']>> = {
  float32: (numbers) => Float32Array.from(numbers),
  float64: (numbers) => numbers,
  float16: (numbers) => Uint16Array.from(numbers, float16Bits),
  uint8: (numbers) => Uint8Array.from(numbers),
  bool: (numbers) => Uint8Array.from(numbers),
  int32: (numbers) => Int32Array.from(numbers),
  int64: (numbers) => BigInt64Array.from(Array.from(numbers, BigInt)),
};
