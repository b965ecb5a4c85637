import { afterEach, expect, it, vi } from 'vitest';
import { type InstalledVersion, Library } from './library.js';
import type { ModelStore } from './store/store.js';

afterEach(() => vi.unstubAllGlobals());

/** Records that two tabs share, with time between reading and writing. */
function storeOfTwoTabs() {
  const records = new Map<string, unknown>();
  const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
  const store = {
    readRecord: async (name: string) => {
      await turn();
      return records.get(name);
    },
    writeRecord: async (name: string, value: unknown) => {
      await turn();
      if (value === undefined) records.delete(name);
      else records.set(name, structuredClone(value));
    },
    listRecords: async () => [...records.keys()],
  };
  return store as unknown as ModelStore;
}

const version = (text: string) =>
  ({
    manifest: { name: 'm', version: text, files: [{ sha256: text }] },
    baseUrl: null,
    otherOrigin: false,
    installedAt: 0,
  }) as unknown as InstalledVersion;

it('loses no change when two tabs make one at the same time', async () => {
  let last: Promise<unknown> = Promise.resolve();
  const request = (_name: string, task: () => Promise<unknown>) => {
    const done = last.then(task);
    last = done.catch(() => undefined);
    return done;
  };
  vi.stubGlobal('navigator', { locks: { request } });
  const store = storeOfTwoTabs();
  const [one, other] = [new Library(store), new Library(store)];
  await one.install('m', version('1'));
  await Promise.all([one.install('m', version('2')), other.install('m', version('3'))]);
  expect(await one.get('m')).toMatchObject({
    current: { manifest: { version: '3' } },
    previous: { manifest: { version: '2' } },
  });
  await Promise.all([one.rollback('m'), other.rollback('m')]);
  expect((await other.get('m'))?.current.manifest.version).toBe('3');
});

it('keeps one earlier version, and none of the same', async () => {
  const library = new Library(storeOfTwoTabs());
  await expect(library.rollback('m')).rejects.toMatchObject({ code: 'model-not-found' });
  await library.install('m', version('1'));
  await library.install('m', version('1'));
  expect((await library.find('m'))?.previous).toBeNull();
  await library.install('m', version('2'));
  expect((await library.rollback('m')).current.manifest.version).toBe('1');
  await library.forget('m');
  expect(await library.all()).toEqual([]);
});
