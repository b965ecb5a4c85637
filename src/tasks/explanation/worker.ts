/** Why does the model answer so? The worker's half: asks any classifier about parts of its input. */
import { TabserveError } from '../../base/errors.js';
import type { Feeds } from '../../base/gpu-tensor.js';
import {
  anything,
  boolean,
  byKind,
  list,
  madeBy,
  nullable,
  number,
  oneOf,
  record,
  whole,
} from '../../base/shape.js';
import { numbersOf, type Tensor, type Tensors } from '../../base/tensor.js';
import type { ModelInput } from '../../input/image/manifest.js';
import type { CoreManifest } from '../../model/manifest-core.js';
import { readOnnx } from '../../model/onnx/graph.js';
import type {
  OpenedTask,
  PreparedRequest,
  TaskModel,
  TaskServices,
  WorkerTask,
} from '../../runtime/task.js';
import { activate, dequantised, type ScoresOutput, withComplement } from '../scores.js';
import { checkFeeds, tensorsCheck } from '../tensor/tensors.js';
import { type ActivationHead, activationHeads, activationMap } from './activation.js';
import { type LinearModel, linearModel } from './linear.js';
import { type Area, addSquare, occlusionPlaces, orderMask, ranked, riseMask } from './masks.js';
import { elementsOf, firstPicture, maskable, type PixelLayout } from './pixels.js';
import { withoutToken } from './tokens.js';
import type {
  Begun,
  ExplanationOptions,
  ExplanationPayload,
  GraphFacts,
  Tried,
  Variants,
} from './types.js';

/** A classifier's manifest, as far as it matters here. */
interface Classifier extends CoreManifest {
  input: ModelInput;
  output: ScoresOutput;
}

/** What is kept of a graph. */
interface Known {
  heads: ReadonlyMap<string, ActivationHead | string>;
  linear: LinearModel | string;
}

/** Most variants of one request. */
const mostAtOnce = 64;

const most = 1_000_000;

const variants = byKind({
  occlusion: { window: whole(1, most), stride: whole(1, most) },
  rise: { grid: whole(1, 64), probability: number, seed: whole(0, 2 ** 32 - 1) },
  order: {
    map: madeBy(Float32Array),
    fractions: list(number, 1, 1000),
    hide: oneOf('first', 'rest'),
  },
  tokens: { places: list(whole(0, most), 1, 100_000), isFixed: boolean, padId: whole(0) },
});

/** Explanations of classifiers, and of what a graph says of itself. */
export const explanation: WorkerTask<
  CoreManifest,
  ExplanationPayload,
  ExplanationOptions,
  Begun | Tried | GraphFacts,
  object
> = {
  name: 'explanation',
  takesAny: true,
  checks: {
    payload: byKind({
      begin: { payload: anything },
      variants: { feeds: tensorsCheck },
      graph: {},
    }),
    options: byKind({
      begin: { own: record, target: nullable(whole(0)), activation: boolean },
      variants: {
        target: whole(0),
        score: number,
        variants,
        from: whole(0, most),
        count: whole(1, mostAtOnce),
        baseline: oneOf('zero', 'mean', 'blur'),
      },
      graph: {},
    }),
    settings: anything,
  },
  study(model) {
    try {
      const outputs = outputNames(model);
      const heads = activationHeads(model, outputs);
      const features = [...heads.values()].flatMap((head) =>
        typeof head === 'string' ? [] : [head.features],
      );
      // One that is an output already needs not become one.
      const values = [...new Set(features)].filter((name) => !outputs.includes(name));
      return { known: { heads, linear: linearModel(model) } satisfies Known, values };
    } catch (error) {
      // The engine has better words for what is no model.
      if (!(error instanceof RangeError)) throw error;
      return { known: { heads: new Map(), linear: 'it is no model' } satisfies Known, values: [] };
    }
  },
  discard(payload, own) {
    if (payload.kind === 'begin') own?.discard?.(payload.payload);
  },
  transfer: (answer) =>
    'feeds' in answer
      ? Object.values(answer.feeds).flatMap(({ data }) => ('buffer' in data ? [data.buffer] : []))
      : 'sum' in answer
        ? [answer.sum.buffer]
        : [],
  open(model, _settings, { gpu }) {
    const { own, known, outputs } = model;
    if (!own) throw new TabserveError('internal', 'There is no model to be explained.');
    return {
      outputs: outputs.map(({ name }) => name),
      sample: own.opened.sample,
      async prepare(
        payload,
        options,
        context,
      ): Promise<PreparedRequest<Begun | Tried | GraphFacts>> {
        if (payload.kind === 'graph' || options.kind === 'graph') {
          const { linear } = known as Known;
          return {
            feeds: own.opened.sample,
            outputs: own.opened.outputs,
            interpret: () => ({ linear }),
          };
        }
        if (payload.kind === 'begin' && options.kind === 'begin') {
          const problem =
            own.task.checks.payload(payload.payload, 'payload') ??
            own.task.checks.options(options.own, 'options');
          if (problem !== undefined) {
            throw new TabserveError('invalid-argument', `There is nothing to explain: ${problem}.`);
          }
          return begin(model, own.opened, payload.payload, options, context, gpu);
        }
        if (payload.kind === 'variants' && options.kind === 'variants') {
          checkFeeds(payload.feeds, model.inputs);
          return tryVariants(model, payload.feeds, options);
        }
        throw new TabserveError(
          'invalid-argument',
          'The payload and the options do not belong together.',
        );
      },
    };
  },
};

