/** Fetching an image by its address. */
import { TabserveError } from '../../base/errors.js';

/** Longer addresses (`data:`) are cut in messages. */
const shownLength = 100;

/**
 * Downloads an image, with cookies for its own origin only.
 *
 * @param url - Absolute: `http:`, `https:`, `blob:` or `data:`.
 * @throws TabserveError `network`: no answer, no permission (CORS), or an HTTP status that is not
 *   2xx; not retryable for `blob:`, `data:` and status 4xx.
 * @throws the reason of `signal` when it aborts.
 */
export async function fetchImage(url: string, signal?: AbortSignal): Promise<Blob> {
  const shown = url.length > shownLength ? `${url.slice(0, shownLength)}…` : url;
  let response: Response;
  try {
    response = await fetch(url, { credentials: 'same-origin', ...(signal && { signal }) });
    if (response.ok) return await response.blob();
  } catch (error) {
    signal?.throwIfAborted();
    throw new TabserveError('network', `${shown} could not be loaded. ${adviceFor(url)}`, {
      cause: error,
      details: { url: shown },
    });
  }
  const { status } = response;
  throw new TabserveError(
    'network',
    `${shown} could not be loaded: the server answered with status ${status}.`,
    { details: { url: shown, status }, retryable: status >= 500 || status === 429 },
  );
}

function adviceFor(url: string): string {
  if (url.startsWith('blob:')) return 'Was it revoked (URL.revokeObjectURL) too early?';
  if (url.startsWith('data:'))
    return 'Is it complete, and does "connect-src" of the Content-Security-Policy allow data:?';
  return 'If it is of another origin, its server has to allow reading it (header Access-Control-Allow-Origin), and "connect-src" of the Content-Security-Policy has to list it; otherwise pass the file as a Blob.';
}
