/// <reference lib="esnext.disposable" preserve="true" />
/** A graph that no other task fits, asked by its own tensors. */
import type { Tensors } from '../base/tensor.js';
import { tensorPage } from '../tasks/tensor/page.js';
import type { TensorManifest } from '../tasks/tensor/types.js';
import { type ModelSourceOf, withModel } from './image-model.js';
import { createHandle, type HandleKind, ModelHandle } from './model-handle.js';
import { modelFacts, runtimeFacts } from './model-info.js';
import type { ClassifierInfo, CreateOptions } from './types.js';

/** Options of `TensorModel.create()`. */
export interface TensorModelOptions
  extends Omit<CreateOptions, 'model' | 'preprocessing' | 'maxPixels'> {
  /** See `ModelSource`; its `model.json` has the task `tensor`. */
  model: ModelSourceOf<TensorManifest>;
}

/** What a {@link TensorModel} runs on. */
export interface TensorModelInfo extends Omit<ClassifierInfo, 'model' | 'preprocessing'> {
  model: Omit<ClassifierInfo['model'], 'width' | 'height'>;
}

const kind: HandleKind<Tensors, Tensors> = { task: tensorPage, taskSettings: () => ({}) };

/**
 * A model that is asked by the tensors of its graph, with `infer()`.
 *
 * @example
 * ```ts
 * const model = await TensorModel.create({ model: '/models/affine/model.json' });
 * const { y } = await model.infer({ x: { type: 'float32', dims: [1, 4], data } });
 * ```
 */
export class TensorModel extends ModelHandle<Tensors, Tensors> {
  /**
   * Loads a model. There is no embedded one: `model` has to name it.
   *
   * @throws TabserveError as `ImageClassifier.create()`; `unsupported` for a model of another task.
   */
  static async create(options: TensorModelOptions): Promise<TensorModel> {
    const complete = withModel(options, 'TensorModel');
    return createHandle(kind, (parts) => new TensorModel(parts), complete);
  }

  /** What the model runs on, and why. */
  get info(): TensorModelInfo {
    return { model: modelFacts(this.serving), ...runtimeFacts(this.serving) };
  }
}
