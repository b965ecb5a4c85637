/** A local web server for the tests: the built package, test material, and misbehaviour to order. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Test material that is not part of the project. Tests that need it skip without it. */
export const sharedFolder = join(root, '../shared');

/** What is served, by the first part of the path. */
const folders: Readonly<Record<string, string>> = {
  dist: join(root, 'dist'),
  site: join(root, 'site'),
  pages: join(root, 'e2e/pages'),
  shared: sharedFolder,
};

const mimeTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
  '.bmp': 'image/bmp',
  '.txt': 'text/plain; charset=utf-8',
  '.onnx': 'application/octet-stream',
};

/** Answers one request. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A running server. */
export class TestServer {
  /** Every path asked for, in order. */
  readonly requests: string[] = [];
  /** Headers for the answer to a path. @default none */
  headersFor: (path: string) => Readonly<Record<string, string>> = () => ({});
  readonly #server: Server;
  readonly #routes = new Map<string, Handler>();

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(): Promise<TestServer> {
    const server = new TestServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  /** Without a slash at the end. */
  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Serves `path` by `handler`, or with these bytes. */
  route(path: string, handler: Handler | Buffer | string | object): void {
    this.#routes.set(path, typeof handler === 'function' ? (handler as Handler) : fixed(handler));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    this.requests.push(pathname);
    // Pages ask for the headers they want to be served with.
    if (searchParams.has('isolated')) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    }
    const policy = searchParams.get('csp');
    if (policy) response.setHeader('Content-Security-Policy', policy);
    response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');

    for (const [name, value] of Object.entries(this.headersFor(pathname))) {
      response.setHeader(name, value);
    }

    const handler = this.#routes.get(pathname);
    if (handler) {
      handler(request, response);
      return;
    }
    const [, folder = '', ...rest] = decodeURIComponent(pathname).split('/');
    const base = folders[folder];
    const path = base === undefined ? '' : normalize(join(base, ...rest));
    if (!base || !path.startsWith(base) || !existsSync(path) || !statSync(path).isFile()) {
      response.writeHead(404, { 'Content-Type': 'text/html' }).end('<!doctype html><h1>404</h1>');
      return;
    }
    response.writeHead(200, {
      'Content-Type': mimeTypes[extname(path).toLowerCase()] ?? 'application/octet-stream',
      'Content-Length': statSync(path).size,
    });
    createReadStream(path).pipe(response);
  }
}

function fixed(content: Buffer | string | object): Handler {
  const [type, body] = Buffer.isBuffer(content)
    ? ['application/octet-stream', content]
    : typeof content === 'string'
      ? ['text/html; charset=utf-8', content]
      : ['application/json', JSON.stringify(content)];
  return (_request, response) => {
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  };
}
