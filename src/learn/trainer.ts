/// <reference lib="esnext.disposable" preserve="true" />
/** Teaches a model from a few pictures, in the page. */
import {
  type CreateOptions,
  ImageEmbedder,
  type ImageEmbedderOptions,
  type ImageSource,
  internals,
  isTabserveError,
  TabserveError,
} from '../index.js';
import { checkLabel, Dataset, type Example, type LabelCount } from './dataset.js';
import { filesOf, folderOf, type PathFile, pathsOf } from './folders.js';
import { LearnLink, newNumber, type TrainerAssets, withLink } from './link.js';
import { type Layer, planNetwork } from './network/spec.js';
import {
  checkName,
  checkNetworkOptions,
  checkPixels,
  checkTrainOptions,
  checkUpdateOptions,
  refuse,
} from './options.js';
import { type PixelSize, pixelsModel } from './pixels.js';
import { privacySpent } from './privacy.js';
import type { HeadUpdate, SharedHead, UpdateOptions } from './shared-head.js';
import { evaluationOf, TaughtModel, type TaughtParts } from './taught-model.js';
import type {
  BaseModel,
  ExampleList,
  FitResult,
  HeadParts,
  JobProgress,
  NetworkResult,
  SavedSet,
  UpdateResult,
} from './types.js';

/** Options of {@link Trainer.create}. */
export interface TrainerOptions
  extends Omit<
    CreateOptions,
    'model' | 'tensors' | 'explanations' | 'idleTimeout' | 'decryptionKey' | 'signedBy'
  > {
  /**
   * What the head stands on: an embedder, or a classifier of pictures, as `ImageClassifier.create()` takes
   * a model. One that names no embedding is cut at the input of its last product, which `info.cut` says.
   * `{ pixels }` stands for none: the features are the pixels themselves, as small pictures allow.
   * @default the embedded model `photos`
   */
  base?: CreateOptions['model'] | ImageEmbedderOptions['model'] | { pixels: PixelSize };
}

/** Options of {@link Trainer.add}. */
export interface AddOptions {
  signal?: AbortSignal;
  /** Hears how many of the pictures have been looked at. */
  onProgress?: (done: number) => void;
  /** Of a `<video>`: so many frames. @default 1 */
  frames?: number;
  /** Milliseconds between two of them. @default 100 */
  interval?: number;
}

/** What became of pictures that were to be added. */
export interface Added {
  added: readonly Example[];
  /** Those that could not be read, with the reason. */
  failed: readonly { name: string; error: unknown }[];
}

/** Options of {@link Trainer.train}. */
export interface TrainOptions {
  /**
   * How much large weights cost, as `weightDecay / 2` times their squared length beside the mean cross
   * entropy: scikit-learn's `C` is `1 / (weightDecay · examples)`.
   * @default 'auto': the best of several by cross-validation
   */
  weightDecay?: number | 'auto';
  /**
   * Parts that the examples are dealt out into, each of which is asked about by a head that was fitted on
   * the others. As many as the smallest class has examples, if that is fewer.
   * @default 5
   */
  folds?: number;
  /**
   * The part of the examples by which the model is evaluated, instead of by all folds; the model itself is
   * fitted on all of them in the end. Of more than 3,000 examples a fifth is.
   * @default 0
   */
  holdOut?: number;
  /** Whether every class counts for the same, however many examples it has. @default false */
  balanced?: boolean;
  /** The same examples with the same seed give the same model. @default 1 */
  seed?: number;
  signal?: AbortSignal;
  /** Hears how far the training is. */
  onProgress?: (progress: JobProgress) => void;
}

/** Options of {@link Trainer.trainNetwork}. */
export interface NetworkOptions {
  /**
   * What comes before the last layer, which gives the scores.
   * @default two convolutions of 32 and 64 kernels of 3 × 3, each with ReLU and pooling, and a dense layer of
   *   64 with ReLU
   */
  layers?: readonly Layer[];
  /** Passes over the examples, at most. @default 10 */
  epochs?: number;
  /**
   * Examples of one step, at most: those of an epoch are dealt out evenly. So that no step has a single example, one can
   * have one more. @default 64
   */
  batchSize?: number;
  /** The largest: it rises to it over the first twentieth of the steps, and falls to 0 then. @default 0.002 */
  learningRate?: number;
  /** @default 'adam' */
  optimizer?: 'adam' | 'sgd';
  /**
   * What is to become small: the cross entropy of the scores' softmax, or the mean squared difference of the scores
   * to 1 for the true class and 0 for the others. Either way the model's scores are a softmax, brought to what
   * they promise by the examples that are held out. @default 'cross-entropy'
   */
  loss?: 'cross-entropy' | 'squared-error';
  /** The part of the examples that is held out, to see how good it is and when to stop. @default 0.1 */
  validation?: number;
  /** Epochs without a lower loss on those, after which it ends. @default all are made */
  patience?: number;
  /** Whether pictures are shifted by chance, by up to an eighth of their sides, each time. @default false */
  shifts?: boolean;
  /** Whether they are mirrored by chance. @default false */
  mirrored?: boolean;
  /** As of {@link TrainOptions}; on the same number of threads. @default 1 */
  seed?: number;
  /**
   * A name of 1 to 200 characters under which the state is kept in the browser's storage after each epoch, until
   * the training has ended: the same call, with the same examples and options, goes on from there after the
   * page was closed, or the training aborted. @default nothing is kept
   */
  keepAs?: string;
  signal?: AbortSignal;
  /** Hears how far the training is. */
  onProgress?: (progress: JobProgress) => void;
}

