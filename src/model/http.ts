/** One answer of a server, and when it is worth asking again. */

import { untilAborted } from '../base/abort.js';
import { deferred } from '../base/deferred.js';
import { isTabserveError, TabserveError } from '../base/errors.js';

export { untilAborted } from '../base/abort.js';

/** Milliseconds without a byte after which a download counts as broken. */
export const defaultStallTimeout = 20_000;

/** Times that a download is asked for again without a single new byte in between. */
const maxRetries = 4;

/** Milliseconds before the first retry, doubled by each further one. */
const firstDelay = 250;
const longestDelay = 8_000;

/** Most bytes of an error's body or a wrong file that are looked at to say what it is. */
export const glimpse = 120;

/** Options of {@link ask}. */
export interface AskOptions {
  signal: AbortSignal;
  /** First byte wanted. @default 0 */
  from?: number;
  /** The version of the file that `from` belongs to; `null` if unknown. */
  validator?: string | null;
  /**
   * `reload` when what a cache on the way gave was wrong, `only-if-cached` when the network must not
   * be used. @default 'default'
   */
  cache?: RequestCache;
  /**
   * Accept that another origin answers in the end, as hubs do with their content networks. Without
   * it only bytes of a known sha256 may come that way. @default false
   */
  otherOrigin?: boolean;
}

/**
 * Asks for a file.
 *
 * @returns An answer of status 200 or 206.
 * @throws TabserveError `network`, `model-not-found` (404, 410); the signal's reason.
 */
