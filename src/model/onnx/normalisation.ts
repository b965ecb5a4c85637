/** Preprocessing that is part of a graph: what stands between its input and its first real operator. */
import type { OnnxModel } from './graph.js';

/** What a graph does to its input first. */
export interface GraphStart {
  /** `value · slope + shift` by channel, or by one number; absent where it leaves values alone. */
  affine?: { slope: number[]; shift: number[] };
  /** Its first operator changes the size, so that any size may come in. */
  resizes: boolean;
}

/** How many operators are looked at. */
const mostSteps = 12;

/** Follows the graph's input `name` as long as a single operator takes it. */
export function startOf(model: OnnxModel, name: string): GraphStart {
  let slope = [1];
  let shift = [0];
  let found = false;
  let resizes = false;
  let value = name;
  for (let step = 0; step < mostSteps; step++) {
    const takers = model.nodes.filter(
      ({ inputs, op }) => inputs.includes(value) && op !== 'Shape' && op !== 'Size',
    );
    const [node] = takers;
    if (!node || takers.length > 1) break;
    const [next = ''] = node.outputs;
    if (['Identity', 'Cast', 'Transpose', 'Reshape', 'Squeeze', 'Unsqueeze'].includes(node.op)) {
      value = next;
      continue;
    }
    if (node.op === 'Resize' || node.op === 'Upsample') {
      resizes = true;
      value = next;
      continue;
    }
    const other = node.inputs.find((each) => each !== value);
    const numbers = other === undefined ? undefined : model.constants.get(other)?.values;
    if (!numbers || !(numbers.length === 1 || numbers.length === 3)) break;
    const isFirst = node.inputs[0] === value;
    if (node.op === 'Add') shift = pair(shift, numbers, (a, b) => a + b);
    else if (node.op === 'Sub' && isFirst) shift = pair(shift, numbers, (a, b) => a - b);
    else if (node.op === 'Mul' || (node.op === 'Div' && isFirst)) {
      const scale = (a: number, b: number) => (node.op === 'Mul' ? a * b : a / b);
      slope = pair(slope, numbers, scale);
      shift = pair(shift, numbers, scale);
    } else break;
    found = true;
    value = next;
  }
  return { resizes, ...(found && { affine: { slope, shift } }) };
}

function pair(
  left: readonly number[],
  right: readonly number[],
  of: (a: number, b: number) => number,
): number[] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, c) =>
    of(left[left.length === 1 ? 0 : c] as number, right[right.length === 1 ? 0 : c] as number),
  );
}

/**
 * Which numbers such a graph wants, by the mean and deviation that it takes away: bytes of 0…255 where
 * they are large, 0…1 where they are at most 2; `undefined` where neither is plain.
 */
export function rangeOf({ slope, shift }: NonNullable<GraphStart['affine']>): 255 | 1 | undefined {
  const units = slope.map((each) => Math.abs(1 / each));
  const centres = shift.map((each, c) =>
    Math.abs(each / (slope[slope.length === 1 ? 0 : c] as number)),
  );
  const largest = Math.max(...units, ...centres);
  if (largest >= 16) return 255;
  return largest <= 2.01 ? 1 : undefined;
}
