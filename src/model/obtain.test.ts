/** The way of a file through the store: found, fetched, resumed, kept, or not for want of room. */
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryCaches } from '../testing/caches.js';
import { type MemoryDisk, memoryDisk } from '../testing/directory.js';
import { giving, serve, type Web } from '../testing/http.js';
import { MemoryLocks } from '../testing/locks.js';
import type { ObtainOptions } from './obtain.js';

const file = Uint8Array.from({ length: 700_000 }, (_, at) => (at * at) % 251);
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const sha256 = digest(file);
const lockName = `tabserve-file-${sha256}`;
const expected = { sha256, bytes: file.length };

let web: Web;
let url: string;
let disk: MemoryDisk;
let locks: MemoryLocks;
let storage: Record<string, unknown>;

beforeAll(async () => {
  web = await serve();
  url = `${web.origin}/model.onnx`;
});
afterAll(() => web.stop());
beforeEach(() => {
  // A store is opened once in the life of a worker.
  vi.resetModules();
  web.requests.length = 0;
  web.handler = giving(file);
  disk = memoryDisk();
  locks = new MemoryLocks();
  storage = { getDirectory: async () => disk.root };
  vi.stubGlobal('navigator', { locks, storage });
});
afterEach(() => {
  expect(locks.names).toEqual([]);
  vi.unstubAllGlobals();
});

