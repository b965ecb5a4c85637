/**
 * The store in the origin's private file system:
 *
 * - `files/<sha256>`: whole files; a file appears there by a rename, never in parts;
 * - `checks/<sha256>.json`: digests of its blocks, by which it is checked quickly, and its last use;
 * - `partial/<sha256>` and `….json`: begun downloads and where they come from;
 * - `records/<name>.json`: what is known about models.
 */
import { digestBlocks, startDigest } from '../digest.js';
import type { ModelStore, PartialFile, PartialNote, StoredFile } from './store.js';

/** Bytes per digest of a stored file: what checking it copies at a time. */
const blockSize = 1 << 19;

/** The contents of `checks/<sha256>.json`. */
interface Check {
  bytes: number;
  /** One SHA-256 per block. */
  blocks: string[];
  lastUsed: number;
}

type Folder = 'files' | 'checks' | 'partial' | 'records';

/** Opens the store. Throws what the browser throws where there is no such file system. */
export async function openOpfsStore(): Promise<ModelStore> {
  const root = await navigator.storage.getDirectory();
  const home = await root.getDirectoryHandle('tabserve', { create: true });
  const folders = {} as Record<Folder, FileSystemDirectoryHandle>;
  for (const name of ['files', 'checks', 'partial', 'records'] as const) {
    folders[name] = await home.getDirectoryHandle(name, { create: true });
  }
  // Some browsers have the file system, but neither handles in workers nor renames.
  const probe = await folders.records.getFileHandle('probe', { create: true });
  if (!('createSyncAccessHandle' in probe) || !('move' in probe)) {
    throw new Error('The private file system of this browser lacks access handles or renames.');
  }
  return new OpfsStore(folders);
}

class OpfsStore implements ModelStore {
  readonly kind = 'opfs';
  readonly #folders: Readonly<Record<Folder, FileSystemDirectoryHandle>>;

  constructor(folders: Readonly<Record<Folder, FileSystemDirectoryHandle>>) {
    this.#folders = folders;
  }