function outputNames(model: Uint8Array): string[] {
  return readOnnx(model).outputs;
}

/** Runs the whole input, and gives what the next steps need. */
async function begin(
  model: TaskModel,
  own: OpenedTask,
  payload: unknown,
  options: Extract<ExplanationOptions, { kind: 'begin' }>,
  context: Parameters<OpenedTask['prepare']>[2],
  gpu: TaskServices['gpu'],
): Promise<PreparedRequest<Begun>> {
  const { output } = classifierOf(model);
  const prepared = await own.prepare(payload, options.own, context);
  const head = options.activation ? headOf(model, output.name) : null;
  let kept: Tensors = {};
  const keep = async (feeds: Feeds): Promise<Feeds> => {
    // Requests share the memory of their inputs.
    const copies = Object.entries(feeds).map(
      async ([name, feed]) => [name, await copyOf(feed, gpu)] as const,
    );
    kept = Object.fromEntries(await Promise.all(copies));
    return feeds;
  };
  return {
    feeds: async () => keep(await prepared.feeds()),
    async amend() {
      const instead = await prepared.amend?.();
      return instead && keep(instead);
    },
    outputs: head ? [...own.outputs, head.features] : own.outputs,
    get report() {
      return prepared.report;
    },
    interpret(outputs) {
      const rows = Object.values(kept)[0]?.dims[0] ?? 1;
      const scores = scoresOf(model, outputs, capacityOf(model) ?? rows)[0] ?? new Float64Array(0);
      const target = options.target ?? scores.indexOf(Math.max(...scores));
      if (target < 0 || target >= scores.length) {
        throw new TabserveError(
          'invalid-argument',
          `The model has ${scores.length} classes; there is no class ${target}.`,
          { details: { class: target, classes: scores.length } },
        );
      }
      return {
        feeds: kept,
        scores,
        target,
        origin: prepared.origin?.(),
        capacity: capacityOf(model),
        activation: head ? mapOf(outputs, head, target) : null,
      };
    },
    close: () => prepared.close?.(),
  };
}

async function copyOf(feed: Feeds[string], gpu: TaskServices['gpu']): Promise<Tensor> {
  if (!('gpuBuffer' in feed)) return { ...feed, data: feed.data.slice() as Tensor['data'] };
  const { type, dims, gpuBuffer } = feed;
  if (!gpu || type !== 'float32') {
    throw new TabserveError(
      'unsupported',
      `The picture is prepared on the GPU as ${type} and cannot be read back from there. Create the model with preprocessing: "cpu".`,
    );
  }
  const { device } = gpu;
  const size = 4 * dims.reduce((product, each) => product * each, 1);
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
  const buffer = device.createBuffer({ size, usage });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(gpuBuffer, 0, buffer, 0, size);
  device.queue.submit([encoder.finish()]);
  await buffer.mapAsync(GPUMapMode.READ);
  const data = new Float32Array(buffer.getMappedRange().slice(0));
  buffer.destroy();
  return { type, dims, data };
}

