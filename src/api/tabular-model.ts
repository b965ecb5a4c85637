/// <reference lib="esnext.disposable" preserve="true" />
/** What a row of numbers means: a handle on a model of the task `tabular`. */
import { TabserveError } from '../base/errors.js';
import type { CapturedTable, TableRow } from '../input/table/types.js';
import { latePage } from '../tasks/late-page.js';
import type { TableSource } from '../tasks/tabular/page.js';
import type {
  Prediction,
  TabularManifest,
  TabularOptions,
  TabularReport,
} from '../tasks/tabular/types.js';
import type { AssetOptions } from '../wire/assets.js';
import { type ModelSourceOf, withModel } from './image-model.js';
import {
  availabilityOf,
  createHandle,
  type HandleKind,
  ModelHandle,
  preloadHandle,
} from './model-handle.js';
import { modelFacts, runtimeFacts } from './model-info.js';
import { checkClassifyOptions } from './options.js';
import type { Availability, ClassifierInfo, ClassifyOptions, CreateOptions } from './types.js';

/** Options of `TabularModel.create()`. */
export interface TabularModelOptions
  extends Omit<CreateOptions, 'model' | 'preprocessing' | 'maxPixels' | 'lang' | 'device'> {
  /** See {@link ModelSource}: an `.onnx` file of scikit-learn's converter needs no manifest. */
  model: ModelSourceOf<TabularManifest>;
  /** Models of tables run on WASM only: the engine has their operators there. @default 'wasm' */
  device?: 'wasm' | 'auto';
}

/** Options of {@link TabularModel.predict}. */
export interface PredictOptions
  extends Pick<ClassifyOptions, 'priority' | 'signal' | 'timeout' | 'id'> {
  /** At most so many scores for each row. @default all */
  topK?: number;
}

/** What a model of tables runs on, and the columns that it takes. */
export interface TabularModelInfo extends Omit<ClassifierInfo, 'model' | 'preprocessing'> {
  model: Omit<ClassifierInfo['model'], 'width' | 'height'> & TabularReport;
}

/** Rows that travel at a time: few enough to block nobody. */
const rowsAtATime = 1024;

const allScores = 1_000_000;

const onlyWasm = 'models of tables run on WASM: the engine has their operators there only';

const kind: HandleKind<TableSource, CapturedTable> = {
  task: latePage('tabular', 'table', ({ tabularPage }) => tabularPage),
  taskSettings: () => ({}),
};

/** @throws TabserveError `invalid-argument`, `unsupported`. */
function complete<Options extends { model: unknown; device?: unknown }>(options: Options) {
  const whole = withModel(options, 'TabularModel');
  if (options.device === 'webgpu') {
    throw new TabserveError('unsupported', `There is no WebGPU for this: ${onlyWasm}.`, {
      details: { option: 'device' },
    });
  }
  return { ...whole, device: 'wasm' } as CreateOptions;
}

/**
 * A model of rows: linear models, support vectors, trees, boosting and pipelines of them, as
 * scikit-learn's converter writes them, or any network that takes named columns.
 *
 * @example
 * ```ts
 * const model = await TabularModel.create({ model: '/models/iris.onnx' });
 * const { label } = await model.predict({ sepal: 5.1, petal: 1.4 });
 * const all = await model.predict(rows); // one answer for each row
 * ```
 */
export class TabularModel extends ModelHandle<TableSource, CapturedTable> {
  /** As `ImageClassifier.availability()`. */
  static async availability(
    options: Pick<TabularModelOptions, 'model' | keyof AssetOptions>,
  ): Promise<Availability> {
    return availabilityOf(kind, complete(options));
  }

  /**
   * Loads a model.
   *
   * @throws TabserveError as `ImageClassifier.create()`; `model-invalid` for a graph whose columns
   *   nothing names; `unsupported` for `device: 'webgpu'`, and for a model of another task.
   */
  static async create(options: TabularModelOptions): Promise<TabularModel> {
    return createHandle(kind, (parts) => new TabularModel(parts), complete(options));
  }

  /** Loads worker, engine and model ahead, as `ImageClassifier.preload()`. */
  static async preload(options: Omit<TabularModelOptions, 'signal' | 'monitor'>): Promise<void> {
    return preloadHandle(kind, complete(options));
  }

  /** What the model runs on, and why; and the columns that it takes. */
  get info(): TabularModelInfo {
    const { serving } = this;
    const { columns } = serving.loaded.report as TabularReport;
    return {
      model: { ...modelFacts(serving), columns },
      ...runtimeFacts(serving),
      reason: onlyWasm,
    };
  }

  /**
   * What the model makes of a row: a value, or a label with its scores.
   *
   * @param row - Values by column (`info.model.columns`), or in the order of the columns.
   * @throws TabserveError `invalid-argument` naming the row and the column, what was found and what was
   *   expected: a value that is missing, NaN, of the wrong kind or an unknown category, a column too
   *   many; `timeout`, `queue-full`, `worker-crashed`, `out-of-memory`, `model-invalid`, `destroyed`; or
   *   `signal.reason`.
   */
  async predict(row: TableRow, options?: PredictOptions): Promise<Prediction>;
  /** What the model makes of each of several rows, in their order. */
  async predict(rows: readonly TableRow[], options?: PredictOptions): Promise<Prediction[]>;
  async predict(
    given: TableRow | readonly TableRow[],
    options: PredictOptions = {},
  ): Promise<Prediction | Prediction[]> {
    const { topK = allScores, ...common } = options;
    checkClassifyOptions({ ...common, topK }, 'topK');
    const question: TabularOptions = { topK };
    if (!isRows(given)) {
      const [answer] = (await this.ask({ rows: [given], first: 0 }, common, question)) as [
        Prediction,
      ];
      return answer;
    }
    const parts: TableSource[] = [];
    for (let first = 0; first < given.length; first += rowsAtATime) {
      parts.push({ rows: given.slice(first, first + rowsAtATime), first });
    }
    const answers = await this.askAll(parts, common, question, 'part');
    return (answers as Prediction[][]).flat();
  }
}

/** Whether these are several rows, and not the values of one. */
function isRows(given: TableRow | readonly TableRow[]): given is readonly TableRow[] {
  return Array.isArray(given) && (given.length === 0 || typeof given[0] === 'object');
}
