import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { numbersOf, type Tensor } from '../../base/tensor.js';
import type { ServiceHost } from '../../runtime/service.js';
import { ModelSession } from '../../runtime/session.js';
import { wasmBackend } from '../../testing/engine.js';
import { randomOf } from '../arithmetic/random.js';
import type { JobProgress, NetworkResult, NetworkSettings } from '../types.js';
import { writeNetwork } from './forward.js';
import { type Layer, type NetworkSpec, planNetwork, sizeOf } from './spec.js';
import { writeStep } from './step.js';
import { firstNumbers, type StateKeeper, type TrainingState, trainNetwork } from './train.js';

interface Golden extends NetworkSpec {
  name: string;
  lossName: 'cross-entropy' | 'squared-error';
  /** After the step, and what answers are given with. */
  nextStatistics: number[];
  truth: number[];
  shares: number[];
  loss: number;
  gradient: number[];
  logits: number[][];
}

/** `network.py` made them with PyTorch. */
const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, '../golden/network.json'), 'utf8'),
) as Golden[];

const batch = 5;
const scale = { mean: 100, deviation: 60 };

let host: Pick<ServiceHost, 'open'>;

beforeAll(() => {
  const backend = wasmBackend();
  host = {
    open: (bytes, where) => ModelSession.create(backend, { bytes, external: [] }, where),
  };
});

const flat = (data: Float32Array): Tensor => ({ type: 'float32', dims: [data.length], data });

/** Numbers by the formulas of `network.py`. */
const parametersOf = (count: number) =>
  Float32Array.from({ length: count }, (_, i) => 0.4 * Math.sin(1 + 1.7 * i));
const statisticsOf = (count: number) =>
  Float32Array.from({ length: count }, (_, i) => 0.5 + (i % 3));
const picturesOf = (numbers: number) =>
  Uint8Array.from({ length: batch * numbers }, (_, i) => (i * i * 7 + i * 13) % 251);

function farthest(found: ArrayLike<number>, expected: readonly number[]): number {
  expect(found.length).toBe(expected.length);
  return Math.max(...expected.map((value, i) => Math.abs(value - (found[i] as number))));
}

