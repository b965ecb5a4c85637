/** Files served as real servers serve them: with ranges and validators, or badly, to order. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestServer } from './server.js';

/** What happens to one request. */
export type Weather =
  | 'fine'
  /** The connection is cut at a part of the body. */
  | 'cut'
  /** Nothing more comes, but the connection stays. */
  | 'stall'
  | 'slow'
  /** HTTP 500. */
  | 'error'
  /** One byte is wrong. */
  | 'wrong'
  /** A shorter body that claims to be all. */
  | 'truncated'
  /** A shorter body that does not say how long it is. */
  | 'ending'
  /** A web page with HTTP 200. */
  | 'html'
  | 'redirect'
  /** The whole file, whatever was asked for. */
  | 'no-range'
  /** Another ETag than before. */
  | 'new-etag';

/** A file of the server, and an account of what was sent of it. */
export interface HostedFile {
  url: string;
  /** Requests that reached it, with their Range header. */
  readonly requests: { range: string | undefined; ifRange: string | undefined }[];
  /** Bytes of bodies that were sent, or tried to be. */
  sent: number;
  /** Asked before each request. @default always fine */
  weather: (request: IncomingMessage) => Weather;
  /** Where in the rest of the body `cut` and `stall` strike, 0…1. */
  breakAt: number;
  bytes: Buffer;
}

/** Serves `bytes` at `path`. */
export function hostFile(server: TestServer, path: string, bytes: Buffer): HostedFile {
  const file: HostedFile = {
    url: `${server.origin}${path}`,
    requests: [],
    sent: 0,
    weather: () => 'fine',
    breakAt: 0.5,
    bytes,
  };
  server.route(path, (request, response) => void answer(file, request, response));
  return file;
}

async function answer(
  file: HostedFile,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { range, 'if-range': ifRange } = request.headers;
  file.requests.push({ range, ifRange: ifRange as string | undefined });
  const weather = file.weather(request);
  const digest = createHash('sha256').update(file.bytes).digest('hex').slice(0, 16);
  const etag = weather === 'new-etag' ? `"${Math.random()}"` : `"${digest}"`;
  if (weather === 'error') return void response.writeHead(500).end('overloaded');
  if (weather === 'html') {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    return void response.end('<!doctype html><title>Log in to the hotel network</title>');
  }
  if (weather === 'redirect') {
    const url = new URL(request.url ?? '/', 'http://localhost');
    // Once: the second time it is there.
    if (!url.searchParams.has('again')) {
      return void response.writeHead(302, { Location: `${url.pathname}?again` }).end();
    }
  }
  let { bytes } = file;
  if (weather === 'wrong') {
    bytes = Buffer.from(bytes);
    const place = Math.floor(bytes.length / 2);
    bytes[place] = (bytes[place] as number) ^ 0xff;
  }
  if (weather === 'truncated' || weather === 'ending')
    bytes = bytes.subarray(0, Math.floor(bytes.length * 0.7));

  const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const isRest = from > 0 && weather !== 'no-range' && (ifRange === undefined || ifRange === etag);
  if (isRest && from >= bytes.length) {
    return void response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}` }).end();
  }
  const body = isRest ? bytes.subarray(from) : bytes;
  response.writeHead(isRest ? 206 : 200, {
    'Content-Type': 'application/octet-stream',
    ...(weather !== 'ending' && { 'Content-Length': body.length }),
    'Cache-Control': 'no-store',
    ETag: etag,
    ...(weather !== 'no-range' && { 'Accept-Ranges': 'bytes' }),
    ...(isRest && { 'Content-Range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  });
  const end =
    weather === 'cut' || weather === 'stall' ? Math.floor(body.length * file.breakAt) : body.length;
  const step = weather === 'slow' ? Math.ceil(body.length / 8) : 1 << 16;
  for (let at = 0; at < end && !response.destroyed; at += step) {
    const piece = body.subarray(at, Math.min(end, at + step));
    file.sent += piece.length;
    await written(response, piece);
    if (weather === 'slow') await new Promise((resolve) => setTimeout(resolve, 100));
  }
  if (weather === 'stall') return;
  if (weather !== 'cut') return void response.end();
  // Of a connection that breaks, Chromium drops what the page has not read yet.
  await new Promise((resolve) => setTimeout(resolve, 500));
  response.destroy();
}

/** Settles when the piece has left, or the connection is gone. */
function written(response: ServerResponse, piece: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('close', done);
      resolve();
    };
    response.once('close', done);
    response.write(piece, done);
  });
}

/** A generator of numbers 0…1 that a seed repeats (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
