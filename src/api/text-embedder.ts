/// <reference lib="esnext.disposable" preserve="true" />
/** What a text is like, as a vector: a handle on a model of the task `text-embedding`. */
import type { CapturedText } from '../input/text/types.js';
import type { TextEmbeddingManifest, TextEmbeddingOptions } from '../tasks/text-embedding/types.js';
import type { TextSource } from '../tasks/text-page.js';
import type { AssetOptions } from '../wire/assets.js';
import { withModel } from './image-model.js';
import { availabilityOf, createHandle, ModelHandle, preloadHandle } from './model-handle.js';
import { checkClassifyOptions } from './options.js';
import {
  isTextList,
  type TextModelEventMap,
  type TextModelInfo,
  type TextModelOptions,
  type TextRequestOptions,
  textKind,
  textModelInfo,
} from './text-model.js';
import type { Availability, CreateOptions } from './types.js';

/** Options of `TextEmbedder.create()`. */
export type TextEmbedderOptions = TextModelOptions<TextEmbeddingManifest>;

/** Options of {@link TextEmbedder.embed}. */
export interface TextEmbedOptions extends TextRequestOptions {
  /** Whether the vector is divided by its Euclidean length. @default what the model's manifest says */
  normalize?: boolean;
}

const kind = textKind('text-embedding');

/**
 * A model that makes vectors of texts, such that texts that mean the same have vectors that are alike.
 *
 * @example
 * ```ts
 * const embedder = await TextEmbedder.create({ model: 'hf:owner/name' });
 * const [a, b] = await embedder.embed(['It rains.', 'The weather is wet.']);
 * console.log(similarity(a, b));
 * ```
 */
export class TextEmbedder extends ModelHandle<TextSource, CapturedText> {
  /** As `ImageClassifier.availability()`. */
  static async availability(
    options: Pick<TextEmbedderOptions, 'model' | 'device' | keyof AssetOptions>,
  ): Promise<Availability> {
    return availabilityOf(kind, withModel(options, 'TextEmbedder'));
  }

  /** Loads a model. Errors as `TextClassifier.create()`. */
  static async create(options: TextEmbedderOptions): Promise<TextEmbedder> {
    const complete = withModel(options, 'TextEmbedder') as CreateOptions;
    return createHandle(kind, (parts) => new TextEmbedder(parts), complete);
  }

  /** Loads worker, engine and model ahead, as `ImageClassifier.preload()`. */
  static async preload(options: Omit<TextEmbedderOptions, 'signal' | 'monitor'>): Promise<void> {
    return preloadHandle(kind, withModel(options, 'TextEmbedder') as CreateOptions);
  }

  /** What the embedder runs on, and why. It has no labels. */
  get info(): TextModelInfo {
    return textModelInfo(this.serving);
  }

  /**
   * The vector of a text: as many numbers as the model's output has dimensions. Of a long text the
   * beginning is read, `info.model.maxTokens`.
   *
   * @throws TabserveError as `TextClassifier.classify()`; or `signal.reason`.
   */
  async embed(text: TextSource, options?: TextEmbedOptions): Promise<Float32Array>;
  /** The vectors of several texts, in their order. */
  async embed(texts: readonly TextSource[], options?: TextEmbedOptions): Promise<Float32Array[]>;
  async embed(
    texts: TextSource | readonly TextSource[],
    options: TextEmbedOptions = {},
  ): Promise<Float32Array | Float32Array[]> {
    checkClassifyOptions(options, 'normalize');
    const question: TextEmbeddingOptions = { normalize: options.normalize ?? null };
    const answer = isTextList(texts)
      ? this.askAll(texts, options, question, 'text')
      : this.ask(texts, options, question);
    return (await answer) as Float32Array | Float32Array[];
  }

  /** Listens to the events of this class, with their types. */
  override addEventListener<Type extends keyof TextModelEventMap>(
    type: Type,
    listener: (this: this, event: TextModelEventMap[Type]) => void,
    options?: AddEventListenerOptions | boolean,
  ): void;
  /** Listens to any event. */
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    super.addEventListener(type, listener, options);
  }
}
