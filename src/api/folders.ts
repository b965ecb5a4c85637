/** The pictures of folders that were picked or dropped. */

/** What a folder's pictures are read from: an entry of a drop, a handle, or a file itself. */
export type FolderEntry = FileSystemEntry | FileSystemHandle | File;

/**
 * The files of `entries`, one after the other. Of folders, those below them included, only pictures, by
 * their type: a folder of photos has other things too.
 */
export async function* filesOf(entries: Iterable<FolderEntry>): AsyncGenerator<File, void> {
  for (const entry of entries) {
    if ('kind' in entry ? entry.kind === 'directory' : 'isFile' in entry && !entry.isFile) {
      yield* picturesIn(entry as FileSystemDirectoryHandle | FileSystemDirectoryEntry);
    } else {
      yield await fileOf(entry);
    }
  }
}

async function* picturesIn(
  folder: FileSystemDirectoryHandle | FileSystemDirectoryEntry,
): AsyncGenerator<File, void> {
  for await (const entries of batchesOf(folder)) {
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      for await (const file of filesOf([entry])) if (file.type.startsWith('image/')) yield file;
    }
  }
}

async function* batchesOf(
  folder: FileSystemDirectoryHandle | FileSystemDirectoryEntry,
): AsyncGenerator<FolderEntry[], void> {
  if ('values' in folder) {
    for await (const handle of folder.values()) yield [handle];
    return;
  }
  const reader = folder.createReader();
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    // Some browsers give a hundred at a time.
    if (entries.length === 0) return;
    yield entries;
  }
}

async function fileOf(entry: FolderEntry): Promise<File> {
  if (entry instanceof File) return entry;
  if ('getFile' in entry) return (entry as FileSystemFileHandle).getFile();
  return new Promise((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
}
