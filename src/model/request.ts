/** What a caller names as a model. */
import type { CoreManifest } from './manifest-core.js';

/** Which of Transformers' two image processors: on Pillow, or on torchvision. */
export type HubProcessor = 'slow' | 'fast';

/** What stands behind the name or the address of a repository whose fast processor is wanted. */
export const fastSuffix = '?processor=fast';

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
  /** `hf:owner/name[@revision][?processor=fast]` */
  | { kind: 'hub'; name: string }
  /** A manifest, an `.onnx` file, or a folder (its path has a slash at its end). */
  | { kind: 'url'; url: string }
  | { kind: 'files'; files: readonly Blob[]; processor?: HubProcessor }
  | { kind: 'directory'; directory: FileSystemDirectoryHandle; processor?: HubProcessor }
  | {
      kind: 'manifest';
      manifest: CoreManifest;
      files: Readonly<Record<string, Blob>>;
      baseUrl: string | null;
    };