function mapOf(outputs: Tensors, head: ActivationHead, target: number) {
  const features = outputs[head.features];
  const map = features && activationMap(features, head, target);
  if (map) return map;
  throw noActivation(`its features are [${features?.dims.join(', ')}]`);
}

function headOf({ known, manifest }: TaskModel, output: string): ActivationHead {
  const head = (known as Known).heads.get(output) ?? 'its graph could not be read';
  if (typeof head !== 'string') return head;
  throw noActivation(`of "${manifest.name}" ${head}`);
}

function noActivation(reason: string): TabserveError {
  return new TabserveError(
    'unsupported',
    `There is no class activation map: ${reason}. It takes a graph that ends in a global mean and a matrix. Use the method "rise" or "occlusion", which take any.`,
    { details: { method: 'cam' } },
  );
}

/** Runs some variants of the input. */
function tryVariants(
  model: TaskModel,
  feeds: Tensors,
  {
    target,
    score,
    variants,
    from,
    count,
    baseline,
  }: Extract<ExplanationOptions, { kind: 'variants' }>,
): PreparedRequest<Tried> {
  const { input } = classifierOf(model);
  if (variants.kind === 'tokens') {
    const made = variants.places.slice(from, from + count);
    const each = made.map((place) => withoutToken(feeds, place, variants, input as never));
    return {
      feeds: () => stacked(each, each.length, capacityOf(model)),
      outputs: [classifierOf(model).output.name],
      interpret: (outputs) => ({
        scores: targetScores(model, outputs, target, each.length),
        sum: new Float32Array(0),
      }),
    };
  }
  const size: PixelLayout = input;
  const made = masksOf(variants, size, from, count);
  const picture = feeds[input.name];
  if (!picture) throw new TabserveError('internal', 'There is no picture among the inputs.');
  const base = maskable(firstPicture(picture, size), size, baseline);
  return {
    feeds() {
      const each = made.map((mask): Tensors => {
        const numbers = new Float32Array(base.length);
        base.masked(mask, numbers);
        const [, ...rest] = picture.dims;
        const isBatched = capacityOf(model) !== 1 || picture.dims[0] === 1;
        const dims = isBatched ? [1, ...rest] : [...picture.dims];
        const data = elementsOf(numbers, picture.type);
        return { ...feeds, [input.name]: { type: picture.type, dims, data } };
      });
      return stacked(each, made.length, capacityOf(model), input.name);
    },
    outputs: [classifierOf(model).output.name],
    interpret(outputs) {
      const scores = targetScores(model, outputs, target, made.length);
      return { scores, sum: summed(variants, size, from, made, scores, score) };
    },
  };
}

function masksOf(
  variants: Exclude<Variants, { kind: 'tokens' }>,
  size: Area,
  from: number,
  count: number,
): Float32Array[] {
  const places = Array.from({ length: count }, (_, at) => from + at);
  switch (variants.kind) {
    case 'rise':
      return places.map((place) => riseMask(size, variants, place));
    case 'occlusion': {
      const squares = occlusionPlaces(size, variants.window, variants.stride);
      return squares.slice(from, from + count).map((square) => {
        const mask = new Float32Array(size.width * size.height).fill(1);
        addSquare(mask, size, square, variants.window, -1);
        return mask;
      });
    }
    case 'order': {
      const { map, fractions, hide } = variants;
      if (map.length !== size.width * size.height) {
        throw new TabserveError(
          'invalid-argument',
          `The map has ${map.length} numbers; the model's input has ${size.width} × ${size.height} pixels.`,
        );
      }
      const ranks = ranked(map);
      return fractions
        .slice(from, from + count)
        .map((fraction) => orderMask(ranks, fraction, hide));
    }
  }
}