/** What a trainer stands on. */
export interface TrainerInfo {
  /** The base's name and version. */
  base: string;
  /** Numbers of its embedding; 0 before the first picture. */
  dimensions: number;
  /** Where the base was cut, if its author named no embedding; else `null`. */
  cut: string | null;
  device: string;
}

/** A usual network for pictures of 28 × 28. */
const usualLayers: readonly Layer[] = [
  { type: 'conv', filters: 32 },
  { type: 'relu' },
  { type: 'pool' },
  { type: 'conv', filters: 64 },
  { type: 'relu' },
  { type: 'pool' },
  { type: 'dense', units: 64 },
  { type: 'relu' },
];

/** Pictures that are looked at side by side, and features that are handed on together. */
const lanes = 3;
const batch = 48;

/** The most that an update may count for: sums of such numbers are still exact. */
const mostWeight = 1e9;

/** Neighbours that {@link Trainer.preview} asks. */
const neighbours = 5;

/**
 * Teaches a model from a few pictures: a backbone that knows pictures gives features, and a head is fitted
 * on them. All arithmetic is in workers; nothing leaves the page.
 *
 * @example
 * ```ts
 * const trainer = await Trainer.create();
 * await trainer.add('cup', cupFiles);
 * await trainer.add('plate', plateFiles);
 * const model = await trainer.train();
 * console.log(model.evaluation?.accuracy);
 * const classifier = await model.classifier();
 * const zip = await model.zip({ name: 'crockery' });
 * ```
 */
export class Trainer implements AsyncDisposable {
  readonly #link: LearnLink;
  readonly #embedder: ImageEmbedder;
  readonly #base: BaseModel;
  readonly #load: ReturnType<typeof internals.loadRequestOf>;
  readonly #isPixels: boolean;
  readonly #set = newNumber();
  readonly #data: Dataset;
  #dimensions = 0;

