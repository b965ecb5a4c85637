/** One classifier for all elements of a page that ask for the same. */

import type { CreateOptions, DownloadProgressEvent } from '../api/types.js';
import { identityOf } from '../base/identity.js';
import { ImageClassifier } from '../index.js';

/** How far a load is: a `downloadprogress` event's numbers. */
export type LoadProgress = Pick<
  DownloadProgressEvent,
  'loaded' | 'total' | 'cached' | 'lengthComputable' | 'progress'
>;

interface Shared {
  classifier: Promise<ImageClassifier>;
  loading: AbortController;
  users: number;
  /** Of the load, for those who come while it runs. */
  progress: LoadProgress | undefined;
  listeners: Set<(progress: LoadProgress) => void>;
}

const shared = new Map<string, Shared>();

/** A classifier in use. Ends with {@link Lease.release}. */
export interface Lease {
  classifier: Promise<ImageClassifier>;
  /** The last one to release a classifier destroys it. Calling it again does nothing. */
  release(): void;
}

/**
 * The page's classifier of these options, created if there is none yet.
 *
 * @param options - What asks for the same is the same classifier.
 * @param onProgress - Hears how far the load is.
 */
export function leaseClassifier(
  options: CreateOptions,
  onProgress: (progress: LoadProgress) => void,
): Lease {
  const key = identityOf(options);
  const entry = shared.get(key) ?? create(options);
  if (shared.get(key) !== entry) {
    shared.set(key, entry);
    // A failed load may be tried again. One that was given up may have a successor.
    entry.classifier.catch(() => {
      if (shared.get(key) === entry) shared.delete(key);
    });
  }
  const { classifier, loading, listeners, progress } = entry;
  entry.users += 1;
  listeners.add(onProgress);
  if (progress) onProgress(progress);
  let released = false;
  return {
    classifier,
    release() {
      if (released) return;
      released = true;
      listeners.delete(onProgress);
      entry.users -= 1;
      if (entry.users > 0) return;
      if (shared.get(key) === entry) shared.delete(key);
      loading.abort();
      classifier.then(
        (ready) => ready.destroy(),
        () => undefined,
      );
    },
  };
}

function create(options: CreateOptions): Shared {
  const loading = new AbortController();
  const listeners: Shared['listeners'] = new Set();
  const entry: Shared = {
    loading,
    users: 0,
    progress: undefined,
    listeners,
    classifier: ImageClassifier.create({
      ...options,
      signal: loading.signal,
      monitor: (monitor) =>
        monitor.addEventListener('downloadprogress', (event) => {
          const { loaded, total, cached, lengthComputable, progress } = event;
          entry.progress = { loaded, total, cached, lengthComputable, progress };
          for (const listener of [...listeners]) listener(entry.progress);
        }),
    }),
  };
  return entry;
}
