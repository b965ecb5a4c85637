/** A web server for one test file, on the loopback interface. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface Web {
  /** `http://127.0.0.1:port` */
  readonly origin: string;
  /** Answers all requests. */
  handler: Handler;
  /** What was asked for, in order. */
  readonly requests: { path: string; range: string | undefined }[];
  stop(): void;
}

/** Starts a server; without a handler it knows nothing. */
export async function serve(
  handler: Handler = (_, response) => void response.writeHead(404).end(),
): Promise<Web> {
  const web = { handler, requests: [] as Web['requests'] };
  const server = createServer((request, response) => {
    web.requests.push({ path: request.url ?? '', range: request.headers.range });
    web.handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(web, {
    origin: `http://127.0.0.1:${port}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  });
}

/** Answers with these bytes, or the part of them that is asked for. */
export function giving(bytes: Uint8Array, headers: Record<string, string> = {}): Handler {
  return (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const range = { 'Content-Range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    response
      .writeHead(from > 0 ? 206 : 200, {
        'Content-Length': bytes.length - from,
        ETag: '"one"',
        ...(from > 0 && range),
        ...headers,
      })
      .end(bytes.subarray(from));
  };
}
