/** What goes wrong in a request, as a status code and words. */
import { type ErrorCode, isTabserveError, messageOf } from '../../base/errors.js';

/** A request that is answered with an error. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    options: { headers?: Readonly<Record<string, string>>; cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

/** The client has gone: nginx's code, which is not in HTTP's own list. */
export const clientClosedRequest = 499;

/** Seconds after which to ask again, where nobody knows better. */
const retryAfter = { 'Retry-After': '1' };

/** The status of each of tabserve's errors. */
const statuses: Readonly<Record<ErrorCode, number>> = {
  timeout: 504,
  'queue-full': 429,
  'worker-blocked': 503,
  'worker-crashed': 503,
  'device-lost': 503,
  'out-of-memory': 503,
  'model-not-found': 503,
  'manifest-invalid': 503,
  'model-invalid': 500,
  integrity: 503,
  'key-missing': 503,
  'key-wrong': 503,
  'key-expired': 503,
  'signature-invalid': 503,
  network: 503,
  'image-tainted': 400,
  'image-undecodable': 400,
  'image-not-ready': 400,
  'image-too-large': 413,
  'audio-undecodable': 400,
  'audio-too-long': 413,
  'invalid-argument': 400,
  unsupported: 501,
  destroyed: 503,
  internal: 500,
};

/**
 * Whatever was thrown, as an error to answer with.
 *
 * @param signal - The request's: after its abort nobody reads the answer.
 */
export function asServerError(thrown: unknown, signal: AbortSignal): ServerError {
  if (signal.aborted && thrown === signal.reason) {
    return new ServerError(clientClosedRequest, 'The client has closed the request.', {
      cause: thrown,
    });
  }
  if (thrown instanceof ServerError) return thrown;
  if (isTabserveError(thrown)) {
    // Codes of a newer copy of tabserve are errors all the same.
    const status = statuses[thrown.code] ?? 500;
    const headers = status === 429 || (status === 503 && thrown.retryable) ? retryAfter : {};
    return new ServerError(status, thrown.message, { headers, cause: thrown });
  }
  return new ServerError(500, `Something unexpected happened: ${messageOf(thrown)}`, {
    cause: thrown,
  });
}
