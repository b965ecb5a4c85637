/**
 * An origin's IndexedDB in memory, with what is used of it: keys of texts, numbers and lists, in their
 * order, and transactions that are kept as a whole or not at all.
 *
 * Source: W3C, Indexed Database API 3.0, 2.4 (keys) and 2.7 (transactions).
 */

type Key = string | number | readonly Key[];
type Stores = Map<string, Record[]>;

interface Record {
  key: Key;
  value: unknown;
}

/** A range of keys. */
export class MemoryKeyRange {
  private constructor(
    readonly lower: Key,
    readonly upper: Key,
    readonly lowerOpen: boolean,
    readonly upperOpen: boolean,
  ) {}

  static bound(lower: Key, upper: Key, lowerOpen = false, upperOpen = false): MemoryKeyRange {
    return new MemoryKeyRange(lower, upper, lowerOpen, upperOpen);
  }

  includes(key: Key): boolean {
    const [above, below] = [compareKeys(key, this.lower), compareKeys(this.upper, key)];
    return (this.lowerOpen ? above > 0 : above >= 0) && (this.upperOpen ? below > 0 : below >= 0);
  }
}

/** Numbers come before texts, and texts before lists. */
function compareKeys(one: Key, other: Key): number {
  const rank = (key: Key) => (typeof key === 'number' ? 0 : typeof key === 'string' ? 1 : 2);
  if (rank(one) !== rank(other)) return rank(one) - rank(other);
  if (typeof one !== 'object' || typeof other !== 'object') {
    return one < other ? -1 : one > other ? 1 : 0;
  }
  for (const [at, each] of one.entries()) {
    const its = other[at];
    if (its === undefined) return 1;
    const order = compareKeys(each, its);
    if (order !== 0) return order;
  }
  return one.length - other.length;
}

interface Request {
  result: unknown;
  error: unknown;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
  onupgradeneeded: (() => void) | null;
}

/** What is `indexedDB`. */
export class MemoryIndexedDb {
  readonly #databases = new Map<string, { version: number; stores: Stores }>();
  /** Databases that are open. */
  readonly connections = new Set<object>();
  /** How many more changes there is room for. */
  room = Infinity;
  /** Whether the browser gives the page no storage. */
  isDenied = false;

  open(name: string, version: number): Request {
    return later(() => {
      if (this.isDenied) throw new DOMException('No storage.', 'SecurityError');
      const found = this.#databases.get(name) ?? { version: 0, stores: new Map() };
      this.#databases.set(name, found);
      const isOld = found.version < version;
      found.version = version;
      return { result: this.#opened(found.stores), isOld };
    });
  }

  /** The keys of a store. */
  keys(database: string, store: string): Key[] {
    return (this.#databases.get(database)?.stores.get(store) ?? []).map(({ key }) => key);
  }

  /** Loses what is kept under keys. */
  lose(database: string, store: string, isLost: (key: Key) => boolean): void {
    const stores = this.#databases.get(database)?.stores;
    stores?.set(
      store,
      (stores.get(store) ?? []).filter(({ key }) => !isLost(key)),
    );
  }

  #opened(stores: Stores) {
    const database = {
      objectStoreNames: { contains: (name: string) => stores.has(name) },
      createObjectStore: (name: string) => stores.set(name, []),
      transaction: (_names: string | string[], mode = 'readonly') =>
        this.#transaction(stores, mode === 'readwrite'),
      close: () => this.connections.delete(database),
    };
    this.connections.add(database);
    return database;
  }

  #transaction(stores: Stores, mayWrite: boolean) {
    const changes: (() => void)[] = [];
    const transaction = {
      oncomplete: null as (() => void) | null,
      onerror: null as (() => void) | null,
      onabort: null as (() => void) | null,
      error: null as unknown,
      objectStore: (name: string) => {
        const records = () => {
          const found = stores.get(name);
          if (!found) throw new DOMException(`No store ${name}.`, 'NotFoundError');
          return found;
        };
        const change = (next: (records: Record[]) => Record[]) => {
          if (!mayWrite) throw new DOMException('It is for reading.', 'ReadOnlyError');
          records();
          changes.push(() => stores.set(name, next(records())));
        };
        return {
          get: (key: Key) =>
            later(() => ({
              result: structuredClone(records().find((each) => compareKeys(each.key, key) === 0))
                ?.value,
            })),
          getAll: () =>
            later(() => ({ result: records().map(({ value }) => structuredClone(value)) })),
          put: (value: unknown, key: Key) => {
            const copy = structuredClone({ key, value });
            change((all) => [...all.filter((each) => compareKeys(each.key, key) !== 0), copy]);
          },
          delete: (which: Key | MemoryKeyRange) => {
            const isMeant = (key: Key) =>
              which instanceof MemoryKeyRange ? which.includes(key) : compareKeys(key, which) === 0;
            change((all) => all.filter(({ key }) => !isMeant(key)));
          },
        };
      },
    };
    setImmediate(() => {
      if (changes.length > this.room) {
        transaction.error = new DOMException('It is full.', 'QuotaExceededError');
        transaction.onabort?.();
        return;
      }
      this.room -= changes.length;
      for (const each of changes) each();
      transaction.oncomplete?.();
    });
    return transaction;
  }
}

/** A request that is answered in a moment. */
function later(answer: () => { result: unknown; isOld?: boolean }): Request {
  const request: Request = {
    result: undefined,
    error: null,
    onsuccess: null,
    onerror: null,
    onupgradeneeded: null,
  };
  setImmediate(() => {
    try {
      const { result, isOld } = answer();
      request.result = result;
      if (isOld) request.onupgradeneeded?.();
    } catch (error) {
      request.error = error;
      request.onerror?.();
      return;
    }
    request.onsuccess?.();
  });
  return request;
}
