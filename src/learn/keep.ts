/**
 * Data sets that outlive the page, in the worker's IndexedDB: examples in pieces, so that many are neither
 * written nor read at once, and pictures as the browser keeps files.
 */
import { TabserveError } from '../base/errors.js';
import type { FeatureSet } from './feature-set.js';
import type { StateKeeper, TrainingState } from './network/train.js';
import type { LoadedSet, SavedExample, SavedMeta, SavedSet } from './types.js';

const database = 'tabserve-learn';
const version = 2;

/** Examples of one piece. */
const pieceSize = 256;

/** What is written down about a set. Its pieces have its name, this revision, and their place. */
interface SetRecord extends SavedSet {
  meta: SavedMeta;
  revision: string;
  pieces: number;
}

interface Piece {
  examples: readonly SavedExample[];
  features: Float32Array | Uint8Array;
}

/** Keeps a set under a name, instead of what was kept there. */
export async function saveSet(
  features: FeatureSet,
  { name, meta, examples }: { name: string; meta: SavedMeta; examples: readonly SavedExample[] },
): Promise<void> {
  const db = await open();
  try {
    const revision = crypto.randomUUID();
    let pieces = 0;
    for (; pieces * pieceSize < examples.length; pieces++) {
      const some = examples.slice(pieces * pieceSize, (pieces + 1) * pieceSize);
      const piece: Piece = { examples: some, features: pack(features, some) };
      await change(db, ['pieces'], (stores) =>
        stores('pieces').put(piece, [name, revision, pieces]),
      );
    }
    const record: SetRecord = {
      name,
      meta,
      revision,
      pieces,
      examples: examples.length,
      labels: meta.labels,
      savedAt: Date.now(),
    };
    // The new one appears and the old one goes at once, and with it what a save that died has left.
    await change(db, ['sets', 'pieces'], (stores) => {
      stores('sets').put(record, name);
      stores('pieces').delete(IDBKeyRange.bound([name], [name, revision], false, true));
      stores('pieces').delete(IDBKeyRange.bound([name, revision, []], [name, []], false, false));
    });
  } catch (cause) {
    throw failed(cause, `The data set "${name}" could not be kept`);
  } finally {
    db.close();
  }
}

/**
 * Reads a set.
 *
 * @throws TabserveError `model-not-found` where there is none; `integrity` where a part of it is gone.
 */
export async function loadSet(name: string, into: FeatureSet): Promise<LoadedSet> {
  const db = await open();
  try {
    const record = await read<SetRecord>(db, 'sets', name);
    if (!record) {
      throw new TabserveError('model-not-found', `There is no data set "${name}" here.`, {
        details: { dataset: name },
      });
    }
    const examples: SavedExample[] = [];
    for (let at = 0; at < record.pieces; at++) {
      const piece = await read<Piece>(db, 'pieces', [name, record.revision, at]);
      if (!piece) {
        throw new TabserveError('integrity', `A part of the data set "${name}" is gone.`, {
          details: { dataset: name },
        });
      }
      into.add(
        piece.examples.map(({ id }) => id),
        piece.features,
      );
      examples.push(...piece.examples);
    }
    return { meta: record.meta, examples };
  } finally {
    db.close();
  }
}

/** All that are kept, the latest first. */
export async function savedSets(): Promise<SavedSet[]> {
  const db = await open();
  try {
    const records = await result<SetRecord[]>(
      db.transaction('sets').objectStore('sets').getAll() as IDBRequest<SetRecord[]>,
    );
    return records
      .map(({ name, examples, labels, savedAt }) => ({ name, examples, labels, savedAt }))
      .sort((a, b) => b.savedAt - a.savedAt);
  } finally {
    db.close();
  }
}

/** @returns Whether there was one. */
export async function deleteSet(name: string): Promise<boolean> {
  const db = await open();
  try {
    const known = await read<SetRecord>(db, 'sets', name);
    await change(db, ['sets', 'pieces'], (stores) => {
      stores('sets').delete(name);
      stores('pieces').delete(IDBKeyRange.bound([name], [name, []]));
    });
    return known !== undefined;
  } finally {
    db.close();
  }
}

/** Keeps the state of a network's training under a name, until it has ended. */
export function runKeeper(name: string): StateKeeper {
  const within = async <Value>(task: (db: IDBDatabase) => Promise<Value>): Promise<Value> => {
    const db = await open();
    try {
      return await task(db);
    } catch (cause) {
      throw failed(cause, `The training "${name}" could not be kept`);
    } finally {
      db.close();
    }
  };
  return {
    read: () => within((db) => read<TrainingState>(db, 'runs', name)),
    write: (state) =>
      within((db) => change(db, ['runs'], (stores) => stores('runs').put(state, name))),
    forget: () => within((db) => change(db, ['runs'], (stores) => stores('runs').delete(name))),
  };
}

function pack(features: FeatureSet, examples: readonly SavedExample[]): Piece['features'] {
  const rows = examples.map(({ id }) => features.row(id));
  const length = rows.length * features.columns;
  const packed = rows[0] instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
  for (const [place, row] of rows.entries()) packed.set(row, place * features.columns);
  return packed;
}

async function open(): Promise<IDBDatabase> {
  try {
    const request = indexedDB.open(database, version);
    request.onupgradeneeded = () => {
      for (const name of ['sets', 'pieces', 'runs']) {
        const isThere = request.result.objectStoreNames.contains(name);
        if (!isThere) request.result.createObjectStore(name);
      }
    };
    return await result(request);
  } catch (cause) {
    throw new TabserveError(
      'unsupported',
      'This browser gives the page no storage, so that data sets can neither be kept nor loaded.',
      { cause },
    );
  }
}

function read<Value>(db: IDBDatabase, store: string, key: IDBValidKey): Promise<Value | undefined> {
  const request = db.transaction(store).objectStore(store).get(key);
  return result(request as IDBRequest<Value | undefined>);
}

function result<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Settles when the changes are kept. */
function change(
  db: IDBDatabase,
  names: readonly string[],
  make: (store: (name: string) => IDBObjectStore) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const transaction = db.transaction([...names], 'readwrite');
    transaction.oncomplete = () => resolve();
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error);
    make((name) => transaction.objectStore(name));
  });
}

function failed(cause: unknown, what: string): unknown {
  if (!(cause instanceof DOMException) || cause.name !== 'QuotaExceededError') return cause;
  return new TabserveError(
    'out-of-memory',
    `${what}: the browser's storage for this origin is full. Delete others by Trainer.delete(), or keep it without pictures.`,
    { cause },
  );
}
