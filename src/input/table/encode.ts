/** From rows to tensors. */
import { TabserveError } from '../../base/errors.js';
import { float16Bits } from '../../base/float16.js';
import type { Tensor, TensorInfo, Tensors, TensorType } from '../../base/tensor.js';
import type { CapturedTable, CellValue, TableColumn, TableInput, TableRow } from './types.js';

/** How many numbers a column becomes. */
export function widthOf({ kind, categories = [], encoding = 'one-hot' }: TableColumn): number {
  return kind === 'category' && encoding === 'one-hot' ? categories.length : 1;
}

/**
 * Makes tensors of rows.
 *
 * @param inputs - What the graph says of its inputs: the tensors' types.
 * @throws TabserveError `invalid-argument`, naming the row and the column, what was found and what was
 *   expected.
 */
export function encodeTable(
  { rows, first }: CapturedTable,
  columns: readonly TableColumn[],
  input: TableInput,
  inputs: readonly TensorInfo[],
): Tensors {
  const places = new Map(columns.map(({ name }, at) => [name, at]));
  const values = rows.map((row, at) => valuesOf(row, first + at, columns, places));
  const cells = (at: number) =>
    values.map((row, r) => encodeCell(row[at], columns[at] as TableColumn, first + r));
  if (input.kind === 'columns') {
    return Object.fromEntries(
      columns.map(({ name }, at) => {
        const type = inputs.find((each) => each.name === name)?.type ?? 'float32';
        return [name, tensorOf(cells(at).flat(), type, [rows.length, 1], name)];
      }),
    );
  }
  const all = columns.map((_, at) => cells(at));
  const flat = rows.flatMap((_, r) => all.flatMap((column) => column[r] as Cell[]));
  const width = columns.reduce((sum, column) => sum + widthOf(column), 0);
  const type = inputs.find((each) => each.name === input.name)?.type ?? 'float32';
  return { [input.name]: tensorOf(flat, type, [rows.length, width], input.name) };
}

type Cell = number | string;

function valuesOf(
  row: TableRow,
  place: number,
  columns: readonly TableColumn[],
  places: ReadonlyMap<string, number>,
): readonly CellValue[] {
  if (Array.isArray(row)) {
    if (row.length === columns.length) return row as readonly CellValue[];
    throw wrong(place, null, `${row.length} values`, `${columns.length}, for ${listed(columns)}`);
  }
  if (typeof row !== 'object' || row === null) {
    throw wrong(place, null, shown(row), `an object by column, or a list of values`);
  }
  const fields = row as Readonly<Record<string, CellValue>>;
  const surplus = Object.keys(fields).find((name) => !places.has(name));
  if (surplus !== undefined) {
    throw wrong(place, surplus, 'a value', `no such column; there are ${listed(columns)}`);
  }
  return columns.map(({ name }) => fields[name]);
}

function encodeCell(value: CellValue, column: TableColumn, place: number): Cell[] {
  const { kind, name, missing, mean = 0, scale = 1 } = column;
  const isMissing = value === null || value === undefined || Number.isNaN(value);
  if (isMissing && missing === undefined) {
    throw wrong(place, name, Number.isNaN(value) ? 'NaN' : 'nothing', expectedIn(column));
  }
  const given = isMissing ? (missing as Cell) : (value as Exclude<CellValue, null | undefined>);
  switch (kind) {
    case 'text':
      if (typeof given === 'object') throw wrong(place, name, shown(given), 'a text');
      return [isMissing && given === 'NaN' ? 'nan' : String(given)];
    case 'number': {
      if (isMissing && given === 'NaN') return [Number.NaN];
      const number =
        typeof given === 'boolean' || typeof given === 'bigint' ? Number(given) : given;
      if (typeof number !== 'number' || !Number.isFinite(number)) {
        throw wrong(place, name, shown(given), expectedIn(column));
      }
      return [(number - mean) / scale];
    }
    case 'category':
      return encodeCategory(given as Cell, column, place);
  }
}

function encodeCategory(given: Cell, column: TableColumn, place: number): number[] {
  const { categories = [], encoding = 'one-hot', unknown, name } = column;
  const index = categories.findIndex((each) => each === given || String(each) === String(given));
  if (index < 0 && unknown === undefined) {
    throw wrong(place, name, shown(given), expectedIn(column));
  }
  if (encoding === 'ordinal') return [index < 0 ? (unknown as number) : index];
  const known = index < 0 && typeof unknown === 'number' ? unknown : index;
  return categories.map((_, at) => (at === known ? 1 : 0));
}

function tensorOf(cells: readonly Cell[], type: string, dims: number[], input: string): Tensor {
  const numbers = cells as readonly number[];
  const whole = () => {
    const odd = numbers.find((each) => !Number.isSafeInteger(each));
    if (odd === undefined) return numbers;
    throw new TabserveError(
      'invalid-argument',
      `The input "${input}" takes whole numbers (${type}); there is ${odd} among them.`,
      { details: { input } },
    );
  };
  switch (type as TensorType) {
    case 'string':
      return { type: 'string', dims, data: cells.map(String) };
    case 'float64':
      return { type: 'float64', dims, data: Float64Array.from(numbers) };
    case 'float16':
      return { type: 'float16', dims, data: Uint16Array.from(numbers, float16Bits) };
    case 'int64':
      return { type: 'int64', dims, data: BigInt64Array.from(whole(), BigInt) };
    case 'int32':
      return { type: 'int32', dims, data: Int32Array.from(whole()) };
    case 'bool':
      return { type: 'bool', dims, data: Uint8Array.from(numbers, (each) => (each ? 1 : 0)) };
    default:
      return { type: 'float32', dims, data: Float32Array.from(numbers) };
  }
}

function expectedIn({ kind, categories = [] }: TableColumn): string {
  if (kind === 'number') return 'a finite number';
  if (kind === 'text') return 'a text';
  const few = categories.slice(0, 8).map((each) => JSON.stringify(each));
  return `one of ${few.join(', ')}${categories.length > few.length ? ', …' : ''}`;
}

function listed(columns: readonly TableColumn[]): string {
  const few = columns.slice(0, 12).map(({ name }) => name);
  return `${few.join(', ')}${columns.length > few.length ? ', …' : ''}`;
}

function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}

function wrong(row: number, column: string | null, found: string, expected: string): TabserveError {
  const place = column === null ? `Row ${row}` : `Row ${row}, column "${column}"`;
  return new TabserveError('invalid-argument', `${place}: found ${found}, expected ${expected}.`, {
    details: { row, ...(column !== null && { column }), found, expected },
  });
}
