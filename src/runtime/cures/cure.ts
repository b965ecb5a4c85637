/** What a cure is. */
import type { Node, Scope } from './graph.js';

/** What stands instead of a node that the engine computes wrongly. */
export interface Rewriting {
  /** Nodes, as they are written, in an order in which they can be run. */
  nodes: readonly Uint8Array[];
  /** Constants that they need. */
  tensors: readonly Uint8Array[];
  /** What was done, in words: "its input channels padded from 6 to 8". */
  done: string;
}

/** A fault of the engine on WebGPU, and the way round it. */
export interface Cure {
  /** What is wrong, in words that end a sentence beginning with "the engine". */
  fault: string;
  /** The engine's version in which the fault was seen last. The report of that version says more. */
  seenIn: string;
  /** The operator that has it, one of ONNX's own. */
  op: string;
  /**
   * @returns `undefined` where the node is not meant; a string where it is, or may be, and there is
   *   no way round: why.
   */
  rewrite(node: Node, scope: Scope): Rewriting | string | undefined;
}
