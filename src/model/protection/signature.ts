/** Signed manifests: Ed25519 over the canonical form of everything else in `model.json`. */
import { messageOf, TabserveError } from '../../base/errors.js';
import { base64Of, bytesOfBase64, canonicalBytes, subtleCrypto } from './canonical.js';

/** `signature` of `model.json`. */
export interface ManifestSignature {
  algorithm: 'Ed25519';
  /** 64 bytes as base64. */
  value: string;
}

const purpose = 'tabserve manifest 1';

/**
 * Signs a manifest.
 *
 * @param manifest - As in `model.json`; a signature in it is not signed.
 */
export async function sign(manifest: object, key: CryptoKey): Promise<ManifestSignature> {
  const value = await crypto.subtle.sign('Ed25519', key, signedBytes(manifest));
  return { algorithm: 'Ed25519', value: base64Of(new Uint8Array(value)) };
}

/**
 * Whether a manifest was signed by one of these keys, and pins everything that belongs to the model.
 *
 * @param value - What `model.json` has, before any check; `undefined` for a model without one.
 * @param kept - The manifest in use, where it was kept from an earlier load.
 * @param keys - Public keys: 32 bytes as base64 each.
 * @param where - What messages call the manifest.
 * @throws TabserveError `signature-invalid`; `unsupported` where the browser has no Ed25519.
 */
export async function verify(
  value: unknown,
  kept: object | null,
  keys: readonly string[],
  where: string,
): Promise<void> {
  if (!isRecord(value)) throw refused(where, 'it has no model.json that is signed');
  const { signature } = value;
  if (!isRecord(signature)) throw refused(where, 'it is not signed');
  if (signature.algorithm !== 'Ed25519' || typeof signature.value !== 'string') {
    throw refused(where, 'its signature is not an Ed25519 signature');
  }
  if (kept && !namesSameFiles(kept, value))
    throw refused(where, 'it names other files than were signed');
  const unpinned = firstUnpinned(value);
  if (unpinned !== undefined) {
    throw refused(where, `its signature does not cover ${unpinned}, which has no sha256`);
  }
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = bytesOfBase64(signature.value);
  } catch {
    throw refused(where, 'its signature is not base64');
  }
  const data = signedBytes(value);
  for (const key of keys) {
    if (await isBy(key, bytes, data)) return;
  }
  throw refused(where, 'it was changed, or none of the keys signed it');
}

async function isBy(
  key: string,
  signature: Uint8Array<ArrayBuffer>,
  data: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const subtle = subtleCrypto();
  try {
    if (!subtle) throw new Error('this is not a secure context');
    const imported = await subtle.importKey('raw', bytesOfBase64(key), 'Ed25519', false, [
      'verify',
    ]);
    return await subtle.verify('Ed25519', imported, signature, data);
  } catch (cause) {
    throw new TabserveError(
      'unsupported',
      `Signatures cannot be verified with the key "${key.slice(0, 60)}" in this browser: ${messageOf(cause)}. It needs a secure context, Ed25519 in WebCrypto, and a key of 32 bytes.`,
      { cause },
    );
  }
}

function signedBytes({ signature: _, ...manifest }: object & { signature?: unknown }) {
  return canonicalBytes(purpose, manifest);
}

/** The first file whose content the manifest leaves open. */
function firstUnpinned({ labels, ...named }: Record<string, unknown>): string | undefined {
  if (isRecord(labels) && !Array.isArray(labels)) return 'the label file';
  const open = filesOf(named).find(({ sha256 }) => typeof sha256 !== 'string');
  return open && `"${String(open.url)}"`;
}

/** All files that a manifest names, whatever it is. */
function filesOf({ files, assets, translations }: Record<string, unknown>) {
  const listed = (Array.isArray(files) ? files : []).filter(isRecord);
  const external = listed.flatMap(({ external: each }) =>
    Array.isArray(each) ? each.filter(isRecord) : [],
  );
  return [
    ...listed,
    ...external,
    ...[assets, translations].flatMap((each) =>
      Object.values(isRecord(each) ? each : {}).filter(isRecord),
    ),
  ];
}

/** Whether a kept manifest names files of the signed one only. */
function namesSameFiles(kept: object, signed: object): boolean {
  const identities = (manifest: object) =>
    new Set(filesOf({ ...manifest }).map(({ url, sha256 }) => `${String(url)} ${String(sha256)}`));
  const known = identities(signed);
  return [...identities(kept)].every((each) => known.has(each));
}

function refused(where: string, reason: string): TabserveError {
  return new TabserveError(
    'signature-invalid',
    `${where} was refused: ${reason}. The page only accepts models that are signed by a key in "signedBy".`,
    { details: { model: where } },
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
