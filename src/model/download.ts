/** Bytes from an address or a file: resumed when they break off, counted and checked on the way. */
import { asTabserveError, isTabserveError, messageOf, TabserveError } from '../base/errors.js';
import { type RunningDigest, startDigest } from './digest.js';
import {
  ask,
  chunksOf,
  contentRange,
  declaredSize,
  defaultStallTimeout,
  glimpse,
  inTime,
  Retries,
  validatorOf,
} from './http.js';
import { nameOf } from './paths.js';
import type { PartialFile } from './store/store.js';

/** What a download should turn out to be. */
export interface Expected {
  /** Exact size. Also the denominator of the progress. */
  bytes?: number | undefined;
  /** Lower-case hex. */
  sha256?: string | undefined;
}

/**
 * Receives bytes so far, in all (`Infinity` while unknown), and how many of them did not come over the
 * network.
 */
export type BytesListener = (loaded: number, total: number, cached: number) => void;

/**
 * Receives a file's bytes as they come, before anything about them is verified.
 *
 * @param at - Where `chunk` begins in the file; 0 also when the file is begun anew.
 * @param total - Bytes in all, 0 while unknown.
 */
export type ChunkListener = (chunk: Uint8Array<ArrayBuffer>, at: number, total: number) => void;

/** Options of {@link download}. */
export interface DownloadOptions {
  expected?: Expected | undefined;
  signal: AbortSignal;
  /** Called before the first byte, once the size is known as far as it will be, and per chunk. */
  onProgress?: BytesListener | undefined;
  /** Hears every byte, too early to trust it. */
  onChunk?: ChunkListener | undefined;
  /** Is called once the server was asked, and works while this thread may be busy. */
  onAsked?: (() => void) | undefined;
  /** Hears all bytes as soon as they are here, too early to trust them; again if others replace them. */
  onWhole?: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined;
  /** Where bytes are kept as they come, so that a later download goes on from there. */
  partial?: PartialFile | null | undefined;
  /**
   * Opens where to keep the bytes of a download that takes a while, if there is no `partial`. One that
   * is over sooner is not worth resuming.
   */
  openPartial?: (() => Promise<PartialFile | null | undefined>) | undefined;
  /** Is told when `partial` could not take a chunk; from then on nothing is kept. */
  onPartialError?: ((error: unknown) => void) | undefined;
  /** Refuse more bytes than this. @default 4 GiB, or the expected size */
  maxBytes?: number | undefined;
  /** Milliseconds without a byte after which the server is asked again. @default 20_000 */
  stallTimeout?: number | undefined;
  /** Take it from the browser's cache, or not at all: only files of the page's own origin. */
  local?: boolean | undefined;
  /** See `AskOptions.otherOrigin`. @default whether the sha256 is known */
  otherOrigin?: boolean | undefined;
}

/** Bytes that are read at a time from the beginning that lies here. */
const pieceSize = 1 << 20;

/** Milliseconds after its first bytes after which a download takes a while, unless the rest is about to come. */
const longAfter = 500;

/** What is about to come: what takes at most this share of {@link longAfter}. */
const soon = 1 / 5;

/** More than any browser's WebAssembly can hold. */
const mostBytes = 2 ** 32;

/**
 * Reads all bytes of `source`, checking size and sha256 as they stream in.
 *
 * A broken, silent or overloaded server is asked again, for the rest only where it can give that.
 * Wrong bytes are asked for once more, past all caches, and then refused.
 *
 * @param source - An absolute URL, or a file that the user picked.
 * @throws TabserveError `network` (no answer, an HTTP status, a broken body), `model-not-found`
 *   (HTTP 404 or 410), `integrity` (wrong size or sha256), `model-invalid` (a web page),
 *   `out-of-memory`, each with the address; or the signal's reason.
 */
