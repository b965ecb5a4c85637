/** The page's side: pictures that come as a response or a stream. */
import { asTabserveError, TabserveError } from '../../base/errors.js';
import type { CapturedImage } from './types.js';

/**
 * Reads a response or a stream to its end.
 *
 * @throws TabserveError `network` for a status that tells of a failure, and where it breaks off;
 *   `image-undecodable` where it was read already.
 */
export async function captureResponse(
  source: Response | ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<CapturedImage> {
  // Those of other realms are told by what they can do.
  const response = 'getReader' in source ? new Response(source) : source;
  const { ok, status, url, bodyUsed, body } = response;
  if (!ok) {
    throw new TabserveError(
      'network',
      `The response of ${url || 'the page'} has the status ${status}.`,
      {
        details: { url, status },
      },
    );
  }
  if (bodyUsed || body?.locked) {
    throw new TabserveError(
      'image-undecodable',
      "The response or stream was read already. Pass a Response's clone(), or the Blob that was made of it.",
    );
  }
  try {
    return { kind: 'blob', blob: await response.blob() };
  } catch (error) {
    throw asTabserveError(error, 'network', 'The response or stream broke off.');
  }
}
