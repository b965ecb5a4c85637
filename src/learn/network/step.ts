/**
 * One step of training as an ordinary ONNX graph: forward, backward, and the optimiser, with the parameters
 * going in and coming out. The engine has no operators for gradients: they are written in those that it has.
 */
import { GraphBuilder } from '../onnx/builder.js';
import { attributesOf, type PixelScale, poolOf, scaled, varianceEpsilon } from './forward.js';
import { type LayerPlan, type NetworkPlan, type Slot, sizeOf, type Window } from './spec.js';

/** How the parameters are changed by their gradient. */
export type Optimizer = 'adam' | 'sgd';

/** What is to become small: see `NetworkOptions.loss`. */
export type Loss = 'cross-entropy' | 'squared-error';

/** Options of {@link writeStep}. */
export interface StepOptions {
  /** Pictures of one step. */
  batch: number;
  optimizer: Optimizer;
  loss: Loss;
  scale: PixelScale;
  /** Whether the gradient itself is an output, `gradient`. @default false */
  gradient?: boolean;
}

/** What the graph of a step is fed, and gives. */
export interface StepNames {
  /** For each dropout layer an input with a factor for each number: 0, or 1 / (1 − rate). */
  keeps: readonly { name: string; dims: readonly number[]; rate: number }[];
}

/** Of Adam, as D. Kingma and J. Ba give them ("Adam: a method for stochastic optimization", 2015). */
export const adamDecay = [0.9, 0.999] as const;
const adamEpsilon = 1e-7;
const momentum = 0.9;

/** Kernels of this size and more: the gradient by one convolution is faster than by columns. */
const largeKernel = 5;

/**
 * Writes the step. Inputs: `pictures`, uint8 `[batch, channels, height, width]`; `classes`, int32 `[batch]`;
 * `shares`, float32 `[batch]`, what each picture counts for, with a sum of 1; `parameters`, `first` and
 * `second`, float32, flat, the latter two what the optimiser remembers; `rate`, float32 `[1]`, the learning
 * rate with Adam's correction for its first steps in it; and where the plan has some, `statistics`, float32, flat.
 * Outputs: `loss`, and `nextParameters`, `nextFirst`, `nextSecond`, `nextStatistics`.
 */
export function writeStep(
  plan: NetworkPlan,
  { batch, optimizer, loss: kind, scale, gradient: wantsGradient = false }: StepOptions,
): StepNames & { file: Uint8Array<ArrayBuffer> } {
  const graph = new GraphBuilder();
  const count = plan.parameters;
  const pictures = graph.input('pictures', 'uint8', [batch, ...plan.input]);
  const classes = graph.input('classes', 'int32', [batch]);
  const shares = graph.input('shares', 'float32', [batch]);
  const parameters = graph.input('parameters', 'float32', [count]);
  const first = graph.input('first', 'float32', [count]);
  const second = graph.input('second', 'float32', [count]);
  const rate = graph.input('rate', 'float32', [1]);

  const statistics =
    plan.statistics > 0 ? graph.input('statistics', 'float32', [plan.statistics]) : '';

  const step = new Step(graph, plan, { batch, shares, parameters, statistics });
  const logits = step.forward(scaled(graph, graph.op('Cast', [pictures], { to: 1 }), scale));
  const { loss, slope } = lossOf(graph, kind, { logits, classes, shares, batch }, plan.classes);
  const gradient = step.backward(slope);

  graph.output('loss', loss, 'float32', []);
  if (wantsGradient) graph.output('gradient', gradient, 'float32', [count]);
  const next = optimize(graph, optimizer, { parameters, gradient, first, second, rate });
  graph.output('nextParameters', next.parameters, 'float32', [count]);
  graph.output('nextFirst', next.first, 'float32', [count]);
  graph.output('nextSecond', next.second, 'float32', [count]);
  if (statistics) {
    graph.output('nextStatistics', step.nextStatistics(), 'float32', [plan.statistics]);
  }
  return { file: graph.write('training step'), keeps: step.keeps };
}

