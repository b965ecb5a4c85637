/**
 * A head that many pages learn together: each makes a few steps from the common one on its own examples, and the
 * average of what they changed is the next common one.
 *
 * Source: B. McMahan et al., "Communication-efficient learning of deep networks from decentralized data", 2017
 * (FederatedAveraging); B. McMahan et al., "Learning differentially private recurrent language models", 2018 (clipping
 * and noise).
 */
import { type Random, randomOf, shuffle } from './random.js';
import { softmaxInPlace } from './softmax.js';
import { addTimes, dot } from './vectors.js';

/** How a page learns between two averages. */
export interface UpdateSettings {
  epochs: number;
  batchSize: number;
  /** Of the biases; that of the weights is divided by the mean squared length of the examples. */
  learningRate: number;
  /** The change is brought to this length at most; `null`: it stays as it is. */
  clip: number | null;
  /** The standard deviation of what is added to each number, as a part of `clip`. */
  noiseMultiplier: number;
  seed: number;
}

/** What a page learns from. */
export interface UpdateExamples {
  /** The features, row by row. */
  data: ArrayLike<number>;
  rows: number;
  columns: number;
  /** The class of each row. */
  classes: readonly number[];
  /** How many classes the head has. */
  count: number;
}

/**
 * Learns by plain stochastic gradient descent, with a pause after each batch.
 *
 * @param start - The common head: class by class its weights, then all biases.
 * @param noise - Gives numbers of the standard normal distribution. They have to come from a source that nobody
 *   can foresee: see {@link secretNormals}.
 * @returns What is to be added to `start`, clipped and with noise.
 */
export function* localUpdate(
  { data, rows, columns, classes, count }: UpdateExamples,
  start: Float32Array,
  { epochs, batchSize, learningRate, clip, noiseMultiplier, seed }: UpdateSettings,
  noise: () => number,
): Generator<void, Float32Array> {
  const own = Float64Array.from(data);
  const head = Float64Array.from(start);
  const offset = count * columns;
  const meanSquare = dot(own, 0, own, 0, own.length) / rows;
  const rate = learningRate / (meanSquare > 0 ? meanSquare : 1);
  const random = randomOf(seed);
  const order = Array.from({ length: rows }, (_, row) => row);
  const scores = new Float64Array(count);
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, random);
    for (let at = 0; at < rows; at += batchSize) {
      const some = order.slice(at, at + batchSize);
      const errors = some.map((row) => {
        for (let c = 0; c < count; c++) {
          const product = dot(own, row * columns, head, c * columns, columns);
          scores[c] = (head[offset + c] as number) + product;
        }
        softmaxInPlace(scores);
        const right = classes[row] as number;
        scores[right] = (scores[right] as number) - 1;
        return scores.slice();
      });
      for (const [place, row] of some.entries()) {
        const error = errors[place] as Float64Array;
        for (let c = 0; c < count; c++) {
          const slope = (error[c] as number) / some.length;
          head[offset + c] = (head[offset + c] as number) - learningRate * slope;
          addTimes(-rate * slope, own, row * columns, head, c * columns, columns);
        }
      }
      yield;
    }
  }
  const change = head.map((value, i) => value - (start[i] as number));
  const length = Math.sqrt(dot(change, 0, change, 0, change.length));
  const part = clip !== null && length > clip ? clip / length : 1;
  const deviation = noiseMultiplier * (clip ?? 0);
  return Float32Array.from(
    change,
    (value) => value * part + (deviation > 0 ? deviation * noise() : 0),
  );
}

/**
 * The next common head.
 *
 * @param changes - As many numbers each as the head has, and what each counts for.
 */
export function averaged(
  start: Float32Array,
  changes: readonly { change: Float32Array; weight: number }[],
): Float32Array {
  const sum = new Float64Array(start.length);
  const total = changes.reduce((all, { weight }) => all + weight, 0);
  for (const { change, weight } of changes) {
    for (let i = 0; i < sum.length; i++) {
      sum[i] = (sum[i] as number) + (weight / total) * (change[i] as number);
    }
  }
  return start.map((value, i) => value + (sum[i] as number));
}

/** Numbers drawn from the system's source at a time: its calls give 65,536 bytes at most. */
const drawn = 8192;

/**
 * Numbers of the standard normal distribution that nobody can foresee (Box and Muller's method on the system's
 * random numbers).
 */
export function secretNormals(): () => number {
  const uniform = secretUniforms();
  return () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  };
}

function secretUniforms(): Random {
  const words = new Uint32Array(2 * drawn);
  let at = words.length;
  return () => {
    if (at === words.length) {
      crypto.getRandomValues(words);
      at = 0;
    }
    const [high, low] = [words[at++] as number, words[at++] as number];
    return ((high >>> 6) * 2 ** 27 + (low >>> 5)) / 2 ** 53;
  };
}