describe.each(golden)("a network's step: $name", (each) => {
  const plan = planNetwork(each);
  const parameters = parametersOf(plan.parameters);
  const statistics = statisticsOf(plan.statistics);
  const pictures = picturesOf(sizeOf(each.input));

  async function step(optimizer: 'adam' | 'sgd', rate: number) {
    const { file, keeps } = writeStep(plan, {
      batch,
      optimizer,
      loss: each.lossName,
      scale,
      gradient: true,
    });
    const graph = await host.open(file, 'step');
    const feeds: Record<string, Tensor> = {
      pictures: { type: 'uint8', dims: [batch, ...each.input], data: pictures },
      classes: { type: 'int32', dims: [batch], data: Int32Array.from(each.truth) },
      shares: flat(Float32Array.from(each.shares)),
      parameters: flat(parameters),
      first: flat(new Float32Array(plan.parameters).fill(0.5)),
      second: flat(new Float32Array(plan.parameters).fill(0.25)),
      rate: flat(Float32Array.of(rate)),
    };
    for (const { name, dims, rate: left } of keeps) {
      const data = Float32Array.from({ length: sizeOf(dims) }, (_, i) =>
        (i * 5) % 7 >= 2 ? 1 / (1 - left) : 0,
      );
      feeds[name] = { type: 'float32', dims: [...dims], data };
    }
    const names = ['loss', 'gradient', 'nextParameters', 'nextFirst', 'nextSecond'];
    if (plan.statistics > 0) {
      feeds.statistics = flat(statistics);
      names.push('nextStatistics');
    }
    const results = await graph.run(feeds, names);
    await graph.release();
    return names.map((name) => numbersOf(results[name] as Tensor) as ArrayLike<number>);
  }

  it("has PyTorch's loss and gradient, and moves by Adam", async () => {
    const [loss = [], gradient = [], next = [], first = [], second = [], statistics = []] =
      await step('adam', 0.01);
    expect(loss[0]).toBeCloseTo(each.loss, 5);
    const size = Math.max(...each.gradient.map(Math.abs));
    expect(size).toBeGreaterThan(0.01);
    expect(farthest(gradient, each.gradient)).toBeLessThan(2e-6 * Math.max(1, size) + 1e-6);
    expect(farthest(statistics, each.nextStatistics)).toBeLessThan(1e-5);
    for (const [i, g] of each.gradient.entries()) {
      const mean = 0.9 * 0.5 + 0.1 * g;
      const spread = 0.999 * 0.25 + 0.001 * g * g;
      expect(first[i]).toBeCloseTo(mean, 4);
      expect(second[i]).toBeCloseTo(spread, 4);
      const moved = (parameters[i] as number) - (0.01 * mean) / (Math.sqrt(spread) + 1e-7);
      expect(next[i]).toBeCloseTo(moved, 5);
    }
  });

  it('moves by momentum', async () => {
    const [, , next = [], first = []] = await step('sgd', 0.01);
    for (const [i, g] of each.gradient.entries()) {
      expect(first[i]).toBeCloseTo(0.9 * 0.5 + g, 4);
      expect(next[i]).toBeCloseTo((parameters[i] as number) - 0.01 * (0.45 + g), 5);
    }
  });

  it('answers as PyTorch, as an ordinary model', async () => {
    const file = writeNetwork(plan, { parameters, statistics }, scale, { name: 'logits' });
    const graph = await host.open(file, 'network');
    const data = Float32Array.from(pictures);
    const input = { type: 'float32', dims: [batch, ...each.input], data } as const;
    const { logits } = await graph.run({ input }, ['logits']);
    const found = numbersOf(logits as Tensor) as ArrayLike<number>;
    expect(farthest(found, each.logits.flat())).toBeLessThan(1e-4);
    await graph.release();
  });
});

/** Pictures with a light square at the left or at the right, above or below: four classes. */
function corners(count: number): { rows: Uint8Array[]; classes: number[] } {
  const random = randomOf(11);
  const classes = Array.from({ length: count }, (_, i) => i % 4);
  const rows = classes.map((at) => {
    const row = Uint8Array.from({ length: 64 }, () => 60 * random());
    const [x, y] = [at % 2 ? 5 : 1, at < 2 ? 1 : 5];
    for (const place of [0, 1, 8, 9]) row[y * 8 + x + place] = 120 + 100 * random();
    return row;
  });
  return { rows, classes };
}

const settings: NetworkSettings = {
  epochs: 12,
  batchSize: 16,
  learningRate: 0.01,
  optimizer: 'adam',
  loss: 'cross-entropy',
  validation: 0.25,
  patience: null,
  shifts: false,
  mirrored: false,
  seed: 3,
};
const layers: Layer[] = [
  { type: 'conv', filters: 4 },
  { type: 'relu' },
  { type: 'pool' },
  { type: 'dense', units: 16 },
  { type: 'relu' },
  { type: 'dropout', rate: 0.1 },
];

async function train(
  { layers: given = layers, ...changed }: Partial<NetworkSettings> & { layers?: Layer[] } = {},
  reports: JobProgress[] = [],
  keeper?: StateKeeper,
): Promise<NetworkResult> {
  const { rows, classes } = corners(100);
  const work = trainNetwork(
    host,
    rows,
    { ids: classes.map((_, row) => row + 1), classes, count: 4 },
    { input: [1, 8, 8], layers: given, classes: 4 },
    { ...settings, ...changed },
    (progress) => reports.push(progress),
    keeper,
  );
  for (;;) {
    const step = await work.next();
    if (step.done) return step.value;
  }
}