export async function ask(url: string, options: AskOptions): Promise<Response> {
  const { signal, from = 0, validator = null, cache = 'default', otherOrigin = false } = options;
  const headers = new Headers();
  if (from > 0) {
    headers.set('range', `bytes=${from}-`);
    // To another origin this header would need the server's permission, which few give. A download
    // is only ever resumed where its sha256 is known, so a mixture cannot pass for the file.
    if (validator !== null && isSameOrigin(url)) headers.set('if-range', validator);
  }
  let response: Response;
  try {
    const isLocal = cache === 'only-if-cached';
    response = await fetch(url, {
      signal,
      headers,
      cache,
      ...(isLocal && { mode: 'same-origin' }),
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new TabserveError(
      'network',
      `${url} could not be fetched. Either there is no connection, or the browser forbids it: another origin must send Access-Control-Allow-Origin, and a Content-Security-Policy must name the origin in connect-src, and a page on https gets nothing from http (mixed content).`,
      { cause, details: { url }, retryable: cache !== 'only-if-cached' },
    );
  }
  if (!response.ok) {
    await response.body?.cancel();
    // The file has become shorter than what we have of it.
    if (response.status === 416 && from > 0) return ask(url, { ...options, from: 0 });
    throw statusError(url, response);
  }
  if (!otherOrigin && response.redirected && originOf(response.url) !== originOf(url)) {
    await response.body?.cancel();
    throw new TabserveError(
      'network',
      `${url} was redirected to another origin, ${originOf(response.url)}. Name that address instead, or give the file's sha256 in the manifest.`,
      { details: { url, redirectedTo: response.url }, retryable: false },
    );
  }
  return response;
}

function statusError(url: string, { status, statusText }: Response): TabserveError {
  const missing = status === 404 || status === 410;
  const passing = status >= 500 || status === 408 || status === 425 || status === 429;
  // Files have a suffix; a name of the hub without its prefix looks like this.
  const hub = /\/[\w.-]+\/[\w-]+$/.test(url)
    ? ' For a repository of the Hugging Face hub, write "hf:owner/name".'
    : '';
  const advice = missing ? `Check the address.${hub}` : passing ? 'Try again later.' : '';
  return new TabserveError(
    missing ? 'model-not-found' : 'network',
    `${url} answered with HTTP ${status}${statusText && ` ${statusText}`}. ${advice}`.trimEnd(),
    { details: { url, status }, retryable: passing },
  );
}

/** Bytes of a body that are read at a time. */
const chunkSize = 1 << 18;

/**
 * Chunks of an answer's body. Each is valid until the next is asked for.
 *
 * @param stallTimeout - Milliseconds that a chunk may take.
 * @throws TabserveError `network` when it stalls; what the platform throws when it breaks.
 */
export async function* chunksOf(
  response: Response,
  signal: AbortSignal,
  stallTimeout = defaultStallTimeout,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (!response.body) return;
  const { reader, read } = readerOf(response.body);
  const cancel = () => void reader.cancel().catch(() => undefined);
  let stall: TabserveError | undefined;
  let waitingSince = Number.POSITIVE_INFINITY;
  // One timer for all chunks: hundreds come while the engine starts on this thread.
  const look = () => {
    const left = Math.min(stallTimeout, waitingSince + stallTimeout - performance.now());
    if (left > 0) {
      timer = setTimeout(look, left);
      return;
    }
    stall = silent(stallTimeout);
    cancel();
  };
  let timer = setTimeout(look, stallTimeout);
  signal.addEventListener('abort', cancel);
  try {
    signal.throwIfAborted();
    for (;;) {
      waitingSince = performance.now();
      // It ends without a chunk when the reader is cancelled.
      const { done, value } = await read();
      waitingSince = Number.POSITIVE_INFINITY;
      signal.throwIfAborted();
      if (stall) throw stall;
      if (done || !value) return;
      yield value;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
    // Also where the consumer has had enough: what is on its way must not go on arriving.
    cancel();
  }
}

/**
 * Reads into one buffer again and again where the browser can: chunks of its own pile up until it
 * collects garbage.
 */
function readerOf(body: ReadableStream<Uint8Array<ArrayBuffer>>) {
  try {
    const reader = body.getReader({ mode: 'byob' });
    let buffer = new ArrayBuffer(chunkSize);
    const read = async () => {
      const result = await reader.read(new Uint8Array(buffer));
      if (result.value) buffer = result.value.buffer;
      return result;
    };
    return { reader, read };
  } catch {
    const reader = body.getReader();
    return { reader, read: () => reader.read() };
  }
}

/** `promise`, unless the signal or the clock comes first. */
export async function inTime<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  milliseconds: number,
): Promise<T> {
  const { promise: late, reject } = deferred<never>();
  const timer = setTimeout(() => reject(silent(milliseconds)), milliseconds);
  try {
    return await untilAborted(Promise.race([promise, late]), signal);
  } finally {
    clearTimeout(timer);
  }
}

function silent(milliseconds: number): TabserveError {
  return new TabserveError('network', `The server sent nothing for ${milliseconds} ms.`);
}

/**
 * Counts the failures of one download and waits between its tries.
 *
 * The delay doubles from try to try and is drawn from its upper half, so that many pages that lost
 * one server do not come back at the same moment.
 */
export class Retries {
  #failures = 0;

  /** New bytes have come: the server lives. */
  progressed(): void {
    this.#failures = 0;
  }

  /**
   * Waits before the next try.
   *
   * @throws `error` if another try is pointless or there were enough; the signal's reason.
   */
  async wait(error: unknown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (isTabserveError(error) && !error.retryable) throw error;
    if (this.#failures >= maxRetries) throw error;
    const delay = Math.min(longestDelay, firstDelay * 2 ** this.#failures);
    this.#failures += 1;
    await sleep(delay * (0.5 + Math.random() / 2), signal);
  }
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** The size of the whole file as it will arrive, or 0 where only its compressed size is known. */
export function declaredSize(response: Response): number {
  if (response.headers.has('content-encoding')) return 0;
  const range = contentRange(response);
  return range ? range.total : Number(response.headers.get('content-length') ?? 0);
}

/** Where a partial answer begins and how large the whole is (0 if unsaid). */
export function contentRange(response: Response): { from: number; total: number } | undefined {
  if (response.status !== 206) return undefined;
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
  return match ? { from: Number(match[1]), total: Number(match[2]) || 0 } : undefined;
}

/** What names this version of the file: the strong ETag, or else the date. */
export function validatorOf(response: Response): string | null {
  const etag = response.headers.get('etag');
  if (etag !== null && !etag.startsWith('W/')) return etag;
  return response.headers.get('last-modified');
}

function isSameOrigin(url: string): boolean {
  // A worker made from a blob: address has its page's origin.
  return originOf(url) === globalThis.location?.origin || originOf(url) === globalThis.origin;
}

function originOf(url: string): string {
  return new URL(url).origin;
}
