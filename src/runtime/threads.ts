/** How the engine starts the threads of its pool. */
import { trustedScriptUrl } from '../wire/trusted-types.js';

/**
 * Stands in for `Worker` inside ONNX Runtime, which gives it a plain address: a page that enforces
 * Trusted Types would refuse that. The build puts it there.
 */
export function ThreadWorker(url: string | URL, options?: WorkerOptions): Worker {
  return new Worker(trustedScriptUrl(String(url)), options);
}
