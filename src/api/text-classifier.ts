/// <reference lib="esnext.disposable" preserve="true" />
/** Text classification: which class a text belongs to. */
import type { CapturedText } from '../input/text/types.js';
import type {
  TextClassificationManifest,
  TextClassificationOptions,
} from '../tasks/text-classification/types.js';
import type { TextSource } from '../tasks/text-page.js';
import type { AssetOptions } from '../wire/assets.js';
import { withModel } from './image-model.js';
import { availabilityOf, createHandle, ModelHandle, preloadHandle } from './model-handle.js';
import { answerOptions, checkClassifyOptions, labelOptions } from './options.js';
import {
  isTextList,
  type TextModelEventMap,
  type TextModelInfo,
  type TextModelOptions,
  type TextRequestOptions,
  textKind,
  textModelInfo,
} from './text-model.js';
import type { Availability, Classification, ClassifyOptions, CreateOptions } from './types.js';

/** Options of `TextClassifier.create()`. */
export type TextClassifierOptions = TextModelOptions<TextClassificationManifest> &
  Pick<CreateOptions, 'lang'>;

/** Options of {@link TextClassifier.classify}. */
export type TextClassifyOptions = TextRequestOptions &
  Pick<ClassifyOptions, 'topK' | 'threshold' | 'thresholds' | 'allow' | 'deny'>;

const kind = { ...textKind('text-classification'), options: labelOptions };

/**
 * A model that says which class a text belongs to: how it sounds, what it is about, whether it answers
 * a question. Tokenisation and the network are in a worker. No text leaves the page.
 *
 * @example
 * ```ts
 * const classifier = await TextClassifier.create({ model: 'hf:owner/name' });
 * const [best] = await classifier.classify('What a day!');
 * console.log(best?.label, best?.score);
 * ```
 */
export class TextClassifier extends ModelHandle<TextSource, CapturedText> {
  /** As `ImageClassifier.availability()`. */
  static async availability(
    options: Pick<TextClassifierOptions, 'model' | 'device' | keyof AssetOptions>,
  ): Promise<Availability> {
    return availabilityOf(kind, withModel(options, 'TextClassifier'));
  }

  /**
   * Loads a model. There is no embedded one: `model` has to name it.
   *
   * @throws TabserveError as `ImageClassifier.create()`; `model-not-found` for a repository without its
   *   `tokenizer.json`; `unsupported` for a model of another task, or a tokenizer that is not known.
   */
  static async create(options: TextClassifierOptions): Promise<TextClassifier> {
    const complete = withModel(options, 'TextClassifier') as CreateOptions;
    return createHandle(kind, (parts) => new TextClassifier(parts), complete);
  }

  /** Loads worker, engine and model ahead, as `ImageClassifier.preload()`. */
  static async preload(options: Omit<TextClassifierOptions, 'signal' | 'monitor'>): Promise<void> {
    return preloadHandle(kind, withModel(options, 'TextClassifier') as CreateOptions);
  }

  /** What the classifier runs on, and why. */
  get info(): TextModelInfo {
    return textModelInfo(this.serving);
  }

  /**
   * Says what a text is. Of a long one the beginning is read, `info.model.maxTokens`; the `request`
   * event says whether that was all.
   *
   * @param text - A text, or two that are judged together: `{ text, pair }`.
   * @returns The best answers, by score, ties by lowest index.
   * @throws TabserveError `invalid-argument`, `timeout`, `queue-full`, `worker-crashed`, `device-lost`,
   *   `out-of-memory`, `model-invalid`, `destroyed`; or `signal.reason`.
   */
  async classify(text: TextSource, options?: TextClassifyOptions): Promise<Classification[]>;
  /** Says what each of several texts is, in their order. As `ImageClassifier.classify()` takes several. */
  async classify(
    texts: readonly TextSource[],
    options?: TextClassifyOptions,
  ): Promise<Classification[][]>;
  async classify(
    texts: TextSource | readonly TextSource[],
    options: TextClassifyOptions = {},
  ): Promise<Classification[] | Classification[][]> {
    checkClassifyOptions(options, answerOptions);
    const question: TextClassificationOptions = {
      topK: options.topK ?? 5,
      threshold: options.threshold ?? null,
      thresholds: options.thresholds ?? null,
      allow: options.allow ?? null,
      deny: options.deny ?? null,
    };
    const answer = isTextList(texts)
      ? this.askAll(texts, options, question, 'text')
      : this.ask(texts, options, question);
    return (await answer) as Classification[] | Classification[][];
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
