/** Convolutions on which engines are compared, and what an engine makes of them. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, type NewField, varintBytes, written } from '../../model/onnx/wire.js';

type Pair = readonly [height: number, width: number];

/** A convolution of float32 pictures, and what the engine may join to it. */
export interface Convolution {
  batch: number;
  channels: number;
  filters: number;
  groups: number;
  input: Pair;
  kernel: Pair;
  strides: Pair;
  dilations: Pair;
  pads: readonly [top: number, left: number, bottom: number, right: number];
  isBiased: boolean;
  /** The next node; numbers are the ends of a Clip, and `Add` adds a further input. */
  next: null | 'Relu' | 'LeakyRelu' | 'Add' | readonly [least: number, most: number];
}

/** A depthwise convolution with the same kernel, stride and, unless others are given, padding all round. */
export function depthwise(
  channels: number,
  input: Pair,
  kernel: number,
  stride: number,
  more: Partial<Convolution> = {},
): Convolution {
  const pad = kernel >> 1;
  return {
    batch: 1,
    channels,
    filters: channels,
    groups: channels,
    input,
    kernel: [kernel, kernel],
    strides: [stride, stride],
    dilations: [1, 1],
    pads: [pad, pad, pad, pad],
    isBiased: true,
    next: null,
    ...more,
  };
}

/** Such as a direct kernel takes, of all kinds. */
export const usual: readonly Convolution[] = [
  depthwise(3, [28, 28], 3, 1, { next: [0, 6] }),
  depthwise(3, [29, 27], 3, 2, { next: [0, 6] }),
  depthwise(4, [14, 14], 5, 1, { next: 'Relu' }),
  depthwise(5, [15, 13], 5, 2),
  depthwise(2, [7, 7], 3, 1, { batch: 3, isBiased: false }),
  depthwise(2, [7, 9], 5, 1, { isBiased: false, next: 'Relu' }),
  // As TensorFlow pads: more below and on the right.
  depthwise(2, [16, 16], 3, 2, { pads: [0, 0, 1, 1], next: [-0.25, 0.5] }),
  depthwise(2, [12, 10], 5, 2, { pads: [1, 0, 2, 3], next: [-0, 1] }),
  depthwise(2, [3, 2], 5, 1, { pads: [3, 4, 3, 4] }),
  depthwise(2, [6, 6], 3, 1, { pads: [0, 0, 0, 0] }),
  // More than the kernel's buffer has room for.
  depthwise(2, [131, 117], 3, 1, { next: [0, 6] }),
  depthwise(2, [150, 151], 5, 2),
];

/** Such as it leaves alone. */
export const others: readonly Convolution[] = [
  depthwise(3, [3, 3], 3, 1),
  depthwise(2, [9, 3], 3, 1),
  depthwise(2, [16, 16], 7, 1),
  depthwise(2, [16, 16], 3, 1, { dilations: [2, 2] }),
  depthwise(2, [16, 16], 3, 1, { strides: [1, 2] }),
  depthwise(2, [16, 16], 3, 3),
  depthwise(2, [16, 16], 3, 1, { kernel: [3, 5] }),
  depthwise(2, [16, 16], 3, 1, { next: 'LeakyRelu' }),
  depthwise(2, [16, 16], 3, 1, { next: 'Add' }),
  depthwise(2, [16, 16], 3, 1, { next: [0.5, Number.NaN] }),
  depthwise(2, [16, 16], 3, 1, { next: [-1, -0] }),
  depthwise(2, [16, 16], 3, 1, { filters: 4 }),
  depthwise(4, [16, 16], 3, 1, { groups: 2 }),
  depthwise(3, [16, 16], 3, 1, { groups: 1, filters: 8 }),
  depthwise(1, [40, 40], 3, 1),
  depthwise(2, [8, 2000], 3, 1),
];

/**
 * What an engine computes for convolutions, each with its own input.
 *
 * @returns SHA-256 of each one's outputs.
 * @throws Error with what the engine says where it does not run them: `unreachable` when it traps.
 */
