/** The page's side: answers what the service worker, or the page around a frame, passes on. */
import { holdBody, writeError } from '../http/body.js';
import { asServerError, ServerError } from '../http/errors.js';
import { isWho, type LineMessage, type PageMessage, type PassedRequest } from './messages.js';

/** Answers a request. */
type Handle = (request: Request) => Promise<Response>;

/**
 * Has a server answer the requests that arrive as messages.
 *
 * @param handle - The server's.
 * @param container - Where they arrive: `navigator.serviceWorker`, or the window.
 * @param isWelcome - Whether who has sent it may ask. To others there is no answer of any kind.
 * @returns To be called when that is to end.
 */
export function holdFor(
  handle: Handle,
  container: EventTarget & { startMessages?: () => void },
  isWelcome: (event: MessageEvent<unknown>) => boolean = () => true,
): () => void {
  const lines = new Set<LineEnd>();
  const listener = (event: Event) => {
    const message = event as MessageEvent<unknown>;
    const { data, ports } = message;
    const [port] = ports;
    if (!port || !isWho(data) || !isWelcome(message)) return;
    const line = new LineEnd(port, handle, () => lines.delete(line));
    lines.add(line);
  };
  container.addEventListener('message', listener);
  container.startMessages?.();
  return () => {
    container.removeEventListener('message', listener);
    for (const line of lines) line.stop();
  };
}

/** A line on which requests come. */
class LineEnd {
  readonly #port: MessagePort;
  readonly #handle: Handle;
  readonly #underWay = new Map<number, AbortController>();
  #isStopped = false;

  /** @param onEnd - Hears that the other side has gone, where the browser tells. */
  constructor(port: MessagePort, handle: Handle, onEnd: () => void) {
    this.#port = port;
    this.#handle = handle;
    port.onmessage = ({ data }: MessageEvent<LineMessage>) => this.#hear(data);
    port.addEventListener('close', () => {
      for (const each of this.#underWay.values()) each.abort();
      onEnd();
    });
    this.#say({ kind: 'holder' });
  }

  /** Takes no more requests. */
  stop(): void {
    this.#isStopped = true;
    this.#say({ kind: 'gone' });
  }

  #hear(message: LineMessage): void {
    if (message.kind === 'abort') this.#underWay.get(message.id)?.abort();
    // Whoever asks hears nothing of it, and asks another page.
    else if (!this.#isStopped) void this.#answer(message.id, message.request);
  }

  async #answer(id: number, { method, url, headers, body }: PassedRequest): Promise<void> {
    this.#say({ kind: 'taken', id });
    const gone = new AbortController();
    this.#underWay.set(id, gone);
    let response: Response;
    try {
      const request = new Request(url, { method, signal: gone.signal });
      if (body) holdBody(request, body);
      // A page may not set some of them for its own requests; these are somebody else's.
      const all = new Headers(headers.map(([name, value]): [string, string] => [name, value]));
      Object.defineProperty(request, 'headers', { value: all });
      response = await this.#handle(request);
    } catch (cause) {
      const error = new ServerError(400, 'This is not a request.', { cause });
      response = writeError(asServerError(error, gone.signal));
    }
    const bytes = await response.arrayBuffer();
    this.#underWay.delete(id);
    const { status } = response;
    const message = { kind: 'response', id, status, headers: [...response.headers], body: bytes };
    this.#say(message as PageMessage, [bytes]);
  }

  #say(message: PageMessage, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer);
  }
}
