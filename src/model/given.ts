/** Files that somebody gave: which of them describes the model. Page code, loaded on demand. */
import { TabserveError } from '../base/errors.js';
import { nameOf } from './paths.js';
import type { ModelRequest } from './request.js';
import type { TranslateRequest } from './translation.js';

/** Files together, or the folder that they are in. */
export type FilesRequest = Extract<ModelRequest, { kind: 'files' | 'directory' }>;

/** What {@link givenFiles} finds. */
export interface GivenFiles {
  /** By their path within the folder that was given, or by their name. */
  files: Readonly<Record<string, Blob>>;
  /** The name of the manifest, or what has to be described without one. */
  found: { manifest: string } | { translate: TranslateRequest };
}

/**
 * Looks through files given together: a `model.json`, a hub's layout, or one graph alone.
 *
 * @param task - What the model is wanted for; `null` where that is not known.
 * @throws TabserveError `model-not-found` for files that are no model; `invalid-argument` for the fast
 *   processor where there is no repository.
 */
export async function givenFiles(request: FilesRequest, task: string | null): Promise<GivenFiles> {
  const { processor = 'slow' } = request;
  const files = request.kind === 'files' ? byPath(request.files) : await filesIn(request.directory);
  const names = Object.keys(files);
  const manifest =
    names.find((name) => name === 'model.json') ??
    names.find((name) => /\.json$/i.test(name) && !hubFiles.includes(name) && !isLabelFile(name));
  if (names.includes('config.json') && manifest === undefined) {
    return { files, found: { translate: { kind: 'files', files, processor } } };
  }
  if (processor === 'fast') {
    throw new TabserveError(
      'invalid-argument',
      'The option "processor" is for repositories in the layout of the hub, with a config.json; these files have none. What a manifest says is in its "resize" ("reference": "torch").',
      { details: { option: 'processor' } },
    );
  }
  if (manifest !== undefined) return { files, found: { manifest } };
  const graphs = names.filter((name) => /\.onnx$/i.test(name));
  const where = graphs[0] ?? (names.length === 1 ? names[0] : undefined);
  if (where !== undefined && graphs.length < 2) {
    const texts = names.filter(isLabelFile);
    const labels = texts.length === 1 ? texts[0] : undefined;
    const bare = { kind: 'bare', task, where, ...(labels !== undefined && { labels }) } as const;
    return { files, found: { translate: bare } };
  }
  throw new TabserveError(
    'model-not-found',
    `There is no model.json among the files (${names.join(', ') || 'none'}). Give the manifest together with the .onnx file.`,
  );
}

const hubFiles: readonly string[] = [
  'config.json',
  'preprocessor_config.json',
  'processor_config.json',
];

/** Whether a file given with a graph holds its labels, by its name. */
function isLabelFile(name: string): boolean {
  return /(label|class|categor|synset)[^/]*\.(txt|csv|json)$/i.test(name);
}

function byPath(files: readonly Blob[]): Record<string, Blob> {
  return Object.fromEntries(
    files.map((file) => {
      const path = file instanceof File ? file.webkitRelativePath || file.name : nameOf(file);
      // The folder's own name is not part of the paths that a manifest gives.
      return [path.includes('/') ? path.slice(path.indexOf('/') + 1) : path, file];
    }),
  );
}

/** Most files of a directory that are looked at: a model has few, a home directory does not. */
const maxFiles = 1000;

async function filesIn(
  directory: FileSystemDirectoryHandle,
  prefix = '',
  into: Record<string, Blob> = {},
): Promise<Record<string, Blob>> {
  for await (const [name, handle] of directory.entries()) {
    if (name.startsWith('.')) continue;
    if (Object.keys(into).length >= maxFiles) {
      throw new TabserveError(
        'model-not-found',
        `The directory has more than ${maxFiles} files. Choose the one that holds the model.`,
      );
    }
    if (handle.kind === 'directory') {
      await filesIn(handle as FileSystemDirectoryHandle, `${prefix}${name}/`, into);
    } else {
      into[prefix + name] = await (handle as FileSystemFileHandle).getFile();
    }
  }
  return into;
}
