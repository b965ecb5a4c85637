/** The options of models that are encrypted or signed. */

import { TabserveError } from '../base/errors.js';
import { part } from '../base/part.js';
import { shown } from '../base/shown.js';
import type { KeyQuestion } from '../model/protection/types.js';
import type { PackName } from '../wire/protocol.js';
import type { CreateOptions, DecryptionKey } from './types.js';

type GiveKey = (question: KeyQuestion) => Promise<CryptoKey>;

/** The same callback is the same answer: what was loaded ahead with it is found again. */
const callbacks = new WeakMap<DecryptionKey, GiveKey>();

/**
 * What a load needs of them, and the packs that its worker must have.
 *
 * @throws TabserveError `invalid-argument`, naming the option.
 */
export function protectionOf({
  decryptionKey,
  signedBy,
}: Pick<CreateOptions, 'decryptionKey' | 'signedBy'>): {
  keys?: GiveKey;
  signedBy?: readonly string[];
  packs: PackName[];
} {
  const isProtected = decryptionKey !== undefined || signedBy !== undefined;
  return {
    ...(decryptionKey !== undefined && { keys: giveKeys(decryptionKey) }),
    ...(signedBy !== undefined && { signedBy: signersOf(signedBy) }),
    packs: isProtected ? ['protect'] : [],
  };
}

function giveKeys(callback: DecryptionKey): GiveKey {
  if (typeof callback !== 'function') {
    throw wrong('decryptionKey', callback, 'a function that gives the key');
  }
  // The code is loaded by those who have encrypted models.
  const give: GiveKey =
    callbacks.get(callback) ??
    (async (question) => (await part(import('./keys.js'))).keysOf(callback)(question));
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
