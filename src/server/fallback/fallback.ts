/** When the device cannot, the same request goes to a real server of the protocol. */
import { messageOf, TabserveError } from '../../base/errors.js';
import { ServerError } from '../http/errors.js';
import { type BreakerOptions, type BreakerState, CircuitBreaker } from './breaker.js';

/** What of the device's failures sends a request on. */
export type FallbackReason = 'unavailable' | 'timeout' | 'overload';

/** Options of `register()` that send requests elsewhere. A model's own files cannot set them. */
export interface FallbackOptions {
  /**
   * The remote model, without `/infer`: `https://models.example/v2/models/everyday`. Servers of the
   * protocol answer no CORS, so that it is mostly a proxy on the page's own origin; that has to pass
   * `Inference-Header-Content-Length` on, both ways.
   */
  url: string | URL;
  /**
   * `unavailable`: no engine, no memory, a lost worker (503). `timeout`: the deadline's share has
   * passed (504). `overload`: the queue is full (429).
   * @default ['unavailable', 'timeout']
   */
  when?: readonly FallbackReason[];
  /** Milliseconds that the remote has, where the request has no deadline. @default 10_000 */
  timeout?: number;
  /** Of a request's deadline the device's share, 0…1; the rest is the remote's. @default 0.5 */
  share?: number;
  /**
   * Headers for the remote, such as credentials. Is asked for each request, so that nothing secret
   * lies in the options. The caller's own headers are not passed on, but for those of the body's form.
   */
  headers?: () => HeadersInit | Promise<HeadersInit>;
  /** When the remote itself is left alone. */
  breaker?: BreakerOptions;
}

/** What became of a request that the device could not answer. */
export interface FallbackReport {
  /** The remote's address. */
  url: string;
  /** Why it was asked. */
  reason: FallbackReason;
  /** The remote's status; `null` where it gave none. */
  status: number | null;
  /** Why there is no answer, in words; empty for success. */
  error: string;
}

/** Requests that went to the remote, by what came of them. */
export interface FallbackCounts {
  answered: number;
  failed: number;
  /** Not sent, because the breaker was open. */
  skipped: number;
}

/** The header that says where an answer comes from: `fallback`, with the reason. */
export const servedByHeader = 'X-Tabserve-Served-By';

const reasons: Readonly<Record<number, FallbackReason>> = {
  503: 'unavailable',
  504: 'timeout',
  429: 'overload',
};

/** Headers that say what form a body has. */
const formHeaders = ['Content-Encoding', 'Inference-Header-Content-Length'];

/** The remote of one model. */
export class Fallback {
  readonly counts: FallbackCounts = { answered: 0, failed: 0, skipped: 0 };
  readonly #url: string;
  readonly #options: FallbackOptions;
  readonly #breaker: CircuitBreaker;
  readonly #onReport: (report: FallbackReport) => void;

  /** @throws TabserveError `invalid-argument` for what is no address. */
  constructor(options: FallbackOptions, base: string, onReport: (report: FallbackReport) => void) {
    const { url, breaker, share = 0.5 } = options;
    if (!URL.canParse(String(url), base) || !(share >= 0 && share <= 1)) {
      throw new TabserveError(
        'invalid-argument',
        `The fallback has the url ${JSON.stringify(String(url))} and the share ${share}; it takes an address, and a number from 0 to 1.`,
      );
    }
    this.#url = new URL(url, base).href.replace(/\/+$/, '');
    this.#options = options;
    this.#breaker = new CircuitBreaker(breaker);
    this.#onReport = onReport;
  }

  /** Where the breaker is. */
  get state(): BreakerState {
    return this.#breaker.state;
  }

  /** Milliseconds of a deadline that are the device's. */
  shareOf(timeout: number | undefined): number | undefined {
    const { share = 0.5, when } = this.#options;
    const isSplit = timeout !== undefined && (when ?? ['timeout']).includes('timeout');
    return isSplit ? timeout * share : timeout;
  }

  /** Why an error of the device sends a request on; `null` if it does not. */
  reasonOf({ status }: ServerError): FallbackReason | null {
    const reason = reasons[status];
    const { when = ['unavailable', 'timeout'] } = this.#options;
    return reason !== undefined && when.includes(reason) ? reason : null;
  }

  /**
   * Asks the remote.
   *
   * @param headers - The request's.
   * @param error - The device's, which is thrown where the remote does not answer either.
   * @param left - Milliseconds that are left of the request's deadline.
   */
  async ask(
    body: Uint8Array<ArrayBuffer>,
    headers: Headers,
    {
      reason,
      error,
      signal,
      left,
    }: {
      reason: FallbackReason;
      error: ServerError;
      signal: AbortSignal;
      left: number | undefined;
    },
  ): Promise<Response> {
    const url = `${this.#url}/infer`;
    if (!this.#breaker.enter()) {
      this.counts.skipped += 1;
      this.#onReport({ url, reason, status: null, error: 'The remote is not asked for a while.' });
      throw error;
    }
    const late = AbortSignal.timeout(
      Math.max(0, Math.ceil(left ?? this.#options.timeout ?? 10_000)),
    );
    try {
      const sent = new Headers(await this.#options.headers?.());
      for (const name of formHeaders) {
        const value = headers.get(name);
        if (value !== null) sent.set(name, value);
      }
      // Callers may say nothing, or what `fetch()` calls a text; some servers read by it.
      const isBinary = sent.has('Inference-Header-Content-Length');
      sent.set('Content-Type', isBinary ? 'application/octet-stream' : 'application/json');
      const response = await fetch(url, {
        method: 'POST',
        headers: sent,
        body,
        signal: AbortSignal.any([signal, late]),
        credentials: 'omit',
      });
      const bytes = await response.arrayBuffer();
      const { status } = response;
      // What is wrong with the request is the caller's to know; what is wrong there is not.
      if (status >= 500 || status === 429) throw new Error(`It answers ${status}.`);
      this.#breaker.succeeded();
      this.counts.answered += 1;
      this.#onReport({ url, reason, status, error: '' });
      return new Response(bytes, { status, headers: answerHeaders(response, reason) });
    } catch (cause) {
      if (signal.aborted) {
        this.#breaker.left();
        throw signal.reason;
      }
      this.#breaker.failed();
      this.counts.failed += 1;
      this.#onReport({ url, reason, status: null, error: messageOf(cause) });
      const also = `${error.message} The fallback did not answer either: ${messageOf(cause)}`;
      throw new ServerError(error.status, also, { headers: error.headers, cause });
    }
  }
}

function answerHeaders({ headers }: Response, reason: FallbackReason): Headers {
  const kept = new Headers({ [servedByHeader]: `fallback; ${reason}` });
  // The platform has unpacked it.
  for (const name of ['Content-Type', 'Inference-Header-Content-Length']) {
    const value = headers.get(name);
    if (value !== null) kept.set(name, value);
  }
  return kept;
}
