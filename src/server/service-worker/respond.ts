/**
 * The model server's addresses in a service worker: `tabserve/service-worker`. A request to them goes to
 * the page that holds the models, which has called `server.serveServiceWorker()`, and waits for one
 * while there is none.
 *
 * @module tabserve/service-worker
 * @packageDocumentation
 */
import { deferred } from '../../base/deferred.js';
import { readBlob, writeError } from '../http/body.js';
import { asServerError, ServerError } from '../http/errors.js';
import type { PageMessage, RequestMessage, WhoMessage, WorkerMessage } from './messages.js';

/** What is used of a `FetchEvent`. */
export interface FetchEventLike {
  /** What the page asks. */
  readonly request: Request;
  /** Gives the answer, instead of the network. */
  respondWith(response: Response | Promise<Response>): void;
}

/** Options of {@link respond}. */
export interface RespondOptions {
  /**
   * The beginnings of paths that are the server's, after the origin.
   * @default ['/v2', '/v1/', '/predictions/', '/explanations/', '/models', '/pipeline/', '/predict', '/ping', '/metrics']
   */
  paths?: readonly string[];
  /** Most bytes of a body. @default 64 MiB */
  maxBodyBytes?: number;
  /** Milliseconds to wait for a page that holds the models. @default 10_000 */
  patience?: number;
}

/** What is used of a `WindowClient`. */
interface Client {
  readonly id: string;
  postMessage(message: unknown, transfer: Transferable[]): void;
}

/** What is used of a `ServiceWorkerGlobalScope`. */
interface WorkerScope {
  readonly location: { readonly origin: string };
  readonly clients: {
    get(id: string): Promise<Client | undefined>;
    matchAll(options: { type: 'window'; includeUncontrolled: true }): Promise<readonly Client[]>;
  };
}

const scope = globalThis as unknown as WorkerScope;

const defaultPaths = [
  '/v2',
  '/v1/',
  '/predictions/',
  '/explanations/',
  '/models',
  '/pipeline/',
  '/predict',
  '/ping',
  '/metrics',
];

/** Milliseconds that a page has to say that it holds the models, or has got a request. */
const replyPatience = 500;

/** How often it is looked whether a page is still there, in milliseconds. */
const watchInterval = 250;

/** The page that answered last. A worker that was ended and started again looks anew. */
let holder: Client | undefined;

/**
 * Answers the event, if its request is for the model server.
 *
 * @returns Whether it is; otherwise the event is the caller's.
 */
export function respond(event: FetchEventLike, options: RespondOptions = {}): boolean {
  const { paths = defaultPaths, maxBodyBytes = 2 ** 26, patience = 10_000 } = options;
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  const isIts = paths.some((each) => pathname === each || pathname.startsWith(slashed(each)));
  if (origin !== scope.location.origin || !isIts) return false;
  event.respondWith(pass(request, maxBodyBytes, patience));
  return true;
}

function slashed(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

async function pass(request: Request, maxBodyBytes: number, patience: number): Promise<Response> {
  try {
    const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
    const body = hasBody ? await readBlob(request, maxBodyBytes, '', false) : null;
    const message: RequestMessage = {
      tabserve: 'request',
      method: request.method,
      url: request.url,
      headers: [...request.headers],
      body: body && body.size > 0 ? body : null,
    };
    const ends = Date.now() + patience;
    for (;;) {
      const client = await findHolder(ends, request.signal);
      const response = await ask(client, message, request.signal);
      if (response) return response;
      holder = undefined;
    }
  } catch (error) {
    return writeError(asServerError(error, request.signal));
  }
}

/** The page that holds the models. @throws ServerError 503 */
async function findHolder(ends: number, signal: AbortSignal): Promise<Client> {
  for (;;) {
    signal.throwIfAborted();
    if (holder) return holder;
    const all = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true });
    const found = await Promise.any(all.map(isHolder)).catch(() => undefined);
    if (found) {
      holder = found;
      return found;
    }
    if (Date.now() >= ends) {
      throw new ServerError(503, 'No page of this origin serves models.', {
        headers: { 'Retry-After': '1' },
      });
    }
    await pause(watchInterval);
  }
}

/** Resolves with a page that says that it is one; rejects for others. */
async function isHolder(client: Client): Promise<Client> {
  const { port1, port2 } = new MessageChannel();
  const who: WhoMessage = { tabserve: 'who' };
  const said = new Promise<Client>((resolve) => {
    port1.onmessage = () => resolve(client);
  });
  client.postMessage(who, [port2]);
  const late = pause(replyPatience).then(() => {
    throw new Error('It does not answer.');
  });
  return Promise.race([said, late]).finally(() => port1.close());
}

/** Its answer; `null` if the page goes, or does not take the request. */
async function ask(
  client: Client,
  message: RequestMessage,
  signal: AbortSignal,
): Promise<Response | null> {
  const { port1, port2 } = new MessageChannel();
  const { promise, resolve, reject } = deferred<Response | null>();
  let isTaken = false;
  port1.onmessage = ({ data }: MessageEvent<PageMessage>) => {
    isTaken = true;
    if (data.kind !== 'response') return;
    const headers = data.headers.map(([name, value]): [string, string] => [name, value]);
    resolve(new Response(data.body, { status: data.status, headers }));
  };
  const onAbort = () => {
    const abort: WorkerMessage = { kind: 'abort' };
    port1.postMessage(abort);
    reject(signal.reason);
  };
  signal.addEventListener('abort', onAbort);
  const began = Date.now();
  const watch = setInterval(async () => {
    const isThere = await scope.clients.get(client.id);
    if (!isThere || (!isTaken && Date.now() - began > replyPatience)) resolve(null);
  }, watchInterval);
  try {
    client.postMessage(message, [port2]);
    return await promise;
  } finally {
    clearInterval(watch);
    signal.removeEventListener('abort', onAbort);
    port1.close();
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
