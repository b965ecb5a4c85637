/** Linear models of tables, fitted in the page. */
import { shown } from '../base/shown.js';
import {
  type CellValue,
  type TableColumn,
  type TableRow,
  TabserveError,
  type TabularManifest,
  TabularModel,
  type TabularModelOptions,
} from '../index.js';
import { escaped, fileName, type ModelAbout } from './carry/card.js';
import { linearNames } from './carry/linear.js';
import { checkLabel } from './dataset.js';
import { newNumber, type TrainerAssets, withLink } from './link.js';
import { checkAbout, checkFree, filesOf, type ModelFiles, zipOf } from './taught-model.js';
import type { LinearKind, LinearResult, MergedModel } from './types.js';

/** Options of {@link fitLinear}. */
export interface LinearOptions extends TrainerAssets {
  /**
   * - `linear-regression`: values, by least squares; scikit-learn's `LinearRegression()`.
   * - `logistic-regression`: classes, with probabilities; `LogisticRegression(C)`.
   * - `linear-svm`: classes, by a support vector machine with the squared hinge; `LinearSVC(C)`.
   */
  model: LinearKind;
  /** How little large coefficients cost, above 0, as scikit-learn's `C`. A regression has none. @default 1 */
  C?: number;
  /**
   * What the rows hold, as in a `model.json` of a table: also what stands for missing values, and scaling.
   * @default columns called as the first row's values, or x0, x1, …; those with texts are categories
   */
  columns?: readonly TableColumn[];
  signal?: AbortSignal;
}

/** Rows that travel at a time: few enough to block nobody. */
const rowsAtATime = 1024;

/** Most rows of a table, and most categories that a column's texts may be. */
const mostRows = 1_000_000;
const mostCategories = 1000;

/**
 * Fits a linear model on a table, in a worker. Its coefficients are scikit-learn's, to 10⁻³.
 *
 * @example
 * ```ts
 * const fit = await fitLinear(rows, prices, { model: 'linear-regression' });
 * fit.coefficients[0];                       // one for each of fit.inputs
 * const model = await fit.create();          // a TabularModel
 * await model.predict({ rooms: 3, city: 'Rome' });
 * ```
 * @param rows - Values by column, or lists of values. Numbers are taken as float32, as the model takes them.
 * @param targets - For each row a finite number, or its class.
 * @throws TabserveError `invalid-argument` naming what is wrong: an option, a row and column, a target, a single class, a
 *   class that is no label (see `Trainer.add()`), or numbers whose coefficients float32 cannot hold; `out-of-memory` for more than 2²⁵ numbers; or the signal's reason.
 */
export async function fitLinear(
  rows: readonly TableRow[],
  targets: readonly (number | string | boolean)[],
  options: LinearOptions,
): Promise<LinearFit> {
  const { model, C = 1, signal } = options;
  check(rows, targets, options);
  const columns = options.columns ?? columnsOf(rows);
  checkColumns(columns);
  const labels = model === 'linear-regression' ? [] : labelsOf(targets);
  const places = new Map(labels.map((label, at) => [label, at]));
  const numbers = Float64Array.from(targets, (target) =>
    labels.length > 0 ? (places.get(String(target)) as number) : (target as number),
  );
  const result = await withLink(options, async (link) => {
    const set = newNumber();
    try {
      for (let first = 0; first < rows.length; first += rowsAtATime) {
        signal?.throwIfAborted();
        const some = rows.slice(first, first + rowsAtATime);
        await link.ask({ kind: 'table', set, columns, rows: some, first });
      }
      const job = newNumber();
      const settings = { model, targets: numbers, labels, c: C };
      const begin = { kind: 'linear', set, job, settings } as const;
      return (await link.follow(job, begin, { signal })) as LinearResult;
    } finally {
      link.ask({ kind: 'drop', set }).catch(() => undefined);
    }
  });
  return new LinearFit({ options, columns, labels, rows: rows.length, result });
}

/** What a {@link LinearFit} is made of. */
interface LinearParts {
  options: LinearOptions;
  columns: readonly TableColumn[];
  labels: readonly string[];
  rows: number;
  result: LinearResult;
}

/** A linear model that was fitted. It needs nothing of the worker any more. */
export class LinearFit {
  /** Which model. */
  readonly kind: LinearKind;
  /** What rows have to hold. */
  readonly columns: readonly TableColumn[];
  /** What each coefficient belongs to: a column, or `column=category`. */
  readonly inputs: readonly string[];
  /** The classes: numbers by size, before texts by their code points. None of a regression. */
  readonly labels: readonly string[];
  /**
   * As scikit-learn's `coef_`: of a value one list; of two classes one, for the second; else one for each class.
   * Units are those of the columns after their own scaling.
   */
  readonly coefficients: readonly (readonly number[])[];
  /** As `intercept_`: one for each list. */
  readonly intercepts: readonly number[];
  /** Whether the coefficients had come to rest. */
  readonly converged: boolean;
  readonly #made: MergedModel;
  readonly #parts: LinearParts;

