import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ModelStore } from '../model/store/store.js';
import { recall, remember, type Subject } from './findings.js';

const day = 24 * 3600 * 1000;
const subject: Subject = { files: ['a', 'b'], adapter: 'one', build: 'jspi' };
const right = { by: 'reference', difference: null } as const;
const wrong = { by: 'self-test', difference: 'It is NaN.' } as const;

/** A store that keeps records only. */
function records(broken: 'reading' | 'writing' | 'nothing' = 'nothing') {
  const kept = new Map<string, unknown>();
  const store = {
    readRecord: async (name: string) => {
      if (broken === 'reading') throw new DOMException('no', 'InvalidStateError');
      return structuredClone(kept.get(name));
    },
    writeRecord: async (name: string, value: unknown) => {
      if (broken === 'writing') throw new DOMException('full', 'QuotaExceededError');
      kept.set(name, structuredClone(value));
    },
  } as unknown as ModelStore;
  return { store, kept };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1e12 });
  vi.stubGlobal('navigator', { userAgent: 'Browser 1' });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('what was found is known of the same files on the same device, and of no other', async () => {
  const { store } = records();
  expect(await recall(store, subject)).toBeUndefined();
  await remember(store, subject, wrong);
  await remember(store, { ...subject, build: 'asyncify' }, right);
  expect(await recall(store, subject)).toEqual(wrong);
  expect(await recall(store, { ...subject, build: 'asyncify' })).toEqual(right);
  for (const other of [
    { files: ['b', 'a'] },
    { files: ['a'] },
    { adapter: 'two' },
    { adapter: null },
  ]) {
    expect(await recall(store, { ...subject, ...other })).toBeUndefined();
  }
  // Another build of the browser compiles otherwise.
  vi.stubGlobal('navigator', { userAgent: 'Browser 2' });
  expect(await recall(store, subject)).toBeUndefined();
});

it('what is found anew takes the place of what was, and is good for thirty days', async () => {
  const { store, kept } = records();
  await remember(store, subject, wrong);
  vi.setSystemTime(1e12 + 29 * day);
  await remember(store, subject, right);
  expect([...kept.values()]).toMatchObject([{ findings: [right] }]);
  vi.setSystemTime(1e12 + 59 * day - 1);
  expect(await recall(store, subject)).toEqual(right);
  vi.setSystemTime(1e12 + 59 * day);
  expect(await recall(store, subject)).toBeUndefined();
});

it('a hundred are kept, and the oldest go first', async () => {
  const { store } = records();
  const at = (n: number) => ({ ...subject, files: [`${n}`] });
  for (let n = 0; n < 101; n++) await remember(store, at(n), right);
  expect(await recall(store, at(0))).toBeUndefined();
  expect(await recall(store, at(1))).toEqual(right);
  expect(await recall(store, at(100))).toEqual(right);
});

it('of a file without a digest nothing is remembered', async () => {
  const { store, kept } = records();
  const nameless = { ...subject, files: ['a', null] };
  await remember(store, nameless, right);
  expect([kept.size, await recall(store, nameless)]).toEqual([0, undefined]);
});

it('a store that cannot be read or written to, or has something else there, is gone without', async () => {
  for (const broken of ['reading', 'writing'] as const) {
    const { store } = records(broken);
    await remember(store, subject, right);
    expect(await recall(store, subject)).toBeUndefined();
  }
  const { store, kept } = records();
  await remember(store, subject, wrong);
  const [name = ''] = kept.keys();
  for (const strange of [null, 'text', {}, { findings: 7 }]) {
    kept.set(name, strange);
    expect(await recall(store, subject)).toBeUndefined();
    await remember(store, subject, right);
    expect(await recall(store, subject)).toEqual(right);
  }
});
