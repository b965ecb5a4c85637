/**
 * Whether a loaded graph is what its manifest says, and how one picture is fed to it. Part of every
 * worker, and so kept short: what describes a graph is elsewhere.
 */
import { TabserveError } from '../base/errors.js';
import type { ModelInput, ModelManifest } from './manifest.js';
import type { TensorInfo } from './translation.js';

/** How pictures get into a graph. */
export interface GraphFit {
  /** Shape of the input tensor. */
  dims: number[];
  /** How many pictures the graph takes at once: 1 unless its batch is fixed. */
  batch: number;
  /** What goes into its further inputs. */
  constants: { name: string; type: string; dims: number[]; value: number | number[] }[];
}

/** Most elements of an input tensor: 1 GB of float32. */
const mostElements = 2 ** 28;

/**
 * A size as a graph gives it: what has neither number nor name comes from the engine as 4294967295,
 * what was written as −1 too.
 */
export function knownSize(size: number | string): number | string {
  return typeof size === 'number' && !(size >= 0 && size < 2 ** 31) ? '?' : size;
}

/**
 * @throws TabserveError `model-invalid` naming the field, what it says and what the graph has.
 */
export function fitGraph(
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
  manifest: ModelManifest,
  where: string,
): GraphFit {
  const { input, output, labels, constants = {} } = manifest;
  const found = find(inputs, input.name, 'input.name', where);
  if (found.type !== input.dtype) throw misfit(where, 'input.dtype', input.dtype, found.type);
  const fit = feedShape(found.shape, input);
  if (!fit) {
    const wanted = inputDimensions(input).join(', ');
    throw misfit(where, 'input', `[${wanted}]`, `[${found.shape.join(', ')}]`);
  }
  if (fit.dims.reduce((product, size) => product * size, 1) > mostElements) {
    throw misfit(where, 'input', `at most ${mostElements} numbers`, `[${fit.dims.join(', ')}]`);
  }
  const others = inputs.filter(({ name }) => name !== input.name);
  const open = others.filter(({ name }) => !Object.hasOwn(constants, name));
  if (open.length > 0) {
    const list = open.map(({ name, type, shape }) => `"${name}" (${type} [${shape.join(', ')}])`);
    throw new TabserveError(
      'model-invalid',
      `${where} takes, besides the picture, ${list.join(' and ')}, which nothing fills. Give it a value in model.json, as "constants": { "${open[0]?.name}": 1 }, or export the model without it.`,
      { details: { model: where, input: open[0]?.name ?? '' } },
    );
  }
  const scores = find(outputs, output.name, 'output.name', where);
  if (scores.type === 'string' || scores.type === 'map') {
    throw new TabserveError(
      'model-invalid',
      `${where}: the output "${output.name}" is text (${scores.type}), not scores. Name the one that holds numbers, or export the model without its label output (ZipMap off).`,
      { details: { model: where, found: scores.type } },
    );
  }
  const classes = classCount(scores.shape);
  if (classes !== null && Array.isArray(labels) && !fitsLabels(classes, labels.length)) {
    throw misfit(where, 'labels', `${labels.length} labels`, `${classes} classes`);
  }
  if (classes === 1 && output.activation === 'softmax') {
    throw new TabserveError(
      'model-invalid',
      `${where} answers one number, whose softmax is 1 for every picture. Let "output.activation" be "sigmoid" ("none" where the graph ends in one).`,
      { details: { model: where, field: 'output.activation' } },
    );
  }
  return {
    ...fit,
    constants: others.map(({ name, type, shape }) => ({
      name,
      type,
      dims: shape.map((size) => (typeof size === 'number' ? size : 1)),
      value: constants[name] ?? 0,
    })),
  };
}

/** One number stands for a label and, where there are two, for its opposite too. */
export function fitsLabels(classes: number, labels: number): boolean {
  return classes === labels || (classes === 1 && labels === 2);
}

/** The input tensor's shape, for one picture. */
export function inputDimensions({ layout, width, height, channels }: ModelInput): number[] {
  return layout === 'NCHW' ? [1, channels, height, width] : [1, height, width, channels];
}

/**
 * The shape to feed: the manifest's, with the graph's batch, without dimensions of 1 that the graph
 * leaves out, or in one row. The numbers and their order are the same.
 */
function feedShape(
  shape: readonly (number | string)[],
  input: ModelInput,
): Pick<GraphFit, 'dims' | 'batch'> | undefined {
  const [, ...picture] = inputDimensions(input);
  const whole = picture.filter((size) => size !== 1 || picture.every((each) => each === 1));
  const elements = picture.reduce((product, size) => product * size, 1);
  for (const dims of [picture, whole, [elements]]) {
    for (const batched of [true, false]) {
      const [first, ...rest] = shape;
      const own = batched ? rest : shape;
      const fits =
        own.length === dims.length && own.every((size, axis) => isSize(size, dims[axis]));
      if (!fits) continue;
      if (!batched) return { dims: [...dims], batch: 1 };
      const batch = typeof first === 'number' ? first : 1;
      if (batch >= 1) return { dims: [batch, ...dims], batch };
    }
  }
  return undefined;
}

function isSize(size: number | string, wanted: number | undefined): boolean {
  return typeof size === 'string' || size === wanted;
}

/** How many numbers an output holds for one picture; `null` where it does not tell. */
export function classCount(shape: readonly (number | string)[]): number | null {
  const sizes = shape.length > 1 ? shape.slice(1) : shape;
  if (sizes.length === 0) return null;
  return sizes.every((size) => typeof size === 'number')
    ? (sizes as number[]).reduce((product, size) => product * size, 1)
    : null;
}

function find(
  tensors: readonly TensorInfo[],
  name: string,
  field: string,
  where: string,
): TensorInfo {
  const found = tensors.find((each) => each.name === name);
  if (found) return found;
  throw misfit(where, field, `"${name}"`, tensors.map((each) => `"${each.name}"`).join(', '));
}

function misfit(where: string, field: string, manifest: string, model: string): TabserveError {
  return new TabserveError(
    'model-invalid',
    `${where} does not fit its manifest: "${field}" says ${manifest}, the model has ${model}.`,
    { details: { model: where, field, manifest, found: model } },
  );
}
