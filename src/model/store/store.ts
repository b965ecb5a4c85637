/**
 * What a store of model files is. Files are named by the SHA-256 of their bytes, so that two models
 * with one file pay once, and a name can never stand for other bytes.
 */

/** A file of the store. */
export interface StoredFile {
  sha256: string;
  bytes: number;
  /** When it was last read or written, in milliseconds since 1970. */
  lastUsed: number;
  /** Whether the file is whole; else it is the beginning of a download. */
  whole: boolean;
}

/** From where the beginning of a download came, so that its rest can be asked for. */
export interface PartialNote {
  url: string;
  /** The server's strong ETag, or else its Last-Modified; `null` if it sent neither. */
  validator: string | null;
}

/**
 * A file on its way into the store. What has been appended stays when the worker dies.
 *
 * Errors of the browser's storage, `QuotaExceededError` among them, come through as they are.
 */
export interface PartialFile {
  /** Bytes so far. */
  readonly size: number;
  readonly note: PartialNote | null;
  /**
   * Reads bytes from `at` on.
   *
   * @returns How many of `into` were filled, from its start.
   */
  read(into: Uint8Array, at: number): number;
  append(chunk: Uint8Array): void;
  /** Starts over, with what comes from elsewhere. */
  restart(note: PartialNote): void;
  /** Lets go of the file, which stays as it is. */
  close(): void;
}

/** Where files of models and the records about models outlive the page. */
export interface ModelStore {
  /** What the store is made of: the origin's private file system, or the Cache API. */
  readonly kind: 'opfs' | 'cache';
  /**
   * Reads a whole file and checks it.
   *
   * @param onRead - Hears the bytes before they are checked.
   * @returns `undefined` if it is not here; `'corrupt'` if it was, but damaged: it is then deleted.
   */
  read(
    sha256: string,
    onRead?: (bytes: Uint8Array<ArrayBuffer>) => void,
  ): Promise<Uint8Array<ArrayBuffer> | 'corrupt' | undefined>;
  /** The download of a file that was begun; `null` if none was. */
  begun(sha256: string): Promise<PartialFile | null>;
  /** The download of a file, begun or to begin; `null` where only whole files can be kept. */
  partial(sha256: string): Promise<PartialFile | null>;
  /**
   * Makes a file appear, at once and whole. The bytes have been verified.
   *
   * @param partial - Where they were gathered, if all of them were; is closed.
   */
  commit(
    sha256: string,
    bytes: Uint8Array<ArrayBuffer>,
    partial: PartialFile | null,
  ): Promise<void>;
  /** Notes that a file was used. */
  touch(sha256: string): Promise<void>;
  /** What is here, the least recently used first. */
  list(): Promise<StoredFile[]>;
  /** Deletes a file, whole or not. */
  remove(sha256: string): Promise<void>;
  /** A record, or `undefined` if there is none or it is unreadable. */
  readRecord(name: string): Promise<unknown>;
  /** Writes a record; `undefined` deletes it. */
  writeRecord(name: string, value: unknown): Promise<void>;
  /** The names of all records. */
  listRecords(): Promise<string[]>;
}
