/** Trains a network: batches, epochs, what is held out, and when to stop. */
import { TabserveError } from '../../base/errors.js';
import type { Tensor } from '../../base/tensor.js';
import { numbersOf } from '../../base/tensor.js';
import type { OpenGraph, ServiceHost } from '../../runtime/service.js';
import { stratifiedHoldOut } from '../arithmetic/folds.js';
import { type Random, randomOf, shuffle } from '../arithmetic/random.js';
import { argmax } from '../evaluate/report.js';
import { probabilitiesOf } from '../evaluate/temperature.js';
import { temperatureOf } from '../fit.js';
import type {
  Epoch,
  ExampleList,
  JobProgress,
  NetworkResult,
  NetworkSettings,
  UnseenScores,
} from '../types.js';
import { type PixelScale, writeNetwork } from './forward.js';
import {
  type NetworkNumbers,
  type NetworkPlan,
  type NetworkSpec,
  planNetwork,
  sizeOf,
} from './spec.js';
import { adamDecay, type StepNames, writeStep } from './step.js';

/** The part of all steps in which the learning rate rises to what was asked for. */
const warmUp = 0.05;

/** Steps in a row that may give no number before that is the settings' fault. */
const mostLost = 8;

/** Pictures that are asked about at once. */
const validationBatch = 128;

/** Pictures whose mean and deviation stand for all. */
const measured = 1_000;

/** Where training is after an epoch: enough to go on from there as if nothing had been in between. */
export interface TrainingState {
  /** Of what is trained: a state of anything else is no use. */
  key: string;
  numbers: NetworkNumbers;
  first: Float32Array;
  second: Float32Array;
  /** Steps that were made. */
  steps: number;
  epochs: readonly Epoch[];
  best: { epoch: number; loss: number; numbers: NetworkNumbers; logits: readonly Float64Array[] };
}

/** Where states are kept. */
export interface StateKeeper {
  read(): Promise<TrainingState | undefined>;
  write(state: TrainingState): Promise<void>;
  /** The training has ended. */
  forget(): Promise<void>;
}

/**
 * Trains a network from nothing, with a pause after each step. Deterministic: the same examples and seed give
 * the same network, on the same number of threads.
 *
 * The learning rate rises over the first twentieth of the steps and then falls to 0 in a line. A step that
 * gives no number is not made.
 *
 * @param rows - The bytes of each example's picture, in the order of `examples`.
 * @param keeper - Keeps the state of each epoch. One that is there, of the same examples, layers and
 *   settings, is gone on from. @default nothing is kept
 * @throws TabserveError `invalid-argument` for layers that do not fit, or where no step gives a number.
 */
