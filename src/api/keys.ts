/** The keys that a page gives for encrypted models, and those that have to have signed them. */
import { messageOf, TabserveError } from '../base/errors.js';
import { shown } from '../base/shown.js';
import { bytesOfBase64, subtleCrypto } from '../model/protection/canonical.js';
import type { KeyQuestion } from '../model/protection/types.js';
import type { Protection } from './protection.js';
import type { CreateOptions, DecryptionKey, KeyMaterial } from './types.js';

/** Answers for a key. */
export type GiveKey = (question: KeyQuestion) => Promise<CryptoKey>;

/** The same callback is the same answer: what was loaded ahead with it is found again. */
const callbacks = new WeakMap<DecryptionKey, GiveKey>();

/**
 * What the options stand for.
 *
 * @throws TabserveError `invalid-argument`.
 */
export function checkedProtection({
  decryptionKey,
  signedBy,
}: Pick<CreateOptions, 'decryptionKey' | 'signedBy'>): Protection {
  return {
    ...(decryptionKey !== undefined && { keys: giveKeys(decryptionKey) }),
    ...(signedBy !== undefined && { signedBy: signersOf(signedBy) }),
    packs: ['protect'],
  };
}

function giveKeys(callback: DecryptionKey): GiveKey {
  if (typeof callback !== 'function') {
    throw wrong('decryptionKey', callback, 'a function that gives the key');
  }
  const give = callbacks.get(callback) ?? keysOf(callback);
  callbacks.set(callback, give);
  return give;
}

/** The public keys, each once. */
function signersOf(given: string | readonly string[]): string[] {
  const keys: unknown = typeof given === 'string' ? [given] : given;
  // 32 bytes are 43 digits of base64 and one that fills up.
  const isKey = (key: unknown) => typeof key === 'string' && /^[\w+/]{43}=$/.test(key);
  if (Array.isArray(keys) && keys.length > 0 && keys.every(isKey)) return [...new Set(keys)];
  throw wrong('signedBy', given, 'public keys, 32 bytes each as base64');
}

function wrong(option: string, found: unknown, expected: string): TabserveError {
  return new TabserveError(
    'invalid-argument',
    `The option "${option}" is ${shown(found)}; it takes ${expected}.`,
    { details: { option, expected } },
  );
}

/**
 * Asks the page, and makes of what it gives a key that may decrypt and that no script can read.
 *
 * @throws TabserveError `key-missing`, `key-expired`, `key-wrong` for what is no key; `unsupported` where
 *   the page has no cryptography; what the callback throws.
 */
export function keysOf(callback: DecryptionKey): GiveKey {
  return async (question) => {
    const { model, keyId, expires } = question;
    const details = { model, keyId };
    refuseExpired(question, expires === undefined ? undefined : Date.parse(expires));
    const given = await callback(question);
    if (given === null || given === undefined) {
      throw new TabserveError(
        'key-missing',
        `"${model}" is encrypted with the key "${keyId}", and "decryptionKey" gave none.`,
        { details },
      );
    }
    if (typeof given === 'object' && 'key' in given) {
      refuseExpired(question, Number(given.expires));
      return imported(given.key, question);
    }
    return imported(given, question);
  };
}

/** The clock is that of the visitor's machine. */
function refuseExpired({ model, keyId }: KeyQuestion, expires: number | undefined): void {
  if (expires === undefined || Date.now() < expires) return;
  const moment = Number.isFinite(expires) ? new Date(expires).toISOString() : 'a date that is none';
  throw new TabserveError(
    'key-expired',
    `The key "${keyId}" for "${model}" was good until ${moment}. Get it, or the package, anew.`,
    { details: { model, keyId, expires: moment } },
  );
}

async function imported(key: KeyMaterial, { model, keyId }: KeyQuestion): Promise<CryptoKey> {
  const subtle = subtleCrypto();
  if (!subtle) {
    throw new TabserveError(
      'unsupported',
      'Encrypted models need a secure context (https, or localhost): the browser has no WebCrypto here.',
    );
  }
  try {
    if (key instanceof CryptoKey) {
      if (key.algorithm.name === 'AES-GCM' && key.usages.includes('decrypt')) return key;
      throw new TypeError(`it is one of ${key.algorithm.name}, for ${key.usages.join(', ')}`);
    }
    const bytes = typeof key === 'string' ? bytesOfBase64(key) : key;
    return await subtle.importKey('raw', bytes, 'AES-GCM', false, ['decrypt']);
  } catch (cause) {
    throw new TabserveError(
      'key-wrong',
      `What "decryptionKey" gave for "${model}" is no key of AES-GCM: ${messageOf(cause)}.`,
      { cause, details: { model, keyId } },
    );
  }
}
