/** What a small convolutional network is, and whether its layers fit together. */
import { TabserveError } from '../../base/errors.js';

/** A layer. What a kernel or window does not reach at the right and below is left out. */
export type Layer =
  | {
      type: 'conv';
      /** Channels that it gives. */
      filters: number;
      /** Side of its square kernel, 1 to 15. @default 3 */
      size?: number;
      /** Pixels from one place of the kernel to the next. @default 1 */
      stride?: number;
      /**
       * Zeros on each side: a number of less than `size`; `valid`, none; or `same`, half of an odd `size`,
       * with which a stride of 1 keeps width and height. @default 'valid'
       */
      padding?: 'valid' | 'same' | number;
    }
  | {
      type: 'pool';
      /** Whether the largest number of a window is taken, or their mean. @default 'max' */
      kind?: 'max' | 'average';
      /** Side of the square window; `all` takes one window for all there is. @default 2 */
      size?: number | 'all';
      /** Pixels from one window to the next. @default size */
      stride?: number;
    }
  | { type: 'relu' }
  /** In training, each number is left out with this probability, and the others grow for it. */
  | { type: 'dropout'; rate: number }
  /**
   * Brings each channel, or each number after a dense layer, to a mean of 0 and a variance of 1, and then to
   * what is learnt. Training takes both from the pictures of a step, answering from their running means.
   *
   * Source: S. Ioffe and C. Szegedy, "Batch normalization", 2015.
   */
  | {
      type: 'batch-norm';
      /** The part of the running means that stays at a step, 0 to below 1. @default 0.9 */
      momentum?: number;
    }
  /** Takes all numbers there are. */
  | { type: 'dense'; units: number };

/** A network: pictures of 8 bits in, a score for each class out. The last layer is added for it. */
export interface NetworkSpec {
  /** Of the pictures: channels (1 or 3), height, width. */
  input: readonly [channels: number, height: number, width: number];
  layers: readonly Layer[];
  /** A score for each is what the last dense layer gives. */
  classes: number;
}

/** A layer with what goes in and comes out: one number for a dense one, else channels, height, width. */
export interface LayerPlan {
  layer: Layer;
  from: readonly number[];
  to: readonly number[];
  /** Its weights and biases among the parameters; absent where it has none. */
  weights?: Slot;
  biases?: Slot;
  /** Of a batch norm, among the statistics. */
  means?: Slot;
  variances?: Slot;
  /** Of a convolution or a pool. */
  window?: Window;
}

/** How a kernel goes over a picture: each pair is for height and width. */
export interface Window {
  kernel: readonly [number, number];
  strides: readonly [number, number];
  /** Zeros on each side. */
  padding: number;
  /** Rows and columns at the end that no kernel reaches. */
  rest: readonly [number, number];
}

/** A part of the parameters or statistics. */
export interface Slot {
  offset: number;
  dims: readonly number[];
  /** Numbers that each of the outputs is made of; 0 for what is no matrix. */
  fanIn: number;
}

/** A network whose layers fit together. */
export interface NetworkPlan {
  input: NetworkSpec['input'];
  layers: readonly LayerPlan[];
  classes: number;
  /** How many numbers are learnt. */
  parameters: number;
  /** How many running means and variances there are. */
  statistics: number;
}

/** The numbers of a trained network. */
export interface NetworkNumbers {
  parameters: Float32Array;
  statistics: Float32Array;
}

/** Largest side of a picture, most layers, most numbers of one layer's output, most parameters. */
const mostSide = 128;
const mostLayers = 32;
const mostNumbers = 2 ** 20;
const mostParameters = 2 ** 23;

/**
 * Puts the last layer on and works all sizes out. `relu` before a `pool` of the largest goes behind it, which
 * gives the same with less work.
 *
 * @throws TabserveError `invalid-argument` naming the layer that does not fit.
 */
export function planNetwork({ input, layers: given, classes }: NetworkSpec): NetworkPlan {
  const [channels, height, width] = input;
  const isPicture =
    (channels === 1 || channels === 3) &&
    isWhole(height, 4, mostSide) &&
    isWhole(width, 4, mostSide);
  if (!isPicture) {
    throw wrong(
      `a network takes pictures of 1 or 3 channels with sides of 4 to ${mostSide}, not [${input}]`,
    );
  }
  if (!Array.isArray(given) || given.length > mostLayers) {
    throw wrong(`a network has at most ${mostLayers} layers`);
  }
  const layers = ordered([...given, { type: 'dense', units: classes }]);
  const plans: LayerPlan[] = [];
  let from: readonly number[] = input;
  const counts = { parameters: 0, statistics: 0 };
  const slot: SlotMaker = (dims, fanIn = 0, kind = 'parameters') => {
    const made = { offset: counts[kind], dims, fanIn };
    counts[kind] += sizeOf(dims);
    return made;
  };
  for (const [at, layer] of layers.entries()) {
    const plan = planLayer(layer, from, `layer ${at + 1} (${layer?.type})`, slot);
    if (sizeOf(plan.to) > mostNumbers || counts.parameters > mostParameters) {
      throw wrong(`layer ${at + 1} (${layer.type}) is too large: [${plan.to}]`);
    }
    plans.push(plan);
    from = plan.to;
  }
  return { input, layers: plans, classes, ...counts };
}

