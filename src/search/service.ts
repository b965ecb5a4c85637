/** Indexes in a worker, by number, and in the store, by name. */
import { TabserveError } from '../base/errors.js';
import { byKind, type Check, list, madeBy, oneOf, string, whole } from '../base/shape.js';
import { digestText, startDigest } from '../model/digest.js';
import { openStore } from '../model/store/open.js';
import type { ModelStore } from '../model/store/store.js';
import type { WorkerService } from '../runtime/service.js';
import { readIndex, writeIndex } from './file.js';
import type { Neighbour, SearchRequest, SearchState } from './types.js';
import { VectorIndex } from './vectors.js';

const id = whole(0);
const check: Check = byKind({
  create: { index: id, metric: oneOf('cosine', 'dot') },
  add: { index: id, ids: list(string), vectors: madeBy(Float32Array) },
  remove: { index: id, ids: list(string) },
  nearest: { index: id, query: madeBy(Float32Array), k: whole(1) },
  save: { index: id, name: string },
  load: { index: id, name: string },
  forget: { name: string },
  drop: { index: id },
} satisfies Record<SearchRequest['kind'], object>);

/** What is written down about a saved index. */
interface SavedIndex {
  index: string;
  sha256: string;
}

/** Answers {@link SearchRequest}s: with neighbours, or with what the index is then. */
export function searchService(): WorkerService<SearchRequest, Neighbour[] | SearchState | boolean> {
  const indexes = new Map<number, VectorIndex>();
  const indexOf = (number: number) => {
    const index = indexes.get(number);
    if (index) return index;
    throw new TabserveError('destroyed', 'The index was destroyed. Create or load another one.');
  };
  const state = ({ size, dimensions, metric }: VectorIndex) => ({ size, dimensions, metric });
  return {
    service: 'search',
    check,
    async answer(request) {
      switch (request.kind) {
        case 'create': {
          const index = new VectorIndex(request.metric);
          indexes.set(request.index, index);
          return state(index);
        }
        case 'add': {
          const index = indexOf(request.index);
          index.add(request.ids, request.vectors);
          return state(index);
        }
        case 'remove': {
          const index = indexOf(request.index);
          index.remove(request.ids);
          return state(index);
        }
        case 'nearest':
          return indexOf(request.index).nearest(request.query, request.k);
        case 'save': {
          const index = indexOf(request.index);
          await save(index, request.name);
          return state(index);
        }
        case 'load': {
          const index = await load(request.name);
          indexes.set(request.index, index);
          return state(index);
        }
        case 'forget':
          return forget(request.name);
        case 'drop':
          return indexes.delete(request.index);
      }
    },
  };
}

const recordOf = (name: string) => digestText(`index:${name}`);

async function save(index: VectorIndex, name: string): Promise<void> {
  const store = await needStore();
  const bytes = writeIndex(index);
  const digest = startDigest(bytes.length);
  digest.update(bytes);
  const sha256 = await digest.finish(bytes);
  const before = await savedAs(store, name);
  await store.commit(sha256, bytes, null);
  const record: SavedIndex = { index: name, sha256 };
  await store.writeRecord(recordOf(name), record);
  if (before && before.sha256 !== sha256) await removeUnused(store, before.sha256);
}

async function load(name: string): Promise<VectorIndex> {
  const store = await needStore();
  const saved = await savedAs(store, name);
  const bytes = saved && (await store.read(saved.sha256));
  if (bytes instanceof Uint8Array) return readIndex(bytes, name);
  if (bytes === 'corrupt') {
    throw new TabserveError('integrity', `The saved index "${name}" is damaged. It was deleted.`, {
      details: { index: name },
    });
  }
  throw new TabserveError('model-not-found', `There is no saved index "${name}" in this store.`, {
    details: { index: name },
  });
}

async function forget(name: string): Promise<boolean> {
  const store = await needStore();
  const saved = await savedAs(store, name);
  if (!saved) return false;
  await store.writeRecord(recordOf(name), undefined);
  await removeUnused(store, saved.sha256);
  return true;
}

async function savedAs(store: ModelStore, name: string): Promise<SavedIndex | undefined> {
  return asSaved(await store.readRecord(recordOf(name)));
}

/** Files are named by what is in them: another index may have the same. */
async function removeUnused(store: ModelStore, sha256: string): Promise<void> {
  for (const name of await store.listRecords()) {
    if (asSaved(await store.readRecord(name))?.sha256 === sha256) return;
  }
  await store.remove(sha256);
}

function asSaved(record: unknown): SavedIndex | undefined {
  const { index, sha256 } = (record ?? {}) as Partial<SavedIndex>;
  return typeof index === 'string' && typeof sha256 === 'string' ? { index, sha256 } : undefined;
}

async function needStore(): Promise<ModelStore> {
  const { store } = await openStore();
  if (store) return store;
  throw new TabserveError(
    'unsupported',
    'This browser gives the page no storage, so that an index can neither be saved nor loaded.',
  );
}
