/**
 * Files encrypted with AES-GCM.
 *
 * A file is: `TABSENC1`; 12 random bytes and the 16 of a tag over nothing, which tell a wrong key from a
 * changed file; 12 random bytes; the cipher text with its tag. What the file belongs to (model, version,
 * address, key and expiry) is authenticated with it: a file that is put in the place of another does not open,
 * nor does one whose expiry was changed.
 */
import { TabserveError } from '../../base/errors.js';
import { canonicalBytes, subtleCrypto } from './canonical.js';
import type { FileIdentity } from './types.js';

const magic = new TextEncoder().encode('TABSENC1');
const nonceLength = 12;
const tagLength = 16;
const headerLength = magic.length + nonceLength + tagLength + nonceLength;

/** Bytes that a file gains. */
export const encryptionOverhead = headerLength + tagLength;

const checkData = new TextEncoder().encode('tabserve key check 1');

/**
 * Encrypts a file. Every call takes other random bytes, which is what AES-GCM wants of one key.
 *
 * @param key - Of 128, 192 or 256 bits, that may encrypt.
 */
export async function encryptFile(
  bytes: Uint8Array<ArrayBuffer>,
  about: FileIdentity,
  key: CryptoKey,
): Promise<Uint8Array<ArrayBuffer>> {
  const subtle = needed();
  const nonce = () => crypto.getRandomValues(new Uint8Array(nonceLength));
  const [checkNonce, fileNonce] = [nonce(), nonce()];
  const nothing = new Uint8Array(0);
  const checkTag = await subtle.encrypt(
    { name: 'AES-GCM', iv: checkNonce, additionalData: checkData },
    key,
    nothing,
  );
  const text = await subtle.encrypt(
    { name: 'AES-GCM', iv: fileNonce, additionalData: dataOf(about) },
    key,
    bytes,
  );
  const file = new Uint8Array(headerLength + text.byteLength);
  let at = 0;
  for (const part of [
    magic,
    checkNonce,
    new Uint8Array(checkTag),
    fileNonce,
    new Uint8Array(text),
  ]) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/**
 * Decrypts a file.
 *
 * @throws TabserveError `key-expired`; `key-wrong`; `integrity` for a file that was changed, cut, or put in
 *   the place of another; `unsupported` where the page has no cryptography.
 */
export async function decryptFile(
  file: Uint8Array<ArrayBuffer>,
  about: FileIdentity,
  key: CryptoKey,
): Promise<Uint8Array<ArrayBuffer>> {
  refuseExpired(about);
  const subtle = needed();
  const { model, url } = about;
  const details = { model, file: url };
  if (file.length < encryptionOverhead || magic.some((byte, at) => file[at] !== byte)) {
    throw new TabserveError(
      'integrity',
      `${url} is not encrypted as the manifest of "${model}" says. Pack the model again with "tabserve pack --encrypt".`,
      { details },
    );
  }
  const nonceAt = headerLength - nonceLength;
  const tagAt = nonceAt - tagLength;
  const checkNonce = file.subarray(magic.length, tagAt);
  const checkTag = file.subarray(tagAt, nonceAt);
  const fileNonce = file.subarray(nonceAt, headerLength);
  const open = (
    iv: Uint8Array<ArrayBuffer>,
    additionalData: Uint8Array<ArrayBuffer>,
    text: Uint8Array<ArrayBuffer>,
  ): Promise<{ bytes?: Uint8Array<ArrayBuffer>; cause?: unknown }> =>
    subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, key, text).then(
      (bytes) => ({ bytes: new Uint8Array(bytes) }),
      (cause: unknown) => ({ cause }),
    );
  const check = await open(checkNonce, checkData, checkTag);
  const whole = await open(fileNonce, dataOf(about), file.subarray(headerLength));
  if (check.bytes && whole.bytes) return whole.bytes;
  if (!check.bytes && !whole.bytes) {
    throw new TabserveError(
      'key-wrong',
      `The key does not fit "${model}", which was encrypted with the key "${about.encryption.keyId}".`,
      { cause: check.cause, details: { ...details, keyId: about.encryption.keyId } },
    );
  }
  // A key that opens either of them is the right one.
  throw new TabserveError(
    'integrity',
    `${url} of "${model}" was changed after it was encrypted, or belongs to another model, version, file or expiry.`,
    { cause: whole.cause ?? check.cause, details },
  );
}

/**
 * The clock is that of the visitor's machine.
 *
 * @throws TabserveError `key-expired`.
 */
export function refuseExpired({ model, encryption }: Omit<FileIdentity, 'url'>): void {
  const { expires, keyId } = encryption;
  if (expires === undefined || Date.now() < Date.parse(expires)) return;
  throw new TabserveError(
    'key-expired',
    `"${model}" could be opened until ${expires}. Get a new package from whoever made it.`,
    { details: { model, keyId, expires } },
  );
}

/** What is authenticated with a file. */
function dataOf({ model, version, url, encryption }: FileIdentity): Uint8Array<ArrayBuffer> {
  const { keyId, expires = null } = encryption;
  return canonicalBytes('tabserve file 1', { model, version, url, keyId, expires });
}

function needed(): SubtleCrypto {
  const subtle = subtleCrypto();
  if (subtle) return subtle;
  throw new TabserveError(
    'unsupported',
    'Encrypted models need a secure context (https, or localhost): the browser has no WebCrypto here.',
  );
}
