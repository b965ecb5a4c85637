/**
 * Known faults of the engine on WebGPU are gone round when a model is loaded: what it would compute
 * wrongly is rewritten so that it is right and still runs on the GPU.
 *
 * Only what the graph itself shows is looked at. What nobody knows of yet is found by comparing a
 * device's outputs with another's (`../compare.ts`).
 */
import {
  type Field,
  messageOf,
  type NewField,
  readAll,
  readFields,
  readIntegers,
  written,
} from '../../model/onnx/wire.js';
import { convChannels } from './conv-channels.js';
import type { Cure, Rewriting } from './cure.js';
import { type Node, readNode, readShape, readTensor, type Scope, type Tensor } from './graph.js';
import { transposedGroups } from './transposed-groups.js';

/** The table. Each entry's test says when a newer engine does without it. */
export const cures: readonly Cure[] = [convChannels, transposedGroups];

/** What was done to a model. */
export interface Cured {
  /** The model itself where nothing had to be done. */
  model: Uint8Array;
  /** One for each kind of fault that was gone round. */
  applied: readonly { fault: string; nodes: number; done: string }[];
  /** Faults that the model has, or may have, and that there is no way round: why. */
  unsolved: readonly string[];
}

/**
 * Rewrites what the engine is known to compute wrongly on WebGPU.
 *
 * @param model - An `.onnx` file. Bytes that are no model are given back: what is wrong with them
 *   the engine can say better.
 */
export function cureModel(model: Uint8Array, table: readonly Cure[] = cures): Cured {
  try {
    return new Patient(table).cure(model);
  } catch (error) {
    if (error instanceof RangeError) return { model, applied: [], unsolved: [] };
    throw error;
  }
}

/** One model, while it is cured. */
class Patient {
  readonly #table: readonly Cure[];
  readonly #applied = new Map<Cure, { nodes: number; done: string }>();
  readonly #unsolved = new Set<string>();
  readonly #names = new Set<string>();
  #opset = 1;

  constructor(table: readonly Cure[]) {
    this.#table = table;
  }

  /** ModelProto: graph = 7, opset_import = 8 (domain = 1, version = 2), functions = 25. */
  cure(model: Uint8Array): Cured {
    const fields = readFields(model);
    for (const bytes of readAll(fields, 8)) {
      const set = readFields(bytes);
      const domain = new TextDecoder().decode(readAll(set, 1)[0]);
      if (domain === '' || domain === 'ai.onnx') this.#opset = readIntegers(set, 2)[0] ?? 1;
    }
    let isChanged = false;
    const cured = fields.map((field): NewField => {
      if (field.number !== 7) return field;
      const graph = this.#cureGraph(field.bytes, undefined);
      isChanged ||= graph !== field.bytes;
      return { ...field, bytes: graph };
    });
    return {
      model: isChanged ? written(messageOf(cured)) : model,
      applied: [...this.#applied].map(([{ fault }, done]) => ({ fault, ...done })),
      unsolved: [...this.#unsolved],
    };
  }

  /** GraphProto: node = 1, initializer = 5. */
  #cureGraph(graph: Uint8Array, outer: Scope | undefined): Uint8Array {
    const fields = readFields(graph);
    const nodes = readAll(fields, 1).map(readNode);
    if (!nodes.some((node) => this.#concerns(node))) return graph;
    const scope = this.#scopeOf(fields, nodes, outer);
    const replaced = new Map<Uint8Array, readonly Field[]>();
    const tensors: Field[] = [];
    const given = new Set<string>();
    readAll(fields, 1).forEach((bytes, index) => {
      const node = nodes[index] as Node;
      const inner = this.#cureInside(node, scope);
      const rewriting = inner ? { nodes: [inner], tensors: [] } : this.#cureNode(node, scope);
      if (!rewriting) return;
      replaced.set(bytes, rewriting.nodes.map(asField(1)));
      tensors.push(...rewriting.tensors.map(asField(5)));
      for (const name of node.inputs) given.add(name);
    });
    if (replaced.size === 0) return graph;
    const rest = fields
      .filter(({ number }) => number !== 5)
      .flatMap((field) => replaced.get(field.bytes) ?? [field]);
    const used = this.#usedIn(rest);
    // Weights that were written anew would else be twice in memory.
    const isKept = ({ bytes }: Field) => {
      const { name } = readTensor(bytes);
      return used === undefined || used.has(name) || !given.has(name);
    };
    const kept = fields.filter((field) => field.number === 5 && isKept(field));
    return written(messageOf([...rest, ...kept, ...tensors]));
  }

  #cureNode(node: Node, scope: Scope): Rewriting | undefined {
    for (const cure of this.#table) {
      if (cure.op !== node.op || node.domain !== '') continue;
      const rewriting = cure.rewrite(node, scope);
      if (typeof rewriting === 'string') {
        this.#unsolved.add(`the engine ${cure.fault}, and ${rewriting}`);
      } else if (rewriting) {
        const { nodes = 0 } = this.#applied.get(cure) ?? {};
        this.#applied.set(cure, { nodes: nodes + 1, done: rewriting.done });
        return rewriting;
      }
    }
    return undefined;
  }

  #concerns(node: Node): boolean {
    const isNamed = this.#table.some(({ op }) => op === node.op);
    return isNamed || graphsOf(node).length > 0;
  }

  /** Names that nodes, inputs and outputs have; `undefined` where inner graphs may name others. */
  #usedIn(fields: readonly Field[]): Set<string> | undefined {
    const names = new Set<string>();
    for (const { number, bytes } of fields) {
      if (number === 11 || number === 12) names.add(readShape(bytes)[0]);
      if (number !== 1) continue;
      const node = readNode(bytes);
      if (graphsOf(node).length > 0) return undefined;
      for (const name of node.inputs) names.add(name);
    }
    return names;
  }

