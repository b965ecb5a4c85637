/** Bodies of requests and responses: bounded, and compressed or not. */
import { ServerError } from './errors.js';

/** Names of `Content-Encoding`, and of the platform's streams. HTTP's `deflate` has zlib's wrapper. */
const encodings: Readonly<Record<string, CompressionFormat>> = { gzip: 'gzip', deflate: 'deflate' };

/** Bodies that are here already, as they were sent. */
const held = new WeakMap<Request, Uint8Array<ArrayBuffer>>();

/** Says what a request's body is, where that is here already: it is then not read once more. */
export function holdBody(request: Request, body: Uint8Array<ArrayBuffer>): void {
  held.set(request, body);
}

/**
 * The body of a request, decompressed. It is given up as soon as it is longer than it may be, before
 * it is read whole, and so is what it decompresses to.
 *
 * @param limit - Most bytes, as sent and as decompressed.
 * @param unpacks - Whether it is decompressed; otherwise it stays as it was sent.
 * @throws ServerError 400 for what cannot be decompressed, 413, 501 for another encoding; the
 *   request's reason when it aborts.
 */
export async function readBody(
  request: Request,
  limit: number,
  unpacks = true,
): Promise<Uint8Array<ArrayBuffer>> {
  const declared = request.headers.get('Content-Length');
  if (declared !== null && Number(declared) > limit) throw tooLarge(limit, `${declared}`);
  const encoding = request.headers.get('Content-Encoding')?.trim().toLowerCase() ?? '';
  const whole = held.get(request);
  if (whole && whole.length > limit) throw tooLarge(limit, String(whole.length));
  const isPlain = !unpacks || encoding === '' || encoding === 'identity';
  if (whole && isPlain) return whole;
  const body = whole ? new Blob([whole]).stream() : request.body;
  if (!body) return new Uint8Array(0);
  if (isPlain) return collect(body, limit, request.signal);
  const format = Object.hasOwn(encodings, encoding) ? encodings[encoding] : undefined;
  if (!format) {
    await body.cancel().catch(() => undefined);
    throw new ServerError(
      501,
      `The content encoding "${encoding.slice(0, 40)}" is not supported; use gzip or deflate.`,
    );
  }
  let sent = 0;
  const counted = body.pipeThrough(
    new TransformStream<Uint8Array, BufferSource>({
      transform(chunk, controller) {
        sent += chunk.length;
        if (sent > limit) controller.error(tooLarge(limit, `more than ${limit}`));
        else controller.enqueue(chunk as Uint8Array<ArrayBuffer>);
      },
    }),
  );
  try {
    const stream = counted.pipeThrough(new DecompressionStream(format));
    return await collect(stream, limit, request.signal);
  } catch (cause) {
    if (cause instanceof ServerError || request.signal.aborted) throw cause;
    throw new ServerError(
      400,
      `The body is declared as ${encoding}, but cannot be decoded as that.`,
      {
        cause,
      },
    );
  }
}

/**
 * The body of a request as a file: a blob, of which nothing is read, where the request was made of
 * something whole; else its bytes. Errors as {@link readBody}.
 *
 * @param type - The blob's media type.
 */
export async function readFile(
  request: Request,
  limit: number,
  type: string,
): Promise<Blob | Uint8Array<ArrayBuffer>> {
  const isPacked = request.headers.has('Content-Encoding');
  if (held.has(request) || isPacked || !isWhole(request)) return readBody(request, limit);
  const blob = await request.blob();
  if (blob.size > limit) throw tooLarge(limit, String(blob.size));
  return blob.type === type ? blob : blob.slice(0, blob.size, type);
}

/**
 * Whether a request's body was made of something whole. A stream may be endless: the standard takes
 * none without CORS, of which a copy is made to learn.
 */
function isWhole(request: Request): boolean {
  if (!request.body) return false;
  const copy = request.clone();
  try {
    // What it would take over costs time, and is not looked at.
    new Request(copy, { mode: 'no-cors', method: 'POST', headers: {}, signal: null });
    return true;
  } catch {
    copy.body?.cancel().catch(() => undefined);
    return false;
  }
}

async function collect(
  stream: ReadableStream<Uint8Array>,
  limit: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader();
  const onAbort = () => void reader.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener('abort', onAbort);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) break;
      length += value.length;
      if (length > limit) {
        await reader.cancel().catch(() => undefined);
        throw tooLarge(limit, `more than ${limit}`);
      }
      chunks.push(value);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  const [only] = chunks;
  if (chunks.length === 1 && only?.buffer instanceof ArrayBuffer)
    return only as Uint8Array<ArrayBuffer>;
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function tooLarge(limit: number, found: string): ServerError {
  return new ServerError(413, `The body has ${found} bytes; the limit is ${limit}.`);
}

/**
 * The response, compressed as the request accepts it. A page's own `fetch()` never says so; what
 * comes through a network does.
 */
export function compressed(response: Response, request: Request): Response {
  const header = request.headers.get('Accept-Encoding');
  if (!header) return response;
  const accepted = header
    .split(',')
    .map((each) => each.trim().toLowerCase())
    .filter((each) => !/;\s*q=0(\.0*)?$/.test(each))
    .map((each) => each.split(';')[0]?.trim() ?? '');
  const encoding = accepted.find((each) => Object.hasOwn(encodings, each));
  const { body } = response;
  if (encoding === undefined || !body) return response;
  const headers = new Headers(response.headers);
  headers.delete('Content-Length');
  headers.set('Content-Encoding', encoding);
  const stream = body.pipeThrough(
    new CompressionStream(encodings[encoding] as CompressionFormat) as ReadableWritablePair<
      Uint8Array,
      Uint8Array
    >,
  );
  return new Response(stream, { status: response.status, headers });
}

/** A response of JSON. */
export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  // A function that looks at each value makes it slow, and few answers need one.
  const text = isPlain(value) ? JSON.stringify(value) : JSON.stringify(value, plain);
  return new Response(text, {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
  });
}

/** Whether JSON says all of it by itself. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'bigint';
  if (ArrayBuffer.isView(value)) return false;
  return (Array.isArray(value) ? value : Object.values(value)).every(isPlain);
}

/** Typed arrays as lists; whole numbers beyond JSON's as text. */
function plain(_key: string, value: unknown): unknown {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return Array.from(value as unknown as ArrayLike<number | bigint>);
  return typeof value === 'bigint' ? String(value) : value;
}

/** An error as the Open Inference Protocol writes it, and Hugging Face. */
export function writeError({ status, message, headers }: ServerError): Response {
  return json({ error: message }, status, headers);
}
