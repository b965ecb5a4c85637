/** The page's side: answers what the service worker passes on. */
import { isForHolder, type PageMessage, type RequestMessage } from './messages.js';

/**
 * Has a server answer the requests that the page's service worker passes on.
 *
 * @param handle - The server's.
 * @param container - Where the worker's messages arrive: `navigator.serviceWorker`.
 * @returns To be called when that is to end.
 */
export function holdFor(
  handle: (request: Request) => Promise<Response>,
  container: EventTarget & { startMessages?: () => void },
): () => void {
  const listener = (event: Event) => {
    const { data, ports } = event as MessageEvent<unknown>;
    const [port] = ports;
    if (!port || !isForHolder(data)) return;
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
  const request = new Request(url, {
    method,
    signal: gone.signal,
    ...(body && { body }),
  });
  // A page may not set some of them for its own requests; these are somebody else's.
  const all = new Headers(headers.map(([name, value]): [string, string] => [name, value]));
  Object.defineProperty(request, 'headers', { value: all });
  const response = await handle(request);
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
