/** Keys in files. */
import { readFile } from 'node:fs/promises';
import { messageOf } from '../base/errors.js';
import { bytesOfBase64 } from '../model/protection/canonical.js';

/** @throws Error for what is no key. */
export async function keyBytes(file: string): Promise<Uint8Array<ArrayBuffer>> {
  const text = await readFile(file, 'utf8');
  try {
    const bytes = bytesOfBase64(text);
    if (bytes.length === 32) return bytes;
    throw new RangeError(`it has ${bytes.length} bytes`);
  } catch (cause) {
    throw new Error(`${file} is no key: ${messageOf(cause)}. Expected 32 bytes as base64.`, {
      cause,
    });
  }
}
