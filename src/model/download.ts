/** Bytes from an address or a file, counted and checked on the way. */
import { createSHA256 } from 'hash-wasm';
import { asTabserveError, TabserveError } from '../errors.js';

/** What a download should turn out to be. */
export interface Expected {
  /** Exact size. Also the denominator of the progress. */
  bytes?: number | undefined;
  /** Lower-case hex. */
  sha256?: string | undefined;
}

/** Options of {@link download}. */
export interface DownloadOptions {
  expected?: Expected;
  signal: AbortSignal;
  /**
   * Bytes so far and in all (`0` while unknown). Called once before the first byte and once per
   * chunk.
   */
  onProgress?: (loaded: number, total: number) => void;
}

/**
 * Reads all bytes of `source`, checking size and sha256 as they stream in.
 *
 * @param source - An absolute URL, or a file that the user picked.
 * @throws TabserveError `network` (no answer, an HTTP status, a broken body), `model-not-found`
 *   (HTTP 404 or 410), `integrity` (wrong size or sha256), each with the address.
 */
export async function download(
  source: string | Blob,
  { expected = {}, signal, onProgress }: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const where = source instanceof Blob ? nameOf(source) : source;
  const response = source instanceof Blob ? new Response(source) : await request(source, signal);
  const total = expected.bytes ?? (source instanceof Blob ? source.size : declaredSize(response));
  onProgress?.(0, total);

  const sink = new ByteSink(total);
  const hasher = expected.sha256 === undefined ? undefined : await createSHA256();
  try {
    for await (const chunk of chunksOf(response, signal)) {
      sink.append(chunk);
      hasher?.update(chunk);
      onProgress?.(sink.length, Math.max(total, sink.length));
    }
  } catch (error) {
    signal.throwIfAborted();
    throw asTabserveError(
      error,
      'network',
      `The download of ${where} broke off after ${sink.length} of ${total || 'unknown'} bytes.`,
      { url: where, loaded: sink.length, total },
    );
  }
  const bytes = sink.bytes();
  const sha256 = hasher?.digest('hex');
  const isWrongSize = expected.bytes !== undefined && bytes.length !== expected.bytes;
  if (isWrongSize || sha256 !== expected.sha256) {
    // A server's error page is the usual reason for wrong bytes, and the most useful thing to say.
    refuseMarkup(bytes, where);
    throw new TabserveError(
      'integrity',
      isWrongSize
        ? `${where} has ${bytes.length} bytes where its manifest says ${expected.bytes}. Reload it, or correct the manifest.`
        : `${where} has the sha256 ${sha256} where its manifest says ${expected.sha256}. The file was changed or damaged: fetch it again from its author, or correct the manifest.`,
      {
        details: {
          url: where,
          bytes: bytes.length,
          expectedBytes: expected.bytes ?? null,
          sha256: sha256 ?? null,
          expectedSha256: expected.sha256 ?? null,
        },
      },
    );
  }
  return bytes;
}

/**
 * Refuses bytes that are an HTML or XML page: the answer of a development server or a captive portal
 * to an address that does not exist.
 *
 * @throws TabserveError `model-invalid`, with the address and the first bytes.
 */
export function refuseMarkup(bytes: Uint8Array, where: string): void {
  const start = new TextDecoder().decode(bytes.subarray(0, 120)).replace(/^\uFEFF/, '');
  if (!/^\s*<[!?a-z]/i.test(start)) return;
  throw new TabserveError(
    'model-invalid',
    `${where} is a web page, not a model: it begins with ${JSON.stringify(start.slice(0, 60))}. Check the address; servers often answer a wrong one with their index page.`,
    { details: { url: where, firstBytes: start.slice(0, 60) } },
  );
}

/** Fetches `url` and parses it as JSON. Errors as in {@link download}. */
export async function downloadJson(url: string | Blob, signal: AbortSignal): Promise<unknown> {
  const text = await downloadText(url, signal);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const where = url instanceof Blob ? nameOf(url) : url;
    throw new TabserveError(
      'manifest-invalid',
      `${where} is not JSON: it begins with ${JSON.stringify(text.slice(0, 60))}.`,
      { cause, details: { url: where, firstBytes: text.slice(0, 60) } },
    );
  }
}

/** Fetches `url` as UTF-8. Errors as in {@link download}. */
export async function downloadText(url: string | Blob, signal: AbortSignal): Promise<string> {
  return new TextDecoder().decode(await download(url, { signal }));
}

async function request(url: string, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new TabserveError(
      'network',
      `${url} could not be fetched. Either there is no connection, or the browser forbids it: another origin must send Access-Control-Allow-Origin, and a Content-Security-Policy must name the origin in connect-src, and a page on https gets nothing from http (mixed content).`,
      { cause, details: { url } },
    );
  }
  if (response.ok) return response;
  const missing = response.status === 404 || response.status === 410;
  throw new TabserveError(
    missing ? 'model-not-found' : 'network',
    `${url} answered with HTTP ${response.status}${response.statusText && ` ${response.statusText}`}. ${missing ? 'Check the address.' : 'Try again later.'}`,
    { details: { url, status: response.status }, retryable: response.status >= 500 },
  );
}

/** The size of the body as it will arrive, or 0 where only its compressed size is known. */
function declaredSize(response: Response): number {
  if (response.headers.has('content-encoding')) return 0;
  return Number(response.headers.get('content-length') ?? 0);
}

async function* chunksOf(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  const cancel = () => void reader.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** Gathers chunks into one array, without a second copy where the size is known before. */
class ByteSink {
  #bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size || 1 << 16);
  }

  append(chunk: Uint8Array): void {
    const end = this.length + chunk.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.length));
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.length);
    this.length = end;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.length === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.length);
  }
}

function nameOf(blob: Blob): string {
  return blob instanceof File ? blob.name : 'the given Blob';
}