function summed(
  variants: Variants,
  size: Area,
  from: number,
  masks: readonly Float32Array[],
  scores: Float64Array,
  score: number,
): Float32Array {
  if (variants.kind !== 'rise' && variants.kind !== 'occlusion') return new Float32Array(0);
  const sum = new Float32Array(size.width * size.height);
  if (variants.kind === 'occlusion') {
    const squares = occlusionPlaces(size, variants.window, variants.stride).slice(from);
    for (const [at, each] of scores.entries()) {
      const square = squares[at];
      if (square) addSquare(sum, size, square, variants.window, score - each);
    }
    return sum;
  }
  for (const [at, mask] of masks.entries()) {
    const weight = scores[at] as number;
    for (let pixel = 0; pixel < sum.length; pixel++) {
      sum[pixel] = (sum[pixel] as number) + weight * (mask[pixel] as number);
    }
  }
  return sum;
}

/** How many inputs the graph takes at a time: `null` for any number. */
function capacityOf({ inputs }: TaskModel): number | null {
  const sizes = inputs.map(({ shape }) => shape[0]);
  if (sizes.length > 0 && sizes.every((size) => typeof size === 'string')) return null;
  const whole = sizes.filter((size) => typeof size === 'number');
  return Math.max(1, Math.min(...whole));
}

/**
 * One input for the network out of several.
 *
 * @param capacity - Where the graph takes exactly so many, the last is repeated.
 * @param only - The input that differs; the others are fed as they are, unless any number is taken.
 */
function stacked(
  each: readonly Tensors[],
  count: number,
  capacity: number | null,
  only?: string,
): Tensors {
  const [first] = each;
  const last = each.at(-1);
  if (!first || !last || count > (capacity ?? mostAtOnce)) {
    throw new TabserveError(
      'invalid-argument',
      `The model does not take ${count} inputs at a time.`,
    );
  }
  const rows = capacity ?? count;
  if (rows === 1) return first;
  return Object.fromEntries(
    Object.entries(first).map(([name, tensor]) => {
      if (only !== undefined && name !== only && capacity !== null) return [name, tensor];
      const parts = Array.from({ length: rows }, (_, at) => (each[at] ?? last)[name] as Tensor);
      return [name, joined(tensor, parts)];
    }),
  );
}

function joined({ type, dims: [, ...rest] }: Tensor, parts: readonly Tensor[]): Tensor {
  const dims = [parts.length, ...rest];
  const length = parts.reduce((sum, { data }) => sum + data.length, 0);
  const made = (parts[0] as Tensor).data.constructor as new (length: number) => Float32Array;
  const data = new made(length);
  let at = 0;
  for (const part of parts) {
    data.set(part.data as Float32Array, at);
    at += part.data.length;
  }
  return { type, dims, data };
}

/** The scores of all classes, for each of several inputs. */
function scoresOf(model: TaskModel, outputs: Tensors, rows: number): Float64Array[] {
  const { output } = classifierOf(model);
  const tensor = outputs[output.name];
  const numbers = Array.from(tensor ? numbersOf(tensor) : []);
  const length = numbers.length / rows;
  if (!Number.isInteger(length) || length < 1) {
    throw new TabserveError(
      'model-invalid',
      `The model answers ${numbers.length} numbers for ${rows} inputs. Its batch may be fixed inside of the graph: set "batch" to 1.`,
      { details: { numbers: numbers.length, inputs: rows } },
    );
  }
  return Array.from({ length: rows }, (_, at) => {
    const logits = dequantised(numbers.slice(at * length, (at + 1) * length), output);
    const scores = withComplement(activate(logits, output.activation), model.labels.length);
    if (!scores.some(Number.isNaN)) return scores;
    throw new TabserveError('model-invalid', 'The model answered NaN for a part of its input.');
  });
}

function targetScores(model: TaskModel, outputs: Tensors, target: number, count: number) {
  const rows = capacityOf(model) ?? count;
  const all = scoresOf(model, outputs, rows).slice(0, count);
  return Float64Array.from(all, (scores) => scores[target] ?? Number.NaN);
}

/** Classifiers of pictures and of texts say alike what their output is. */
function classifierOf({ manifest }: TaskModel): Classifier {
  const { task, name } = manifest;
  if (task === 'image-classification' || task === 'text-classification') {
    return manifest as Classifier;
  }
  throw new TabserveError(
    'unsupported',
    `"${name}" is for ${task}; explain() takes classifiers of pictures and of texts.`,
    { details: { model: name, task } },
  );
}
