/** What does this row of numbers mean? The worker's half. */
import { TabserveError } from '../../base/errors.js';
import { anything, list, object, whole } from '../../base/shape.js';
import { numbersOf, type Tensor, type Tensors } from '../../base/tensor.js';
import { encodeTable, widthOf } from '../../input/table/encode.js';
import type { CapturedTable } from '../../input/table/types.js';
import { withoutZipMaps } from '../../model/onnx/zip-map.js';
import type { TaskModel, WorkerTask } from '../../runtime/task.js';
import { findTensor, misfit } from '../graph.js';
import { activate, topK, withComplement } from '../scores.js';
import { zeros } from '../tensor/tensors.js';
import type { Prediction, TabularManifest, TabularOptions, TabularReport } from './types.js';

/** Most rows of one request. The page asks for fewer at a time. */
const mostRows = 100_000;

/** Models of tables. */
export const tabular: WorkerTask<
  TabularManifest,
  CapturedTable,
  TabularOptions,
  Prediction[],
  object
> = {
  name: 'tabular',
  checks: {
    payload: object({ rows: list(anything, 1, mostRows), first: whole(0) }),
    options: object({ topK: whole(1) }),
    settings: object({}),
  },
  rewrite: withoutZipMaps,
  open(model) {
    const { manifest, inputs, outputs, labels, where } = model;
    const { columns, input, output } = manifest;
    checkInputs(model);
    const wanted = output.kind === 'value' ? [output.name] : [output.label, output.scores].flat();
    const names = wanted.filter((name) => name !== undefined);
    for (const name of names) findTensor(outputs, name, 'output', where);
    return {
      outputs: names,
      report: { columns } satisfies TabularReport,
      sample: () => zeros(inputs),
      async prepare(table, options, { lap }) {
        const feeds = encodeTable(table, columns, input, inputs);
        lap('preprocess');
        const rows = table.rows.length;
        return {
          feeds: () => feeds,
          interpret: (found) =>
            output.kind === 'value'
              ? valuesOf(found[output.name], rows)
              : classesOf(found, output, labels, rows, options.topK),
        };
      },
    };
  },
};

function checkInputs({ manifest, inputs, where }: TaskModel<TabularManifest>): void {
  const { columns, input } = manifest;
  if (input.kind === 'columns') {
    for (const { name } of columns) findTensor(inputs, name, 'columns', where);
    const other = inputs.find(({ name }) => columns.every((column) => column.name !== name));
    if (other) throw misfit(where, 'columns', 'nothing', `the further input "${other.name}"`);
    return;
  }
  const { shape } = findTensor(inputs, input.name, 'input.name', where);
  const width = columns.reduce((sum, column) => sum + widthOf(column), 0);
  const last = shape.at(-1);
  if (shape.length !== 2 || (typeof last === 'number' && last !== width)) {
    throw misfit(where, 'columns', `[rows, ${width}]`, `[${shape.join(', ')}]`);
  }
}

function valuesOf(tensor: Tensor | undefined, rows: number): Prediction[] {
  const numbers = tensor ? numbersOf(tensor) : [];
  const width = numbers.length / rows;
  if (!Number.isInteger(width) || width < 1) throw uneven(numbers.length, rows);
  return Array.from({ length: rows }, (_, row) => {
    const values = Array.from({ length: width }, (_, i) => numbers[row * width + i] as number);
    if (values.some(Number.isNaN)) throw notANumber(row);
    return { value: values[0] as number, values };
  });
}

function classesOf(
  found: Tensors,
  { label, scores, activation = 'none' }: TabularManifest['output'] & { kind: 'class' },
  labels: readonly string[],
  rows: number,
  most: number,
): Prediction[] {
  const said = label === undefined ? undefined : found[label];
  if (said && said.data.length !== rows) {
    throw new TabserveError(
      'model-invalid',
      `The model answers ${said.data.length} labels for ${rows} rows. Take TensorModel for it.`,
    );
  }
  const numbers = scoresOf(found, scores, rows);
  const width = numbers.length / rows;
  if (!Number.isInteger(width)) throw uneven(numbers.length, rows);
  return Array.from({ length: rows }, (_, row) => {
    const name = said && labelIn(said, row, labels);
    if (width === 0) return { label: name ?? '', score: null, scores: [] };
    const own = Float64Array.from({ length: width }, (_, i) => numbers[row * width + i] as number);
    if (own.some(Number.isNaN)) throw notANumber(row);
    const all = withComplement(activate(own, activation), labels.length);
    if (labels.length > 0 && all.length !== labels.length) {
      throw new TabserveError(
        'model-invalid',
        `The model answers ${all.length} scores for a row; its labels name ${labels.length} classes.`,
      );
    }
    const filter = { topK: all.length, threshold: null, thresholds: null, allow: null, deny: null };
    const sorted = topK(all, labels, filter);
    const best = name === undefined ? sorted[0] : sorted.find((each) => each.label === name);
    return {
      label: name ?? best?.label ?? '',
      score: best?.score ?? null,
      scores: sorted.slice(0, most),
    };
  });
}

/** Scores, row by row. */
function scoresOf(
  found: Tensors,
  names: string | string[] | undefined,
  rows: number,
): ArrayLike<number> {
  const tables = [names ?? []].flat().map((name) => {
    const table = found[name];
    return table ? numbersOf(table) : [];
  });
  const [only = [], ...others] = tables;
  if (others.length === 0) return only;
  const odd = tables.find(({ length }) => length !== rows);
  if (odd) throw uneven(odd.length, rows);
  const width = tables.length;
  return Float64Array.from(
    { length: rows * width },
    (_, i) => tables[i % width]?.[Math.floor(i / width)] as number,
  );
}

/** A label in words: the graph's own text, or what its whole number stands for. */
function labelIn({ type, data }: Tensor, row: number, labels: readonly string[]): string {
  const value = data[row];
  if (type === 'string') return String(value);
  const text = String(value);
  // Labels that are numbers themselves stand in the list; else the number is a place in it.
  return labels.includes(text) ? text : (labels[Number(value)] ?? text);
}

function uneven(count: number, rows: number): TabserveError {
  return new TabserveError('model-invalid', `The model answers ${count} numbers for ${rows} rows.`);
}

function notANumber(row: number): TabserveError {
  return new TabserveError(
    'model-invalid',
    `The model answered NaN for a row (${row}). Where values may be missing, give their columns a "missing" value.`,
  );
}