export async function outputsOf(
  engine: Uint8Array,
  convolutions: readonly Convolution[],
  threads: number,
): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tabserve-engine-'));
  try {
    const [binary, model] = [join(folder, 'engine.wasm'), join(folder, 'model.onnx')];
    await writeFile(binary, engine);
    await writeFile(model, modelOf(convolutions));
    const script = join(import.meta.dirname, 'convolve.mjs');
    const args = [script, binary, model, String(threads)];
    const { stdout } = await printed(args);
    const { digests, message } = JSON.parse(stdout);
    if (message !== undefined) throw new Error(message);
    return digests;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Milliseconds; a run takes one to three seconds. */
const patience = 45_000;

/** What Node prints for a script. Now and then one waits for its own threads for good: such a one is started again. */
async function printed(args: readonly string[]): Promise<{ stdout: string }> {
  const run = () => promisify(execFile)(process.execPath, args, { timeout: patience });
  return run().catch((error: { killed?: boolean }) => {
    if (error.killed) return run();
    throw error;
  });
}

/** Numbers of fields are those of `onnx.proto`. */
function modelOf(convolutions: readonly Convolution[]): Uint8Array {
  const graph = [...convolutions.flatMap(partOf), text(2, 'convolutions')];
  return written(
    messageOf([whole(1, 8), message(7, ...graph), message(8, text(1, ''), whole(2, 13))]),
  );
}

/** A convolution's fields in the graph: nodes, weights, input and output. */
function partOf(each: Convolution, at: number): NewField[] {
  const { batch, channels, filters, groups, kernel, next } = each;
  const depth = channels / groups;
  const outputs = [0, 1].map((axis) => {
    const reach = ((kernel[axis] ?? 0) - 1) * (each.dilations[axis] ?? 0) + 1;
    const padded = (each.input[axis] ?? 0) + (each.pads[axis] ?? 0) + (each.pads[axis + 2] ?? 0);
    return Math.floor((padded - reach) / (each.strides[axis] ?? 1)) + 1;
  });
  const name = (what: string) => `${what}${at}`;
  const weights = [
    tensor(name('weights'), [filters, depth, ...kernel], at),
    ...(each.isBiased ? [tensor(name('bias'), [filters], at + 0.5)] : []),
    ...(Array.isArray(next) ? next.map((end, i) => scalar(`${name('end')}.${i}`, end)) : []),
  ];
  const convolved = next === null ? name('y') : name('convolved');
  const nodes = [
    node(
      'Conv',
      [name('x'), name('weights'), ...(each.isBiased ? [name('bias')] : [])],
      convolved,
      {
        kernel_shape: kernel,
        strides: each.strides,
        dilations: each.dilations,
        pads: each.pads,
        group: groups,
      },
    ),
  ];
  if (Array.isArray(next)) {
    nodes.push(node('Clip', [convolved, `${name('end')}.0`, `${name('end')}.1`], name('y')));
  } else if (next === 'Add') {
    nodes.push(node('Add', [convolved, name('z')], name('sum')));
    nodes.push(node('Relu', [name('sum')], name('y')));
  } else if (next !== null) {
    nodes.push(node(next as string, [convolved], name('y')));
  }
  const size = [batch, filters, ...outputs];
  return [
    ...nodes,
    ...weights,
    value(11, name('x'), [batch, channels, ...each.input]),
    ...(next === 'Add' ? [value(11, name('z'), size)] : []),
    value(12, name('y'), size),
  ];
}

function node(
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): NewField {
  return message(
    1,
    ...inputs.map((each) => text(1, each)),
    text(2, output),
    text(4, op),
    ...Object.entries(attributes).map(([key, value]) =>
      typeof value === 'number'
        ? message(5, text(1, key), whole(3, value), whole(20, 2))
        : message(5, text(1, key), ...value.map((one) => whole(8, one)), whole(20, 7)),
    ),
  );
}

/** Numbers of -1…1. */
function tensor(name: string, dims: readonly number[], seed: number): NewField {
  const length = dims.reduce((product, size) => product * size, 1);
  const data = Float32Array.from({ length }, (_, at) => Math.sin(12.9898 * at + 78.233 * seed));
  return initializer(name, dims, data);
}

function scalar(name: string, value: number): NewField {
  return initializer(name, [], Float32Array.of(value));
}

function initializer(name: string, dims: readonly number[], data: Float32Array): NewField {
  const content: NewField = { number: 9, type: 2, bytes: new Uint8Array(data.buffer) };
  return message(5, ...dims.map((dim) => whole(1, dim)), whole(2, 1), text(8, name), content);
}

function value(number: 11 | 12, name: string, dims: readonly number[]): NewField {
  const shape = message(2, ...dims.map((dim) => message(1, whole(1, dim))));
  return message(number, text(1, name), message(2, message(1, whole(1, 1), shape)));
}

function message(number: number, ...fields: NewField[]): NewField {
  return { number, type: 2, bytes: messageOf(fields) };
}

function text(number: number, content: string): NewField {
  return { number, type: 2, bytes: new TextEncoder().encode(content) };
}

function whole(number: number, content: number): NewField {
  return { number, type: 0, bytes: varintBytes(content) };
}
