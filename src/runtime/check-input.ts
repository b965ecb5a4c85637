/**
 * Input to compare devices with: numbers without a pattern that a mistake could hide in, the same
 * for the same seed on every machine.
 */
import type { Feeds } from '../base/gpu-tensor.js';
import { arrayClasses, type NumberType, type Tensor, type TensorData } from '../base/tensor.js';

/** Token numbers stay below this: every vocabulary has as many. */
const maxToken = 32;

/**
 * An input like `sample`, filled anew.
 *
 * By element type: floats from −1 to 1, a slow wave and noise on it, so that it has both edges and
 * areas, as pictures have; half precision the same; uint8 and int8 their whole range; booleans
 * either; other whole numbers small, since they are indices more often than quantities, and left as
 * they are where the sample has any that is not zero (tokens of a real vocabulary), or where their
 * name says that they are a mask or a kind of token.
 *
 * @param sample - A valid input.
 * @param seed - Names the input: the same numbers for the same seed.
 */
export function checkInput(sample: Feeds, seed: number): Feeds {
  const filled = Object.entries(sample).map(([name, tensor], index) => {
    if (!('data' in tensor)) return [name, tensor] as const;
    return [name, { ...tensor, data: fill(name, tensor, noise(seed * 1009 + index)) }] as const;
  });
  return Object.fromEntries(filled);
}

/**
 * One tensor of such numbers, whatever it is called: whole numbers but bytes are below 32. Manifests
 * count on it: what is made of the same type, sizes and seed stays the same in all versions.
 */
export function checkTensor(type: NumberType, dims: readonly number[], seed: number): Tensor {
  const data = new arrayClasses[type](dims.reduce((product, size) => product * size, 1));
  return { type, dims, data: fill('', { type, dims, data }, noise(seed)) };
}

function fill(name: string, { type, dims, data }: Tensor, next: () => number): TensorData {
  const { length } = data;
  const width = dims.at(-1) ?? 1;
  const wave = (index: number) => {
    const phase = ((index % width) / width + Math.floor(index / width) / 37) * 2;
    return Math.abs((phase % 2) - 1) * 2 - 1;
  };
  const float = (_: unknown, index: number) => 0.5 * wave(index) + 0.5 * (2 * next() - 1);
  switch (type) {
    case 'float32':
      return Float32Array.from({ length }, float);
    case 'float64':
      return Float64Array.from({ length }, float);
    case 'float16':
      return Uint16Array.from({ length }, (_, index) => halfBits(float(_, index)));
    case 'uint8':
      return Uint8Array.from({ length }, () => Math.floor(next() * 256));
    case 'int8':
      return Int8Array.from({ length }, () => Math.floor(next() * 256) - 128);
    case 'bool':
      return Uint8Array.from({ length }, () => (next() < 0.5 ? 0 : 1));
    case 'string':
      return data;
  }
  const isGiven = Array.prototype.some.call(data, (value: unknown) => Number(value) !== 0);
  if (isGiven || /mask|type|segment|position|length|size|shape/i.test(name)) return data;
  const tokens = Array.from({ length }, () => Math.floor(next() * maxToken));
  if (data instanceof BigInt64Array) return BigInt64Array.from(tokens, BigInt);
  if (data instanceof BigUint64Array) return BigUint64Array.from(tokens, BigInt);
  return new (data.constructor as Int32ArrayConstructor)(tokens);
}

/** Numbers from 0 to 1: Tommy Ettinger's Mulberry32 (public domain), its upper 24 bits. */
function noise(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 8) / 2 ** 24;
  };
}

/** The float16 below a number from −1 to 1, in magnitude: 11 bits of it, without subnormals. */
function halfBits(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude < 2 ** -14) return 0;
  const exponent = Math.floor(Math.log2(magnitude));
  const fraction = Math.floor((magnitude / 2 ** exponent - 1) * 1024);
  return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
}