  private constructor(parts: {
    link: LearnLink;
    embedder: ImageEmbedder;
    base: BaseModel;
    load: ReturnType<typeof internals.loadRequestOf>;
    isPixels: boolean;
  }) {
    this.#link = parts.link;
    this.#embedder = parts.embedder;
    this.#base = parts.base;
    this.#load = parts.load;
    this.#isPixels = parts.isPixels;
    const { channels, height, width } = parts.base.manifest.input;
    if (parts.isPixels) this.#dimensions = channels * height * width;
    this.#data = new Dataset((ids) => {
      this.#link.ask({ kind: 'forget', set: this.#set, ids }).catch(() => undefined);
    });
  }

  /**
   * Loads the base.
   *
   * @throws TabserveError as `ImageEmbedder.create()`; `unsupported` for a base that is for something else
   *   than pictures, has no product at which it could be cut, or is protected.
   */
  static async create({ base, ...options }: TrainerOptions = {}): Promise<Trainer> {
    refuseProtection(options);
    const isPixels = typeof base === 'object' && base !== null && 'pixels' in base;
    const model = isPixels ? pixelsModel(checkPixels(base.pixels)) : base;
    const named = { ...options, ...(model !== undefined && { model }) } as ImageEmbedderOptions;
    const { workerUrl, wasmUrl, modelsUrl, cdn, signal } = options;
    const load = internals.loadRequestOf(named as CreateOptions);
    const link = new LearnLink({
      threads: isPixels ? threadsOf(options.threads) : 1,
      ...(workerUrl !== undefined && { workerUrl }),
      ...(wasmUrl !== undefined && { wasmUrl }),
      ...(modelsUrl !== undefined && { modelsUrl }),
      ...(cdn !== undefined && { cdn }),
    });
    let embedder: ImageEmbedder | undefined;
    try {
      // First, so that its monitor hears the download. Whether it names an embedding shows then.
      const refused = await ImageEmbedder.create(named).then(
        (created) => {
          embedder = created;
        },
        (error: unknown) => error,
      );
      if (refused && !isTabserveError(refused, 'unsupported')) throw refused;
      const found = await link.ask({ kind: 'base', load });
      signal?.throwIfAborted();
      if (refused && !found.cut) throw refused;
      embedder ??= await ImageEmbedder.create({ ...named, ...cutModel(found) });
      // The file that gives the features is the one that the head is put on.
      const { dtype } = embedder.info;
      return new Trainer({ link, embedder, base: found, load: { ...load, dtype }, isPixels });
    } catch (error) {
      embedder?.destroy();
      link.close();
      throw error;
    }
  }

  /**
   * A trainer with the data set that was kept under a name.
   *
   * @param options - As {@link create}; the base has to be the one that it was made with.
   * @throws TabserveError as {@link create}; `model-not-found` where there is none; `integrity` where a part
   *   of it is gone; `invalid-argument` where its features are those of another base.
   */
  static async load(name: string, options: TrainerOptions = {}): Promise<Trainer> {
    const trainer = await Trainer.create(options);
    try {
      await trainer.#restore(name);
      return trainer;
    } catch (error) {
      trainer.destroy();
      throw error;
    }
  }

  /** The data sets that are kept, the latest first. */
  static async saved(options: TrainerAssets = {}): Promise<SavedSet[]> {
    return withLink(options, (link) => link.ask({ kind: 'saved' }));
  }

  /** Deletes a data set that was kept. @returns Whether there was one. */
  static async delete(name: string, options: TrainerAssets = {}): Promise<boolean> {
    return withLink(options, (link) => link.ask({ kind: 'delete', name }));
  }

  /** What it stands on. */
  get info(): TrainerInfo {
    const { embedding, cut } = this.#base;
    return {
      base: this.#baseName,
      dimensions: this.#dimensions,
      cut: cut ? embedding.name : null,
      device: this.#embedder.info.device,
    };
  }

  /** All examples, in the order in which they came. */
  get examples(): readonly Example[] {
    return this.#data.examples;
  }

  /** The classes, with how many examples each has. */
  get labels(): readonly LabelCount[] {
    return this.#data.labels;
  }

  /**
   * Adds examples of a class. They are looked at a few at a time: many files take no more memory than their
   * features do, 5 KB each with the default base.
   *
   * @param label - A text of 1 to 200 characters on one line. It is never taken for markup.
   * @param images - Pictures, one or several; with `frames`, a `<video>` for a burst.
   * @returns What was added, and what could not be read. `undo()` takes it back as a whole.
   * @throws TabserveError `invalid-argument`; what a picture was refused with, where there was no other;
   *   the signal's reason, after which nothing has been added.
   */
  async add(
    label: string,
    images: ImageSource | Iterable<ImageSource> | AsyncIterable<ImageSource>,
    options: AddOptions = {},
  ): Promise<Added> {
    const checked = checkLabel(label);
    const { frames = 1, interval = 100, signal } = options;
    const sources =
      frames > 1
        ? burst(images as HTMLVideoElement, checked, { frames, interval, signal })
        : labelled(images, checked);
    return this.#addAll(sources, options);
  }

  /**
   * Adds the pictures of folders, each labelled with the name of the folder that it lies in.
   *
   * @param source - A folder, the files of `<input type="file" webkitdirectory>`, or a zip.
   * @returns As {@link add}; files that are no pictures, or in no folder, are among those that failed.
   * @throws TabserveError as {@link add}; `invalid-argument` for a zip that is none or too large.
   */
  async addFolders(
    source: FileSystemDirectoryHandle | Iterable<File> | Blob,
    options: Omit<AddOptions, 'frames' | 'interval'> = {},
  ): Promise<Added> {
    return this.#addAll(inFolders(this.#pathFiles(source)), options);
  }

  /**
   * Adds examples whose features are known: those of another page, or of pictures that are numbers already.
   *
   * @param features - One row after the other, each as long as the base's embedding; of `{ pixels }`, bytes
   *   as a `Uint8Array`: channel by channel, row by row.
   * @param labels - One for each row.
   * @throws TabserveError `invalid-argument` where lengths do not fit, or for NaN or infinity.
   */
  async addFeatures(
    labels: readonly string[],
    features: Float32Array | Uint8Array,
  ): Promise<readonly Example[]> {
    const known = new Map<string, string>();
    for (const label of labels) if (!known.has(label)) known.set(label, checkLabel(label));
    const columns = features.length / labels.length;
    const wanted = this.#dimensions || columns;
    const isBytes = features instanceof Uint8Array;
    if (columns !== wanted || !Number.isInteger(columns) || isBytes !== this.#isPixels) {
      throw new TabserveError(
        'invalid-argument',
        `There are ${features.length} features for ${labels.length} examples; each has ${wanted}${this.#isPixels ? ', as bytes' : ', as float32'}.`,
      );
    }
    const ids = this.#data.reserve(labels.length);
    await this.#link.ask({ kind: 'add', set: this.#set, ids, features });
    this.#dimensions = columns;
    const examples = ids.map((id, at) => ({
      id,
      label: known.get(labels[at] as string) as string,
      name: '',
      image: null,
    }));
    this.#data.add(examples);
    return examples;
  }

  /** Takes examples out. @returns How many there were. */
  remove(examples: Iterable<Pick<Example, 'id'>>): number {
    return this.#data.remove([...examples].map(({ id }) => id));
  }

  /**
   * Gives a class another label. One that is there already takes its examples in.
   *
   * @throws TabserveError `invalid-argument`.
   */
  rename(from: string, to: string): void {
    this.#data.rename(from, to);
  }

  /** Takes the last change of the examples back, of up to 50. @returns Whether there was one. */
  undo(): boolean {
    return this.#data.undo();
  }

  /**
   * Takes examples out, by chance, until every class has as many as the smallest. (To keep them all and let
   * every class count for the same, train with `balanced`.)
   *
   * @param seed - @default 1
   * @returns How many were taken out.
   */
  balance(seed = 1): number {
    const least = Math.min(...this.labels.map(({ examples }) => examples));
    const order = this.examples.map((example, at) => ({ example, at: hashed(at, seed) }));
    const kept = new Map<string, number>();
    const out: number[] = [];
    for (const { example } of order.sort((a, b) => a.at - b.at)) {
      const count = kept.get(example.label) ?? 0;
      if (count >= least) out.push(example.id);
      else kept.set(example.label, count + 1);
    }
    return this.#data.remove(out);
  }

  /**
   * What a picture is, by the five nearest examples: an answer that needs no training, to see while
   * examples come in.
   *
   * @returns Every class, the likeliest first.
   * @throws TabserveError `invalid-argument` without examples; as `ImageEmbedder.embed()`.
   */
  async preview(
    image: ImageSource,
    options: { signal?: AbortSignal } = {},
  ): Promise<{ label: string; score: number }[]> {
    const { examples, labels } = this.#asked(1);
    const query = await this.#embedder.embed(image, options);
    const k = Math.min(neighbours, examples.ids.length);
    const scores = await this.#link.ask({ kind: 'preview', set: this.#set, examples, query, k });
    return labels
      .map(({ label }, at) => ({ label, score: scores[at] as number }))
      .sort((a, b) => b.score - a.score);
  }

  /**
   * Fits a softmax head on all examples, and says how good it is by examples that it had not seen.
   *
   * @throws TabserveError `invalid-argument` for fewer than two classes; `out-of-memory` for more examples
   *   than can be fitted on; `worker-crashed`; or the signal's reason.
   */
  async train(options: TrainOptions = {}): Promise<TaughtModel> {
    const settings = checkTrainOptions(options);
    const { examples, labels } = this.#asked(2);
    const all = this.examples;
    const job = newNumber();
    const begin = { kind: 'fit', set: this.#set, job, examples, settings } as const;
    const result = (await this.#link.follow(job, begin, options)) as FitResult;
    const { head, unseen } = result;
    const { temperature } = head;
    const { evaluation, taken } = evaluationOf(unseen, temperature, all, labels);
    return this.#withHead(head, {
      labels,
      evaluation,
      taken,
      teaching: {
        how: `a softmax head on ${this.#baseName}`,
        settings: {
          weightDecay: result.weightDecay,
          weightDecayChosen: result.tried.length > 1,
          balanced: settings.balanced,
          seed: settings.seed,
          temperature,
          steps: result.steps,
          converged: result.converged,
        },
        labels,
        evaluation,
        notes: this.#notesOn(result, settings.weightDecay),
      },
    });
  }

  /**
   * The head that pages begin to learn together from: it knows nothing, and all have the same.
   *
   * @param labels - The classes that all have agreed on, in their order; two at least.
   * @throws TabserveError `invalid-argument`, also before the first example: how long the features are shows then.
   */
  sharedHead(labels: readonly string[]): SharedHead {
    const checked = labels.map(checkLabel);
    if (new Set(checked).size < 2 || new Set(checked).size < checked.length) {
      throw refuse('labels', labels, 'two labels or more, each once');
    }
    if (this.#dimensions === 0) {
      throw new TabserveError('invalid-argument', 'There are no examples yet. Add some.');
    }
    const { base } = this.info;
    const dimensions = this.#dimensions;
    const parameters = new Float32Array(checked.length * (dimensions + 1));
    return { base, labels: checked, dimensions, round: 0, parameters };
  }

  /**
   * Learns from a common head on, and gives what changed: for whoever makes the next common head of the updates of
   * many pages. No example leaves the page, but what changed tells of them; `clip` and `noiseMultiplier`
   * bound how much, and `privacy` says it.
   *
   * @param head - The common head of this round.
   * @throws TabserveError `invalid-argument` for a head of another base or without the labels that the examples
   *   have, without examples, and for a learning rate with which the change is no number; or the signal's reason.
   */
  async exportUpdate(head: SharedHead, options: UpdateOptions = {}): Promise<HeadUpdate> {
    const settings = checkUpdateOptions(options);
    this.#checkShared(head);
    const places = new Map(head.labels.map((label, at) => [label, at]));
    const all = [...(options.examples ?? this.examples)];
    const strange = all.find(({ label }) => !places.has(label));
    if (strange || all.length === 0) {
      throw new TabserveError(
        'invalid-argument',
        strange
          ? `The common head has no class ${JSON.stringify(strange.label)}. It has ${head.labels.slice(0, 20).join(', ')}.`
          : 'There are no examples to learn from. Add some.',
      );
    }
    const job = newNumber();
    const begin = {
      kind: 'update',
      set: this.#set,
      job,
      examples: {
        ids: all.map(({ id }) => id),
        classes: all.map(({ label }) => places.get(label) as number),
        count: head.labels.length,
      },
      start: head.parameters,
      settings,
    } as const;
    const { change } = (await this.#link.follow(job, begin, options)) as UpdateResult;
    if (!change.every(Number.isFinite)) {
      const { learningRate } = settings;
      throw new TabserveError(
        'invalid-argument',
        `The head's change is no number: the learning rate of ${learningRate} is too high for these examples.`,
        { details: { option: 'learningRate' } },
      );
    }
    const { parameters: _, ...rest } = head;
    const { noiseMultiplier } = settings;
    const isHidden = noiseMultiplier > 0;
    return {
      ...rest,
      change,
      weight: isHidden ? 1 : all.length,
      privacy: isHidden
        ? privacySpent({
            // All examples exchanged for others move an update by twice the clip.
            noiseMultiplier: noiseMultiplier / 2,
            rounds: head.round + 1,
            ...(options.delta !== undefined && { delta: options.delta }),
          })
        : null,
    };
  }

  /**
   * The next common head: the old one, and the mean of what the pages changed, each by its `weight`. In a worker.
   *
   * @throws TabserveError `invalid-argument` naming an update that is of another base, other labels or another round, or
   *   whose numbers are none.
   */
  async applyAverage(head: SharedHead, updates: Iterable<HeadUpdate>): Promise<SharedHead> {
    this.#checkShared(head);
    const changes = [...updates].map((update, at) => {
      const { base, labels, dimensions, round, change, weight } = update;
      const isOwn =
        base === head.base &&
        dimensions === head.dimensions &&
        round === head.round &&
        JSON.stringify(labels) === JSON.stringify(head.labels);
      const isRight =
        change instanceof Float32Array &&
        change.length === head.parameters.length &&
        change.every(Number.isFinite) &&
        weight > 0 &&
        weight <= mostWeight;
      if (isOwn && isRight) return { change, weight };
      throw new TabserveError(
        'invalid-argument',
        `Update ${at} cannot be averaged: ${isOwn ? 'its numbers or its weight are none' : `it is of ${base}, round ${round}, and the head of ${head.base}, round ${head.round}, or its labels are others`}. Leave it out.`,
        { details: { update: at } },
      );
    });
    if (changes.length === 0) throw refuse('updates', [], 'one update at least');
    const parameters = await this.#link.ask({
      kind: 'average',
      start: head.parameters,
      changes,
    });
    if (!parameters.every(Number.isFinite)) {
      throw new TabserveError(
        'invalid-argument',
        'The updates cannot be averaged: their changes are too large for the head to stay a number. Have the pages clip them.',
      );
    }
    return { ...head, round: head.round + 1, parameters };
  }

  /**
   * The model with a common head on this trainer's base.
   *
   * @throws TabserveError `invalid-argument` for a head of another base.
   */
  modelOf(head: SharedHead): TaughtModel {
    this.#checkShared(head);
    const { labels, dimensions, parameters, round } = head;
    const counts = new Map(this.labels.map(({ label, examples }) => [label, examples]));
    const numbers = Float64Array.from(parameters);
    const split = labels.length * dimensions;
    const parts = {
      weights: numbers.slice(0, split),
      biases: numbers.slice(split),
      temperature: 1,
    };
    const own = labels.map((label) => ({ label, examples: counts.get(label) ?? 0 }));
    return this.#withHead(parts, {
      labels: own,
      evaluation: null,
      taken: new Map(),
      teaching: {
        how: `a softmax head on ${this.#baseName}, averaged over several pages`,
        settings: { round },
        labels: own,
        evaluation: null,
        notes: ['Examples are those of this page alone, and nothing was measured here.'],
      },
    });
  }

  /**
   * Trains a small convolutional network from nothing on all examples, in the engine of a worker. The base has
   * to be `{ pixels }`.
   *
   * @throws TabserveError as {@link train}; `invalid-argument` for another base, for layers that do not fit
   *   together, for a learning rate with which the loss is no number, and for batch norm of single numbers.
   */
  async trainNetwork(options: NetworkOptions = {}): Promise<TaughtModel> {
    const { layers = usualLayers, keepAs = null, signal, onProgress } = options;
    if (keepAs !== null) checkName(keepAs);
    const settings = checkNetworkOptions(options);
    const { manifest, embedding } = this.#base;
    if (!this.#isPixels) {
      throw new TabserveError(
        'invalid-argument',
        `A network is trained on pixels, and the base is ${this.#baseName}. Create the trainer with "base: { pixels: { width, height } }".`,
      );
    }
    const { examples, labels } = this.#asked(2);
    const all = this.examples;
    const { channels, height, width } = manifest.input;
    const spec = {
      input: [channels, height, width] as const,
      layers,
      classes: labels.length,
    };
    planNetwork(spec);
    const job = newNumber();
    const begin = {
      kind: 'network',
      set: this.#set,
      job,
      examples,
      spec,
      settings,
      keepAs,
    } as const;
    const result = (await this.#link.follow(job, begin, { signal, onProgress })) as NetworkResult;
    const { network, unseen, epochs, best, parameters } = result;
    const { temperature } = network;
    const { evaluation, taken } = evaluationOf(unseen, temperature, all, labels);
    return new TaughtModel({
      link: this.#link,
      labels,
      evaluation,
      taken,
      temperature,
      epochs,
      base: manifest,
      described: { dtype: 'fp32' },
      make: (names) => this.#link.ask({ kind: 'write', network, labels: names }),
      teaching: {
        how: `a network of ${parameters} parameters, trained from nothing on ${embedding.name} of ${width} × ${height}`,
        settings: {
          ...settings,
          patience: settings.patience ?? 'none',
          layers: JSON.stringify(layers),
          temperature,
          epochsMade: epochs.length,
          bestEpoch: best,
        },
        labels,
        evaluation,
        notes: unseen ? [] : ['Nothing was held out: nothing was measured.'],
      },
    });
  }

  /**
   * Keeps the examples in the browser's storage, under a name of 1 to 200 characters, instead of what was
   * kept under it: their features, their labels, and their pictures where they came from files.
   *
   * @param options - `pictures: false` leaves the pictures out.
   * @throws TabserveError `unsupported` without storage; `out-of-memory` where it is full.
   */
  async save(name: string, { pictures = true }: { pictures?: boolean } = {}): Promise<void> {
    checkName(name);
    const labels = this.labels.map(({ label }) => label);
    const places = new Map(labels.map((label, at) => [label, at]));
    await this.#link.ask({
      kind: 'save',
      set: this.#set,
      name,
      meta: { base: this.#baseName, labels },
      examples: this.examples.map(({ id, label, name, image }) => ({
        id,
        class: places.get(label) as number,
        name,
        image: pictures ? image : null,
      })),
    });
  }

  /** Frees the examples and the base. What was saved stays. Calling it again does nothing. */
  destroy(): void {
    this.#link
      .ask({ kind: 'drop', set: this.#set })
      .catch(() => undefined)
      .finally(() => this.#link.close());
    this.#embedder.destroy();
  }

  /** Same as {@link destroy}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
  }

  /** @param parts - What is known besides of the model. */
  #withHead(
    head: HeadParts,
    parts: Pick<TaughtParts, 'labels' | 'evaluation' | 'taken' | 'teaching'>,
  ): TaughtModel {
    const { embedding, manifest, cut } = this.#base;
    return new TaughtModel({
      ...parts,
      link: this.#link,
      temperature: head.temperature,
      base: manifest,
      described: { dtype: this.#embedder.info.dtype, ...(!cut && { embedding }) },
      make: (names) =>
        this.#link.ask({ kind: 'merge', load: this.#load, embedding, head, labels: names }),
    });
  }

  /** A head that came from elsewhere is of this base, and whole. */
  #checkShared({ base, labels, dimensions, parameters, round }: SharedHead): void {
    const isWhole =
      base === this.#baseName &&
      Number.isInteger(round) &&
      round >= 0 &&
      (this.#dimensions === 0 || dimensions === this.#dimensions) &&
      parameters instanceof Float32Array &&
      parameters.length === labels.length * (dimensions + 1) &&
      parameters.every(Number.isFinite);
    if (isWhole) return;
    throw new TabserveError(
      'invalid-argument',
      `The common head is of ${base} with ${dimensions} features, ${labels.length} classes and ${parameters?.length} numbers; here are ${this.#baseName} and ${this.#dimensions} features.`,
      { details: { base } },
    );
  }

  get #baseName(): string {
    const { name, version, input } = this.#base.manifest;
    return this.#isPixels
      ? `pixels ${input.width}×${input.height}×${input.channels}`
      : `${name} ${version}`;
  }

  async #restore(name: string): Promise<void> {
    checkName(name);
    const { meta, examples } = await this.#link.ask({ kind: 'load', set: this.#set, name });
    if (meta.base !== this.#baseName) {
      throw new TabserveError(
        'invalid-argument',
        `The data set "${name}" has features of ${meta.base}, and the base is ${this.#baseName}. Create the trainer with that base.`,
        { details: { base: meta.base } },
      );
    }
    this.#data.restore(
      examples.map(({ id, class: at, name, image }) => ({
        id,
        label: meta.labels[at] as string,
        name,
        image,
      })),
    );
  }

  /** The examples as the worker is told them. */
  #asked(least: number): { examples: ExampleList; labels: readonly LabelCount[] } {
    const { labels } = this;
    if (labels.length < least) {
      const found = labels.map(({ label }) => JSON.stringify(label)).join();
      throw new TabserveError(
        'invalid-argument',
        least === 1
          ? 'There are no examples yet. Add some.'
          : `A model tells at least two classes apart, and there ${labels.length === 1 ? `is one, ${found}` : 'are none'}. Add examples of another one, also of what is none of them.`,
        { details: { classes: labels.length } },
      );
    }
    const places = new Map(labels.map(({ label }, at) => [label, at]));
    return {
      labels,
      examples: {
        ids: this.examples.map(({ id }) => id),
        classes: this.examples.map(({ label }) => places.get(label) as number),
        count: labels.length,
      },
    };
  }

  #notesOn({ unseen, converged }: FitResult, weightDecay: number | null): string[] {
    const notes: string[] = [];
    const few = this.labels.filter(({ examples }) => examples < 2);
    if (!unseen) {
      const names = few.map(({ label }) => JSON.stringify(label)).join(', ');
      notes.push(
        `Nothing was measured${weightDecay === null ? ', and the weight decay is the usual one' : ''}: ${names} ${few.length === 1 ? 'has' : 'have'} one example, which cannot be both learnt and asked about.`,
      );
    }
    if (!converged) notes.push('Fitting ended before the weights had come to rest.');
    if (this.#base.cut) {
      notes.push(
        `The base names no embedding: its features were taken from "${this.#base.embedding.name}".`,
      );
    }
    return notes;
  }

  async *#pathFiles(
    source: FileSystemDirectoryHandle | Iterable<File> | Blob,
  ): AsyncGenerator<PathFile> {
    if (source instanceof Blob) {
      const files = await this.#link.ask({ kind: 'unzip', zip: source });
      yield* files;
    } else if (Symbol.iterator in source) {
      yield* pathsOf(source);
    } else {
      yield* filesOf(source);
    }
  }

  async #addAll(
    sources: AsyncIterable<Labelled>,
    { signal, onProgress }: Pick<AddOptions, 'signal' | 'onProgress'>,
  ): Promise<Added> {
    const added: Example[] = [];
    const failed: { name: string; error: unknown }[] = [];
    let done = 0;
    const look = async ({ label, name, image, problem, close }: Labelled) => {
      try {
        if (problem) throw problem;
        const features = await this.#embedder.embed(image, signal ? { signal } : {});
        const file = image instanceof Blob ? image : null;
        return { seen: { label, name, image: file, features }, failure: null };
      } catch (error) {
        signal?.throwIfAborted();
        // What ails the model ails every picture.
        if (isTabserveError(error) && fatal.includes(error.code)) throw error;
        return { seen: null, failure: { name, error } };
      } finally {
        close?.();
        done += 1;
        onProgress?.(done);
      }
    };
    try {
      for await (const some of batches(sources)) {
        signal?.throwIfAborted();
        const looked = await inLanes(some, look);
        const found = looked.flatMap(({ seen }) => seen ?? []);
        failed.push(...looked.flatMap(({ failure }) => failure ?? []));
        if (found.length === 0) continue;
        const ids = this.#data.reserve(found.length);
        const rows = found.map(({ features }) => features);
        await this.#link.ask({ kind: 'add', set: this.#set, ids, features: this.#packed(rows) });
        this.#dimensions = rows[0]?.length ?? 0;
        added.push(
          ...found.map(({ label, name, image }, at) => ({
            id: ids[at] as number,
            label,
            name,
            image,
          })),
        );
      }
    } catch (error) {
      const ids = added.map(({ id }) => id);
      this.#link.ask({ kind: 'forget', set: this.#set, ids }).catch(() => undefined);
      throw error;
    }
    if (added.length === 0 && failed[0]) throw failed[0].error;
    this.#data.add(added);
    return { added, failed };
  }

  #packed(rows: readonly Float32Array[]): Float32Array | Uint8Array {
    const columns = rows[0]?.length ?? 0;
    const length = rows.length * columns;
    const packed = this.#isPixels ? new Uint8ClampedArray(length) : new Float32Array(length);
    for (const [at, row] of rows.entries()) packed.set(row, at * columns);
    return packed instanceof Float32Array ? packed : new Uint8Array(packed.buffer);
  }
}

