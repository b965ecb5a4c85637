/** What passes between the worker and the page's translator of other descriptions of models. */
import type { TensorInfo } from '../base/tensor.js';
import type { Fallback } from '../base/types.js';
import type { CoreManifest, FileReference } from './manifest-core.js';
import type { OnnxModel } from './onnx/graph.js';
import type { HubProcessor } from './request.js';

/** A model that has no `model.json`. */
export type TranslateRequest =
  /** A name of the catalogue's public models. */
  | { kind: 'name'; name: string }
  /** `hf:owner/name[@revision][?processor=fast]` */
  | { kind: 'hub'; name: string; hubUrl: string; stallTimeout: number }
  /** A folder with a hub's layout; the path of its URL ends with a slash. */
  | { kind: 'folder'; url: string; stallTimeout: number }
  /** The same as files, by path. */
  | { kind: 'files'; files: Readonly<Record<string, Blob>>; processor: HubProcessor }
  /** An `.onnx` file alone, by its address or name. */
  | {
      kind: 'bare';
      where: string;
      /** What it is wanted for; `null` where that is not known. */
      task: string | null;
      /** A label file that was given with it. */
      labels?: string;
    };

/** Its description. */
export interface Translation {
  manifest: CoreManifest;
  /**
   * What the graph must fill in: the names and the type of input and output, or all that
   * preprocessing needs.
   */
  open: 'nothing' | 'names' | 'everything';
  /** What the manifest's addresses are relative to. */
  baseUrl: string | null;
  /** See `AskOptions.otherOrigin`. */
  otherOrigin: boolean;
  /** Whether files without a sha256 are to be kept as they first came. */
  keep: boolean;
  /** What was assumed. */
  fallbacks: readonly Fallback[];
}

export type { TensorInfo } from '../base/tensor.js';

/** How repositories of models of one task are described. The tasks themselves say so. */
export interface HubTask {
  /** As in `model.json`. */
  readonly name: CoreManifest['task'];
  /** Whether a repository with these files, parsed and not trusted, is for this task. */
  recognises(files: { config: unknown; preprocessor: unknown }): boolean;
  /** Further files of JSON that are read where they are there. @default none */
  readonly reads?: readonly string[];
  /**
   * The manifest's fields beside name, version, source and files.
   *
   * @param files - `more` has those of `reads` that are there; `processor` is the one that is wanted of pictures; `find` says whether a file is there,
   *   as far as that is known without asking for it, and what is known of it; `addressOf` gives its
   *   address, for messages.
   * @throws TabserveError `manifest-invalid`; `model-not-found` for a file that is missing.
   */
  describe(files: {
    where: string;
    config: unknown;
    preprocessor: unknown;
    more: Readonly<Record<string, unknown>>;
    processor: HubProcessor;
    find(path: string): FileReference | undefined;
    addressOf(path: string): string;
  }): { fields: object; warnings: string[] };
  /**
   * The manifest of an `.onnx` file alone, as far as that goes without the graph.
   * @default a classifier of pictures
   */
  bare?(file: Pick<CoreManifest, 'name' | 'version' | 'labels' | 'files'>): CoreManifest;
  /** Checks the whole manifest. @throws TabserveError `manifest-invalid`. */
  check(manifest: unknown, where: string): CoreManifest;
  /**
   * Fills in what the graph tells.
   *
   * @param graph - `null` where it cannot be read.
   * @param assumed - Is told what nothing says.
   * @throws TabserveError `model-invalid`.
   */
  complete(request: CompleteRequest, graph: OnnxModel | null, assumed: string[]): CoreManifest;
}

/** A label file of a usual name, read. */
export interface LabelFile {
  name: string;
  labels: string[];
}

/** A translation's manifest, and what the loaded graph says of itself. */
export interface CompleteRequest {
  manifest: CoreManifest;
  open: 'names' | 'everything';
  inputs: readonly TensorInfo[];
  outputs: readonly TensorInfo[];
  /** The file without its weights; `null` where it cannot be read. */
  graph: Uint8Array | null;
  /** What lies beside a graph that has no manifest, in the order of preference. @default none */
  beside?: readonly LabelFile[];
  /** What messages call the graph. */
  where: string;
}

/** What a graph adds to a translation. */
export interface Completion {
  manifest: CoreManifest;
  /** What was assumed, because nothing says it. */
  fallbacks: readonly Fallback[];
  /** What was found, and where. */
  found: readonly string[];
  /** What `fallbacks` tell, one by one. */
  assumed: readonly string[];
}