/** The loss, and how it changes with each logit. */
function lossOf(
  graph: GraphBuilder,
  kind: Loss,
  {
    logits,
    classes,
    shares,
    batch,
  }: Record<'logits' | 'classes' | 'shares', string> & { batch: number },
  count: number,
): { loss: string; slope: string } {
  const numbers = graph.tensor(
    'int32',
    [1, count],
    Int32Array.from({ length: count }, (_, c) => c),
  );
  const column = graph.op('Reshape', [classes, graph.ints(batch, 1)]);
  const own = graph.op('Cast', [graph.op('Equal', [column, numbers])], { to: 1 });
  const weight = graph.op('Reshape', [shares, graph.ints(batch, 1)]);
  if (kind === 'squared-error') {
    const miss = graph.op('Sub', [logits, own]);
    const slope = graph.op('Mul', [miss, graph.op('Mul', [weight, graph.scalar(2 / count)])]);
    const sum = graph.op('ReduceSum', [graph.op('Mul', [miss, slope])], { keepdims: 0 });
    return { loss: graph.op('Mul', [sum, graph.scalar(0.5)]), slope };
  }
  const logs = graph.op('LogSoftmax', [logits], { axis: 1 });
  const each = graph.op('Mul', [graph.op('Mul', [logs, own]), weight]);
  const sum = graph.op('ReduceSum', [each], { keepdims: 0 });
  const error = graph.op('Sub', [graph.op('Exp', [logs]), own]);
  return { loss: graph.op('Neg', [sum]), slope: graph.op('Mul', [error, weight]) };
}

function optimize(
  graph: GraphBuilder,
  optimizer: Optimizer,
  given: Record<'parameters' | 'gradient' | 'first' | 'second' | 'rate', string>,
): Record<'parameters' | 'first' | 'second', string> {
  const { parameters, gradient, first, second, rate } = given;
  const times = (value: string, factor: number) => graph.op('Mul', [value, graph.scalar(factor)]);
  const moved = (by: string) => graph.op('Sub', [parameters, graph.op('Mul', [by, rate])]);
  if (optimizer === 'sgd') {
    const speed = graph.op('Add', [times(first, momentum), gradient]);
    return { parameters: moved(speed), first: speed, second };
  }
  const [slow, slower] = adamDecay;
  const mean = graph.op('Add', [times(first, slow), times(gradient, 1 - slow)]);
  const square = graph.op('Mul', [gradient, gradient]);
  const spread = graph.op('Add', [times(second, slower), times(square, 1 - slower)]);
  const size = graph.op('Add', [graph.op('Sqrt', [spread]), graph.scalar(adamEpsilon)]);
  return { parameters: moved(graph.op('Div', [mean, size])), first: mean, second: spread };
}

/** A layer as it was passed on the way forward. */
interface Passed {
  plan: LayerPlan;
  /** What went in, as the layer took it, and came out. */
  input: string;
  output: string;
  weights: string;
  /** Of a convolution with a small kernel: what each of its products takes, column by column. */
  columns: string | undefined;
  /** Of pooling: where the largest were. */
  places: string | undefined;
  keep: string | undefined;
  normal: Normalised | undefined;
}

/** What a batch norm has made, with a size of 1 where it took a mean. */
interface Normalised {
  /** Its output before what was learnt. */
  numbers: string;
  /** One through the deviation. */
  inverse: string;
  /** What each number of the mean counts for. */
  weight: string;
}

/** What a step is written from. */
interface StepValues {
  batch: number;
  shares: string;
  parameters: string;
  /** Empty where there are none. */
  statistics: string;
}

class Step {
  readonly keeps: { name: string; dims: readonly number[]; rate: number }[] = [];
  readonly #graph: GraphBuilder;
  readonly #plan: NetworkPlan;
  readonly #batch: number;
  readonly #values: StepValues;
  readonly #passed: Passed[] = [];
  readonly #statistics: string[] = [];

  constructor(graph: GraphBuilder, plan: NetworkPlan, values: StepValues) {
    this.#graph = graph;
    this.#plan = plan;
    this.#batch = values.batch;
    this.#values = values;
  }

  /** The running means and variances after the way forward. */
  nextStatistics(): string {
    return this.#graph.op('Concat', this.#statistics, { axis: 0 });
  }

