import { describe, expect, it } from 'vitest';
import { finish } from '../finish.js';
import { type LinearGolden, linearGolden } from '../golden/linear.js';
import { leastSquares } from './least-squares.js';
import { fitLinearClassifier } from './linear-classifier.js';

const fitted = ({ kind, C, columns, rows, targets }: LinearGolden) => {
  const table = { data: Float32Array.from(rows), rows: targets.length, columns };
  if (kind === 'linear-regression') return [finish(leastSquares(table, targets))];
  const count = new Set(targets).size;
  const problem = { ...table, classes: targets, count, kind, c: C as number };
  const { formulas, converged } = finish(fitLinearClassifier(problem));
  expect(converged).toBe(true);
  return formulas;
};

describe("a linear model has scikit-learn's coefficients:", () => {
  it.each(linearGolden)('$kind, $name', (each) => {
    const formulas = fitted(each);
    expect(formulas).toHaveLength(each.intercepts.length);
    for (const [k, { weights, intercept }] of formulas.entries()) {
      const expected = each.coefficients[k] as number[];
      const size = Math.max(1, ...expected.map(Math.abs));
      for (const [j, value] of expected.entries()) {
        expect(Math.abs((weights[j] as number) - value) / size).toBeLessThan(1e-3);
      }
      const own = each.intercepts[k] as number;
      expect(Math.abs(intercept - own) / Math.max(1, Math.abs(own))).toBeLessThan(1e-3);
    }
  });
});

it('least squares of columns that say nothing give the mean', () => {
  const table = { data: new Float32Array(6).fill(3), rows: 3, columns: 2 };
  const { weights, intercept } = finish(leastSquares(table, [1, 2, 6]));
  expect([...weights]).toEqual([0, 0]);
  expect(intercept).toBe(3);
});