export async function download(
  source: string | Blob,
  options: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  if (source instanceof Blob) return readBlob(source, options);
  try {
    return await new Download(source, options, options.local ? 'only-if-cached' : 'default').run();
  } catch (error) {
    const isWrong = isTabserveError(error, 'integrity') || isTabserveError(error, 'model-invalid');
    if (!isWrong || options.local || options.expected?.sha256 === undefined) throw error;
    return new Download(source, options, 'reload').run();
  }
}

async function readBlob(
  blob: Blob,
  { expected = {}, signal, onProgress }: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const where = nameOf(blob);
  const total = expected.bytes ?? blob.size;
  onProgress?.(0, total, 0);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    throw asTabserveError(error, 'network', `${where} could not be read.`, { url: where });
  }
  signal.throwIfAborted();
  onProgress?.(bytes.length, Math.max(total, bytes.length), bytes.length);
  const digest = expected.sha256 === undefined ? undefined : startDigest(bytes.length);
  digest?.update(bytes);
  await verify(bytes, digest, expected, where);
  return bytes;
}

/** One attempt to get all of a file's bytes, however often the line breaks. */
class Download {
  readonly #url: string;
  readonly #options: DownloadOptions;
  readonly #expected: Expected;
  readonly #cache: RequestCache;
  readonly #retries = new Retries();
  #partial: PartialFile | null;
  #sink = new ByteSink();
  #digest: RunningDigest | undefined;
  #validator: string | null = null;
  #total: number;
  /** Bytes that lay here already. */
  #cached = 0;
  /** Most bytes that any try has come to. */
  #farthest = 0;

  constructor(url: string, options: DownloadOptions, cache: RequestCache) {
    this.#url = url;
    this.#options = options;
    this.#expected = options.expected ?? {};
    this.#cache = cache;
    // After wrong bytes nothing that was kept can be trusted.
    this.#partial = options.partial ?? null;
    this.#total = this.#expected.bytes ?? 0;
    this.#begin();
    if (cache === 'default') this.#takeUpPartial();
  }

  async run(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#total > 0) this.#report();
    const keeping = this.#keepIfLong();
    try {
      await this.#receiveAll(keeping.came);
    } catch (error) {
      await keeping.now();
      throw error;
    }
    await keeping.end();
    const bytes = this.#sink.bytes();
    this.#options.onWhole?.(bytes);
    try {
      await verify(bytes, this.#digest, this.#expected, this.#url);
    } catch (error) {
      this.#partial?.restart({ url: this.#url, validator: null });
      throw error;
    }
    return bytes;
  }

  /** @param onChunk - Is called when bytes have come. */
  async #receiveAll(onChunk: () => void): Promise<void> {
    while (!this.#isComplete()) {
      try {
        await this.#receive(onChunk);
        break;
      } catch (error) {
        await this.#retries.wait(this.#explain(error), this.#options.signal);
      }
    }
  }

