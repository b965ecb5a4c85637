/** What the page and the learning in a worker say to each other. All of it is plain data. */
import type { ImageManifest } from '../input/image/prepare.js';
import type { TableColumn, TableRow } from '../input/table/types.js';
import type { CoreManifest } from '../model/manifest-core.js';
import type { EmbeddingOutput } from '../tasks/image-embedding/types.js';
import type { LoadRequest } from '../wire/protocol.js';
import type { UpdateSettings } from './arithmetic/federated.js';
import type { NetworkSpec } from './network/spec.js';

/** The manifest of a model that takes pictures. */
export type PictureManifest = CoreManifest & ImageManifest;

/** Which examples work is about: their numbers, and the class of each. */
export interface ExampleList {
  ids: readonly number[];
  classes: readonly number[];
  /** How many classes there are. */
  count: number;
}

/** How a head is fitted. */
export interface HeadSettings {
  /** As users give it: in the scale of the features as they came. `null`: cross-validation chooses. */
  weightDecay: number | null;
  /** At most so many folds. */
  folds: number;
  /** The part of the examples that is held out instead of cross-validation for the evaluation; 0: none. */
  holdOut: number;
  /** Whether every class counts for the same, however many examples it has. */
  balanced: boolean;
  seed: number;
}

/** How a network is trained. */
export interface NetworkSettings {
  epochs: number;
  batchSize: number;
  learningRate: number;
  optimizer: 'adam' | 'sgd';
  loss: 'cross-entropy' | 'squared-error';
  /** The part of the examples that is held out to see when to stop. */
  validation: number;
  /** Epochs without a better validation loss after which it ends; `null`: all are made. */
  patience: number | null;
  /** Whether pictures are shifted, by up to an eighth of their sides, each time they are shown. */
  shifts: boolean;
  /** Whether they are mirrored half of the time. */
  mirrored: boolean;
  seed: number;
}

/** A kind of linear model. */
export type LinearKind = 'linear-regression' | 'logistic-regression' | 'linear-svm';

/** What is fitted on a table. */
export interface LinearSettings {
  model: LinearKind;
  /** A value for each row, or the place of its class. */
  targets: Float64Array;
  /** The classes; none of a regression. */
  labels: readonly string[];
  /** As scikit-learn's `C`; of a regression without a meaning. */
  c: number;
}

/** A request. `set` and `job` are the page's numbers for a data set and for long work. */
export type LearnRequest =
  /** Looks at a model that is to be the backbone. */
  | { kind: 'base'; load: LoadRequest }
  /** Keeps features under numbers. All rows of a set have the same length. */
  | { kind: 'add'; set: number; ids: readonly number[]; features: Float32Array | Uint8Array }
  | { kind: 'forget'; set: number; ids: readonly number[] }
  | {
      kind: 'preview';
      set: number;
      examples: ExampleList;
      query: Float32Array;
      k: number;
    }
  | { kind: 'fit'; set: number; job: number; examples: ExampleList; settings: HeadSettings }
  | {
      kind: 'network';
      set: number;
      job: number;
      examples: ExampleList;
      spec: NetworkSpec;
      settings: NetworkSettings;
      /** Under which name the state of each epoch is kept; `null`: it is not. */
      keepAs: string | null;
    }
  /** Keeps rows of a table as numbers. Those before them have the numbers below `first`. */
  | {
      kind: 'table';
      set: number;
      columns: readonly TableColumn[];
      rows: readonly TableRow[];
      first: number;
    }
  | { kind: 'linear'; set: number; job: number; settings: LinearSettings }
  /** Learns from a common head on, and gives what changed. `start` is flat. */
  | {
      kind: 'update';
      set: number;
      job: number;
      examples: ExampleList;
      start: Float32Array;
      settings: UpdateSettings;
    }
  | {
      kind: 'average';
      start: Float32Array;
      changes: readonly { change: Float32Array; weight: number }[];
    }
  /** Goes on with a job for a while. */
  | { kind: 'advance'; job: number }
  | { kind: 'stop'; job: number }
  | {
      kind: 'merge';
      load: LoadRequest;
      embedding: EmbeddingOutput;
      head: HeadParts;
      labels: string[];
    }
  | { kind: 'write'; network: NetworkParts; labels: string[] }
  | { kind: 'install'; manifest: CoreManifest; file: Uint8Array<ArrayBuffer> }
  | { kind: 'zip'; files: Readonly<Record<string, Uint8Array<ArrayBuffer>>> }
  | { kind: 'unzip'; zip: Blob }
  | { kind: 'save'; set: number; name: string; meta: SavedMeta; examples: readonly SavedExample[] }
  | { kind: 'load'; set: number; name: string }
  | { kind: 'saved' }
  | { kind: 'delete'; name: string }
  | { kind: 'drop'; set: number };

