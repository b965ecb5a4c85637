/** A local web server for the tests: the built package, test material, and misbehaviour to order. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, resolve } from 'node:path';

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
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.gz': 'application/gzip',
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

/** A server's key and certificate, in PEM. */
export interface Identity {
  key: string;
  cert: string;
}

/** A running server. */
export class TestServer {
  /** Every path asked for, in order. */
  readonly requests: string[] = [];
  /** Headers for the answer to a path. @default none */
  headersFor: (path: string) => Readonly<Record<string, string>> = () => ({});
  readonly #scheme: 'http' | 'https';
  /** Whether connections are cut without an answer, as by a network that is gone. */
  isDown = false;
  readonly #server: Server;
  readonly #routes = new Map<string, Handler>();
  readonly #mounts: { path: string; folder: string }[] = [];

  private constructor(identity?: Identity) {
    const listener: Handler = (request, response) => this.#answer(request, response);
    this.#scheme = identity ? 'https' : 'http';
    this.#server = identity ? createSecureServer(identity, listener) : createServer(listener);
  }

  /** @param identity - Serves https with it. */
  static async start(identity?: Identity): Promise<TestServer> {
    const server = new TestServer(identity);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  /** Without a slash at the end. */
  get origin(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Serves a folder, of the project or absolute, under a path without a slash at its end. */
  mount(path: string, folder: string): void {
    this.#mounts.push({ path: `${path}/`, folder: resolve(root, folder) });
  }

  /** Serves `path` by `handler`, or with these bytes. */
  route(path: string, handler: Handler | Buffer | string | object): void {
    this.#routes.set(path, typeof handler === 'function' ? (handler as Handler) : fixed(handler));
  }

  /** What answers for `path`, if it was given a {@link route}. */
  routed(path: string): Handler | undefined {
    return this.#routes.get(path);
  }

  /** Takes a {@link route} back. */
  unroute(path: string): void {
    this.#routes.delete(path);
  }

  /** Forgets what a test has asked of the server, and what the server was asked for. */
  reset(): void {
    this.#routes.clear();
    this.#mounts.length = 0;
    this.requests.length = 0;
    this.headersFor = () => ({});
    this.isDown = false;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (this.isDown) {
      response.destroy();
      return;
    }
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
    const mount = this.#mounts.find((each) => pathname.startsWith(each.path));
    const base = mount?.folder ?? folders[folder];
    const inside = mount ? pathname.slice(mount.path.length).split('/') : rest;
    const path = base === undefined ? '' : normalize(join(base, ...inside));
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
