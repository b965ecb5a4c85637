/// <reference lib="esnext.disposable" preserve="true" />
/** Any graph, by named tensors: a handle on a model that no other class fits. */
import { TabserveError } from '../base/errors.js';
import type { Tensors } from '../base/tensor.js';
import { tensorTask } from '../tasks/late-page.js';
import type { TensorSource } from '../tasks/tensor/page.js';
import type {
  TensorManifest,
  TensorOptions,
  TensorPayload,
  TensorReport,
} from '../tasks/tensor/types.js';
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

/** Options of `TensorModel.create()`. */
export interface TensorModelOptions
  extends Omit<CreateOptions, 'model' | 'preprocessing' | 'maxPixels' | 'lang'> {
  /** See {@link ModelSource}: an `.onnx` file needs no manifest here. */
  model: ModelSourceOf<TensorManifest>;
}

/** Options of {@link TensorModel.run}. */
export interface TensorRunOptions
  extends Pick<ClassifyOptions, 'priority' | 'signal' | 'timeout' | 'id'> {
  /** The outputs that are wanted, by name. @default all */
  outputs?: readonly string[];
}

/** What a graph runs on, and what it takes and gives. */
export interface TensorModelInfo extends Omit<ClassifierInfo, 'model' | 'preprocessing'> {
  model: Omit<ClassifierInfo['model'], 'width' | 'height'> & TensorReport;
}

const kind: HandleKind<TensorSource, TensorPayload> = {
  task: tensorTask,
  taskSettings: () => ({}),
};

/**
 * A graph, run as it is: named tensors in, named tensors out, in the same worker and the same queue as
 * every other model.
 *
 * @example
 * ```ts
 * const model = await TensorModel.create({ model: '/models/any.onnx' });
 * console.log(model.info.model.inputs); // [{ name: 'x', type: 'float32', shape: ['N', 3] }]
 * const { y } = await model.run({ x: { data: new Float32Array([1, 2, 3]), dims: [1, 3] } });
 * console.log(y?.dims, y?.data);
 * ```
 */
export class TensorModel extends ModelHandle<TensorSource, TensorPayload> {
  /** As `ImageClassifier.availability()`. */
  static async availability(
    options: Pick<TensorModelOptions, 'model' | 'device' | keyof AssetOptions>,
  ): Promise<Availability> {
    return availabilityOf(kind, withModel(options, 'TensorModel') as CreateOptions);
  }

  /**
   * Loads a graph: an `.onnx` file alone, or any model that another class takes, without what that class
   * does before and after. Outputs that are maps (`ZipMap`) come as tensors `[rows, classes]`.
   *
   * @throws TabserveError as `ImageClassifier.create()`.
   */
  static async create(options: TensorModelOptions): Promise<TensorModel> {
    const complete = withModel(options, 'TensorModel') as CreateOptions;
    return createHandle(kind, (parts) => new TensorModel(parts), complete);
  }

  /** Loads worker, engine and model ahead, as `ImageClassifier.preload()`. */
  static async preload(options: Omit<TensorModelOptions, 'signal' | 'monitor'>): Promise<void> {
    return preloadHandle(kind, withModel(options, 'TensorModel') as CreateOptions);
  }

  /** What the graph runs on, and why; and its inputs and outputs. */
  get info(): TensorModelInfo {
    const { serving } = this;
    const { inputs, outputs } = serving.loaded.report as TensorReport;
    return { model: { ...modelFacts(serving), inputs, outputs }, ...runtimeFacts(serving) };
  }

  /**
   * Runs the graph once. The tensors are copied at the call.
   *
   * @param inputs - One for each of `info.model.inputs`, by name.
   * @returns The outputs, by name. float16 comes as bits in a `Uint16Array`, bool as bytes.
   * @throws TabserveError `invalid-argument` for a tensor that the graph does not take, naming the input,
   *   what was found and what was expected; `timeout`, `queue-full`, `worker-crashed`, `device-lost`,
   *   `out-of-memory`, `model-invalid`, `destroyed`; or `signal.reason`.
   */
  async run(inputs: TensorSource, options: TensorRunOptions = {}): Promise<Tensors> {
    const { outputs = null, ...common } = options;
    checkClassifyOptions(common, '');
    if (
      outputs !== null &&
      !(Array.isArray(outputs) && outputs.every((each) => typeof each === 'string'))
    ) {
      throw new TabserveError('invalid-argument', '"outputs" is a list of names of outputs.', {
        details: { option: 'outputs' },
      });
    }
    return (await this.ask(inputs, common, { outputs } satisfies TensorOptions)) as Tensors;
  }
}
