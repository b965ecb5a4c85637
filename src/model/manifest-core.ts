/** The part of `model.json` that is the same for every task. */

import type { NumberType } from '../base/tensor.js';
import type { ManifestEncryption } from './protection/types.js';

/** Precision of a model file. `int8` stands for a quantised graph (QDQ or QLinear). */
export type ModelDtype = 'fp32' | 'fp16' | 'int8';

/** A file by its address. */
export interface FileReference {
  /** Relative to the manifest, or absolute. */
  url: string;
  /** Size of the file. */
  bytes?: number | undefined;
  /**
   * Lower-case hex. A download that differs is refused; one that fits is kept in the store, from
   * which later loads take it without the network.
   */
  sha256?: string | undefined;
}

/** One file of weights. */
export interface ModelFile extends FileReference {
  dtype: ModelDtype;
  /**
   * That an `int8` file has nothing but its weights in int8 (`DequantizeLinear` of constants), or an
   * `fp16` file nothing but its weights in half precision. They are widened when the file is loaded, on
   * every device, and it computes in fp32 at fp32's speed; by `auto` it is then taken before the other
   * files. @default false
   */
  weightsOnly?: boolean | undefined;
  /** Files that hold weights which the graph keeps outside, as models of more than 2 GB must. */
  external?: ExternalFile[] | undefined;
}

/** A file of external data. */
export interface ExternalFile extends FileReference {
  /** The `location` that the graph gives it. */
  path: string;
}

/** What a model may say of a class besides its label. */
export interface LabelDetails {
  /** A shorter label, for small screens. */
  short?: string | undefined;
  /** The coarse group that the class belongs to, such as `dog` for `Irish terrier`. */
  group?: string | undefined;
}

/** The contents of a label file. */
export interface LabelSet {
  /** One per class. */
  labels: string[];
  /** One per class; absent where the file has labels only. */
  labelDetails?: LabelDetails[] | undefined;
}

/** A picture and what the model must say of it, tried before an update is switched to. */
export interface SelfTest {
  /** Relative to the manifest, or absolute. */
  image: string;
  /** The class that must come first, by its place in the output. */
  index: number;
}

/**
 * Tensors, and what the network must make of them: tried before an update is switched to, and on a
 * device that is in question. `npx tabserve pack --self-test` records one.
 */
export interface TensorTest {
  /** The file that was run, by its `url` in `files`. @default any of them */
  file?: string | undefined;
  /**
   * A tensor for each input of the graph that has no value of its own, by name. Or files with one each,
   * as ONNX's own tests have them: a `TensorProto` with its name, and its numbers as `raw_data`.
   */
  inputs: Record<string, TestInput> | string[];
  /** What of the graph's outputs is compared, by name, or such files with all of their numbers. */
  outputs: Record<string, TestOutput> | string[];
}

/** An input of a {@link TensorTest}. */
export interface TestInput {
  type: NumberType;
  /** At most 2²⁶ elements. */
  dims: number[];
  /** One number for all elements, or all. @default made-up ones, the same in all versions */
  data?: number | number[] | undefined;
}

/** An output of a {@link TensorTest}, in as much detail as is worth keeping. */
export interface TestOutput {
  type: NumberType;
  dims: number[];
  /** Every how many numbers one is in `numbers`. @default 1 */
  step?: number | undefined;
  /** What was computed; `null` where it is no number. */
  numbers: (number | null)[];
  /** The root mean square of each of a number of parts of equal length. @default they are not compared */
  parts?: (number | null)[] | undefined;
}

/** What every model's manifest says, whatever its task. */
export interface CoreManifest {
  /** Identifies the model: letters, digits, `.`, `_`, `-`, and `/` between an owner and a name. */
  name: string;
  /** Semantic version of the weights and everything else here. */
  version: string;
  /** What the model does, in the hub's terms. @default 'image-classification' in a file */
  task: string;
  /** For people. @default name */
  title?: string | undefined;
  description?: string | undefined;
  license?: string | undefined;
  /** Where the model comes from. */
  source?: string | undefined;
  /**
   * One per class, in the order of the output: inline, or a label file, which is a text with one per line,
   * perhaps with a short form and a group behind it (tabs between), or JSON: `["cat", …]`, or `[{ "label": "tabby cat", "short": "tabby", "group": "cat" }, …]`. Absent
   * where the task has no classes.
   */
  labels?: string[] | { url: string } | undefined;
  /** What is known of each class besides its label, in their order. @default what the label file says */
  labelDetails?: LabelDetails[] | undefined;
  /** The language of `labels`, as a BCP 47 tag. @default 'en' */
  language?: string | undefined;
  /**
   * The labels in other languages: label files with as many entries, by BCP 47 tag. One is loaded where the
   * option `lang` asks for its language.
   */
  translations?: Record<string, FileReference> | undefined;
  /** At least one; the runtime picks by `dtype`. */
  files: ModelFile[];
  /** Other files that the task needs, by name: `tokenizer.json`. All are read before it is opened. */
  assets?: Record<string, FileReference> | undefined;
  /** Values of further inputs of the graph, by their names: one number for all elements, or all. */
  constants?: Record<string, number | number[]> | undefined;
  /** What the model must get right. */
  selfTest?: (TensorTest | SelfTest)[] | undefined;
  /** How the files are encrypted: their sizes and sha256 are those of what is served. @default they are not */
  encryption?: ManifestEncryption | undefined;
  /** Whatever the author measured. */
  metrics?: Record<string, unknown> | undefined;
}
