/** What every store promises, and what only one in a file system does. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryCaches } from '../../testing/caches.js';
import { type MemoryDisk, memoryDisk } from '../../testing/directory.js';
import { openCacheStore } from './cache.js';
import { openOpfsStore } from './opfs.js';
import type { ModelStore } from './store.js';

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
/** More than one block, and no whole number of them. */
const file = Uint8Array.from({ length: 1_300_000 }, (_, at) => (at * at) % 251);
const sha256 = digest(file);
const small = new TextEncoder().encode('small');
const note = { url: 'https://a/model.onnx', validator: '"one"' };

let disk: MemoryDisk;
let caches: MemoryCaches;
let store: ModelStore;

beforeEach(() => {
  disk = memoryDisk();
  caches = new MemoryCaches();
  vi.stubGlobal('caches', caches);
  vi.stubGlobal('navigator', { storage: { getDirectory: async () => disk.root } });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe.each([
  ['opfs', openOpfsStore],
  ['cache', openCacheStore],
] as const)('a store in %s', (kind, open) => {
  beforeEach(async () => {
    store = await open();
  });

  it('gives back what was committed, to later visits too', async () => {
    expect(store.kind).toBe(kind);
    expect(await store.read(sha256)).toBeUndefined();
    await store.commit(sha256, file, null);
    const heard: number[] = [];
    const read = await store.read(sha256, ({ length }) => heard.push(length));
    expect(Buffer.compare(read as Uint8Array, file)).toBe(0);
    expect(heard).toEqual([file.length]);
    const later = await open();
    expect(Buffer.compare((await later.read(sha256)) as Uint8Array, file)).toBe(0);
    expect(await later.list()).toMatchObject([{ sha256, bytes: file.length, whole: true }]);
  });

  it('deletes', async () => {
    await store.commit(sha256, file, null);
    await store.commit(digest(small), small, null);
    await store.remove(sha256);
    // What is not there is deleted already.
    await store.remove(sha256);
    expect(await store.read(sha256)).toBeUndefined();
    expect((await store.list()).map((each) => each.sha256)).toEqual([digest(small)]);
  });

  it('keeps records, and lists the least recently used file first', async () => {
    await store.writeRecord('one', { a: [1] });
    await store.writeRecord('two', null);
    expect(await store.readRecord('one')).toEqual({ a: [1] });
    expect(await store.readRecord('two')).toBeNull();
    expect(await store.readRecord('three')).toBeUndefined();
    expect((await store.listRecords()).sort()).toEqual(['one', 'two']);
    await store.writeRecord('one', undefined);
    await store.writeRecord('one', undefined);
    expect(await store.listRecords()).toEqual(['two']);
    vi.useFakeTimers({ toFake: ['Date'] });
    for (const [at, text] of [
      [3, 'late'],
      [1, 'early'],
      [2, 'between'],
    ] as const) {
      vi.setSystemTime(at);
      const bytes = new TextEncoder().encode(text);
      await store.commit(digest(bytes), bytes, null);
    }
    expect((await store.list()).map(({ lastUsed }) => lastUsed)).toEqual([1, 2, 3]);
  });
});

describe('a store in the Cache API', () => {
  it('deletes a damaged file, and keeps no beginnings', async () => {
    store = await openCacheStore();
    await store.commit(sha256, small, null);
    expect(await store.read(sha256)).toBe('corrupt');
    expect(await store.read(sha256)).toBeUndefined();
    expect(await store.partial(sha256)).toBeNull();
  });
});

describe('a store in the private file system', () => {
  beforeEach(async () => {
    store = await openOpfsStore();
  });
  const at = (path: string) => disk.root.at(`tabserve/${path}`);
  const put = (path: string, bytes: Uint8Array | string) =>
    disk.root.put(`tabserve/${path}`, bytes);

  it('is none where the browser lacks handles or renames', async () => {
    vi.stubGlobal('navigator', {
      storage: {
        getDirectory: async () => {
          const folder = { getFileHandle: async () => ({ createSyncAccessHandle: 1 }) };
          return { getDirectoryHandle: async () => ({ getDirectoryHandle: async () => folder }) };
        },
      },
    });
    await expect(openOpfsStore()).rejects.toThrow(/renames/);
  });

  it.each([
    [
      'one byte is another',
      (bytes: Uint8Array) => Uint8Array.from(bytes).fill(1, 600_000, 600_001),
    ],
    ['the last byte is another', (bytes: Uint8Array) => Uint8Array.from(bytes).fill(1, -1)],
    ['it is cut off', (bytes: Uint8Array) => bytes.slice(0, -1)],
    ['it is empty', () => new Uint8Array(0)],
    ['it has grown', (bytes: Uint8Array) => Uint8Array.from([...bytes, 0])],
  ])('knows a damaged file, with the digests of its blocks and without: %s', async (_, damage) => {
    for (const isChecked of [true, false]) {
      await store.commit(sha256, file, null);
      put(`files/${sha256}`, damage(file));
      if (!isChecked) put(`checks/${sha256}.json`, '{"bytes":');
      expect(await store.read(sha256)).toBe('corrupt');
      expect(await store.read(sha256)).toBeUndefined();
      expect(disk.root.paths.filter((path) => path.includes(sha256))).toEqual([]);
    }
  });

  it.each([
    ['{"half'],
    ['null'],
    ['{"bytes":1300000,"blocks":[]}'],
    ['{"bytes":"many","blocks":["a","b","c"]}'],
  ])(
    'reads a whole file whose check is unreadable, and writes the check anew: %s',
    async (text) => {
      await store.commit(sha256, file, null);
      put(`checks/${sha256}.json`, text);
      expect(await store.read(sha256)).toHaveLength(file.length);
      expect(JSON.parse(new TextDecoder().decode(at(`checks/${sha256}.json`)))).toMatchObject({
        bytes: file.length,
      });
    },
  );

  it('reads it also where there is no room for the check', async () => {
    await store.commit(sha256, file, null);
    put(`checks/${sha256}.json`, '{}');
    disk.quota = 0;
    expect(await store.read(sha256)).toHaveLength(file.length);
  });

  it('lets several tabs read at once, and goes on reading where handles do not tell', async () => {
    await store.commit(sha256, file, null);
    const [one, two] = await Promise.all([store.read(sha256), store.read(sha256)]);
    expect([one, two]).toMatchObject([{ length: file.length }, { length: file.length }]);
    const folder = await (await disk.root.getDirectoryHandle('tabserve')).getDirectoryHandle(
      'files',
    );
    const other = await (await folder.getFileHandle(sha256)).createSyncAccessHandle();
    expect(await store.read(sha256)).toHaveLength(file.length);
    other.close();
  });

  it('goes on with a download that broke off, in another visit too', async () => {
    const partial = await store.partial(sha256);
    partial?.restart(note);
    partial?.append(file.slice(0, 500_000));
    expect(partial).toMatchObject({ size: 500_000, note });
    // The worker dies: nobody closes it but the browser.
    partial?.close();
    partial?.close();
    store = await openOpfsStore();
    expect(await store.read(sha256)).toBeUndefined();
    expect(await store.list()).toMatchObject([{ sha256, bytes: 500_000, whole: false }]);
    const rest = await store.partial(sha256);
    expect(rest).toMatchObject({ size: 500_000, note });
    const piece = new Uint8Array(1_000);
    expect(rest?.read(piece, 499_500)).toBe(500);
    expect(Buffer.compare(piece.subarray(0, 500), file.subarray(499_500, 500_000))).toBe(0);
    rest?.append(file.slice(500_000));
    disk.log.length = 0;
    await store.commit(sha256, file, rest);
    // What was gathered is not written a second time.
    expect(disk.log).not.toContain(`write ${sha256}`);
    expect(await store.read(sha256)).toHaveLength(file.length);
    expect(await store.list()).toMatchObject([{ whole: true }]);
    expect(disk.root.paths.filter((path) => path.includes('partial'))).toEqual([]);
  });

  it('begins a download anew', async () => {
    const partial = await store.partial(sha256);
    partial?.append(file.slice(0, 5_000));
    partial?.restart({ url: 'https://b/', validator: null });
    expect(partial).toMatchObject({ size: 0, note: { url: 'https://b/', validator: null } });
    partial?.close();
    expect(await store.partial(sha256)).toMatchObject({
      size: 0,
      note: { url: 'https://b/', validator: null },
    });
  });

  it('makes no note of one that it cannot read', async () => {
    put(`partial/${sha256}`, file.slice(0, 10));
    put(`partial/${sha256}.json`, '{"url":"https');
    expect(await store.partial(sha256)).toMatchObject({ size: 10, note: null });
  });

  it('has one download of a file at a time, and holds nothing of one that it refused', async () => {
    const first = await store.partial(sha256);
    await expect(store.partial(sha256)).rejects.toMatchObject({
      name: 'NoModificationAllowedError',
    });
    first?.close();
    const folder = await (await disk.root.getDirectoryHandle('tabserve')).getDirectoryHandle(
      'partial',
    );
    const noted = await (await folder.getFileHandle(`${sha256}.json`)).createSyncAccessHandle();
    await expect(store.partial(sha256)).rejects.toMatchObject({
      name: 'NoModificationAllowedError',
    });
    noted.close();
    // The file's own handle was let go.
    (await store.partial(sha256))?.close();
  });

  it('leaves a whole beginning when a chunk does not fit', async () => {
    const partial = await store.partial(sha256);
    partial?.restart(note);
    partial?.append(file.slice(0, 1_000));
    disk.quota = 1_500;
    expect(() => partial?.append(file.slice(1_000, 3_000))).toThrow(/part of the bytes/);
    expect(partial?.size).toBe(1_000);
    partial?.close();
    expect(at(`partial/${sha256}`)).toHaveLength(1_000);
  });

  it('never shows a file that it could not write whole', async () => {
    disk.quota = 600_000;
    await expect(store.commit(sha256, file, null)).rejects.toMatchObject({
      name: 'QuotaExceededError',
    });
    expect(await store.read(sha256)).toBeUndefined();
    expect(at(`files/${sha256}`)).toBeUndefined();
  });

  it('keeps a record that was, when writing a new one fails', async () => {
    await store.writeRecord('one', { version: 1 });
    disk.writeErrors.push(new DOMException('The disk is full.', 'QuotaExceededError'));
    await expect(store.writeRecord('one', { version: 2 })).rejects.toThrow(/full/);
    expect(await store.readRecord('one')).toEqual({ version: 1 });
  });

  it('notes the use of a file, and of none that is not there', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(1);
    await store.commit(sha256, file, null);
    await store.commit(digest(small), small, null);
    vi.setSystemTime(9);
    await store.touch(sha256);
    await store.touch('nothing');
    expect((await store.list()).map((each) => [each.sha256, each.lastUsed])).toEqual([
      [digest(small), 1],
      [sha256, 9],
    ]);
    expect(await store.read(sha256)).toHaveLength(file.length);
  });

  it('refuses to delete what somebody is writing', async () => {
    const partial = await store.partial(sha256);
    await expect(store.remove(sha256)).rejects.toMatchObject({
      name: 'NoModificationAllowedError',
    });
    partial?.close();
    await store.remove(sha256);
    expect(disk.root.paths.filter((path) => path.includes(sha256))).toEqual([]);
  });
});
