/** Pictures in folders that are named as what they show. */
import { TabserveError } from '../base/errors.js';

/** A file with the path by which it came. */
export interface PathFile {
  path: string;
  file: Blob;
}

/** Most files of a folder. */
const mostFiles = 100_000;

/** The folder that a file lies in: its label. `null` where it lies in none. */
export function folderOf(path: string): string | null {
  return (
    path
      .split('/')
      .filter((part) => !/^\.{0,2}$/.test(part))
      .at(-2) ?? null
  );
}

/** Files of an `<input webkitdirectory>`, or with paths as their names. */
export function pathsOf(files: Iterable<File>): PathFile[] {
  return [...files]
    .map((file) => ({ path: file.webkitRelativePath || file.name, file }))
    .filter(({ path }) => isForPeople(path));
}

/**
 * The files of a folder and the folders in it.
 *
 * @throws TabserveError `invalid-argument` for more than 100,000 files.
 */
export async function* filesOf(
  directory: FileSystemDirectoryHandle,
  path = directory.name,
  count = { files: 0 },
): AsyncGenerator<PathFile> {
  for await (const [name, handle] of directory.entries()) {
    const inside = `${path}/${name}`;
    if (!isForPeople(inside)) continue;
    if (handle.kind === 'directory') {
      yield* filesOf(handle as FileSystemDirectoryHandle, inside, count);
      continue;
    }
    count.files += 1;
    if (count.files > mostFiles) {
      throw new TabserveError(
        'invalid-argument',
        `The folder has more than ${mostFiles} files. Choose the one with the pictures.`,
      );
    }
    yield { path: inside, file: await (handle as FileSystemFileHandle).getFile() };
  }
}

/** Whether a file is not one that systems put there for themselves. */
export function isForPeople(path: string): boolean {
  return !/(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/i.test(path);
}