  /** @returns The logits. */
  forward(pictures: string): string {
    let value = pictures;
    for (const plan of this.#plan.layers) {
      const passed = this.#pass(plan, value);
      this.#passed.push(passed);
      value = passed.output;
    }
    return value;
  }

  /**
   * @param slope - How the loss changes with each logit.
   * @returns How it changes with each parameter, flat.
   */
  backward(slope: string): string {
    const graph = this.#graph;
    const found: { slot: Slot; value: string }[] = [];
    const lowest = this.#plan.layers.findIndex(({ weights }) => weights);
    let error = slope;
    // Pooling backwards changes no channel's sum: it is taken of the smaller one.
    let before: string | undefined;
    for (const [at, passed] of [...this.#passed.entries()].reverse()) {
      if (at < lowest) break;
      const { layer, weights, biases, from } = passed.plan;
      const small = before ?? error;
      before = undefined;
      switch (layer.type) {
        case 'dense': {
          if (!weights || !biases) break;
          found.push({
            slot: weights,
            value: graph.op('Gemm', [passed.input, error], { transA: 1 }),
          });
          found.push({ slot: biases, value: this.#sum(error, 0) });
          if (at === lowest) break;
          error = graph.op('Gemm', [error, passed.weights], { transB: 1 });
          if (from.length > 1) error = this.#shaped(error, from);
          break;
        }
        case 'relu': {
          const isPassed = graph.op('Greater', [passed.output, graph.scalar(0)]);
          error = graph.op('Where', [isPassed, error, graph.scalar(0)]);
          break;
        }
        case 'dropout':
          error = graph.op('Mul', [error, passed.keep as string]);
          break;
        case 'pool': {
          before = error;
          error = this.#unpool(passed, error);
          break;
        }
        case 'conv': {
          if (!weights || !biases) break;
          found.push({ slot: biases, value: this.#sum(small, 0, 2, 3) });
          found.push({ slot: weights, value: this.#kernelGradient(passed, error) });
          if (at > lowest) {
            error = this.#spread(passed.plan, error, passed.weights);
          }
          break;
        }
        case 'batch-norm': {
          if (!weights || !biases) break;
          const { numbers, inverse, weight } = passed.normal as Normalised;
          const axes = axesOf(from);
          const bias = this.#sum(error, ...axes);
          const scale = this.#sum(graph.op('Mul', [error, numbers]), ...axes);
          found.push({ slot: biases, value: bias }, { slot: weights, value: scale });
          if (at === lowest) break;
          const [byBias, byScale] = [bias, scale].map((each) => this.#channels(each, from));
          const moved = graph.op('Add', [
            byBias as string,
            graph.op('Mul', [numbers, byScale as string]),
          ]);
          const rest = graph.op('Sub', [error, graph.op('Mul', [moved, weight])]);
          const factor = graph.op('Mul', [this.#channels(passed.weights, from), inverse]);
          error = graph.op('Mul', [rest, factor]);
          break;
        }
      }
    }
    const sorted = found.sort((a, b) => a.slot.offset - b.slot.offset);
    const flat = sorted.map(({ value }) => graph.op('Reshape', [value, graph.ints(-1)]));
    return graph.op('Concat', flat, { axis: 0 });
  }

  #pass(plan: LayerPlan, input: string): Passed {
    const graph = this.#graph;
    const { layer, from, to } = plan;
    const [weights = '', biases = ''] = [plan.weights, plan.biases].map(
      (slot) => slot && this.#slot(slot),
    );
    const passed = {
      plan,
      weights,
      columns: undefined,
      places: undefined,
      keep: undefined,
      normal: undefined,
      input,
    };
    switch (layer.type) {
      case 'conv': {
        const { size = 3 } = layer;
        if (size >= largeKernel) {
          const output = graph.op('Conv', [input, weights, biases], attributesOf(plan));
          return { ...passed, output };
        }
        const columns = this.#columns(plan, input);
        const [filters = 1] = to;
        const rows = graph.op('Reshape', [weights, graph.ints(filters, -1)]);
        const product = this.#shaped(graph.op('MatMul', [rows, columns]), to);
        const added = graph.op('Reshape', [biases, graph.ints(filters, 1, 1)]);
        return { ...passed, columns, output: graph.op('Add', [product, added]) };
      }
      case 'pool': {
        const op = poolOf(layer);
        const count = op === 'MaxPool' ? 2 : 1;
        const [output = '', places] = graph.ops(op, [input], count, attributesOf(plan));
        return { ...passed, places, output };
      }
      case 'batch-norm': {
        const { momentum = 0.9 } = layer;
        const normal = this.#normalise(plan, input, momentum);
        const scaled = graph.op('Mul', [normal.numbers, this.#channels(weights, from)]);
        const output = graph.op('Add', [scaled, this.#channels(biases, from)]);
        return { ...passed, normal, output };
      }
      case 'relu':
        return { ...passed, output: graph.op('Relu', [input]) };
      case 'dropout': {
        const name = `keep${this.keeps.length}`;
        const dims = [this.#batch, ...to];
        this.keeps.push({ name, dims, rate: layer.rate });
        const keep = graph.input(name, 'float32', dims);
        return { ...passed, keep, output: graph.op('Mul', [input, keep]) };
      }
      case 'dense': {
        const flat = from.length > 1 ? this.#shaped(input, [sizeOf(from)]) : input;
        return { ...passed, input: flat, output: graph.op('Gemm', [flat, weights, biases]) };
      }
    }
  }

  /** What a convolution multiplies its kernels with, `[batch, channels · size², places]`: by a convolution with kernels of a single one. */
  #columns(plan: LayerPlan, input: string): string {
    const graph = this.#graph;
    const [channels = 1, height = 1, width = 1] = plan.from;
    const [, rows = 1, columns = 1] = plan.to;
    const attributes = attributesOf(plan);
    const taps = sizeOf(attributes.kernel_shape);
    const ones = Float32Array.from({ length: taps * taps }, (_, i) =>
      Math.floor(i / taps) === i % taps ? 1 : 0,
    );
    const kernel = graph.tensor('float32', [taps, 1, ...attributes.kernel_shape], ones);
    const single = graph.op('Reshape', [
      input,
      graph.ints(this.#batch * channels, 1, height, width),
    ]);
    const taken = graph.op('Conv', [single, kernel], attributes);
    return graph.op('Reshape', [taken, graph.ints(this.#batch, channels * taps, rows * columns)]);
  }

  /** How the loss changes with a convolution's kernels. */
  #kernelGradient({ plan, input, columns }: Passed, error: string): string {
    const graph = this.#graph;
    const [filters = 1, rows = 1, wide = 1] = plan.to;
    const dims = graph.ints(...(plan.weights as Slot).dims);
    if (columns === undefined) {
      // The picture is convolved with the errors, batch and channels having changed places.
      const perm = { perm: [1, 0, 2, 3] };
      const { kernel, strides, rest } = plan.window as Window;
      const { pads } = attributesOf(plan);
      const product = graph.op(
        'Conv',
        [graph.op('Transpose', [input], perm), graph.op('Transpose', [error], perm)],
        { kernel_shape: [rows, wide], pads, dilations: strides },
      );
      const isWhole = sizeOf(rest.map((each) => each + 1)) === 1;
      const own = isWhole
        ? product
        : graph.op('Slice', [product, graph.ints(0, 0), graph.ints(...kernel), graph.ints(2, 3)]);
      return graph.op('Transpose', [own], perm);
    }
    const flat = graph.op('Reshape', [error, graph.ints(this.#batch, filters, rows * wide)]);
    const each = graph.op('com.microsoft.FusedMatMul', [flat, columns], { transB: 1 });
    return graph.op('Reshape', [this.#sum(each, 0), dims]);
  }

  /** How the loss changes with what a pool took. */
  #unpool({ plan, places }: Passed, error: string): string {
    const graph = this.#graph;
    const { from, to } = plan;
    const { kernel, strides } = plan.window as Window;
    if (places === undefined) {
      const [channels = 1, ...sides] = to;
      const single = graph.op('Reshape', [error, graph.ints(this.#batch * channels, 1, ...sides)]);
      const size = sizeOf(kernel);
      const part = graph.tensor(
        'float32',
        [1, 1, ...kernel],
        new Float32Array(size).fill(1 / size),
      );
      return this.#shaped(this.#spread(plan, single, part), from);
    }
    const isApart = kernel.every((side, at) => side <= (strides[at] as number));
    if (isApart) {
      const size = graph.ints(this.#batch, ...from);
      const { kernel_shape } = attributesOf(plan);
      return graph.op('MaxUnpool', [error, places, size], { kernel_shape, strides });
    }
    // One number can be the largest of several windows.
    const zeros = graph.op('Expand', [graph.scalar(0), graph.ints(this.#batch * sizeOf(from))]);
    const [where = '', what = ''] = [places, error].map((each) =>
      graph.op('Reshape', [each, graph.ints(-1)]),
    );
    const added = { axis: 0, reduction: 'add' };
    return this.#shaped(graph.op('ScatterElements', [zeros, where, what], added), from);
  }

  /** Brings what a convolution gave back to where it took it from, by its kernels. */
  #spread(plan: LayerPlan, error: string, kernels: string): string {
    const { rest } = plan.window as Window;
    return this.#graph.op('ConvTranspose', [error, kernels], {
      ...attributesOf(plan),
      output_padding: rest,
    });
  }

  #normalise(plan: LayerPlan, input: string, momentum: number): Normalised {
    const graph = this.#graph;
    const { from, means, variances } = plan;
    const axes = axesOf(from);
    const places = sizeOf(from.slice(1));
    // Of what fills a batch up, the share is 0.
    const share = graph.op('Reshape', [
      this.#values.shares,
      graph.ints(this.#batch, ...from.map(() => 1)),
    ]);
    const weight = graph.op('Mul', [share, graph.scalar(1 / places)]);
    const mean = (of: string) =>
      graph.op('ReduceSum', [graph.op('Mul', [of, weight]), graph.ints(...axes)], { keepdims: 1 });
    const centre = mean(input);
    const centred = graph.op('Sub', [input, centre]);
    const variance = mean(graph.op('Mul', [centred, centred]));
    const deviation = graph.op('Sqrt', [
      graph.op('Add', [variance, graph.scalar(varianceEpsilon)]),
    ]);
    const inverse = graph.op('Div', [graph.scalar(1), deviation]);
    for (const [slot, now] of [
      [means, centre],
      [variances, variance],
    ] as const) {
      const before = this.#part(this.#values.statistics, slot as Slot);
      const flat = graph.op('Reshape', [now, graph.ints(-1)]);
      this.#statistics.push(
        graph.op('Add', [
          graph.op('Mul', [before, graph.scalar(momentum)]),
          graph.op('Mul', [flat, graph.scalar(1 - momentum)]),
        ]),
      );
    }
    return { numbers: graph.op('Mul', [centred, inverse]), inverse, weight };
  }

  /** One number for each channel, to be multiplied with or added to what has these sizes. */
  #channels(value: string, [channels = 1, ...sides]: readonly number[]): string {
    const graph = this.#graph;
    return graph.op('Reshape', [value, graph.ints(1, channels, ...sides.map(() => 1))]);
  }

  /** The sum over these axes, which are left out. */
  #sum(value: string, ...axes: readonly number[]): string {
    return this.#graph.op('ReduceSum', [value, this.#graph.ints(...axes)], { keepdims: 0 });
  }

  /** As many of these as the batch has. */
  #shaped(value: string, dims: readonly number[]): string {
    return this.#graph.op('Reshape', [value, this.#graph.ints(this.#batch, ...dims)]);
  }

  #slot(slot: Slot): string {
    return this.#part(this.#values.parameters, slot);
  }

  /** A part of a flat value, in its shape. */
  #part(value: string, { offset, dims }: Slot): string {
    const graph = this.#graph;
    const size = sizeOf(dims);
    const part = graph.op('Slice', [
      value,
      graph.ints(offset),
      graph.ints(offset + size),
      graph.ints(0),
    ]);
    return dims.length > 1 ? graph.op('Reshape', [part, graph.ints(...dims)]) : part;
  }
}

/** Over which axes a batch norm takes its means. */
function axesOf(dims: readonly number[]): readonly number[] {
  return dims.length > 1 ? [0, 2, 3] : [0];
}