  async read(
    sha256: string,
    onRead?: (bytes: Uint8Array<ArrayBuffer>) => void,
  ): Promise<Uint8Array<ArrayBuffer> | 'corrupt' | undefined> {
    const handle = await existing(this.#folders.files, sha256);
    if (!handle) return undefined;
    const check = (await this.#readCheck(sha256)) ?? null;
    const bytes = await readAll(handle);
    onRead?.(bytes);
    if (!(await isIntact(bytes, sha256, check))) {
      await this.remove(sha256);
      return 'corrupt';
    }
    // It saves the next reader time; where the store is full, the file is whole all the same.
    if (!check) await this.#writeCheck(sha256, bytes).catch(() => undefined);
    return bytes;
  }

  async begun(sha256: string): Promise<PartialFile | null> {
    return (await existing(this.#folders.partial, sha256)) ? this.partial(sha256) : null;
  }

  async partial(sha256: string): Promise<PartialFile> {
    const folder = this.#folders.partial;
    const note = await readJson(folder, `${sha256}.json`);
    const handle = await folder.getFileHandle(sha256, { create: true });
    const noteHandle = await folder.getFileHandle(`${sha256}.json`, { create: true });
    const access = await handle.createSyncAccessHandle();
    try {
      const noteAccess = await noteHandle.createSyncAccessHandle();
      return new OpfsPartial(access, noteAccess, isNote(note) ? note : null);
    } catch (error) {
      access.close();
      throw error;
    }
  }

  async commit(
    sha256: string,
    bytes: Uint8Array<ArrayBuffer>,
    partial: PartialFile | null,
  ): Promise<void> {
    const folder = this.#folders.partial;
    const gathered = partial?.size === bytes.length;
    partial?.close();
    const handle = await folder.getFileHandle(sha256, { create: true });
    if (!gathered) await writeAll(handle, bytes);
    await this.#writeCheck(sha256, bytes);
    await handle.move(this.#folders.files, sha256);
    await remove(folder, `${sha256}.json`);
  }

  async touch(sha256: string): Promise<void> {
    const check = await this.#readCheck(sha256);
    if (check)
      await writeJson(this.#folders.checks, `${sha256}.json`, { ...check, lastUsed: Date.now() });
  }

  async list(): Promise<StoredFile[]> {
    const files = new Map<string, StoredFile>();
    // A download that becomes whole meanwhile is found in both folders, or at least in the second.
    for (const [folder, whole] of [
      ['partial', false],
      ['files', true],
    ] as const) {
      for await (const [name, handle] of this.#folders[folder].entries()) {
        if (!isFile(handle) || name.endsWith('.json')) continue;
        const file = await handle.getFile().catch(unlessNotFound);
        if (!file) continue;
        const check = whole ? await this.#readCheck(name) : undefined;
        const lastUsed = check?.lastUsed ?? file.lastModified;
        if (!whole && file.size === 0) continue;
        files.set(name, { sha256: name, bytes: file.size, lastUsed, whole });
      }
    }
    return [...files.values()].sort((a, b) => a.lastUsed - b.lastUsed);
  }

  async remove(sha256: string): Promise<void> {
    await remove(this.#folders.files, sha256);
    await remove(this.#folders.checks, `${sha256}.json`);
    await remove(this.#folders.partial, sha256);
    await remove(this.#folders.partial, `${sha256}.json`);
  }

  readRecord(name: string): Promise<unknown> {
    return readJson(this.#folders.records, `${name}.json`);
  }

  async writeRecord(name: string, value: unknown): Promise<void> {
    const file = `${name}.json`;
    if (value === undefined) return remove(this.#folders.records, file);
    // By a rename too: a record must not be lost by a worker that dies while writing.
    await writeJson(this.#folders.partial, file, value);
    const handle = await this.#folders.partial.getFileHandle(file);
    await handle.move(this.#folders.records, file);
  }

  async listRecords(): Promise<string[]> {
    const names: string[] = [];
    for await (const name of this.#folders.records.keys()) {
      if (name.endsWith('.json')) names.push(name.slice(0, -'.json'.length));
    }
    return names;
  }

  async #readCheck(sha256: string): Promise<Check | undefined> {
    const value = await readJson(this.#folders.checks, `${sha256}.json`);
    return isCheck(value) ? value : undefined;
  }

  async #writeCheck(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const blocks = await digestBlocks(bytes, blockSize);
    const check: Check = { bytes: bytes.length, blocks, lastUsed: Date.now() };
    await writeJson(this.#folders.checks, `${sha256}.json`, check);
  }
}

class OpfsPartial implements PartialFile {
  readonly #access: FileSystemSyncAccessHandle;
  readonly #noteAccess: FileSystemSyncAccessHandle;
  #note: PartialNote | null;
  #size: number;
  #open = true;

  constructor(
    access: FileSystemSyncAccessHandle,
    noteAccess: FileSystemSyncAccessHandle,
    note: PartialNote | null,
  ) {
    this.#access = access;
    this.#noteAccess = noteAccess;
    this.#note = note;
    this.#size = access.getSize();
  }

  get size(): number {
    return this.#size;
  }

  get note(): PartialNote | null {
    return this.#note;
  }

  read(into: Uint8Array, at: number): number {
    return this.#access.read(into, { at });
  }

  append(chunk: Uint8Array): void {
    const written = this.#access.write(chunk, { at: this.#size });
    if (written < chunk.length) {
      this.#access.truncate(this.#size);
      throw new DOMException('The file took only a part of the bytes.', 'QuotaExceededError');
    }
    this.#size += written;
  }

  restart(note: PartialNote): void {
    this.#access.truncate(0);
    this.#size = 0;
    this.#note = note;
    this.#noteAccess.truncate(0);
    this.#noteAccess.write(encode(note), { at: 0 });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#access.close();
    this.#noteAccess.close();
  }
}

async function readAll(handle: FileSystemFileHandle): Promise<Uint8Array<ArrayBuffer>> {
  // Several tabs may read at once; without the mode the handle would shut them out.
  const access = await handle.createSyncAccessHandle({ mode: 'read-only' }).catch(() => undefined);
  if (!access) {
    const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
    return bytes;
  }
  try {
    const bytes = new Uint8Array(access.getSize());
    const length = access.read(bytes, { at: 0 });
    return length === bytes.length ? bytes : bytes.slice(0, length);
  } finally {
    access.close();
  }
}

async function isIntact(
  bytes: Uint8Array<ArrayBuffer>,
  sha256: string,
  check: Check | null,
): Promise<boolean> {
  if (check) {
    if (bytes.length !== check.bytes) return false;
    const blocks = await digestBlocks(bytes, blockSize);
    return blocks.every((digest, index) => digest === check.blocks[index]);
  }
  const digest = startDigest(bytes.length);
  digest.update(bytes);
  return (await digest.finish(bytes)) === sha256;
}

function isCheck(value: unknown): value is Check {
  return (
    typeof value === 'object' &&
    value !== null &&
    'bytes' in value &&
    typeof value.bytes === 'number' &&
    'blocks' in value &&
    Array.isArray(value.blocks) &&
    value.blocks.length === Math.ceil(value.bytes / blockSize)
  );
}

function isNote(value: unknown): value is PartialNote {
  return typeof value === 'object' && value !== null && 'url' in value && 'validator' in value;
}

function isFile(handle: FileSystemHandle): handle is FileSystemFileHandle {
  return handle.kind === 'file';
}

async function existing(
  folder: FileSystemDirectoryHandle,
  name: string,
): Promise<FileSystemFileHandle | undefined> {
  return folder.getFileHandle(name).catch(unlessNotFound);
}

async function remove(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  await folder.removeEntry(name).catch(unlessNotFound);
}

async function readJson(folder: FileSystemDirectoryHandle, name: string): Promise<unknown> {
  const handle = await existing(folder, name);
  if (!handle) return undefined;
  try {
    return JSON.parse(await (await handle.getFile()).text());
  } catch {
    // Half written by a worker that died: as good as none.
    return undefined;
  }
}

async function writeJson(
  folder: FileSystemDirectoryHandle,
  name: string,
  value: unknown,
): Promise<void> {
  await writeAll(await folder.getFileHandle(name, { create: true }), encode(value));
}

async function writeAll(handle: FileSystemFileHandle, bytes: Uint8Array): Promise<void> {
  const access = await handle.createSyncAccessHandle();
  try {
    access.truncate(0);
    const written = access.write(bytes, { at: 0 });
    if (written < bytes.length) {
      access.truncate(0);
      throw new DOMException('The file took only a part of the bytes.', 'QuotaExceededError');
    }
  } finally {
    access.close();
  }
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** What is not there, or not any more because another tab moved or deleted it, is no error. */
function unlessNotFound(error: unknown): undefined {
  if (error instanceof DOMException && error.name === 'NotFoundError') return;
  throw error;
}

// Not yet in TypeScript's library, or only in that of workers.
declare global {
  interface FileSystemSyncAccessHandle {
    close(): void;
    getSize(): number;
    read(buffer: AllowSharedBufferSource, options?: { at?: number }): number;
    truncate(size: number): void;
    write(buffer: AllowSharedBufferSource, options?: { at?: number }): number;
  }
  interface FileSystemFileHandle {
    move(folder: FileSystemDirectoryHandle, name: string): Promise<void>;
    createSyncAccessHandle(options?: {
      mode?: 'readwrite' | 'read-only' | 'readwrite-unsafe';
    }): Promise<FileSystemSyncAccessHandle>;
  }
}