export async function* trainNetwork(
  host: Pick<ServiceHost, 'open'>,
  rows: readonly Uint8Array[],
  examples: ExampleList,
  spec: NetworkSpec,
  settings: NetworkSettings,
  report: (progress: JobProgress) => void,
  keeper?: StateKeeper,
): AsyncGenerator<void, NetworkResult> {
  const plan = planNetwork(spec);
  const { classes } = examples;
  const wrong = rows.find((row) => row.length !== sizeOf(plan.input));
  if (wrong) {
    throw new TabserveError(
      'invalid-argument',
      `A picture has ${wrong.length} bytes; the network takes [${plan.input}].`,
    );
  }
  report({ stage: 'prepare', done: 0 });
  const { seed, validation } = settings;
  const isOut =
    validation > 0
      ? stratifiedHoldOut(classes, validation, seed)
      : new Array<boolean>(rows.length).fill(false);
  const all = classes.map((_, row) => row);
  const seen = all.filter((row) => !isOut[row]);
  const out = all.filter((row) => isOut[row]);
  const key = keeper ? keyOf(rows, classes, spec, settings) : '';
  const kept = await keeper?.read();
  const state = kept?.key === key ? kept : undefined;
  const scale = scaleOf(seen.slice(0, measured).map((row) => rows[row] as Uint8Array));
  const perEpoch = stepsOf(seen.length, settings.batchSize);
  const batch = Math.ceil(seen.length / perEpoch);
  checkBatch(plan, batch);
  const { optimizer, loss: kind } = settings;
  const { file, keeps } = writeStep(plan, { batch, optimizer, loss: kind, scale });
  const graph = await host.open(file, 'the training step');
  try {
    const trainer = new StepRunner(graph, plan, { batch, keeps, settings }, state);
    const total = perEpoch * settings.epochs;
    const epochs: Epoch[] = [...(state?.epochs ?? [])];
    let best: TrainingState['best'] = state?.best ?? {
      epoch: 0,
      loss: Infinity,
      numbers: trainer.numbers,
      logits: [],
    };
    const isOver = () =>
      epochs.length >= settings.epochs ||
      (settings.patience !== null && epochs.length - best.epoch >= settings.patience);
    while (!isOver()) {
      const epoch = epochs.length + 1;
      // Of its own for each epoch, so that a later one can be begun with.
      const random = randomOf(Math.imul(seed + 1, 0x9e3779b1) + epoch);
      const order = shuffle([...seen], random);
      let sum = 0;
      let taken = 0;
      for (let at = 0; at < perEpoch; at++) {
        const [from, to] = [at, at + 1].map((each) => Math.floor((each * order.length) / perEpoch));
        const some = order.slice(from, to);
        const done = (epoch - 1) * perEpoch + at;
        const rate = rateAt(done / total, settings);
        const loss = await trainer.step(some, rows, classes, rate, random);
        if (loss !== undefined) {
          sum += loss * some.length;
          taken += some.length;
        }
        report({ stage: 'train', done: (done + 1) / (total + 1), epochs });
        yield;
      }
      if (taken === 0 || !trainer.numbers.parameters.every(Number.isFinite)) {
        throw tooHigh(settings, Number.NaN);
      }
      const result: Epoch = { epoch, loss: sum / taken };
      let loss = result.loss;
      let logits: Float64Array[] = [];
      if (out.length > 0) {
        logits = [];
        for await (const some of ask(host, plan, trainer.numbers, scale, rows, out)) {
          logits.push(...some);
          yield;
        }
        const found = measure(kind, logits, out, classes);
        if (!Number.isFinite(found.loss)) throw tooHigh(settings, found.loss);
        result.validationLoss = found.loss;
        result.validationAccuracy = found.accuracy;
        loss = found.loss;
      }
      epochs.push(result);
      // Without validation the latest is kept.
      if (loss < best.loss || out.length === 0) {
        best = { epoch, loss, numbers: trainer.numbers, logits };
      }
      report({ stage: 'train', done: (epoch * perEpoch) / (total + 1), epochs: [...epochs] });
      await keeper?.write({ key, ...trainer.state, epochs: [...epochs], best });
      yield;
    }
    await keeper?.forget();
    const unseen: UnseenScores | null =
      out.length > 0
        ? {
            ids: out.map((row) => examples.ids[row] as number),
            logits: Float64Array.from(best.logits.flatMap((row) => [...row])),
            method: 'hold-out',
            folds: 1,
          }
        : null;
    return {
      kind: 'network',
      network: {
        spec,
        scale,
        ...best.numbers,
        temperature: temperatureOf(unseen, examples.ids, classes, examples.count),
      },
      parameters: plan.parameters,
      epochs,
      best: best.epoch,
      unseen,
    };
  } finally {
    await graph.release();
  }
}

/**
 * Steps of an epoch: as few as there are with `most` examples each at most, and so that none is left with a single
 * one, of which a batch norm would learn nothing: one more goes with the others.
 */
function stepsOf(examples: number, most: number): number {
  if (most === 1) return examples;
  return Math.max(1, Math.min(Math.ceil(examples / most), Math.floor(examples / 2)));
}

/** @throws TabserveError `invalid-argument` where a batch norm would take its means of single numbers. */
function checkBatch({ layers }: NetworkPlan, batch: number): void {
  const at = layers.findIndex(
    ({ layer, from }) => layer.type === 'batch-norm' && sizeOf(from.slice(1)) === 1,
  );
  if (batch > 1 || at < 0) return;
  throw new TabserveError(
    'invalid-argument',
    `This network cannot be trained on one example at a time: layer ${at + 1} (batch-norm) would take its means of single numbers. Take a batchSize of 2 or more.`,
    { details: { option: 'batchSize' } },
  );
}

function tooHigh({ learningRate }: NetworkSettings, loss: number): TabserveError {
  return new TabserveError(
    'invalid-argument',
    `The network's loss is ${loss}: the learning rate of ${learningRate} is too high for it.`,
    { details: { option: 'learningRate' } },
  );
}

/** The learning rate when this part of all steps is made. */
function rateAt(done: number, { learningRate }: NetworkSettings): number {
  return done < warmUp
    ? (learningRate * (done + warmUp / 10)) / warmUp
    : (learningRate * (1 - done)) / (1 - warmUp);
}

/** What steps are made with. */
interface StepParts extends StepNames {
  batch: number;
  settings: NetworkSettings;
}