  /** The node with its inner graphs cured; `undefined` where there was nothing to do. */
  #cureInside(node: Node, scope: Scope): Uint8Array | undefined {
    if (graphsOf(node).length === 0) return undefined;
    let isChanged = false;
    const inside = (fields: readonly Field[], numbers: readonly number[], depth: number) =>
      fields.map((field): NewField => {
        if (!numbers.includes(field.number)) return field;
        const bytes: Uint8Array =
          depth === 0
            ? written(messageOf(inside(readFields(field.bytes), [6, 11], 1)))
            : this.#cureGraph(field.bytes, scope);
        if (depth === 1) isChanged ||= bytes !== field.bytes;
        return { ...field, bytes };
      });
    const fields = inside(node.fields, [5], 0);
    return isChanged ? written(messageOf(fields)) : undefined;
  }

  /** initializer = 5, input = 11, output = 12, value_info = 13. */
  #scopeOf(fields: readonly Field[], nodes: readonly Node[], outer: Scope | undefined): Scope {
    const shapes = new Map<string, readonly number[]>();
    const constants = new Map<string, Tensor>();
    for (const number of [13, 12, 11]) {
      for (const bytes of readAll(fields, number)) {
        const [name, shape] = readShape(bytes);
        if (shape) shapes.set(name, shape);
        this.#names.add(name);
      }
    }
    for (const bytes of readAll(fields, 5)) {
      const tensor = readTensor(bytes);
      constants.set(tensor.name, tensor);
      shapes.set(tensor.name, tensor.dims);
      this.#names.add(tensor.name);
    }
    for (const node of nodes) {
      for (const name of node.outputs) this.#names.add(name);
      const [output] = node.outputs;
      if (output === undefined) continue;
      const value = node.op === 'Constant' ? node.attributes.get('value') : undefined;
      const [tensor] = value ? readAll(value, 5) : [];
      if (tensor) {
        const constant = { ...readTensor(tensor), name: output };
        constants.set(output, constant);
        shapes.set(output, constant.dims);
      }
      // What keeps the shape of its first input, where weights pass through it.
      const shape = shapes.get(node.inputs[0] ?? '');
      if (shape && keepShape.has(node.op)) shapes.set(output, shape);
    }
    return {
      opset: this.#opset,
      constant: (name) => constants.get(name) ?? outer?.constant(name),
      shape: (name) => shapes.get(name) ?? outer?.shape(name),
      fresh: (hint) => {
        // Inner graphs that were not looked into yet may have names of their own.
        let name = `tabserve/${hint}`;
        for (let i = 2; this.#names.has(name); i++) name = `tabserve/${hint}_${i}`;
        this.#names.add(name);
        return name;
      },
    };
  }
}

/** Operators that weights pass through between the file and a convolution. */
const keepShape = new Set(['DequantizeLinear', 'QuantizeLinear', 'Cast', 'Identity']);

function asField(number: number): (bytes: Uint8Array) => Field {
  return (bytes) => ({ number, type: 2, bytes });
}

/** The inner graphs of a node; AttributeProto: g = 6, graphs = 11. */
function graphsOf(node: Node): Uint8Array[] {
  return [...node.attributes.values()].flatMap((attribute) => [
    ...readAll(attribute, 6),
    ...readAll(attribute, 11),
  ]);
}
