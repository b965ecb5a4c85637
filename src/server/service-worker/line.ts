/**
 * A line to a page that serves models: requests go through one port, again and again, which takes half
 * the time of a message to the page's window.
 */
import { type Deferred, deferred } from '../../base/deferred.js';
import type { LineMessage, PageMessage, PassedRequest } from './messages.js';

/** A request under way. */
export interface Asked {
  /** `null` when it was given up. Rejects with the reason of the request's signal. */
  readonly answer: Promise<Response | null>;
  /** Whether the page has got it. */
  readonly isTaken: boolean;
  giveUp(): void;
}

interface Waiting extends Asked {
  isTaken: boolean;
  readonly settle: Deferred<Response | null>;
}

/** Statuses whose responses have no body. */
const bodiless = [101, 204, 205, 304];

/** The end of those who ask. */
export class Line {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #isOpen = true;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<PageMessage>) => this.#hear(data);
  }

  /** Whether the page takes more requests. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** @param signal - Of the request; the page hears of its abort. */
  ask(request: PassedRequest, signal: AbortSignal): Asked {
    const id = this.#nextId++;
    const settle = deferred<Response | null>();
    const onAbort = () => {
      this.#say({ kind: 'abort', id });
      settle.reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort);
    const answer = settle.promise.finally(() => {
      signal.removeEventListener('abort', onAbort);
      this.#waiting.delete(id);
    });
    const asked: Waiting = { answer, settle, isTaken: false, giveUp: () => settle.resolve(null) };
    this.#waiting.set(id, asked);
    // Bytes that are handed over cross in a fraction of the time; the request may be asked elsewhere.
    const body = request.body?.slice() ?? null;
    this.#say({ kind: 'request', id, request: { ...request, body } }, body ? [body.buffer] : []);
    return asked;
  }

  close(): void {
    this.#isOpen = false;
    this.#port.close();
  }

  #hear(message: PageMessage): void {
    if (message.kind === 'gone') this.#isOpen = false;
    if (message.kind === 'gone' || message.kind === 'holder') return;
    const asked = this.#waiting.get(message.id);
    if (!asked) return;
    asked.isTaken = true;
    if (message.kind !== 'response') return;
    const { status } = message;
    const headers = message.headers.map(([name, value]): [string, string] => [name, value]);
    const body = bodiless.includes(status) ? null : message.body;
    asked.settle.resolve(new Response(body, { status, headers }));
  }

  #say(message: LineMessage, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer);
  }
}
