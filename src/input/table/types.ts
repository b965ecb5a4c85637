/** The vocabulary of tables as inputs. */

/** A value in a row. `null` and `undefined` are missing, and so is NaN. */
export type CellValue = number | string | boolean | bigint | null | undefined;

/** A row: its values by column, or in the order of the columns. */
export type TableRow = Readonly<Record<string, CellValue>> | readonly CellValue[];

/** What a column holds, and how its values become numbers. */
export interface TableColumn {
  /** What rows call it. */
  name: string;
  /**
   * - `number`: numbers; given as `(value − mean) / scale`.
   * - `category`: one of `categories`, as text or number.
   * - `text`: any text, given to the graph as it is.
   */
  kind: 'number' | 'category' | 'text';
  /** What is subtracted from a number. @default 0 */
  mean?: number | undefined;
  /** By what it is then divided; not 0. @default 1 */
  scale?: number | undefined;
  /** The categories, in the order of their numbers. */
  categories?: (string | number)[] | undefined;
  /** Whether a category becomes its number, or as many numbers as there are categories. @default 'one-hot' */
  encoding?: 'one-hot' | 'ordinal' | undefined;
  /** What stands for a category that is not in the list. @default an error; `'zeros'` is of one-hot */
  unknown?: 'zeros' | number | undefined;
  /** What stands for a value that is missing; `'NaN'` hands it on. @default an error */
  missing?: number | string | undefined;
}

/**
 * The inputs of a network that takes rows:
 *
 * - `matrix`: one tensor `[rows, numbers]` of all columns, in their order.
 * - `columns`: a tensor `[rows, 1]` for each column, called as the column is.
 */
export type TableInput = { kind: 'matrix'; name: string } | { kind: 'columns' };

/** Rows on their way to the worker. */
export interface CapturedTable {
  rows: readonly TableRow[];
  /** The place of the first of them in the call. */
  first: number;
}
