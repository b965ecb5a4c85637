/** A linear model of tables as an ONNX graph. */
import type { LinearFormula } from '../arithmetic/least-squares.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { LinearKind } from '../types.js';

/** The graph's input and output. */
export const linearNames = { input: 'rows', value: 'value', scores: 'scores' } as const;

/**
 * Writes it: the input `rows` is `[N, columns]` of float32. A regression gives `value`, `[N, 1]`; a classifier `scores`,
 * `[N, classes]`: probabilities of a logistic regression, of a support vector machine what `decision_function` gives.
 *
 * @param formulas - As scikit-learn has them: one for a value or for two classes, else one for each class.
 * @param labels - Of the classes; they are written into the file's metadata.
 */
export function writeLinear(
  kind: LinearKind,
  formulas: readonly LinearFormula[],
  labels: readonly string[],
): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder();
  const isRegression = kind === 'linear-regression';
  const isOfTwo = !isRegression && formulas.length === 1;
  const rows = isOfTwo ? [...formulas.map(opposite), ...formulas] : formulas;
  const width = rows[0]?.weights.length ?? 0;
  const weights = Float32Array.from(rows.flatMap((each) => [...each.weights]));
  const intercepts = Float32Array.from(rows, ({ intercept }) => intercept);
  const product = graph.op(
    'Gemm',
    [
      graph.input(linearNames.input, 'float32', ['N', width]),
      graph.tensor('float32', [rows.length, width], weights),
      graph.tensor('float32', [rows.length], intercepts),
    ],
    { transB: 1 },
  );
  const made =
    kind !== 'logistic-regression'
      ? product
      : isOfTwo
        ? graph.op('Sigmoid', [product])
        : graph.op('Softmax', [product], { axis: 1 });
  const name = isRegression ? linearNames.value : linearNames.scores;
  graph.output(name, made, 'float32', ['N', rows.length]);
  return graph.write(kind, isRegression ? {} : { labels: JSON.stringify(labels) });
}

/** Of the first of two classes. */
function opposite({ weights, intercept }: LinearFormula): LinearFormula {
  return { weights: weights.map((weight) => -weight), intercept: -intercept };
}
