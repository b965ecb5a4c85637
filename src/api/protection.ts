/** The options of models that are encrypted or signed. */
import { part } from '../base/part.js';
import type { PackName } from '../wire/protocol.js';
import type { GiveKey } from './keys.js';
import type { CreateOptions } from './types.js';

/** What the options of protected models stand for. */
export interface Protection {
  keys?: GiveKey;
  signedBy?: readonly string[];
  /** What a worker needs for it. */
  packs: readonly PackName[];
}

/**
 * Checks the options. The code for it is loaded by those who have protected models.
 *
 * @throws TabserveError `invalid-argument`; `network` where the code cannot be loaded.
 */
export async function protectionOf(
  options: Pick<CreateOptions, 'decryptionKey' | 'signedBy'>,
): Promise<Protection> {
  const { decryptionKey, signedBy } = options;
  if (decryptionKey === undefined && signedBy === undefined) return { packs: [] };
  return (await part(import('./keys.js'))).checkedProtection(options);
}
