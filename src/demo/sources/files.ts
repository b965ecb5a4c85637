/** Files from anywhere: which of them are pictures, and which make up a model. */

export type Incoming =
  | { kind: 'pictures'; files: readonly File[] }
  | { kind: 'model'; files: readonly File[] }
  | { kind: 'address'; url: string }
  | { kind: 'nothing' };

const modelFile = /\.(onnx|json|txt|data)$/i;

/** Files with a model's file among them are a model; everything else is tried as a picture. */
export function sortFiles(files: readonly File[]): Incoming {
  const isModel = files.some((file) => /\.(onnx|json)$/i.test(file.name));
  if (isModel) return { kind: 'model', files: files.filter((file) => modelFile.test(file.name)) };
  return files.length > 0 ? { kind: 'pictures', files } : { kind: 'nothing' };
}

/**
 * What was dropped or pasted: files, the files of a folder, or a link to a picture.
 *
 * The transfer empties itself after the event, so everything is taken from it before the first
 * `await`.
 */
export function readTransfer(transfer: DataTransfer): Promise<Incoming> {
  const files = [...transfer.files];
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  const address = transfer.getData('text/uri-list') || transfer.getData('text/plain');
  return collect(files, entries, address);
}

async function collect(
  files: readonly File[],
  entries: readonly FileSystemEntry[],
  address: string,
): Promise<Incoming> {
  const folders = entries.filter(isFolder);
  if (folders.length > 0) {
    const found = await Promise.all(folders.map(filesOf));
    const names = new Set(folders.map((folder) => folder.name));
    return sortFiles([...files.filter((file) => !names.has(file.name)), ...found.flat()]);
  }
  if (files.length > 0) return sortFiles(files);
  const url = address.split(/\r?\n/).find((line) => line !== '' && !line.startsWith('#')) ?? '';
  return /^(https?:|data:image\/)/i.test(url) ? { kind: 'address', url } : { kind: 'nothing' };
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** A folder's own files. Its folders are left alone: a model lies flat. */
async function filesOf(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const reader = folder.createReader();
  const files: File[] = [];
  for (;;) {
    // A reader gives its entries in portions, and an empty one at the end.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (entries.length === 0) return files;
    for (const entry of entries) {
      if (!entry.isFile) continue;
      files.push(
        await new Promise<File>((resolve, reject) => {
          (entry as FileSystemFileEntry).file(resolve, reject);
        }),
      );
    }
  }
}