/** The parameters, and what changes them. */
class StepRunner {
  numbers: NetworkNumbers;
  #first: Float32Array;
  #second: Float32Array;
  #steps = 0;
  #lost = 0;
  readonly #graph: OpenGraph;
  readonly #plan: NetworkPlan;
  readonly #parts: StepParts;

  /** @param state - Where to go on from. @default from nothing */
  constructor(graph: OpenGraph, plan: NetworkPlan, parts: StepParts, state?: TrainingState) {
    this.#graph = graph;
    this.#plan = plan;
    this.#parts = parts;
    this.numbers = state?.numbers ?? firstNumbers(plan, randomOf(parts.settings.seed));
    this.#first = state?.first ?? new Float32Array(plan.parameters);
    this.#second = state?.second ?? new Float32Array(plan.parameters);
    this.#steps = state?.steps ?? 0;
  }

  /** What a step changes. */
  get state(): Pick<TrainingState, 'numbers' | 'first' | 'second' | 'steps'> {
    const { numbers } = this;
    return { numbers, first: this.#first, second: this.#second, steps: this.#steps };
  }

  /** @returns The loss before the step; `undefined` where it is no number, and the step was not made. */
  async step(
    some: readonly number[],
    rows: readonly Uint8Array[],
    classes: readonly number[],
    rate: number,
    random: Random,
  ): Promise<number | undefined> {
    const { batch, keeps, settings } = this.#parts;
    const { input } = this.#plan;
    const size = sizeOf(input);
    const pictures = new Uint8Array(batch * size);
    const truth = new Int32Array(batch);
    const shares = new Float32Array(batch);
    for (const [place, row] of some.entries()) {
      const into = pictures.subarray(place * size, (place + 1) * size);
      varied(rows[row] as Uint8Array, into, input, settings, random);
      truth[place] = classes[row] as number;
      shares[place] = 1 / some.length;
    }
    const t = this.#steps + 1;
    const [slow, slower] = adamDecay;
    const correction =
      settings.optimizer === 'adam' ? Math.sqrt(1 - slower ** t) / (1 - slow ** t) : 1;
    const flat = (data: Float32Array): Tensor => ({ type: 'float32', dims: [data.length], data });
    const feeds: Record<string, Tensor> = {
      pictures: { type: 'uint8', dims: [batch, ...input], data: pictures },
      classes: { type: 'int32', dims: [batch], data: truth },
      shares: flat(shares),
      parameters: flat(this.numbers.parameters),
      first: flat(this.#first),
      second: flat(this.#second),
      rate: flat(Float32Array.of(rate * correction)),
    };
    for (const { name, dims, rate: left } of keeps) {
      const data = Float32Array.from({ length: sizeOf(dims) }, () =>
        random() < left ? 0 : 1 / (1 - left),
      );
      feeds[name] = { type: 'float32', dims: [...dims], data };
    }
    const outputs = ['loss', 'nextParameters', 'nextFirst', 'nextSecond'];
    const { statistics } = this.numbers;
    if (statistics.length > 0) {
      feeds.statistics = flat(statistics);
      outputs.push('nextStatistics');
    }
    const results = await this.#graph.run(feeds, outputs);
    const read = (name: string) => (results[name] as Tensor).data as Float32Array;
    const loss = read('loss')[0] ?? Number.NaN;
    if (!Number.isFinite(loss)) {
      this.#lost += 1;
      if (this.#lost <= mostLost) return undefined;
      throw tooHigh(settings, loss);
    }
    this.#lost = 0;
    this.#steps = t;
    this.numbers = {
      parameters: read('nextParameters'),
      statistics: statistics.length > 0 ? read('nextStatistics') : statistics,
    };
    this.#first = read('nextFirst');
    this.#second = read('nextSecond');
    return loss;
  }
}

/**
 * Where training starts: each weight by chance within ±√(6 / inputs), biases 0; a batch norm changes nothing.
 *
 * Source: K. He et al., "Delving deep into rectifiers", 2015; for the last layer X. Glorot and Y. Bengio,
 * "Understanding the difficulty of training deep feedforward neural networks", 2010.
 */
export function firstNumbers(plan: NetworkPlan, random: Random): NetworkNumbers {
  const parameters = new Float32Array(plan.parameters);
  const statistics = new Float32Array(plan.statistics);
  for (const [at, { weights, variances, to }] of plan.layers.entries()) {
    if (!weights) continue;
    const end = weights.offset + sizeOf(weights.dims);
    if (variances) {
      parameters.fill(1, weights.offset, end);
      statistics.fill(1, variances.offset, variances.offset + sizeOf(variances.dims));
      continue;
    }
    const outputs = at === plan.layers.length - 1 ? sizeOf(to) : 0;
    const most = Math.sqrt(6 / (weights.fanIn + outputs));
    for (let i = weights.offset; i < end; i++) parameters[i] = (2 * random() - 1) * most;
  }
  return { parameters, statistics };
}

/** A picture as it is, or shifted and mirrored by chance. What comes in from outside repeats the border. */
function varied(
  from: Uint8Array,
  into: Uint8Array,
  [channels, height, width]: NetworkSpec['input'],
  { shifts, mirrored }: NetworkSettings,
  random: Random,
): void {
  if (!shifts && !mirrored) {
    into.set(from);
    return;
  }
  const shift = (side: number) => {
    const most = shifts ? Math.floor(side / 8) : 0;
    return Math.floor(random() * (2 * most + 1)) - most;
  };
  const [down, right] = [shift(height), shift(width)];
  const isMirrored = mirrored && random() < 0.5;
  // Worked out once for all rows: a step's pictures have some 200,000 bytes.
  const columns = Int32Array.from({ length: width }, (_, x) => {
    const moved = Math.min(width - 1, Math.max(0, x + right));
    return isMirrored ? width - 1 - moved : moved;
  });
  let to = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const row = Math.min(height - 1, Math.max(0, y + down));
      const start = (c * height + row) * width;
      for (let x = 0; x < width; x++) into[to++] = from[start + (columns[x] as number)] as number;
    }
  }
}

/** Says what is trained, and with what. */
function keyOf(
  rows: readonly Uint8Array[],
  classes: readonly number[],
  spec: NetworkSpec,
  settings: NetworkSettings,
): string {
  // FNV-1a, of 32 bits: it tells other pictures from these, and need not withstand anybody.
  let hash = 0x811c9dc5;
  const take = (byte: number) => {
    hash = Math.imul(hash ^ byte, 0x01000193);
  };
  for (const row of rows) for (const byte of row) take(byte);
  for (const at of classes) take(at);
  return JSON.stringify([spec, settings, rows.length, hash >>> 0]);
}

/** The mean and deviation of all bytes. */
function scaleOf(rows: readonly Uint8Array[]): PixelScale {
  let sum = 0;
  let square = 0;
  let count = 0;
  for (const row of rows) {
    for (const value of row) {
      sum += value;
      square += value * value;
    }
    count += row.length;
  }
  const mean = sum / count;
  // Pictures that are all the same have none.
  const deviation = Math.sqrt(Math.max(1, square / count - mean * mean));
  return { mean, deviation };
}

/** The logits of examples, some at a time. */
async function* ask(
  host: Pick<ServiceHost, 'open'>,
  plan: NetworkPlan,
  numbers: NetworkNumbers,
  scale: PixelScale,
  rows: readonly Uint8Array[],
  asked: readonly number[],
): AsyncGenerator<Float64Array[]> {
  const file = writeNetwork(plan, numbers, scale, { name: 'logits' });
  const graph = await host.open(file, 'the network');
  const size = sizeOf(plan.input);
  try {
    for (let at = 0; at < asked.length; at += validationBatch) {
      const some = asked.slice(at, at + validationBatch);
      const data = new Float32Array(some.length * size);
      for (const [place, row] of some.entries()) data.set(rows[row] as Uint8Array, place * size);
      const input = { type: 'float32', dims: [some.length, ...plan.input], data } as const;
      const { logits } = await graph.run({ input }, ['logits']);
      const all = Float64Array.from(numbersOf(logits as Tensor) as ArrayLike<number>);
      yield some.map((_, place) => all.slice(place * plan.classes, (place + 1) * plan.classes));
    }
  } finally {
    await graph.release();
  }
}

function measure(
  kind: NetworkSettings['loss'],
  logits: readonly Float64Array[],
  rows: readonly number[],
  classes: readonly number[],
): { loss: number; accuracy: number } {
  let loss = 0;
  let right = 0;
  for (const [place, row] of rows.entries()) {
    const own = classes[row] as number;
    const scores = logits[place] as Float64Array;
    loss +=
      kind === 'squared-error'
        ? scores.reduce((sum, score, c) => sum + (score - (c === own ? 1 : 0)) ** 2, 0) /
          scores.length
        : -Math.log(Math.max(Number.MIN_VALUE, probabilitiesOf(scores)[own] as number));
    if (argmax(scores) === own) right += 1;
  }
  return { loss: loss / rows.length, accuracy: right / rows.length };
}