  /** Keeps what came if the download takes a while, or `now` that it has broken off. */
  #keepIfLong(): { came(): void; now(): Promise<void>; end(): Promise<void> } {
    const { openPartial, onPartialError } = this.#options;
    let opening: Promise<void> | undefined;
    const open = async () => {
      if (this.#partial) return;
      this.#partial = (await openPartial?.()) ?? null;
      this.#keep((partial) => {
        partial.restart({ url: this.#url, validator: this.#validator });
        if (this.#sink.length > 0) partial.append(this.#sink.since(0));
      });
    };
    const begin = () => {
      opening ??= open().catch((error) => onPartialError?.(error));
      return opening;
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const lookLater = (before: number) => {
      timer = setTimeout(() => {
        const { length } = this.#sink;
        const isSoonOver = this.#total > 0 && length + soon * (length - before) >= this.#total;
        if (!isSoonOver) begin();
        else lookLater(length);
      }, longAfter);
    };
    const end = async () => {
      clearTimeout(timer);
      await opening;
    };
    return {
      came() {
        if (timer === undefined) lookLater(0);
      },
      end,
      async now() {
        await end();
        await begin();
      },
    };
  }

  /** Starts with nothing. */
  #begin(): void {
    this.#sink = new ByteSink();
    this.#cached = 0;
    this.#digest = this.#expected.sha256 === undefined ? undefined : startDigest(this.#total);
  }

  #takeUpPartial(): void {
    const partial = this.#partial;
    if (!partial || partial.size === 0 || partial.size > (this.#expected.bytes ?? mostBytes))
      return;
    this.#allocate();
    // In pieces, so that the beginning is never held twice.
    const piece = new Uint8Array(Math.min(partial.size, pieceSize));
    while (this.#sink.length < partial.size) {
      const length = partial.read(piece, this.#sink.length);
      if (length === 0) break;
      this.#take(piece.subarray(0, length));
    }
    this.#cached = this.#sink.length;
    if (partial.note?.url === this.#url) this.#validator = partial.note.validator;
  }

  #isComplete(): boolean {
    return this.#expected.bytes !== undefined && this.#sink.length === this.#expected.bytes;
  }

  async #receive(onChunk: () => void): Promise<void> {
    const { signal, stallTimeout = defaultStallTimeout, otherOrigin } = this.#options;
    const attempt = new AbortController();
    const from = this.#sink.length;
    try {
      const asking = ask(this.#url, {
        signal: AbortSignal.any([signal, attempt.signal]),
        from,
        validator: this.#validator,
        cache: this.#cache,
        otherOrigin: otherOrigin ?? this.#expected.sha256 !== undefined,
      });
      this.#options.onAsked?.();
      const response = await inTime(asking, signal, stallTimeout);
      const isRest = from > 0 && contentRange(response)?.from === from;
      if (!isRest) {
        this.#begin();
        this.#validator = validatorOf(response);
        this.#keep((partial) => partial.restart({ url: this.#url, validator: this.#validator }));
      }
      const declared = declaredSize(response);
      this.#total = this.#expected.bytes ?? declared;
      this.#report();
      let begun = isRest;
      for await (const chunk of chunksOf(response, signal, stallTimeout)) {
        if (!begun) {
          // Before memory is taken for it: is this the file at all?
          begun = true;
          this.#refuseWrongFile(declared, chunk);
          this.#allocate();
        }
        this.#take(chunk);
        onChunk();
        this.#keep((partial) => partial.append(chunk));
        this.#progressed();
        this.#report();
      }
      const whole = this.#expected.bytes ?? declared;
      if (this.#sink.length < whole) {
        // Index pages often come without a length; asking again would only bring them again.
        if (!isRest) refuseMarkup(this.#sink.bytes(), this.#url);
        throw new TabserveError('network', 'The server closed the connection too early.');
      }
      if (this.#total === 0) {
        this.#total = this.#sink.length;
        this.#report();
      }
    } finally {
      attempt.abort();
    }
  }

  /** Bytes that came once already, from a server that begins anew each time, are no progress. */
  #progressed(): void {
    if (this.#sink.length <= this.#farthest) return;
    this.#farthest = this.#sink.length;
    this.#retries.progressed();
  }

  #take(chunk: Uint8Array): void {
    const most = this.#expected.bytes ?? this.#options.maxBytes ?? mostBytes;
    if (this.#sink.length + chunk.length > most) {
      throw sizeError(this.#url, `more than ${most}`, this.#expected, most);
    }
    const at = this.#sink.length;
    this.#sink.append(chunk);
    this.#digest?.update(chunk);
    // The chunk's own memory is used again.
    this.#options.onChunk?.(this.#sink.since(at), at, this.#total);
  }

  #allocate(): void {
    try {
      this.#sink.reserve(this.#total);
    } catch (cause) {
      throw new TabserveError(
        'out-of-memory',
        `There is not enough memory for the ${this.#total} bytes of ${this.#url}.`,
        { cause, details: { url: this.#url, bytes: this.#total } },
      );
    }
  }

  #refuseWrongFile(declared: number, first: Uint8Array): void {
    const { bytes } = this.#expected;
    if (bytes === undefined) return;
    refuseMarkup(first, this.#url);
    if (declared === 0 || declared === bytes) return;
    throw sizeError(this.#url, `${declared}`, this.#expected, declared);
  }

  /** Does something to the kept beginning; the first failure ends the keeping. */
  #keep(action: (partial: PartialFile) => void): void {
    if (!this.#partial) return;
    try {
      action(this.#partial);
    } catch (error) {
      this.#partial = null;
      this.#options.onPartialError?.(error);
    }
  }

  #report(): void {
    const { length } = this.#sink;
    const total = this.#total === 0 ? Number.POSITIVE_INFINITY : Math.max(this.#total, length);
    this.#options.onProgress?.(length, total, this.#cached);
  }

  #explain(error: unknown): unknown {
    if (this.#options.signal.aborted) return this.#options.signal.reason;
    if (isTabserveError(error) && 'url' in error.details) return error;
    const { length } = this.#sink;
    return new TabserveError(
      'network',
      `The download of ${this.#url} broke off after ${length} of ${this.#total || 'unknown'} bytes: ${messageOf(error)}`,
      { cause: error, details: { url: this.#url, loaded: length, total: this.#total } },
    );
  }
}

async function verify(
  bytes: Uint8Array<ArrayBuffer>,
  digest: RunningDigest | undefined,
  expected: Expected,
  where: string,
): Promise<void> {
  if (expected.bytes !== undefined && bytes.length !== expected.bytes) {
    refuseMarkup(bytes, where);
    throw sizeError(where, `${bytes.length}`, expected, bytes.length);
  }
  const sha256 = await digest?.finish(bytes);
  if (sha256 === expected.sha256) return;
  // A server's error page is the usual reason for wrong bytes, and the most useful thing to say.
  refuseMarkup(bytes, where);
  throw new TabserveError(
    'integrity',
    `${where} has the sha256 ${sha256} where its manifest says ${expected.sha256}. The file was changed or damaged: fetch it again from its author, or correct the manifest.`,
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

function sizeError(where: string, found: string, expected: Expected, bytes: number): TabserveError {
  const should = expected.bytes === undefined ? 'it may have' : 'its manifest says';
  return new TabserveError(
    'integrity',
    `${where} has ${found} bytes where ${should} ${expected.bytes ?? bytes}. Reload it, or correct the manifest.`,
    {
      details: {
        url: where,
        bytes,
        expectedBytes: expected.bytes ?? null,
        sha256: null,
        expectedSha256: expected.sha256 ?? null,
      },
    },
  );
}

/**
 * Refuses bytes that are an HTML or XML page: the answer of a development server or a captive portal
 * to an address that does not exist.
 *
 * @throws TabserveError `model-invalid`, with the address and the first bytes.
 */
export function refuseMarkup(bytes: Uint8Array, where: string): void {
  const start = new TextDecoder().decode(bytes.subarray(0, glimpse)).replace(/^\uFEFF/, '');
  if (!/^\s*<[!?a-z]/i.test(start)) return;
  throw new TabserveError(
    'model-invalid',
    `${where} is a web page, not a model: it begins with ${JSON.stringify(start.slice(0, 60))}. Check the address; servers often answer a wrong one with their index page.`,
    { details: { url: where, firstBytes: start.slice(0, 60) } },
  );
}

/** Gathers chunks into one array, without a second copy where the size is known before. */
class ByteSink {
  #bytes = new Uint8Array(0);
  length = 0;

  /** Makes room for `size` bytes in all. */
  reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    const larger = new Uint8Array(size);
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
  }

  append(chunk: Uint8Array): void {
    const end = this.length + chunk.length;
    if (end > this.#bytes.length) this.reserve(Math.max(end, this.#bytes.length * 2, 1 << 16));
    this.#bytes.set(chunk, this.length);
    this.length = end;
  }

  /** What came after the first `at` bytes, and stays as it is. */
  since(at: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(at, this.length);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.length === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.length);
  }
}
