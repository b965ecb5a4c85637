/** Preprocessing that is part of a graph: what stands between its input and its first real operator. */
import type { OnnxModel, OnnxNode } from './graph.js';

/** What a graph does to its input first. */
export interface GraphStart {
  /** `value · slope + shift` by channel, or by one number; absent where it leaves values alone. */
  affine?: Affine;
  /** Its first operator changes the size, so that any size may come in. */
  resizes: boolean;
}

/** `value · slope + shift`, of one channel, of each of three, or the same for all. */
interface Affine {
  slope: number[];
  shift: number[];
}

/** How many operators are looked at. */
const mostSteps = 48;

/** Operators that leave numbers what they are, or move and cut them. */
const carriers: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'Transpose',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'QuantizeLinear',
  'DequantizeLinear',
  'Clip',
  'Pad',
]);

/** Follows the graph's input `name` to the operators that make something else of it. */
export function startOf(model: OnnxModel, name: string): GraphStart {
  const known = new Map<string, Affine>([[name, { slope: [1], shift: [0] }]]);
  // What is taken by another operator than these.
  const ends: Affine[] = [];
  let resizes = false;
  let steps = 0;
  for (const node of model.nodes) {
    const taken = node.inputs.filter((value) => known.has(value));
    if (taken.length === 0 || node.op === 'Shape' || node.op === 'Size') continue;
    steps += 1;
    const made = steps <= mostSteps ? madeBy(model, node, known) : undefined;
    if (!made) {
      ends.push(...taken.map((value) => known.get(value) as Affine));
      continue;
    }
    if (node.op === 'Resize' || node.op === 'Upsample') resizes = true;
    for (const [value, affine] of made) known.set(value, affine);
  }
  const [affine, ...others] = ends;
  const isPlain =
    affine?.slope.every((each) => each === 1) && affine.shift.every((each) => each === 0);
  if (!affine || isPlain || others.some((each) => !isSame(each, affine))) return { resizes };
  return { resizes, affine };
}

function isSame(one: Affine, other: Affine): boolean {
  return `${one.slope}` === `${other.slope}` && `${one.shift}` === `${other.shift}`;
}

/** The outputs of a node, as far as they are the input's numbers, scaled and shifted. */
function madeBy(
  model: OnnxModel,
  node: OnnxNode,
  known: ReadonlyMap<string, Affine>,
): [string, Affine][] | undefined {
  const { op, inputs, outputs, attributes } = node;
  const [first = '', second = ''] = inputs;
  const [next = ''] = outputs;
  const constant = (value: string | undefined) => model.constants.get(value ?? '')?.values;
  const one = known.get(first);
  const to = (affine: Affine | undefined): [string, Affine][] | undefined =>
    affine && [[next, affine]];
  const channel = ({ slope, shift }: Affine, c: number): Affine => ({
    slope: [slope[slope.length === 1 ? 0 : c] as number],
    shift: [shift[shift.length === 1 ? 0 : c] as number],
  });
  if (op === 'Resize' || op === 'Upsample' || carriers.has(op)) return to(one);
  if (op === 'Split' && one) {
    if (outputs.length !== 3) return undefined;
    return outputs.map((value, c) => [value, channel(one, c)]);
  }
  if (op === 'Slice' && one) {
    const [from, upTo] = [constant(inputs[1])?.[0], constant(inputs[2])?.[0]];
    const isChannel = from !== undefined && from >= 0 && from < 3 && upTo === from + 1;
    return to(isChannel ? channel(one, from) : one);
  }
  if (op === 'Gather' && one) {
    const picked = constant(second) ?? [];
    if (picked.length === 0 || picked.some((c) => !(c >= 0 && c < 3))) return undefined;
    return to(joined(picked.map((c) => channel(one, c))));
  }
  if (op === 'Concat') {
    const parts = inputs.map((value) => known.get(value));
    return parts.length === 3 && parts.every((each) => each !== undefined)
      ? to(joined(parts))
      : undefined;
  }
  if (op === 'BatchNormalization' && one) {
    const [scale, bias, mean, variance] = [1, 2, 3, 4].map((at) => constant(inputs[at]));
    const isNormalising = scale?.length === 3 && bias && mean && variance;
    if (!isNormalising || scale.some((each) => each !== 1) || bias.some((each) => each !== 0)) {
      return undefined;
    }
    const epsilon = attributes.get('epsilon')?.float ?? 1e-5;
    const slope = variance.map((each) => 1 / Math.sqrt(each + epsilon));
    return to(
      then(
        one,
        slope,
        mean.map((each, c) => -each * (slope[c] as number)),
      ),
    );
  }
  if (op === 'Conv' && one) {
    const slope = diagonalOf(model, node);
    const bias = inputs[2] ? constant(inputs[2]) : [0];
    return slope && bias ? to(then(one, slope, bias)) : undefined;
  }
  const isFirst = one !== undefined;
  const affine = one ?? known.get(second);
  const numbers = constant(isFirst ? second : first);
  if (!affine || !numbers || !(numbers.length === 1 || numbers.length === 3)) return undefined;
  if (op === 'Add') return to(then(affine, [1], numbers));
  if (op === 'Sub' && isFirst)
    return to(
      then(
        affine,
        [1],
        numbers.map((each) => -each),
      ),
    );
  if (op === 'Mul') return to(then(affine, numbers, [0]));
  if (op === 'Div' && isFirst)
    return to(
      then(
        affine,
        numbers.map((each) => 1 / each),
        [0],
      ),
    );
  return undefined;
}

/** What a convolution of single pixels does that keeps the channels apart. */
function diagonalOf(model: OnnxModel, { inputs }: OnnxNode): number[] | undefined {
  const weights = model.constants.get(inputs[1] ?? '');
  const { values, dims = [] } = weights ?? {};
  if (!values || values.length === 0) return undefined;
  if (`${dims}` === '3,1,1,1') return values;
  if (`${dims}` !== '3,3,1,1') return undefined;
  const isApart = values.every((each, at) => at % 4 === 0 || each === 0);
  return isApart ? values.filter((_, at) => at % 4 === 0) : undefined;
}

function then({ slope, shift }: Affine, factor: number[], more: number[]): Affine {
  return {
    slope: pair(slope, factor, (a, b) => a * b),
    shift: pair(
      pair(shift, factor, (a, b) => a * b),
      more,
      (a, b) => a + b,
    ),
  };
}

function joined(parts: readonly Affine[]): Affine {
  return {
    slope: parts.flatMap(({ slope }) => slope),
    shift: parts.flatMap(({ shift }) => shift),
  };
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
export function rangeOf({ slope, shift }: Affine): 255 | 1 | undefined {
  const units = slope.map((each) => Math.abs(1 / each));
  const centres = shift.map((each, c) => -each / (slope[slope.length === 1 ? 0 : c] as number));
  const largest = Math.max(...units, ...centres.map(Math.abs));
  if (largest >= 16) return 255;
  // What lies around 0 was brought there before.
  return largest <= 2.01 && centres.some((each) => each > 0.05) ? 1 : undefined;
}
