/**
 * The model server's addresses in a service worker: `tabserve/service-worker`. A request to them goes to
 * the page that holds the models, which has called `server.serveServiceWorker()`, and waits for one
 * while there is none.
 *
 * @module tabserve/service-worker
 * @packageDocumentation
 */
import { readBody, writeError } from '../http/body.js';
import { asServerError, ServerError } from '../http/errors.js';
import { Line } from './line.js';
import type { PassedRequest, WhoMessage } from './messages.js';

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

/** A page that holds the models. */
interface Holder {
  client: Client;
  line: Line;
}

/** The page that answered last. A worker that was ended and started again looks anew. */
let holder: Holder | undefined;

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
    const body = hasBody ? await readBody(request, maxBodyBytes, false) : null;
    const { method, url, headers } = request;
    const passed: PassedRequest = {
      method,
      url,
      headers: [...headers],
      body: body && body.length > 0 ? body : null,
    };
    const ends = Date.now() + patience;
    for (;;) {
      const found = await findHolder(ends, request.signal);
      const response = await ask(found, passed, request.signal);
      if (response) return response;
      if (holder === found) holder = undefined;
    }
  } catch (error) {
    return writeError(asServerError(error, request.signal));
  }
}

/** The page that holds the models. @throws ServerError 503 */
async function findHolder(ends: number, signal: AbortSignal): Promise<Holder> {
  for (;;) {
    signal.throwIfAborted();
    if (holder?.line.isOpen) return holder;
    const all = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true });
    const lines = all.map(lineTo);
    const found = await Promise.any(lines).catch(() => undefined);
    if (found) {
      holder = found;
      for (const each of lines)
        each.then(({ line }) => line === found.line || line.close()).catch(() => undefined);
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

/** Resolves with a line to a page that says that it holds the models; rejects for others. */
async function lineTo(client: Client): Promise<Holder> {
  const { port1, port2 } = new MessageChannel();
  const who: WhoMessage = { tabserve: 'who' };
  const said = new Promise<Holder>((resolve) => {
    port1.onmessage = () => resolve({ client, line: new Line(port1) });
  });
  client.postMessage(who, [port2]);
  const late = pause(replyPatience).then(() => {
    throw new Error('It does not answer.');
  });
  return Promise.race([said, late]).catch((error: unknown) => {
    port1.close();
    throw error;
  });
}

/** Its answer; `null` if the page goes, or does not take the request. */
async function ask(
  { client, line }: Holder,
  request: PassedRequest,
  signal: AbortSignal,
): Promise<Response | null> {
  const asked = line.ask(request, signal);
  const began = Date.now();
  const watch = setInterval(async () => {
    const isThere = await scope.clients.get(client.id);
    if (!isThere || (!asked.isTaken && Date.now() - began > replyPatience)) asked.giveUp();
  }, watchInterval);
  return asked.answer.finally(() => clearInterval(watch));
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
