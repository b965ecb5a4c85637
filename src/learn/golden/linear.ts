/** Linear models of scikit-learn: `src/learn/golden/linear.py` made them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LinearKind } from '../types.js';

export interface LinearGolden {
  name: string;
  kind: LinearKind;
  C: number | null;
  columns: number;
  rows: number[];
  targets: number[];
  coefficients: number[][];
  intercepts: number[];
  /** What it answers for each row: values, or classes. */
  values: number[];
}

export const linearGolden = JSON.parse(
  readFileSync(join(import.meta.dirname, 'linear.json'), 'utf8'),
) as LinearGolden[];
