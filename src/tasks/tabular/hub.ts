/**
 * Models of tables as scikit-learn's converters (skl2onnx, onnxmltools) write them, from the `.onnx` file
 * alone: its inputs are the columns, and its last nodes name the classes.
 */
import { TabserveError } from '../../base/errors.js';
import type { TensorInfo } from '../../base/tensor.js';
import type { TableColumn } from '../../input/table/types.js';
import { checkManifest } from '../../model/manifest-check.js';
import type { OnnxModel } from '../../model/onnx/graph.js';
import type { CompleteRequest, HubTask } from '../../model/translation.js';
import { manifestCheck } from './manifest.js';
import type { TabularManifest, TabularOutput } from './types.js';

/** Most columns of a graph that is described by itself. */
const mostColumns = 10_000;

/** Graphs of tables. */
export const hubTask: HubTask = {
  name: 'tabular',
  // The hub has no folders of them.
  recognises: () => false,
  describe({ where }) {
    throw new TabserveError('internal', `${where} was taken for a table.`);
  },
  bare: (file) =>
    ({
      ...file,
      task: 'tabular',
      columns: [{ name: 'unknown', kind: 'number' }],
      input: { kind: 'columns' },
      output: { kind: 'value', name: 'unknown' },
    }) as TabularManifest,
  check: (manifest, where) => checkManifest(manifest, where, [manifestCheck]),
  complete(request, graph, assumed) {
    const known = request.manifest as TabularManifest;
    const { columns, input } = columnsOf(request, assumed);
    const { output, labels } = outputOf(request, graph, assumed);
    const given = Array.isArray(known.labels) ? known.labels : labels;
    return { ...known, columns, input, output, ...(given && { labels: given }) } as TabularManifest;
  },
};

function columnsOf(
  { inputs, where }: CompleteRequest,
  assumed: string[],
): Pick<TabularManifest, 'columns' | 'input'> {
  const [only, ...others] = inputs;
  const isRow = ({ shape, type }: TensorInfo) =>
    shape.length === 2 && /^(float|double|int|bool|string)/.test(type);
  if (!only || !inputs.every(isRow)) {
    const all = inputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join('; ');
    throw new TabserveError(
      'model-invalid',
      `${where} takes ${all || 'nothing'}; a model of tables takes [rows, columns]. Take TensorModel for it.`,
      { details: { model: where, found: all } },
    );
  }
  const column = (name: string, { type }: TensorInfo): TableColumn => {
    if (type === 'string') return { name, kind: 'text' };
    return { name, kind: 'number' };
  };
  if (others.length > 0 || only.shape[1] === 1) {
    const wide = inputs.find(({ shape }) => shape[1] !== 1);
    if (wide) {
      throw new TabserveError(
        'model-invalid',
        `${where} takes several inputs, of which "${wide.name}" has [${wide.shape.join(', ')}]. Write a model.json that says which columns they are.`,
        { details: { model: where, found: wide.name } },
      );
    }
    const columns = inputs.map((each) => column(each.name, each));
    return { columns, input: { kind: 'columns' } };
  }
  const [, width] = only.shape;
  if (typeof width !== 'number' || width < 1 || width > mostColumns) {
    throw new TabserveError(
      'model-invalid',
      `${where} does not say how many columns its input "${only.name}" has: [${only.shape.join(', ')}]. Write a model.json with the columns, or convert it with FloatTensorType([None, columns]).`,
      { details: { model: where, found: only.shape.join(', ') } },
    );
  }
  assumed.push(`columns named x0 to x${width - 1}, in the order of the input "${only.name}"`);
  const columns = Array.from({ length: width }, (_, at) => column(`x${at}`, only));
  return { columns, input: { kind: 'matrix', name: only.name } };
}

function outputOf(
  { outputs, where }: CompleteRequest,
  graph: OnnxModel | null,
  assumed: string[],
): { output: TabularOutput; labels?: string[] } {
  const isText = ({ type }: TensorInfo) => type === 'string';
  const isWhole = ({ type }: TensorInfo) => /^int/.test(type);
  const isFloat = ({ type }: TensorInfo) => type.startsWith('float');
  const label = outputs.find((each) => isText(each) || isWhole(each));
  const floats = outputs.filter(isFloat);
  const labels = classLabels(graph);
  const [, width] = label?.shape ?? [];
  if (label && typeof width === 'number' && width > 1) {
    throw new TabserveError(
      'model-invalid',
      `${where} answers ${width} labels for a row, as "${label.name}". Take TensorModel for it.`,
      { details: { model: where, found: label.name } },
    );
  }
  // One output for each class, as `zipmap: 'columns'` has it.
  const columns = floats.filter(({ shape }) => shape.length === 1).map(({ name }) => name);
  const isColumns = columns.length > 1 && columns.length === labels?.length;
  const scores = isColumns ? columns : floats[0]?.name;
  if (label || labels) {
    const output: TabularOutput = {
      kind: 'class',
      ...(label && { label: label.name }),
      ...(scores && { scores, activation: 'none' as const }),
    };
    if (!labels) assumed.push('classes named as the model answers them');
    return { output, ...(labels && { labels }) };
  }
  if (floats[0]) return { output: { kind: 'value', name: floats[0].name } };
  const all = outputs.map(({ name, type }) => `${name} (${type})`).join(', ');
  throw new TabserveError(
    'model-invalid',
    `${where} answers ${all || 'nothing'}; a model of tables answers numbers, or a label. Take TensorModel for it.`,
    { details: { model: where, found: all } },
  );
}

/** The classes that the graph's own classifiers name. */
function classLabels(graph: OnnxModel | null): string[] | undefined {
  for (const { attributes } of [...(graph?.nodes ?? [])].reverse()) {
    for (const name of ['classlabels_strings', 'classlabels_int64s', 'classlabels_ints']) {
      const { strings = [], ints = [] } = attributes.get(name) ?? {};
      const found = strings.length > 0 ? strings : ints.map(String);
      if (found.length > 0) return found;
    }
  }
  return undefined;
}
