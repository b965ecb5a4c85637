/** The page's side: answers what the service worker, or the page around a frame, passes on. */
import { writeError } from '../http/body.js';
import { asServerError, ServerError } from '../http/errors.js';
import { isForHolder, type PageMessage, type RequestMessage } from './messages.js';

/**
 * Has a server answer the requests that arrive as messages.
 *
 * @param handle - The server's.
 * @param container - Where they arrive: `navigator.serviceWorker`, or the window.
 * @param isWelcome - Whether who has sent it may ask. To others there is no answer of any kind.
 * @returns To be called when that is to end.
 */
export function holdFor(
  handle: (request: Request) => Promise<Response>,
  container: EventTarget & { startMessages?: () => void },
  isWelcome: (event: MessageEvent<unknown>) => boolean = () => true,
): () => void {
  const listener = (event: Event) => {
    const message = event as MessageEvent<unknown>;
    const { data, ports } = message;
    const [port] = ports;
    if (!port || !isForHolder(data) || !isWelcome(message)) return;
    if (data.tabserve === 'who') post(port, { kind: 'holder' });
    else void answer(handle, data, port);
  };
  container.addEventListener('message', listener);
  container.startMessages?.();
  return () => container.removeEventListener('message', listener);
}

async function answer(
  handle: (request: Request) => Promise<Response>,
  { method, url, headers, body }: RequestMessage,
  port: MessagePort,
): Promise<void> {
  post(port, { kind: 'taken' });
  const gone = new AbortController();
  port.onmessage = () => gone.abort();
  let response: Response;
  try {
    const request = new Request(url, {
      method,
      signal: gone.signal,
      ...(body && { body }),
    });
    // A page may not set some of them for its own requests; these are somebody else's.
    const all = new Headers(headers.map(([name, value]): [string, string] => [name, value]));
    Object.defineProperty(request, 'headers', { value: all });
    response = await handle(request);
  } catch (cause) {
    const error = new ServerError(400, 'This is no request.', { cause });
    response = writeError(asServerError(error, gone.signal));
  }
  const bytes = await response.arrayBuffer();
  post(
    port,
    { kind: 'response', status: response.status, headers: [...response.headers], body: bytes },
    [bytes],
  );
  port.close();
}

function post(port: MessagePort, message: PageMessage, transfer: Transferable[] = []): void {
  port.postMessage(message, transfer);
}