/** A picture with its label, or why it has none. */
interface Labelled {
  label: string;
  name: string;
  image: ImageSource;
  problem?: TabserveError;
  /** Frees the picture, where that is for the trainer to do. */
  close?: () => void;
}

/** Errors that are not the picture's. */
const fatal: readonly string[] = [
  'destroyed',
  'worker-crashed',
  'worker-blocked',
  'device-lost',
  'out-of-memory',
  'model-invalid',
  'internal',
];

/** The base that was cut, as an embedder takes it. */
function cutModel({
  manifest,
  embedding,
  cut,
}: BaseModel): Required<Pick<ImageEmbedderOptions, 'model'>> {
  const { labels: _, files, ...rest } = manifest;
  const dtype = files[0]?.dtype ?? 'fp32';
  return {
    model: {
      manifest: {
        ...rest,
        task: 'image-embedding',
        output: embedding,
        files: [{ url: 'cut.onnx', dtype }],
      },
      files: { 'cut.onnx': new Blob([cut as Uint8Array<ArrayBuffer>]) },
    },
  };
}

/** Frames of a video, each kept while it waits for its turn. */
async function* burst(
  video: HTMLVideoElement,
  label: string,
  times: { frames: number; interval: number; signal: AbortSignal | undefined },
): AsyncGenerator<Labelled> {
  for (let frame = 0; frame < times.frames; frame++) {
    times.signal?.throwIfAborted();
    if (frame > 0) await new Promise((resolve) => setTimeout(resolve, times.interval));
    const image = await createImageBitmap(video);
    yield { label, name: '', image, close: () => image.close() };
  }
}

