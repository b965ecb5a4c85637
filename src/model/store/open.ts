/** The best store that this browser has. */

import { messageOf } from '../../base/errors.js';
import type { Fallback } from '../../base/types.js';
import { openCacheStore } from './cache.js';
import { openOpfsStore } from './opfs.js';
import type { ModelStore } from './store.js';

/** A store, or none, and what it had to be instead of. */
export interface OpenedStore {
  /** `null`: models live in memory only. */
  store: ModelStore | null;
  fallbacks: readonly Fallback[];
}

let opened: Promise<OpenedStore> | undefined;

/** The store of this worker, opened by the first call. Never rejects. */
export function openStore(): Promise<OpenedStore> {
  opened ??= open();
  return opened;
}

async function open(): Promise<OpenedStore> {
  const fallbacks: Fallback[] = [];
  try {
    return { store: await openOpfsStore(), fallbacks };
  } catch (error) {
    fallbacks.push({ from: 'opfs', to: 'cache', reason: messageOf(error) });
  }
  try {
    return { store: await openCacheStore(), fallbacks };
  } catch (error) {
    fallbacks.push({ from: 'cache', to: 'memory', reason: messageOf(error) });
  }
  return { store: null, fallbacks };
}