/** Serves what takes long enough to be worth resuming. */
function slowly(bytes: Uint8Array): ReturnType<typeof giving> {
  return async (_, response) => {
    response.writeHead(200, { 'Content-Length': bytes.length, ETag: '"one"' });
    for (const part of [0, 1, 2, 3]) {
      response.write(bytes.subarray((part * bytes.length) / 4, ((part + 1) * bytes.length) / 4));
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    response.end();
  };
}

async function obtain(options: Partial<ObtainOptions> = {}, from: string | Blob = url) {
  const module = await import('./obtain.js');
  const { signal } = new AbortController();
  return module.obtain(from, { expected, signal, stallTimeout: 500, ...options });
}
const openStore = async () => {
  const { store } = await (await import('./store/open.js')).openStore();
  if (!store) throw new Error('There is no store.');
  return store;
};
const kept = () => disk.root.at(`tabserve/files/${sha256}`);
const isFile = (bytes: Uint8Array | undefined) =>
  bytes !== undefined && Buffer.compare(bytes, file) === 0;
const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

it('fetches a file once, and has it from the store ever after', async () => {
  const first = await obtain();
  expect(first).toMatchObject({ from: 'network', sha256, fallbacks: [] });
  expect(isFile(first.bytes)).toBe(true);
  expect(await first.kept).toEqual([]);
  vi.resetModules();
  const heard: number[][] = [];
  const chunks: number[] = [];
  const second = await obtain({
    onProgress: (...numbers) => void heard.push(numbers),
    onChunk: (chunk, at) => void chunks.push(at, chunk.length),
  });
  expect(second).toMatchObject({ from: 'store', sha256, fallbacks: [] });
  expect(isFile(second.bytes)).toBe(true);
  const { length } = file;
  expect(heard).toEqual([
    [0, length, 0],
    [length, length, length],
  ]);
  expect(chunks).toEqual([0, length]);
  expect(web.requests).toHaveLength(1);
});

it('hands the bytes out before it keeps them, and keeps them when there is time', async () => {
  let calm: () => void = () => undefined;
  const keepAfter = new Promise<void>((resolve) => {
    calm = resolve;
  });
  const { bytes, kept: keeping } = await obtain({ keepAfter });
  expect(isFile(bytes)).toBe(true);
  await settle();
  expect(kept()).toBeUndefined();
  // Another tab would not find it yet.
  expect(locks.names).toEqual([lockName]);
  calm();
  await keeping;
  expect(isFile(kept())).toBe(true);
});

it('keeps nobody waiting who needs the same file before there is time', async () => {
  const never = new Promise<void>(() => undefined);
  const first = await obtain({ keepAfter: never });
  // It may be asked for by what has to end before there is time.
  const second = await obtain({ keepAfter: never });
  expect(second).toMatchObject({ from: 'store', sha256 });
  await first.kept;
  await second.kept;
  expect(web.requests).toHaveLength(1);
});

it('says when it has asked, and hands the bytes out before they are verified', async () => {
  const log: string[] = [];
  const tellings = {
    onAsked: () => void log.push('asked'),
    onWhole: (bytes: Uint8Array) => void log.push(isFile(bytes) ? 'whole' : 'others'),
  };
  web.handler = (request, response) => {
    log.push('request');
    giving(file)(request, response);
  };
  const first = await obtain(tellings);
  expect(log).toEqual(['asked', 'request', 'whole']);
  await first.kept;
  vi.resetModules();
  log.length = 0;
  expect(await obtain(tellings)).toMatchObject({ from: 'store' });
  expect(log).toEqual(['whole', 'asked']);
});

it('hands out what turns out to be wrong too, and then what replaces it', async () => {
  const wrong = file.map((byte) => byte ^ 1);
  let times = 0;
  web.handler = (request, response) => {
    times += 1;
    giving(times === 1 ? wrong : file)(request, response);
  };
  const heard: boolean[] = [];
  const { bytes, kept: keeping } = await obtain({ onWhole: (all) => void heard.push(isFile(all)) });
  expect(heard).toEqual([false, true]);
  expect(isFile(bytes)).toBe(true);
  await keeping;
});

it('goes on where a download was given up', async () => {
  web.handler = (_, response) => {
    response.writeHead(200, { 'Content-Length': file.length, ETag: '"one"' });
    response.write(file.subarray(0, 400_000));
  };
  const controller = new AbortController();
  let loaded = 0;
  const given = obtain({
    signal: controller.signal,
    stallTimeout: 60_000,
    onProgress: (bytes) => {
      loaded = bytes;
      if (bytes >= 400_000) controller.abort('enough');
    },
  });
  await expect(given).rejects.toBe('enough');
  expect(loaded).toBe(400_000);
  await vi.waitFor(() => expect(locks.names).toEqual([]));
  vi.resetModules();
  web.handler = giving(file);
  web.requests.length = 0;
  const heard: number[][] = [];
  const { bytes, kept: keeping } = await obtain({
    onProgress: (...numbers) => void heard.push(numbers),
  });
  expect(isFile(bytes)).toBe(true);
  expect(web.requests).toEqual([{ path: '/model.onnx', range: 'bytes=400000-' }]);
  expect(heard[0]).toEqual([400_000, file.length, 400_000]);
  await keeping;
  expect(isFile(kept())).toBe(true);
});

it('begins nothing in the store for a small file', async () => {
  const tiny = new TextEncoder().encode('tiny');
  web.handler = giving(tiny);
  const { kept: keeping } = await obtain({
    expected: { sha256: digest(tiny), bytes: tiny.length },
  });
  await keeping;
  expect(disk.log.filter((line) => line === `write ${digest(tiny)}.json`)).toHaveLength(1);
  expect(disk.root.at(`tabserve/files/${digest(tiny)}`)).toHaveLength(4);
});

it('fetches a damaged copy again, and says so', async () => {
  await (await openStore()).commit(sha256, file, null);
  disk.root.put(`tabserve/files/${sha256}`, file.slice(1));
  const { from, fallbacks, bytes, kept: keeping } = await obtain();
  expect([from, isFile(bytes)]).toEqual(['network', true]);
  expect(fallbacks[0]).toMatchObject({ from: 'opfs', to: 'network' });
  expect(fallbacks[0]?.reason).toMatch(/damaged/);
  await keeping;
  expect(isFile(kept())).toBe(true);
});

it('takes what another tab brings while it waits', async () => {
  let finish: () => void = () => undefined;
  const otherTab = locks.request(
    lockName,
    () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
  );
  const waiting = obtain();
  await settle();
  expect(web.requests).toEqual([]);
  await (await openStore()).commit(sha256, file, null);
  finish();
  await otherTab;
  expect(await waiting).toMatchObject({ from: 'store' });
  expect(web.requests).toEqual([]);
});

it('stops waiting for another tab when nobody wants the file any more', async () => {
  let finish: () => void = () => undefined;
  const otherTab = locks.request(
    lockName,
    () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
  );
  const controller = new AbortController();
  const waiting = obtain({ signal: controller.signal });
  await settle();
  controller.abort('enough');
  await expect(waiting).rejects.toBe('enough');
  finish();
  await otherTab;
  expect(web.requests).toEqual([]);
});

it.each([
  ['may not have locks', () => new DOMException('No.', 'SecurityError')],
  ['has none', () => undefined],
])('does without where the page %s', async (_name, refusal) => {
  locks.refusal = refusal();
  if (!locks.refusal) vi.stubGlobal('navigator', { storage });
  const { from, kept: keeping } = await obtain();
  expect(from).toBe('network');
  await keeping;
  expect(isFile(kept())).toBe(true);
});

it('does not take a failure of the download for one of the lock', async () => {
  web.handler = (_, response) => void response.writeHead(404).end();
  await expect(obtain()).rejects.toMatchObject({ code: 'model-not-found' });
  locks.refusal = new TypeError('Locks are broken.');
  await expect(obtain()).rejects.toThrow('Locks are broken.');
});

describe('where the store is full', () => {
  const others = ['old', 'newer', 'newest'].map((text) => {
    const bytes = new Uint8Array(400_000).fill(text.length);
    return { bytes, sha256: digest(bytes) };
  });

  async function fill() {
    vi.useFakeTimers({ toFake: ['Date'] });
    for (const [index, each] of others.entries()) {
      vi.setSystemTime(index + 1);
      await (await openStore()).commit(each.sha256, each.bytes, null);
    }
    vi.useRealTimers();
  }
  const left = () => others.filter((each) => disk.root.at(`tabserve/files/${each.sha256}`));

  it('the least recently used files make room, and no more of them than are needed', async () => {
    await fill();
    disk.quota = 1_250_000;
    const { bytes, fallbacks, kept: keeping } = await obtain();
    expect(isFile(bytes)).toBe(true);
    expect(fallbacks).toEqual([]);
    expect(await keeping).toEqual([]);
    expect(isFile(kept())).toBe(true);
    expect(left().map((each) => each.sha256)).toEqual([others[2]?.sha256]);
  });

  it('they make it before anything is written where the browser says how much there is', async () => {
    await fill();
    storage.estimate = async () => ({ quota: 1_500_000, usage: 1_200_000 });
    const store = await openStore();
    let seen = 0;
    const commit = store.commit.bind(store);
    vi.spyOn(store, 'commit').mockImplementation((...given) => {
      seen = left().length;
      return commit(...given);
    });
    await (await obtain()).kept;
    expect(seen).toBe(2);
  });

  it('nothing is lost for a file that would not fit at all', async () => {
    await fill();
    storage.estimate = async () => ({ quota: 600_000, usage: 500_000 });
    await (await obtain()).kept;
    expect(left()).toHaveLength(3);
  });

  it('what another tab uses stays', async () => {
    await fill();
    const folder = await (await disk.root.getDirectoryHandle('tabserve')).getDirectoryHandle(
      'files',
    );
    const handle = await folder.getFileHandle(others[0]?.sha256 ?? '');
    const access = await handle.createSyncAccessHandle();
    storage.estimate = async () => ({ quota: 1_500_000, usage: 1_200_000 });
    await (await obtain()).kept;
    expect(left().map((each) => each.sha256)).toEqual([others[0]?.sha256, others[2]?.sha256]);
    access.close();
  });

  it('the file is used all the same, and it is said that it was not kept', async () => {
    disk.quota = 500_000;
    const { bytes, fallbacks, kept: keeping } = await obtain();
    expect(isFile(bytes)).toBe(true);
    const late = await keeping;
    expect([...fallbacks, ...late]).toMatchObject([
      { from: 'opfs', to: 'memory', reason: expect.stringMatching(/QuotaExceededError/) },
    ]);
    // Half a file would take the place that is missing.
    expect(disk.root.paths.filter((path) => path.includes(sha256))).toEqual([]);
  });
});

it('uses a file whose store breaks, and says at which step', async () => {
  const store = await openStore();
  vi.spyOn(store, 'read').mockRejectedValue(new DOMException('Gone.', 'InvalidStateError'));
  vi.spyOn(store, 'partial').mockRejectedValue(new DOMException('Gone.', 'InvalidStateError'));
  vi.spyOn(store, 'commit').mockRejectedValue(new DOMException('Gone.', 'InvalidStateError'));
  web.handler = slowly(file);
  const { bytes, fallbacks, kept: keeping } = await obtain();
  expect(isFile(bytes)).toBe(true);
  expect(fallbacks.map(({ to }) => to)).toEqual(['network', 'network', 'memory']);
  expect(fallbacks[0]?.reason).toMatch(/could not read .*InvalidStateError: Gone/);
  expect(await keeping).toMatchObject([{ to: 'memory' }]);
});

it('goes on without a beginning that cannot be written, and still keeps the file', async () => {
  // Of the beginning's note, then of its first chunk.
  disk.writeErrors.push(new Error('A bad sector.'));
  web.handler = slowly(file);
  const { bytes, fallbacks, kept: keeping } = await obtain();
  expect(isFile(bytes)).toBe(true);
  expect(fallbacks).toMatchObject([{ to: 'memory', reason: expect.stringMatching(/bad sector/) }]);
  expect(await keeping).toEqual([]);
  expect(isFile(kept())).toBe(true);
});

describe('a file without a sha256', () => {
  it('is left to the browser’s cache', async () => {
    const obtained = await obtain({ expected: {} });
    expect(obtained).toMatchObject({ from: 'network', sha256: null });
    expect(disk.log).toEqual([]);
  });

  it('gets the one that it comes with, where it is to be kept', async () => {
    const obtained = await obtain({ expected: {}, keep: true });
    expect(obtained).toMatchObject({ from: 'network', sha256 });
    expect(await obtained.kept).toEqual([]);
    expect(isFile(kept())).toBe(true);
    expect(await obtain()).toMatchObject({ from: 'store' });
  });
});

describe('a file that is served in another form', () => {
  const convert = async (served: Uint8Array<ArrayBuffer>) =>
    new Uint8Array(gunzipSync(served)) as Uint8Array<ArrayBuffer>;

  it('is kept as it is used', async () => {
    web.handler = giving(gzipSync(file));
    const obtained = await obtain({ expected: { sha256 }, convert });
    expect(isFile(obtained.bytes)).toBe(true);
    await obtained.kept;
    expect(isFile(kept())).toBe(true);
  });

  it('that turns out to be another one is used and not kept under a wrong name', async () => {
    const other = file.slice(5);
    web.handler = giving(gzipSync(other));
    const obtained = await obtain({ expected: { sha256 }, convert });
    expect(obtained.bytes).toHaveLength(other.length);
    await obtained.kept;
    expect(disk.root.paths.filter((path) => path.includes('files/'))).toEqual([]);
  });
});

it('keeps whole files in the Cache API where there is no file system', async () => {
  const caches = new MemoryCaches();
  vi.stubGlobal('caches', caches);
  vi.stubGlobal('navigator', { locks });
  const first = await obtain();
  expect(first.fallbacks).toMatchObject([{ from: 'opfs', to: 'cache' }]);
  await first.kept;
  expect(await obtain()).toMatchObject({ from: 'store' });
  expect(web.requests).toHaveLength(1);
});
