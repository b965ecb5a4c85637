/** What the worker does about protected packages: a part of the pack `protect`. */
import { decryptFile } from './encryption.js';
import { verify } from './signature.js';
import type { Protection } from './types.js';

export const protection: Protection = async (request) => {
  if (request.kind === 'decrypt') return decryptFile(request.bytes, request.about, request.key);
  await verify(request.value, request.kept, request.keys, request.where);
  return null;
};