  /** @internal */
  constructor(parts: LinearParts) {
    const { options, columns, labels, result } = parts;
    this.kind = options.model;
    this.columns = columns;
    this.labels = labels;
    this.inputs = columns.flatMap(({ name, categories, encoding }) =>
      categories && encoding !== 'ordinal' ? categories.map((each) => `${name}=${each}`) : [name],
    );
    this.coefficients = result.coefficients.map((each) => [...each]);
    this.intercepts = result.intercepts;
    this.converged = result.converged;
    this.#made = result.made;
    this.#parts = parts;
  }

  /**
   * The model, ready to answer. Of a support vector machine the scores are distances, not probabilities.
   * Errors as `TabularModel.create()`.
   */
  async create(options: Omit<TabularModelOptions, 'model'> = {}): Promise<TabularModel> {
    const manifest = this.#describe({});
    const files = { [fileName(manifest.name)]: new Blob([this.#made.file]) };
    return TabularModel.create({ ...options, model: { manifest, files } });
  }

  /**
   * The model's files: `model.json`, the `.onnx` file, `labels.txt` of a classifier, and a card, `README.md`.
   *
   * @throws TabserveError `invalid-argument` for a name or version that is none.
   */
  async files(about: ModelAbout = {}): Promise<ModelFiles> {
    const manifest = this.#describe(about);
    return filesOf(manifest, this.#made.file, this.labels, this.#card(manifest));
  }

  /** The files in a zip. Errors as {@link files}. */
  async zip(about: ModelAbout = {}): Promise<File> {
    const files = await this.files(about);
    return withLink(this.#parts.options, (link) => zipOf(link, files, about));
  }

  /**
   * Keeps the model in the store under its name: it is from then on `TabularModel.create({ model: name })`.
   * Errors as `TaughtModel.install()`.
   */
  async install(about: ModelAbout & { name: string }): Promise<void> {
    checkFree(about.name);
    const manifest = this.#describe(about);
    const { file } = this.#made;
    await withLink(this.#parts.options, (link) => link.ask({ kind: 'install', manifest, file }));
  }

  #describe(about: ModelAbout): TabularManifest {
    checkAbout(about);
    const { name = 'taught', version = '1.0.0', title, description, license } = about;
    const { options, columns, labels, rows } = this.#parts;
    const { file, sha256, scores } = this.#made;
    return {
      name,
      version,
      task: 'tabular',
      ...(title !== undefined && { title }),
      ...(description !== undefined && { description }),
      ...(license !== undefined && { license }),
      source: 'Fitted in a web page by tabserve.',
      columns: [...columns],
      input: { kind: 'matrix', name: linearNames.input },
      output:
        labels.length > 0
          ? { kind: 'class', scores, activation: 'none' }
          : { kind: 'value', name: scores },
      ...(labels.length > 0 && { labels: [...labels] }),
      files: [{ url: fileName(name), dtype: 'fp32', bytes: file.length, sha256 }],
      metrics: {
        teaching: {
          model: options.model,
          ...(labels.length > 0 && { C: options.C ?? 1 }),
          rows,
          converged: this.converged,
        },
      },
    };
  }

  /** The card, in Markdown. Names in it are text, whatever they look like. */
  #card({ name, version, title = name, description }: TabularManifest): string {
    const { labels, coefficients, intercepts, inputs } = this;
    const of = labels.length === 2 ? labels.slice(1) : labels;
    const heads = of.length > 0 ? of : ['value'];
    const row = (first: string, numbers: readonly number[]) =>
      `| ${escaped(first)} | ${numbers.map((each) => each.toPrecision(6)).join(' | ')} |`;
    return [
      `# ${escaped(title)}`,
      '',
      ...(description === undefined ? [] : [escaped(description), '']),
      `Version ${version}. A ${this.kind.replace('-', ' ')}, fitted on ${this.#parts.rows} rows in a web page by tabserve.`,
      '',
      `| | ${heads.map(escaped).join(' | ')} |`,
      `|---|${heads.map(() => '---:|').join('')}`,
      ...inputs.map((input, at) =>
        row(
          input,
          coefficients.map((each) => each[at] as number),
        ),
      ),
      row('intercept', intercepts),
      '',
      '```js',
      `const model = await TabularModel.create({ model: 'model.json' });`,
      '```',
      '',
      `\`${fileName(name)}\` is an ordinary ONNX file. \`model.json\` says how a row becomes its input.`,
      '',
    ].join('\n');
  }
}

function check(
  rows: readonly TableRow[],
  targets: readonly unknown[],
  { model, C = 1 }: LinearOptions,
): void {
  const kinds: readonly string[] = ['linear-regression', 'logistic-regression', 'linear-svm'];
  if (!kinds.includes(model)) throw refuse('model', model, kinds.join(', '));
  if (!(C > 0 && C < Infinity)) throw refuse('C', C, 'a number above 0');
  if (rows.length === 0 || rows.length > mostRows || rows.length !== targets.length) {
    throw new TabserveError(
      'invalid-argument',
      `There are ${rows.length} rows and ${targets.length} targets; it takes 1 to ${mostRows}, and as many of both.`,
      { details: { rows: rows.length, targets: targets.length } },
    );
  }
  const isTarget = (target: unknown) =>
    model === 'linear-regression' || typeof target === 'number'
      ? Number.isFinite(target)
      : typeof target === 'string' || typeof target === 'boolean';
  const wrong = targets.findIndex((target) => !isTarget(target));
  if (wrong < 0) return;
  throw new TabserveError(
    'invalid-argument',
    `The target of row ${wrong} is ${String(targets[wrong])}; it takes a finite number${model === 'linear-regression' ? '' : ', or a text'}.`,
    { details: { row: wrong } },
  );
}

/** Numbers by size, then texts, as scikit-learn has them. */
function labelsOf(targets: readonly (number | string | boolean)[]): string[] {
  const labels = sorted(targets).map(String);
  // Files of labels have to hold them.
  for (const label of labels) checkLabel(label);
  if (new Set(labels).size > 1) return [...new Set(labels)];
  throw new TabserveError(
    'invalid-argument',
    `A classifier tells at least two classes apart, and all rows are ${JSON.stringify(labels[0])}.`,
    { details: { classes: labels.length } },
  );
}

function sorted<Value extends CellValue>(values: readonly Value[]): Value[] {
  const rank = (value: Value) => (typeof value === 'number' ? 0 : 1);
  const all = [...new Set(values)];
  return all.sort(
    (a, b) =>
      rank(a) - rank(b) ||
      (typeof a === 'number' ? a - (b as number) : byCodePoints(String(a), String(b))),
  );
}

/** JavaScript compares halves of characters, Python whole ones. */
function byCodePoints(a: string, b: string): number {
  const [own, others] = [a, b].map((text) => Array.from(text, (each) => each.codePointAt(0) ?? 0));
  const at = own?.findIndex((each, place) => each !== others?.[place]) ?? -1;
  return at < 0 ? a.length - b.length : (own?.[at] ?? 0) - (others?.[at] ?? -1);
}

/** What the rows seem to hold. */
function columnsOf(rows: readonly TableRow[]): TableColumn[] {
  const [first] = rows;
  if (typeof first !== 'object' || first === null) {
    throw refuse('rows', first, 'objects by column, or lists of values');
  }
  return Object.keys(first).map((key): TableColumn => {
    const name = Array.isArray(first) ? `x${key}` : key;
    const values = rows.map((row) => Reflect.get(Object(row), key) as CellValue);
    if (!values.some((value) => typeof value === 'string')) return { name, kind: 'number' };
    const given = values.filter(
      (value) => typeof value === 'string' || typeof value === 'number',
    ) as (string | number)[];
    const categories = sorted(given);
    if (categories.length <= mostCategories) return { name, kind: 'category', categories };
    throw new TabserveError(
      'invalid-argument',
      `The column "${name}" has ${categories.length} different texts; a category may be one of up to ${mostCategories}. Leave the column out, or name its columns.categories.`,
      { details: { column: name } },
    );
  });
}

function checkColumns(columns: readonly TableColumn[]): void {
  const isColumn = ({ name, kind, categories }: TableColumn) =>
    typeof name === 'string' &&
    (kind === 'number' ||
      (kind === 'category' && Array.isArray(categories) && categories.length > 0));
  const wrong = columns.find((column) => !isColumn(Object(column)));
  if (columns.length > 0 && !wrong) return;
  throw refuse('columns', wrong ?? columns, 'numbers, and categories with their categories');
}

function refuse(option: string, found: unknown, expected: string): TabserveError {
  return new TabserveError(
    'invalid-argument',
    `The option "${option}" is ${shown(found)}; it takes ${expected}.`,
    { details: { option, expected } },
  );
}