async function* labelled(
  images: ImageSource | Iterable<ImageSource> | AsyncIterable<ImageSource>,
  label: string,
): AsyncGenerator<Labelled> {
  const isOne =
    typeof images !== 'object' ||
    ArrayBuffer.isView(images) ||
    !(Symbol.iterator in images || Symbol.asyncIterator in images);
  const all = isOne ? [images as ImageSource] : (images as Iterable<ImageSource>);
  for await (const image of all) yield { label, name: nameOf(image), image };
}

async function* inFolders(files: AsyncIterable<PathFile>): AsyncGenerator<Labelled> {
  for await (const { path, file } of files) {
    try {
      yield { label: checkLabel(folderOf(path)), name: path, image: file };
    } catch (error) {
      const problem = error as TabserveError;
      yield { label: '', name: path, image: file, problem };
    }
  }
}

function nameOf(image: ImageSource): string {
  if (image instanceof File) return image.webkitRelativePath || image.name;
  return typeof image === 'string' || image instanceof URL ? String(image).slice(0, 200) : '';
}

async function* batches(sources: AsyncIterable<Labelled>): AsyncGenerator<Labelled[]> {
  let some: Labelled[] = [];
  try {
    for await (const each of sources) {
      some.push(each);
      if (some.length < batch) continue;
      yield some;
      some = [];
    }
    if (some.length > 0) yield some;
  } finally {
    // Where the source or the looking has failed, some were not looked at.
    for (const { close } of some) close?.();
  }
}

