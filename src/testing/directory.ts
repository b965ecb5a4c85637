/**
 * An origin's private file system in memory, with what the store uses of it: whole and broken writes,
 * a quota, and handles that shut each other out, as browsers have them.
 */

interface Disk {
  /** Bytes that all files together may have. */
  quota: number;
  /** Errors for the next writes, one each. */
  readonly writeErrors: Error[];
  /** What was done, in order: `write name`, `move name`, `remove name`. */
  readonly log: string[];
  readonly root: MemoryDirectory;
}

class Content {
  bytes = new Uint8Array(0);
  lastModified = 0;
  /** Handles that are open; the mode of the first rules. */
  readonly open = new Set<MemoryAccess>();
  mode: 'readwrite' | 'read-only' = 'readwrite';
}

/** A file system of its own. */
export function memoryDisk(quota = Number.POSITIVE_INFINITY): Disk {
  const disk = { quota, writeErrors: [], log: [] } as unknown as Disk;
  return Object.assign(disk, { root: new MemoryDirectory(disk, '') });
}

export type MemoryDisk = Disk;

let clock = 1_000_000;

/** A later moment with every call: what was used when shows without waiting. */
const tick = () => clock++;

/** Bytes of all files below. */
function sizeOf(directory: MemoryDirectory): number {
  return [...directory.children.values()].reduce(
    (sum, each) => sum + (each instanceof MemoryDirectory ? sizeOf(each) : each.bytes.length),
    0,
  );
}

export class MemoryDirectory {
  readonly kind = 'directory';
  readonly children = new Map<string, MemoryDirectory | Content>();

  constructor(
    readonly disk: Disk,
    readonly name: string,
  ) {}

  get [Symbol.toStringTag](): string {
    return 'FileSystemDirectoryHandle';
  }

  async getDirectoryHandle(name: string, { create = false } = {}): Promise<MemoryDirectory> {
    const found = this.children.get(name);
    if (found instanceof MemoryDirectory) return found;
    if (found || !create) throw new DOMException(`No folder ${name}.`, 'NotFoundError');
    const made = new MemoryDirectory(this.disk, name);
    this.children.set(name, made);
    return made;
  }

  async getFileHandle(name: string, { create = false } = {}): Promise<MemoryFile> {
    const found = this.children.get(name);
    if (found instanceof MemoryDirectory) throw new DOMException(name, 'TypeMismatchError');
    if (!found && !create) throw new DOMException(`No file ${name}.`, 'NotFoundError');
    const content = found ?? new Content();
    if (!found) content.lastModified = tick();
    this.children.set(name, content);
    return new MemoryFile(this, name);
  }

  async removeEntry(name: string): Promise<void> {
    const found = this.children.get(name);
    if (!found) throw new DOMException(`No entry ${name}.`, 'NotFoundError');
    if (found instanceof Content) refuseOpen(found, name);
    this.children.delete(name);
    this.disk.log.push(`remove ${name}`);
  }

  async *entries(): AsyncGenerator<[string, MemoryDirectory | MemoryFile]> {
    for (const [name, each] of [...this.children]) {
      yield [name, each instanceof MemoryDirectory ? each : new MemoryFile(this, name)];
    }
  }

  async *keys(): AsyncGenerator<string> {
    yield* [...this.children.keys()];
  }

  /** Puts a file there, past all rules. */
  put(path: string, content: Uint8Array | string): void {
    const [name = '', ...rest] = path.split('/');
    if (rest.length > 0) {
      const folder = this.children.get(name) ?? new MemoryDirectory(this.disk, name);
      this.children.set(name, folder);
      (folder as MemoryDirectory).put(rest.join('/'), content);
      return;
    }
    const file = new Content();
    file.bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content.slice();
    file.lastModified = tick();
    this.children.set(name, file);
  }

  /** The bytes of a file; `undefined` if it is not there. */
  at(path: string): Uint8Array | undefined {
    const [name = '', ...rest] = path.split('/');
    const found = this.children.get(name);
    if (rest.length > 0) {
      return found instanceof MemoryDirectory ? found.at(rest.join('/')) : undefined;
    }
    return found instanceof Content ? found.bytes : undefined;
  }

  /** The paths of all files. */
  get paths(): string[] {
    return [...this.children].flatMap(([name, each]) =>
      each instanceof MemoryDirectory ? each.paths.map((path) => `${name}/${path}`) : [name],
    );
  }
}

class MemoryFile {
  readonly kind = 'file';
  #folder: MemoryDirectory;
  name: string;

  constructor(folder: MemoryDirectory, name: string) {
    this.#folder = folder;
    this.name = name;
  }

  get #content(): Content {
    const content = this.#folder.children.get(this.name);
    if (content instanceof Content) return content;
    throw new DOMException(`No file ${this.name}.`, 'NotFoundError');
  }

  async getFile(): Promise<File> {
    const { bytes, lastModified } = this.#content;
    return new File([bytes.slice()], this.name, { lastModified });
  }

  async createSyncAccessHandle({ mode = 'readwrite' as const } = {}): Promise<MemoryAccess> {
    const content = this.#content;
    const isShared = mode === ('read-only' as string) && content.mode === 'read-only';
    if (content.open.size > 0 && !isShared) refuseOpen(content, this.name);
    content.mode = mode;
    return new MemoryAccess(this.#folder.disk, content, this.name);
  }

  async move(folder: MemoryDirectory, name: string): Promise<void> {
    const content = this.#content;
    refuseOpen(content, this.name);
    const former = folder.children.get(name);
    if (former instanceof Content) refuseOpen(former, name);
    this.#folder.children.delete(this.name);
    folder.children.set(name, content);
    this.#folder = folder;
    this.name = name;
    folder.disk.log.push(`move ${name}`);
  }
}

class MemoryAccess {
  readonly #disk: Disk;
  readonly #content: Content;
  readonly #name: string;

  constructor(disk: Disk, content: Content, name: string) {
    this.#disk = disk;
    this.#content = content;
    this.#name = name;
    content.open.add(this);
  }

  getSize(): number {
    return this.#opened.bytes.length;
  }

  read(into: Uint8Array, { at }: { at: number }): number {
    const part = this.#opened.bytes.subarray(at, at + into.length);
    into.set(part);
    return part.length;
  }

  /** As much as the quota leaves room for, as browsers do. */
  write(bytes: Uint8Array, { at }: { at: number }): number {
    const content = this.#opened;
    const error = this.#disk.writeErrors.shift();
    if (error) throw error;
    const grows = Math.max(0, at + bytes.length - content.bytes.length);
    const room = this.#disk.quota - sizeOf(this.#disk.root);
    const part = bytes.subarray(0, bytes.length - Math.max(0, grows - Math.max(0, room)));
    const all = new Uint8Array(Math.max(content.bytes.length, at + part.length));
    all.set(content.bytes);
    all.set(part, at);
    content.bytes = all;
    content.lastModified = tick();
    this.#disk.log.push(`write ${this.#name}`);
    return part.length;
  }

  truncate(size: number): void {
    const content = this.#opened;
    const all = new Uint8Array(size);
    all.set(content.bytes.subarray(0, size));
    content.bytes = all;
  }

  close(): void {
    this.#content.open.delete(this);
  }

  get #opened(): Content {
    if (this.#content.open.has(this)) return this.#content;
    throw new DOMException('The handle is closed.', 'InvalidStateError');
  }
}

function refuseOpen({ open }: Content, name: string): void {
  if (open.size === 0) return;
  throw new DOMException(`${name} is in use.`, 'NoModificationAllowedError');
}
