/** How the engine starts the threads of its pool. */
import { trustedScriptUrl } from '../wire/trusted-types.js';
import { tellThread } from './engine-parts.js';

/**
 * Stands in for `Worker` inside ONNX Runtime, which gives it a plain address: a page that enforces
 * Trusted Types would refuse that. The build puts it there.
 */
export function ThreadWorker(url: string | URL, options?: WorkerOptions): Worker {
  const thread = new Worker(trustedScriptUrl(String(url)), options);
  tellThread(thread);
  return thread;
}
