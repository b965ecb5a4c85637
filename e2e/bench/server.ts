/**
 * The benchmark's web server: compresses and caches as a production server would, counts what it
 * sends, and can be a slow line.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

const root = join(import.meta.dirname, '../..');

/** Models and photos. They are not part of the project. */
export const sharedFolder = join(root, '../shared');

const folders: Readonly<Record<string, string>> = {
  dist: join(root, 'dist'),
  ort: join(root, 'node_modules/onnxruntime-web/dist'),
  peers: join(import.meta.dirname, 'node_modules'),
  pages: join(import.meta.dirname, 'pages'),
  shared: sharedFolder,
};

const mimeTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
  '.jpg': 'image/jpeg',
  '.webm': 'video/webm',
};

/** Types that compress; weights and pictures do not. */
const compressible = new Set(['.html', '.js', '.mjs', '.json', '.wasm', '.txt']);

/** Speed of a line. */
export interface Line {
  /** Shared by all connections. */
  bytesPerSecond: number;
  /** Before the first byte of an answer, in milliseconds. */
  latency: number;
}

/** Bytes sent, by kind, as they went over the line. */
export interface Traffic {
  script: number;
  wasm: number;
  model: number;
  other: number;
}

interface Asset {
  body: Buffer;
  type: string;
  gzipped: boolean;
}

/** A running server. */
export class BenchServer {
  /** The line to its clients; `null` is as fast as the machine. */
  line: Line | null = null;
  traffic: Traffic = noTraffic();
  readonly #server: Server;
  readonly #assets = new Map<string, Asset>();
  /** When the line will have sent everything that was handed to it. */
  #lineFree = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(new URL(request.url ?? '/', 'http://localhost'), response).catch(() =>
        response.destroy(),
      );
    });
  }

  static async start(): Promise<BenchServer> {
    const server = new BenchServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  /** Without a slash at the end. */
  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Serves these bytes at `path`. */
  provide(path: string, content: Buffer | string): void {
    this.#assets.set(path, toAsset(Buffer.from(content), extname(path)));
  }

  resetTraffic(): void {
    this.traffic = noTraffic();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer({ pathname, searchParams }: URL, response: ServerResponse): Promise<void> {
    const asset = this.#find(decodeURIComponent(pathname));
    if (this.line) await sleep(this.line.latency);
    if (searchParams.has('isolated')) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    } else if (extname(pathname) !== '.html') {
      // Workers of isolated pages need the header too; on other pages it means nothing.
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    }
    response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
    if (!asset) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end(`no ${pathname}`);
      return;
    }
    this.traffic[kindOf(pathname)] += asset.body.length;
    response.writeHead(200, {
      'Content-Type': asset.type,
      'Content-Length': asset.body.length,
      'Cache-Control': 'public, max-age=31536000, immutable',
      ...(asset.gzipped && { 'Content-Encoding': 'gzip' }),
    });
    await this.#send(asset.body, response);
  }

  #find(path: string): Asset | undefined {
    const known = this.#assets.get(path);
    if (known) return known;
    const [, folder = '', ...rest] = path.split('/');
    const base = folders[folder];
    const file = base === undefined ? '' : normalize(join(base, ...rest));
    if (!base || !file.startsWith(base) || !existsSync(file) || !statSync(file).isFile()) return;
    const asset = toAsset(readFileSync(file), extname(file));
    this.#assets.set(path, asset);
    return asset;
  }

  /** Puts packets of all answers on the one line, in the order in which they are ready. */
  async #send(body: Buffer, response: ServerResponse): Promise<void> {
    const packet = 16 << 10;
    if (!this.line) {
      response.end(body);
      return;
    }
    for (let at = 0; at < body.length; at += packet) {
      const bytes = body.subarray(at, at + packet);
      const now = performance.now();
      this.#lineFree =
        Math.max(now, this.#lineFree) + (bytes.length / this.line.bytesPerSecond) * 1000;
      const wait = this.#lineFree - now;
      if (wait >= 1) await sleep(wait);
      if (response.destroyed) return;
      response.write(bytes);
    }
    response.end();
  }
}

function toAsset(body: Buffer, extension: string): Asset {
  const gzipped = compressible.has(extension);
  return {
    body: gzipped ? gzipSync(body, { level: 9 }) : body,
    type: mimeTypes[extension] ?? 'application/octet-stream',
    gzipped,
  };
}

function kindOf(path: string): keyof Traffic {
  switch (extname(path)) {
    case '.js':
    case '.mjs':
      // What the benchmark itself puts on the page is not the library's.
      return path.startsWith('/pages/') ? 'other' : 'script';
    case '.wasm':
    case '.gz':
      return 'wasm';
    case '.onnx':
    case '.tflite':
    case '.bin':
      return 'model';
    default:
      return 'other';
  }
}

function noTraffic(): Traffic {
  return { script: 0, wasm: 0, model: 0, other: 0 };
}