type SlotMaker = (
  dims: readonly number[],
  fanIn?: number,
  kind?: 'parameters' | 'statistics',
) => Slot;

function planLayer(
  layer: Layer,
  from: readonly number[],
  where: string,
  slot: SlotMaker,
): LayerPlan {
  const [channels = 1] = from;
  const isFlat = from.length === 1;
  switch (layer?.type) {
    case 'conv': {
      const { filters, size = 3, stride = 1, padding = 'valid' } = layer;
      if (isFlat) throw wrong(`${where} comes after a dense layer`);
      if (!isWhole(filters, 1, 512)) throw wrong(`${where} has ${filters} filters, not 1 to 512`);
      if (!isWhole(size, 1, 15)) throw wrong(`${where} has a size of ${size}, not 1 to 15`);
      if (padding === 'same' && size % 2 === 0) {
        throw wrong(
          `${where} has the padding "same", which an odd size takes, and a size of ${size}`,
        );
      }
      const zeros = padding === 'same' ? (size - 1) / 2 : padding === 'valid' ? 0 : padding;
      if (!isWhole(zeros, 0, size - 1)) {
        throw wrong(
          `${where} has the padding "${padding}", not "valid", "same" or 0 to ${size - 1}`,
        );
      }
      const { window, sides } = slide(from, [size, size], stride, zeros, where);
      return {
        layer,
        from,
        to: [filters, ...sides],
        window,
        weights: slot([filters, channels, size, size], channels * size * size),
        biases: slot([filters]),
      };
    }
    case 'pool': {
      const { kind = 'max', size = 2, stride } = layer;
      if (isFlat) throw wrong(`${where} comes after a dense layer`);
      if (kind !== 'max' && kind !== 'average') {
        throw wrong(`${where} is of the kind "${kind}", not "max" or "average"`);
      }
      if (size !== 'all' && !isWhole(size, 1, mostSide)) {
        throw wrong(`${where} has a size of ${size}, not 1 to ${mostSide}, or "all"`);
      }
      const [, height = 0, width = 0] = from;
      const kernel = size === 'all' ? ([height, width] as const) : ([size, size] as const);
      const { window, sides } = slide(from, kernel, stride ?? Math.max(...kernel), 0, where);
      return { layer, from, to: [channels, ...sides], window };
    }
    case 'relu':
      return { layer, from, to: from };
    case 'dropout':
      if (!(layer.rate >= 0 && layer.rate < 1)) {
        throw wrong(`${where} has a rate of ${layer.rate}, not of 0 to below 1`);
      }
      return { layer, from, to: from };
    case 'batch-norm': {
      const { momentum = 0.9 } = layer;
      if (!(momentum >= 0 && momentum < 1)) {
        throw wrong(`${where} has a momentum of ${momentum}, not of 0 to below 1`);
      }
      return {
        layer,
        from,
        to: from,
        weights: slot([channels]),
        biases: slot([channels]),
        means: slot([channels], 0, 'statistics'),
        variances: slot([channels], 0, 'statistics'),
      };
    }
    case 'dense': {
      const { units } = layer;
      if (!isWhole(units, 1, 4096)) throw wrong(`${where} has ${units} units, not 1 to 4096`);
      const count = sizeOf(from);
      const weights = slot([count, units], count);
      return { layer, from, to: [units], weights, biases: slot([units]) };
    }
    default:
      throw wrong(`${where} is none: there are conv, pool, relu, dropout, batch-norm and dense`);
  }
}

/** Where kernels of this size find room in a picture. */
function slide(
  [, height = 0, width = 0]: readonly number[],
  kernel: Window['kernel'],
  stride: number,
  padding: number,
  where: string,
): { window: Window; sides: readonly [number, number] } {
  if (!isWhole(stride, 1, mostSide)) {
    throw wrong(`${where} has a stride of ${stride}, not 1 to ${mostSide}`);
  }
  const ways = [height, width].map((side, at) => side + 2 * padding - (kernel[at] as number));
  if (ways.some((way) => way < 0)) {
    throw wrong(`${where} has a size of ${kernel[0]}, and its input is ${width} × ${height}`);
  }
  const [down = 0, right = 0] = ways;
  return {
    window: { kernel, strides: [stride, stride], padding, rest: [down % stride, right % stride] },
    sides: [Math.floor(down / stride) + 1, Math.floor(right / stride) + 1],
  };
}

/** The largest of numbers that are not below zero is the same as what is not below zero of the largest. */
function ordered(layers: readonly Layer[]): Layer[] {
  const sorted = [...layers];
  for (let i = 0; i + 1 < sorted.length; i++) {
    const [one, next] = [sorted[i], sorted[i + 1]];
    if (one?.type !== 'relu' || next?.type !== 'pool' || next.kind === 'average') continue;
    sorted[i] = next;
    sorted[i + 1] = one;
  }
  return sorted;
}

/** The product of all sizes. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, each) => product * each, 1);
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

function wrong(what: string): TabserveError {
  return new TabserveError('invalid-argument', `This network cannot be built: ${what}.`);
}