/** Does the same with all, a few at a time. */
async function inLanes<One, Other>(
  all: readonly One[],
  task: (one: One) => Promise<Other>,
): Promise<Other[]> {
  const results: Other[] = [];
  const queue = all.entries();
  const lane = async () => {
    for (const [at, one] of queue) results[at] = await task(one);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

/** A number that looks like chance. */
function hashed(at: number, seed: number): number {
  let mixed = Math.imul(at + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** As models run on WASM: more than one needs a cross-origin isolated page. */
function threadsOf(wanted: TrainerOptions['threads'] = 'auto'): number {
  const isShared = globalThis.crossOriginIsolated && typeof SharedArrayBuffer === 'function';
  if (!isShared) return 1;
  const half = Math.ceil((navigator.hardwareConcurrency || 1) / 2);
  return wanted === 'auto' ? Math.min(4, Math.max(2, half)) : wanted;
}

/** The base is read once more where a head is put on it, which neither decrypts nor checks signatures. */
function refuseProtection(options: CreateOptions): void {
  const given = (['decryptionKey', 'signedBy'] as const).find(
    (name) => options[name] !== undefined,
  );
  if (given === undefined) return;
  throw new TabserveError(
    'unsupported',
    `A trainer takes no "${given}": what it makes of its base would be neither encrypted nor signed. Use a base without protection.`,
    { details: { option: given } },
  );
}
