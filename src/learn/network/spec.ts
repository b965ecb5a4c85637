/** What a small convolutional network is, and whether its layers fit together. */
import { TabserveError } from '../../base/errors.js';

/**
 * A layer. Convolutions have a stride of 1; pooling takes the largest of 2 × 2, and a row or column that
 * is left over is left out.
 */
export type Layer =
  | {
      type: 'conv';
      /** Channels that it gives. */
      filters: number;
      /** Side of its square kernel, odd. @default 3 */
      size?: number;
      /** Zeros around: `same` keeps width and height. @default 'valid' */
      padding?: 'valid' | 'same';
    }
  | { type: 'pool' }
  | { type: 'relu' }
  /** In training, each number is left out with this probability, and the others grow for it. */
  | { type: 'dropout'; rate: number }
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
}

/** A part of the parameters. */
export interface Slot {
  offset: number;
  dims: readonly number[];
  /** Numbers that each of the outputs is made of; 0 for biases. */
  fanIn: number;
}

/** A network whose layers fit together. */
export interface NetworkPlan {
  input: NetworkSpec['input'];
  layers: readonly LayerPlan[];
  classes: number;
  /** How many numbers are learnt. */
  parameters: number;
}

/** Largest side of a picture, most layers, most numbers of one layer's output, most parameters. */
const mostSide = 128;
const mostLayers = 32;
const mostNumbers = 2 ** 20;
const mostParameters = 2 ** 23;

/**
 * Puts the last layer on and works all sizes out. `relu` before `pool` goes behind it, which gives the
 * same with a quarter of the work.
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
  let parameters = 0;
  const slot = (dims: readonly number[], fanIn: number): Slot => {
    const made = { offset: parameters, dims, fanIn };
    parameters += sizeOf(dims);
    return made;
  };
  for (const [at, layer] of layers.entries()) {
    const plan = planLayer(layer, from, `layer ${at + 1} (${layer?.type})`, slot);
    if (sizeOf(plan.to) > mostNumbers || parameters > mostParameters) {
      throw wrong(`layer ${at + 1} (${layer.type}) is too large: [${plan.to}]`);
    }
    plans.push(plan);
    from = plan.to;
  }
  return { input, layers: plans, classes, parameters };
}

function planLayer(
  layer: Layer,
  from: readonly number[],
  where: string,
  slot: (dims: readonly number[], fanIn: number) => Slot,
): LayerPlan {
  const [channels = 1, height = 0, width = 0] = from;
  const isFlat = from.length === 1;
  switch (layer?.type) {
    case 'conv': {
      const { filters, size = 3, padding = 'valid' } = layer;
      if (isFlat) throw wrong(`${where} comes after a dense layer`);
      if (!isWhole(filters, 1, 512)) throw wrong(`${where} has ${filters} filters, not 1 to 512`);
      if (!isWhole(size, 1, 15) || size % 2 === 0) {
        throw wrong(`${where} has a size of ${size}, not 1, 3, 5 … 15`);
      }
      if (padding !== 'valid' && padding !== 'same') {
        throw wrong(`${where} has the padding "${padding}", not "valid" or "same"`);
      }
      const lost = padding === 'same' ? 0 : size - 1;
      if (height <= lost || width <= lost) {
        throw wrong(`${where} has a size of ${size}, and its input is ${width} × ${height}`);
      }
      const fanIn = channels * size * size;
      return {
        layer,
        from,
        to: [filters, height - lost, width - lost],
        weights: slot([filters, channels, size, size], fanIn),
        biases: slot([filters], 0),
      };
    }
    case 'pool':
      if (isFlat || height < 2 || width < 2) {
        throw wrong(`${where} takes at least 2 × 2, and gets [${from}]`);
      }
      return { layer, from, to: [channels, Math.floor(height / 2), Math.floor(width / 2)] };
    case 'relu':
      return { layer, from, to: from };
    case 'dropout':
      if (!(layer.rate >= 0 && layer.rate < 1)) {
        throw wrong(`${where} has a rate of ${layer.rate}, not of 0 to below 1`);
      }
      return { layer, from, to: from };
    case 'dense': {
      const { units } = layer;
      if (!isWhole(units, 1, 4096)) throw wrong(`${where} has ${units} units, not 1 to 4096`);
      const count = sizeOf(from);
      const weights = slot([count, units], count);
      return { layer, from, to: [units], weights, biases: slot([units], 0) };
    }
    default:
      throw wrong(`${where} is none: there are conv, pool, relu, dropout and dense`);
  }
}

/** The largest of numbers that are not below zero is the same as what is not below zero of the largest. */
function ordered(layers: readonly Layer[]): Layer[] {
  const sorted = [...layers];
  for (let i = 0; i + 1 < sorted.length; i++) {
    const [one, next] = [sorted[i], sorted[i + 1]];
    if (one?.type !== 'relu' || next?.type !== 'pool') continue;
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
