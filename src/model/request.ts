/** What a caller names as a model. */
import type { CoreManifest } from './manifest-core.js';

/** What a caller named, on its way to the worker, which finds out what it is. URLs are absolute. */
export type ModelRequest =
  | {
      /** A name of the catalogue or of an installed model. */
      kind: 'name';
      name: string;
      version: string | null;
      /** Addresses of an embedded model's files. */
      fileUrls: Readonly<Record<string, string>>;
    }
  /** `hf:owner/name[@revision]` */
  | { kind: 'hub'; name: string }
  /** A manifest, an `.onnx` file, or a folder (with a slash at its end). */
  | { kind: 'url'; url: string }
  | { kind: 'files'; files: readonly Blob[] }
  | { kind: 'directory'; directory: FileSystemDirectoryHandle }
  | {
      kind: 'manifest';
      manifest: CoreManifest;
      files: Readonly<Record<string, Blob>>;
      baseUrl: string | null;
    };
