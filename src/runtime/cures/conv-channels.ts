/**
 * Conv whose input channels are a multiple of three and not of four.
 *
 * The WebGPU kernel reads such inputs three channels at a time while its weights are laid out in
 * fours, so that nearly every number is wrong. Found by comparing a grid of shapes with native
 * onnxruntime (`e2e/engine-report`): wrong when there is one group, the input channels are more than
 * 3, divisible by 3 and not by 4, and the output channels are divisible by 4; right only where the
 * engine turns the convolution into a matrix product (a 1 × 1 kernel without stride and padding, or
 * a kernel as large as the picture).
 *
 * Zeros do not change a sum: with the channels filled up to a multiple of four, in what comes in and
 * in the weights, the numbers are the same.
 */
import type { Cure, Rewriting } from './cure.js';
import {
  changedNode,
  elementBytes,
  integerOf,
  integersOf,
  integerTensor,
  type Node,
  newNode,
  newTensor,
  type Scope,
  type Tensor,
} from './graph.js';

/** See above. */
export const convChannels: Cure = {
  fault:
    'computes convolutions wrongly on WebGPU whose input channels are divisible by 3 and not by 4',
  seenIn: '1.30.0',
  op: 'Conv',
  rewrite(node, scope) {
    const [input, weight] = node.inputs;
    if (input === undefined || weight === undefined || (integerOf(node, 'group') ?? 1) !== 1) {
      return undefined;
    }
    const shape = scope.shape(weight);
    const [outputs = -1, inputs = -1, ...kernel] = shape ?? [];
    if (shape === undefined || outputs < 0 || inputs < 0) {
      return `nothing says how many channels "${node.name || node.outputs[0]}" has`;
    }
    const isMeant = inputs > 3 && inputs % 3 === 0 && inputs % 4 !== 0 && outputs % 4 === 0;
    if (!isMeant || isPlain(node, kernel)) return undefined;
    const rank = shape.length;
    const more = -inputs & 3;
    const padded = pad(input, rank, more, scope);
    const weights = padWeights(weight, rank, more, scope);
    return {
      nodes: [
        ...padded.nodes,
        ...weights.nodes,
        changedNode(node, [padded.name, weights.name, ...node.inputs.slice(2)]),
      ],
      tensors: [...padded.tensors, ...weights.tensors],
      done: `zeros fill their input channels up from ${inputs} to ${inputs + more}`,
    };
  },
};

/** Whether the engine makes a matrix product of it. */
function isPlain(node: Node, kernel: readonly number[]): boolean {
  return (
    kernel.every((size) => size === 1) &&
    (integersOf(node, 'strides') ?? []).every((stride) => stride === 1) &&
    (integersOf(node, 'pads') ?? []).every((size) => size === 0)
  );
}

type Padded = Pick<Rewriting, 'nodes' | 'tensors'> & { name: string };

/** A node that adds zeros after the second axis. Version 11 made an input of its attribute. */
function pad(name: string, rank: number, more: number, scope: Scope): Padded {
  const pads = new Array<number>(2 * rank).fill(0);
  pads[rank + 1] = more;
  const padded = scope.fresh(`${name}_padded`);
  if (scope.opset < 11) {
    return { name: padded, nodes: [newNode('Pad', [name], [padded], { pads })], tensors: [] };
  }
  const sizes = scope.fresh(`${name}_pads`);
  return {
    name: padded,
    nodes: [newNode('Pad', [name, sizes], [padded])],
    tensors: [integerTensor(sizes, pads)],
  };
}

/** Weights that are in the file are written anew; others are padded when the session is made. */
function padWeights(name: string, rank: number, more: number, scope: Scope): Padded {
  const tensor = scope.constant(name);
  if (!tensor?.data) return pad(name, rank, more, scope);
  const padded = scope.fresh(`${name}_padded`);
  return {
    name: padded,
    nodes: [],
    tensors: [newTensor(wider(tensor, tensor.data, more, padded))],
  };
}

/** A tensor [n, c, …] as [n, c + more, …]. */
function wider(tensor: Tensor, data: Uint8Array, more: number, name: string) {
  const [n = 0, c = 0, ...rest] = tensor.dims;
  const block = (elementBytes[tensor.type] ?? 0) * rest.reduce((product, dim) => product * dim, 1);
  const all = new Uint8Array(n * (c + more) * block);
  for (let i = 0; i < n; i++) {
    all.set(data.subarray(i * c * block, (i + 1) * c * block), i * (c + more) * block);
  }
  return { name, type: tensor.type, dims: [n, c + more, ...rest], data: all };
}
