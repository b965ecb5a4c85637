/** SHA-256 of what streams in. */
import { _SHA256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/**
 * Bytes up to which a file is digested in one piece. The platform's digest is about five times as
 * fast as any script's and runs on another thread, but it copies the bytes; this bounds the copy.
 */
const onePieceLimit = 20_000_000;

/** A digest under way. */
export interface RunningDigest {
  /** Takes the next bytes. */
  update(chunk: Uint8Array): void;
  /**
   * Ends the digest.
   *
   * @param all - All bytes that were passed to `update`, in one piece.
   * @returns 64 digits of lower-case hex.
   */
  finish(all: Uint8Array<ArrayBuffer>): Promise<string>;
}

/**
 * Starts a SHA-256 digest: the platform's for small files, a streaming one for large files and for
 * pages without a secure context, which have no `crypto.subtle`.
 *
 * @param bytes - The size to come, 0 if unknown.
 */
export function startDigest(bytes: number): RunningDigest {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle && bytes > 0 && bytes <= onePieceLimit) {
    return { update: () => undefined, finish: (all) => digestPiece(subtle, all) };
  }
  const hash = new _SHA256();
  return {
    update: (chunk) => void hash.update(chunk),
    finish: async () => bytesToHex(hash.digest()),
  };
}

/** The SHA-256 of bytes, at once. */
export function digestNow(bytes: Uint8Array): string {
  return bytesToHex(new _SHA256().update(bytes).digest());
}

/** The SHA-256 of a short text, at once. */
export function digestText(text: string): string {
  return digestNow(new TextEncoder().encode(text));
}

/** The SHA-256 of each `size` bytes. Needs a secure context. */
export async function digestBlocks(all: Uint8Array<ArrayBuffer>, size: number): Promise<string[]> {
  const digests: string[] = [];
  // Side by side, so that they go on while this thread is busy.
  const blocksAtOnce = Math.ceil(onePieceLimit / size);
  for (let from = 0; from < all.length; from += blocksAtOnce * size) {
    const blocks = Array.from({ length: blocksAtOnce }, (_, index) => from + index * size)
      .filter((at) => at < all.length)
      .map((at) => digestPiece(crypto.subtle, all.subarray(at, at + size)));
    digests.push(...(await Promise.all(blocks)));
  }
  return digests;
}

async function digestPiece(subtle: SubtleCrypto, piece: Uint8Array<ArrayBuffer>): Promise<string> {
  return bytesToHex(new Uint8Array(await subtle.digest('SHA-256', piece)));
}