describe('a network from nothing', () => {
  it('learns what can be learnt, and says how good it is', async () => {
    const reports: JobProgress[] = [];
    const result = await train({}, reports);
    expect(result.epochs).toHaveLength(12);
    expect(result.epochs.at(-1)?.loss).toBeLessThan((result.epochs[0]?.loss ?? 0) / 4);
    expect(result.epochs[result.best - 1]?.validationAccuracy).toBeGreaterThan(0.9);
    expect(result.unseen?.ids).toHaveLength(24);
    expect(result.unseen?.logits).toHaveLength(96);
    const done = reports.map((report) => report.done);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(reports.at(-1)?.epochs).toHaveLength(12);
  });

  it('is the same for the same seed, and another for another', async () => {
    const short = { epochs: 2, shifts: true, mirrored: true };
    const [one, other, third] = [
      await train(short),
      await train(short),
      await train({ ...short, seed: 4 }),
    ];
    expect(other.network.parameters).toEqual(one.network.parameters);
    expect(third.network.parameters).not.toEqual(one.network.parameters);
  });

  it('goes on from its last epoch as if nothing had been in between', async () => {
    const changed = { epochs: 5, shifts: true };
    const whole = await train(changed);
    let state: TrainingState | undefined;
    let written = 0;
    const died = new Error('the page was closed');
    const keeper = (most: number): StateKeeper => ({
      read: async () => structuredClone(state),
      async write(given) {
        if (written++ === most) throw died;
        state = structuredClone(given);
      },
      async forget() {
        state = undefined;
      },
    });
    await expect(train(changed, [], keeper(2))).rejects.toBe(died);
    expect(state?.epochs).toHaveLength(2);
    // Of anything else it is no use.
    const kept = state;
    const other = await train({ ...changed, seed: 8, epochs: 1 }, [], keeper(100));
    expect(other.epochs).toHaveLength(1);
    state = kept;
    written = 0;
    const resumed = await train(changed, [], keeper(100));
    expect(written).toBe(3);
    expect(resumed.network.parameters).toEqual(whole.network.parameters);
    expect(resumed.epochs).toEqual(whole.epochs);
    expect(resumed.unseen).toEqual(whole.unseen);
    expect(state).toBeUndefined();
  });

  it('stops when it gets no better, and keeps the best', async () => {
    const result = await train({ epochs: 200, patience: 2, learningRate: 0.02 });
    expect(result.epochs.length).toBeLessThan(200);
    expect(result.epochs.length).toBe(result.best + 2);
    const losses = result.epochs.map(({ validationLoss = Infinity }) => validationLoss);
    expect(losses[result.best - 1]).toBe(Math.min(...losses));
  });

  it('learns from every example when none is held out', async () => {
    const result = await train({ validation: 0, epochs: 3, optimizer: 'sgd', batchSize: 64 });
    expect(result.unseen).toBeNull();
    expect(result.best).toBe(3);
  });

  it('learns with strides, means, batch norm and squared errors', async () => {
    const result = await train({
      epochs: 30,
      batchSize: 32,
      loss: 'squared-error',
      layers: [
        { type: 'conv', filters: 6, stride: 2, padding: 1 },
        { type: 'batch-norm' },
        { type: 'relu' },
        { type: 'pool', kind: 'average' },
        { type: 'dense', units: 12 },
        { type: 'batch-norm' },
        { type: 'relu' },
      ],
    });
    expect(result.epochs[result.best - 1]?.validationAccuracy).toBeGreaterThan(0.9);
    expect(result.network.statistics).toHaveLength(36);
    expect(result.network.statistics.slice(6, 12).every((variance) => variance > 0)).toBe(true);
  });

  it.each<[string, Parameters<typeof train>[0]]>([
    ['many steps', { optimizer: 'sgd' }],
    ['fewer than may be lost', { optimizer: 'sgd', epochs: 2, batchSize: 64 }],
    ['of the last parameters', { learningRate: 1e300, epochs: 1, batchSize: 64, validation: 0 }],
  ])('says when the learning rate is too high: %s', async (_name, changed) => {
    await expect(train({ learningRate: 1e30, ...changed })).rejects.toThrow(
      expect.objectContaining({ code: 'invalid-argument', details: { option: 'learningRate' } }),
    );
  });

  const normed: Layer[] = [
    { type: 'dense', units: 8 },
    { type: 'batch-norm', momentum: 0 },
    { type: 'relu' },
  ];

  it.each([3, 25, 75])('leaves no example alone in a step of %d', async (batchSize) => {
    // 76 examples are learnt from: the last of them, alone, would leave variances of 0.
    const { network } = await train({ layers: normed, batchSize, epochs: 1 });
    expect(Math.min(...network.statistics.slice(8))).toBeGreaterThan(1e-3);
  });

  it('refuses a batch norm of single numbers, and takes one of a map', async () => {
    const settings = { batchSize: 1, epochs: 1 };
    await expect(train({ ...settings, layers: normed })).rejects.toThrow(
      expect.objectContaining({ code: 'invalid-argument', details: { option: 'batchSize' } }),
    );
    const ofMap: Layer[] = [{ type: 'conv', filters: 2 }, { type: 'batch-norm' }];
    expect((await train({ ...settings, layers: ofMap })).epochs).toHaveLength(1);
  });
});