/** What a request's kind is answered with. */
export interface LearnAnswers {
  base: BaseModel;
  add: null;
  forget: null;
  preview: number[];
  fit: null;
  network: null;
  table: null;
  linear: null;
  update: null;
  average: Float32Array;
  advance: Advance;
  stop: null;
  merge: MergedModel;
  write: MergedModel;
  install: null;
  zip: Uint8Array<ArrayBuffer>;
  unzip: UnzippedFile[];
  save: null;
  load: LoadedSet;
  saved: SavedSet[];
  delete: boolean;
  drop: null;
}

/** A model that can be a backbone. */
export interface BaseModel {
  manifest: PictureManifest;
  embedding: EmbeddingOutput;
  /** The graph with its features as an output, where its author named none. */
  cut: Uint8Array<ArrayBuffer> | null;
}

/** A head as it applies to the features as they came. */
export interface HeadParts {
  /** Class by class. */
  weights: Float64Array;
  biases: Float64Array;
  temperature: number;
}

/** A trained network. */
export interface NetworkParts {
  spec: NetworkSpec;
  /** What its pictures are brought to. */
  scale: { mean: number; deviation: number };
  parameters: Float32Array;
  /** Running means and variances; empty without a batch norm. */
  statistics: Float32Array;
  temperature: number;
}

/** A model's file, and what its manifest has to say of it. */
export interface MergedModel {
  file: Uint8Array<ArrayBuffer>;
  sha256: string;
  input: string;
  scores: string;
}

/** How far a job is. */
export type Advance = { done: false; progress: JobProgress } | { done: true; result: JobResult };

/** What a job ends in. */
export type JobResult = FitResult | NetworkResult | LinearResult | UpdateResult;

/** What a job does. */
export interface JobProgress {
  stage: 'prepare' | 'cross-validate' | 'fit' | 'train';
  /** Of all stages, 0…1; what has no known end stays at 0 meanwhile. */
  done: number;
  /** Epochs that have ended, of a network. */
  epochs?: readonly Epoch[];
}

/** What became of one pass over the examples. */
export interface Epoch {
  /** 1 for the first. */
  epoch: number;
  /** The mean loss of the examples while they were learnt. */
  loss: number;
  /** Of the examples that were held out. Absent where none were. */
  validationLoss?: number;
  validationAccuracy?: number;
}

/** Scores of examples by a head or network that has not seen them. */
export interface UnseenScores {
  ids: number[];
  /** Before softmax: as many numbers for each as there are classes. */
  logits: Float64Array;
  method: 'folds' | 'hold-out';
  folds: number;
}

/** A head that was fitted. */
export interface FitResult {
  kind: 'head';
  head: HeadParts;
  /** As users give it. */
  weightDecay: number;
  /** Every one that was tried, with its loss on examples that were not seen. */
  tried: readonly { weightDecay: number; loss: number }[];
  /** `null` where there were too few examples to hold any out. */
  unseen: UnseenScores | null;
  steps: number;
  converged: boolean;
}

/** A network that was trained. */
export interface NetworkResult {
  kind: 'network';
  network: NetworkParts;
  /** How many numbers were learnt. */
  parameters: number;
  epochs: readonly Epoch[];
  /** The epoch whose parameters were kept. */
  best: number;
  unseen: UnseenScores | null;
}

/** A linear model that was fitted. */
export interface LinearResult {
  kind: 'linear';
  /** Formula by formula, each as long as a row's numbers. */
  coefficients: Float64Array[];
  intercepts: number[];
  steps: number;
  converged: boolean;
  made: MergedModel;
}

/** What a page changed on a common head, ready to be sent. */
export interface UpdateResult {
  kind: 'update';
  change: Float32Array;
}

/** A file of a zip. */
export interface UnzippedFile {
  path: string;
  file: Blob;
}

/** What is kept of a data set beside its examples. */
export interface SavedMeta {
  /** Identifies the backbone: features of another one say nothing to it. */
  base: string;
  labels: string[];
}

/** An example as it is kept. */
export interface SavedExample {
  id: number;
  /** Its place in {@link SavedMeta.labels}. */
  class: number;
  name: string;
  image: Blob | null;
}

/** A data set that was loaded. */
export interface LoadedSet {
  meta: SavedMeta;
  examples: SavedExample[];
}

/** A data set that is kept. */
export interface SavedSet {
  name: string;
  examples: number;
  labels: readonly string[];
  /** Milliseconds since 1970. */
  savedAt: number;
}
