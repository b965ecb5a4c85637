/** Asking a model server in a frame, or in the page around one, whatever its origin. */
import { deferred } from '../../base/deferred.js';
import { TabserveError } from '../../base/errors.js';
import { Line } from './line.js';
import type { WhoMessage } from './messages.js';

/** Options of {@link fetchFromFrame}. */
export interface FetchFromFrameOptions extends RequestInit {
  /** Milliseconds to wait for a server in the frame, which may be loading still. @default 10_000 */
  patience?: number;
}

/** What is used of a `Window`. */
export interface FrameLike {
  /** Sends a message to the window's documents of this origin. */
  postMessage(message: unknown, options: { targetOrigin: string; transfer: Transferable[] }): void;
}

/** How often a frame is asked whether it serves models, in milliseconds. */
const askInterval = 200;

/**
 * `fetch()`, answered by the model server in a frame, or in the page around this one, which has
 * called `server.serveFrames()` and named this page's origin.
 *
 * @param target - The frame's `contentWindow`, or `parent`.
 * @param origin - The target's origin. Nothing is sent to a page of another one.
 * @param input - A path of the server's, such as `/v2/models/everyday/infer`, or a request.
 * @throws TabserveError `timeout` where nothing answers within `patience`: no server, or one that does
 *   not know this origin; `invalid-argument` for an origin that is none; the signal's reason.
 */
export async function fetchFromFrame(
  target: FrameLike,
  origin: string,
  input: string | URL | Request,
  { patience = 10_000, ...init }: FetchFromFrameOptions = {},
): Promise<Response> {
  const to = checkOrigin(origin);
  const request = new Request(input instanceof Request ? input : new URL(input, to), init);
  const { signal } = request;
  signal.throwIfAborted();
  const body = request.body ? new Uint8Array(await request.arrayBuffer()) : null;
  const line = await lineTo(target, to, patience, signal);
  const { method, url, headers } = request;
  try {
    const passed = { method, url, headers: [...headers], body };
    // Nobody gives it up.
    return (await line.ask(passed, signal).answer) as Response;
  } finally {
    line.close();
  }
}

/** A line to the frame, when it says that it serves models. */
async function lineTo(
  target: FrameLike,
  origin: string,
  patience: number,
  signal: AbortSignal,
): Promise<Line> {
  const { promise, resolve, reject } = deferred<MessagePort>();
  const who: WhoMessage = { tabserve: 'who' };
  const ports: MessagePort[] = [];
  const ask = () => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1);
    port1.onmessage = () => resolve(port1);
    target.postMessage(who, { targetOrigin: origin, transfer: [port2] });
  };
  const asking = setInterval(ask, askInterval);
  const late = setTimeout(
    () =>
      reject(
        new TabserveError(
          'timeout',
          `No model server of ${origin} has answered within ${patience} ms. It has to call serveFrames() with the origin ${globalThis.location?.origin}.`,
        ),
      ),
    patience,
  );
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  try {
    ask();
    const port = await promise;
    ports.splice(ports.indexOf(port), 1);
    return new Line(port);
  } finally {
    clearInterval(asking);
    clearTimeout(late);
    signal.removeEventListener('abort', onAbort);
    for (const port of ports) port.close();
  }
}

/** An origin as the browser writes it. @throws TabserveError `invalid-argument` */
export function checkOrigin(origin: string): string {
  const url = URL.canParse(origin) ? new URL(origin) : null;
  if (url && url.origin !== 'null' && url.pathname === '/' && url.search + url.hash === '') {
    return url.origin;
  }
  throw new TabserveError(
    'invalid-argument',
    `${JSON.stringify(origin)} is not an origin. Write one such as "https://shop.example".`,
  );
}
