/**
 * ConvTranspose in groups of which each has one output channel and an even number of input channels.
 *
 * The WebGPU kernel reads the input channels of a group in twos or fours there, and takes those of
 * the first group for every group: the first output channel is right and the others are not. Found
 * as the fault of `conv-channels.ts`; whatever the kernel, stride and dilation.
 *
 * The same numbers come from one group whose weights are zero where a channel is not of the group.
 */
import type { Cure } from './cure.js';
import { changedNode, elementBytes, integerOf, newTensor } from './graph.js';

/** See above. */
export const transposedGroups: Cure = {
  fault:
    'computes transposed convolutions wrongly on WebGPU whose groups have one output channel and an even number of input channels',
  seenIn: '1.30.0',
  op: 'ConvTranspose',
  rewrite(node, scope) {
    const weight = node.inputs[1];
    const group = integerOf(node, 'group') ?? 1;
    if (weight === undefined || group < 2) return undefined;
    const [inputs = -1, outputs = -1, ...kernel] = scope.shape(weight) ?? [];
    const isKnown = inputs >= 0 && outputs >= 0;
    const perGroup = inputs / group;
    if (isKnown && (outputs !== 1 || perGroup % 2 !== 0)) return undefined;
    const tensor = scope.constant(weight);
    if (!isKnown || !tensor?.data || !Number.isInteger(perGroup)) {
      return `the weights of "${node.name || node.outputs[0]}" are not in the graph`;
    }
    const name = scope.fresh(`${weight}_dense`);
    const plane = kernel.reduce((product, size) => product * size, elementBytes[tensor.type] ?? 0);
    const data = new Uint8Array(inputs * group * plane);
    for (let channel = 0; channel < inputs; channel++) {
      const from = tensor.data.subarray(channel * plane, (channel + 1) * plane);
      data.set(from, (channel * group + Math.floor(channel / perGroup)) * plane);
    }
    const dense = { name, type: tensor.type, dims: [inputs, group, ...kernel], data };
    const [input = '', , ...rest] = node.inputs;
    return {
      nodes: [changedNode(node, [input, name, ...rest], { group: 1 })],
      tensors: [newTensor(dense)],
      done: `their ${group} groups became one, with zeros between them`,
    };
  },
};
