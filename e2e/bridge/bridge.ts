/**
 * HTTP into a page: whatever comes to a port is handed to the model server of a page, and its answer
 * back. Nothing is read, added or changed on the way; a client that goes is told.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from '@playwright/test';

/** A request as it crosses to the page; its body in base64. */
export interface BridgedRequest {
  id: number;
  method: string;
  url: string;
  headers: [string, string][];
  body: string | null;
}

/** Its answer. */
export interface BridgedResponse {
  status: number;
  headers: [string, string][];
  body: string;
}

declare global {
  interface Window {
    bridge(request: BridgedRequest): Promise<BridgedResponse>;
    bridgeGone(id: number): void;
  }
}

/** What passed a bridge. */
export interface Exchange {
  request: BridgedRequest;
  response: BridgedResponse;
}

/** Headers that are about the connection, which ends here. */
const hops = ['connection', 'keep-alive', 'transfer-encoding', 'host', 'expect'];

/** A port that leads into a page. */
export class Bridge {
  /** Is called with every exchange. */
  onExchange: (exchange: Exchange) => void = () => undefined;
  readonly #server: Server;
  readonly #page: Page;
  #nextId = 1;

  private constructor(page: Page) {
    this.#page = page;
    this.#server = createServer((request, response) => {
      this.#pass(request, response).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(502);
        response.end(String(error));
      });
    });
  }

  /** @param port - 0 for any that is free. */
  static async open(page: Page, port = 0): Promise<Bridge> {
    const bridge = new Bridge(page);
    await new Promise<void>((resolve) => bridge.#server.listen(port, '127.0.0.1', resolve));
    return bridge;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', rawHeaders } = incoming;
    const body = await bytesOf(incoming);
    const pairs = rawHeaders.flatMap((name, index): [string, string][] =>
      index % 2 === 0 ? [[name, rawHeaders[index + 1] as string]] : [],
    );
    const id = this.#nextId++;
    const request: BridgedRequest = {
      id,
      method,
      url: `http://127.0.0.1:${this.port}${url}`,
      headers: pairs.filter(([name]) => !hops.includes(name.toLowerCase())),
      body: method === 'GET' || method === 'HEAD' ? null : body.toString('base64'),
    };
    outgoing.on('close', () => {
      if (outgoing.writableFinished) return;
      this.#page.evaluate((gone) => window.bridgeGone(gone), id).catch(() => undefined);
    });
    const response = await this.#page.evaluate((given) => window.bridge(given), request);
    this.onExchange({ request, response });
    const answer = Buffer.from(response.body, 'base64');
    for (const [name, value] of response.headers) outgoing.setHeader(name, value);
    outgoing.setHeader('Content-Length', answer.length);
    outgoing.writeHead(response.status);
    outgoing.end(method === 'HEAD' ? undefined : answer);
  }
}

async function bytesOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
