import { afterEach, expect, it, vi } from 'vitest';
import type { KeyQuestion } from '../model/protection/types.js';
import { keysOf } from './keys.js';
import type { DecryptionKey, GivenKey } from './types.js';

const question: KeyQuestion = { model: 'secret', version: '1.0.0', keyId: 'k1' };
const bytes = Uint8Array.from({ length: 32 }, (_, at) => at);
const base64 = Buffer.from(bytes).toString('base64');
const ask = (given: GivenKey | null | undefined, asked = question) =>
  keysOf(() => given as GivenKey)(asked);

/** Whether a key decrypts what one of these bytes has encrypted. */
async function isRight(key: CryptoKey): Promise<boolean> {
  const own = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt']);
  const algorithm = { name: 'AES-GCM', iv: new Uint8Array(12) };
  const hidden = await crypto.subtle.encrypt(algorithm, own, Uint8Array.of(7));
  return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, hidden))[0] === 7;
}

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it.each<[string, GivenKey]>([
  ['bytes', bytes],
  ['a buffer', bytes.buffer],
  ['base64', ` ${base64}\n`],
  ['a key with its end', { key: bytes, expires: Date.now() + 60_000 }],
  ['a key with the date of its end', { key: base64, expires: new Date(Date.now() + 60_000) }],
])('%s become a key that decrypts, and that no script can read', async (_name, given) => {
  const key = await ask(given);
  expect(key).toMatchObject({ extractable: false, usages: ['decrypt'] });
  expect(await isRight(key)).toBe(true);
});

it('a key of the page’s own is taken as it is, and asked for by name', async () => {
  const own = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['decrypt']);
  const callback = vi.fn<DecryptionKey>(async () => own);
  expect(await keysOf(callback)(question)).toBe(own);
  expect(callback).toHaveBeenCalledExactlyOnceWith(question);
});

it('no key, and what is none, say which one is missing', async () => {
  for (const none of [null, undefined]) {
    await expect(ask(none)).rejects.toMatchObject({
      code: 'key-missing',
      details: { model: 'secret', keyId: 'k1' },
    });
  }
  const hidden = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt']);
  const other = await crypto.subtle.importKey('raw', bytes, 'AES-CTR', false, ['decrypt']);
  for (const wrong of [bytes.slice(1), 'no base64!', '', hidden, other, 7 as never]) {
    await expect(ask(wrong)).rejects.toMatchObject({
      code: 'key-wrong',
      details: { model: 'secret', keyId: 'k1' },
    });
  }
  await expect(
    keysOf(() => {
      throw new Error('signed out');
    })(question),
  ).rejects.toThrow('signed out');
});

it('a key or a package is good until its moment, and a date that is none never', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2030, 0, 1) });
  const callback = vi.fn<DecryptionKey>(() => bytes);
  const until = (expires: string) => keysOf(callback)({ ...question, expires });
  await expect(until('2030-01-01T00:00:00.000Z')).rejects.toMatchObject({
    code: 'key-expired',
    details: { expires: '2030-01-01T00:00:00.000Z' },
  });
  await expect(until('tomorrow')).rejects.toMatchObject({ code: 'key-expired' });
  // Of a package that is not opened any more nobody is asked for a key.
  expect(callback).not.toHaveBeenCalled();
  expect(await isRight(await until('2030-01-01T00:00:00.001Z'))).toBe(true);
  for (const expires of [Date.now(), new Date(0), new Date(Number.NaN)]) {
    await expect(ask({ key: bytes, expires })).rejects.toMatchObject({ code: 'key-expired' });
  }
});

it('a page without cryptography says what it needs', async () => {
  vi.stubGlobal('crypto', {});
  await expect(ask(bytes)).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('secure context'),
  });
});
