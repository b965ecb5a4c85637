/** What does this row of numbers mean? The page's half. */
import { TabserveError } from '../../base/errors.js';
import type { CapturedTable, TableRow } from '../../input/table/types.js';
import type { PageTask } from '../task.js';

/** Rows, and the place of the first of them in the call. */
export interface TableSource {
  readonly rows: readonly TableRow[];
  readonly first: number;
}

/** About so many bytes a value takes while it waits. */
const bytesPerValue = 16;

/** Rows, copied at the call. */
export const tabularPage: PageTask<TableSource, CapturedTable> = {
  name: 'tabular',
  pack: 'table',
  isLasting: () => false,
  capture: async ({ rows, first }) => {
    for (const [at, row] of rows.entries()) {
      if (typeof row === 'object' && row !== null) continue;
      throw new TabserveError(
        'invalid-argument',
        `Row ${first + at} is ${row === null ? 'null' : `a ${typeof row}`}; expected an object by column, or a list of values.`,
        { details: { row: first + at } },
      );
    }
    return { rows: rows.map((row) => (Array.isArray(row) ? [...row] : { ...row })), first };
  },
  expectedBytes: ({ rows }) => sizeOf(rows),
  transfer: () => [],
  bytes: ({ rows }) => sizeOf(rows),
  copy: (payload) => payload,
  close: () => undefined,
};

function sizeOf(rows: readonly TableRow[]): number {
  const [first = []] = rows;
  return rows.length * Object.keys(first ?? {}).length * bytesPerValue;
}