describe('layers that do not fit together are refused:', () => {
  it.each<[string, unknown[], readonly number[]]>([
    ['a picture without sides', [], [1, 0, 8]],
    ['two channels', [], [2, 8, 8]],
    ['a kernel that is larger', [{ type: 'conv', filters: 2, size: 9 }], [1, 8, 8]],
    [
      'an even kernel in the middle',
      [{ type: 'conv', filters: 2, size: 2, padding: 'same' }],
      [1, 8, 8],
    ],
    ['a padding of a whole kernel', [{ type: 'conv', filters: 2, padding: 3 }], [1, 8, 8]],
    ['a stride of nothing', [{ type: 'conv', filters: 2, stride: 0 }], [1, 8, 8]],
    ['a pool of the least', [{ type: 'pool', kind: 'min' }], [1, 8, 8]],
    ['a window that is larger', [{ type: 'pool', size: 9 }], [1, 8, 8]],
    ['means that never change', [{ type: 'batch-norm', momentum: 1 }], [1, 8, 8]],
    ['no filters', [{ type: 'conv', filters: 0 }], [1, 8, 8]],
    [
      'a convolution of a vector',
      [
        { type: 'dense', units: 4 },
        { type: 'conv', filters: 2 },
      ],
      [1, 8, 8],
    ],
    ['a pool of a vector', [{ type: 'dense', units: 4 }, { type: 'pool' }], [1, 8, 8]],
    ['too many pools', Array(4).fill({ type: 'pool' }), [1, 8, 8]],
    ['all left out', [{ type: 'dropout', rate: 1 }], [1, 8, 8]],
    ['something else', [{ type: 'lstm' }], [1, 8, 8]],
    ['nothing', [null], [1, 8, 8]],
    ['too many units', [{ type: 'dense', units: 5000 }], [1, 8, 8]],
    ['too many numbers', [{ type: 'conv', filters: 512 }], [1, 128, 128]],
    ['too many parameters', [{ type: 'dense', units: 4096 }], [3, 128, 128]],
  ])('%s', (_name, layers, input) => {
    expect(() => planNetwork({ input, layers, classes: 3 } as never)).toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
  });
});

it('a network starts within its bounds, with biases of 0', () => {
  const plan = planNetwork({ input: [1, 8, 8], layers, classes: 4 });
  const { parameters: numbers } = firstNumbers(plan, randomOf(1));
  for (const { weights, biases } of plan.layers) {
    if (!weights || !biases) continue;
    const own = numbers.subarray(weights.offset, weights.offset + sizeOf(weights.dims));
    const most = Math.sqrt(6 / weights.fanIn);
    expect(Math.max(...own.map(Math.abs))).toBeLessThanOrEqual(most);
    expect(Math.max(...own)).toBeGreaterThan(0);
    expect([...numbers.subarray(biases.offset, biases.offset + sizeOf(biases.dims))]).toEqual(
      Array(sizeOf(biases.dims)).fill(0),
    );
  }
});
