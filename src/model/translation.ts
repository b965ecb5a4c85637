/** What passes between the worker and the page's translator of other descriptions of models. */
import type { Fallback } from '../base/types.js';
import type { CoreManifest } from './manifest-core.js';

/** A model that has no `model.json`. */
export type TranslateRequest =
  /** A name of the catalogue's public models. */
  | { kind: 'name'; name: string }
  /** `hf:owner/name[@revision]` */
  | { kind: 'hub'; name: string; hubUrl: string; stallTimeout: number }
  /** A folder with a hub's layout; its URL ends with a slash. */
  | { kind: 'folder'; url: string; stallTimeout: number }
  /** The same as files, by path. */
  | { kind: 'files'; files: Readonly<Record<string, Blob>> }
  /** An `.onnx` file alone, by its address or name. */
  | { kind: 'bare'; where: string };

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

/** An input or output of a graph. Unknown sizes are names. */
export interface TensorInfo {
  name: string;
  type: string;
  shape: readonly (number | string)[];
}

/** A translation's manifest, and what the loaded graph says of itself. */
export interface CompleteRequest {
  manifest: CoreManifest;
  open: 'names' | 'everything';
  inputs: readonly TensorInfo[];
  outputs: readonly TensorInfo[];
  /** What messages call the graph. */
  where: string;
}
