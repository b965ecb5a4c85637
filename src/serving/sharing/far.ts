/** The two ends of the channel between a tab and the tab that holds the models. */
import {
  asTabserveError,
  fromErrorRecord,
  messageOf,
  TabserveError,
  toErrorRecord,
} from '../../base/errors.js';
import type { RunRequest } from '../../wire/protocol.js';
import type { HeldCallOptions, Holder } from './holder.js';
import type { SharedCall, ToHolder, ToPage } from './messages.js';
import { type Channel, lookInterval, type TabsPlatform } from './platform.js';

/** Milliseconds of silence after which a tab that holds the models counts as frozen. */
export const holderPatience = 4_000;

/** Milliseconds of silence after which it is asked whether it lives. */
const pingAfter = 1_000;

/** Unlike all others, also after the channel was closed and opened again. */
let nextCallId = 1;

/** A call under way. */
interface FarCall extends Pick<HeldCallOptions, 'onProgress'> {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** The tab that holds the models, as another tab sees it. */
export class FarHolder {
  /** Which tab it is, and which of its terms. */
  readonly name: string;
  readonly #channel: Channel;
  readonly #platform: TabsPlatform;
  readonly #onEnd: (error: TabserveError) => void;
  readonly #calls = new Map<number, FarCall>();
  #lastHeard = 0;
  #stopLooking: (() => void) | undefined;

  /** Why it takes no calls any more. */
  end: TabserveError | undefined;

  /** @param onEnd - Hears once that it is gone, or its worker. */
  constructor(
    name: string,
    channel: Channel,
    platform: TabsPlatform,
    onEnd: (error: TabserveError) => void,
  ) {
    this.name = name;
    this.#channel = channel;
    this.#platform = platform;
    this.#onEnd = onEnd;
    channel.onmessage = ({ data }: MessageEvent<ToPage>) => this.#hear(data);
  }

  /** As `Holder.call()`; what it cannot be sent is `invalid-argument`. */
  async call(
    client: string,
    name: SharedCall,
    request: unknown,
    { signal, patience, onProgress }: HeldCallOptions,
  ): Promise<unknown> {
    if (this.end) throw this.end;
    const id = nextCallId++;
    const abort = () => {
      this.#post({ kind: 'abort', id });
      this.#calls.get(id)?.reject(signal.reason);
    };
    try {
      return await new Promise((resolve, reject) => {
        this.#calls.set(id, { resolve, reject, onProgress });
        signal.addEventListener('abort', abort, { once: true });
        try {
          this.#post({ kind: 'call', id, client, name, request, patience });
        } catch (cause) {
          const message = `This cannot be sent to the tab that holds the model: ${messageOf(cause)}`;
          reject(new TabserveError('invalid-argument', message, { cause }));
        }
        this.#lookAfter();
      });
    } finally {
      signal.removeEventListener('abort', abort);
      this.#calls.delete(id);
    }
  }

  /** The client has ended. */
  leave(client: string): void {
    if (!this.end) this.#post({ kind: 'leave', client });
  }

  /** Ends the worker as if it had died. */
  replace(reason: unknown): void {
    this.#post({ kind: 'replace', reason: messageOf(reason) });
  }

  /** Its calls reject with the error. */
  close(error: TabserveError): void {
    if (this.end) return;
    this.end = error;
    this.#stopLooking?.();
    this.#channel.close();
    for (const { reject } of this.#calls.values()) reject(error);
    this.#onEnd(error);
  }

  #hear(message: ToPage): void {
    this.#lastHeard = this.#platform.now();
    switch (message.kind) {
      case 'reply': {
        const call = this.#calls.get(message.id);
        if ('value' in message.reply) call?.resolve(message.reply.value);
        else call?.reject(fromErrorRecord(message.reply.error));
        return;
      }
      case 'progress':
        this.#calls.get(message.id)?.onProgress?.(...message.bytes);
        return;
      case 'died': {
        const error = fromErrorRecord(message.error);
        this.close(asTabserveError(error, 'worker-crashed', messageOf(error)));
        return;
      }
      case 'pong':
    }
  }

  /** Looks from time to time whether it still speaks, while something is under way. */
  #lookAfter(): void {
    if (this.#stopLooking) return;
    let lastLook = this.#platform.now();
    this.#lastHeard = lastLook;
    const look = () => {
      this.#stopLooking = undefined;
      if (this.end || this.#calls.size === 0) return;
      const now = this.#platform.now();
      // A late look means that this tab itself slept.
      if (now - lastLook > 4 * lookInterval) this.#lastHeard = now;
      lastLook = now;
      const silence = now - this.#lastHeard;
      if (silence > holderPatience) {
        const seconds = Math.round(silence / 1000);
        this.close(
          new TabserveError(
            'worker-crashed',
            `The tab that holds the model has been silent for ${seconds} seconds. Another one takes over.`,
          ),
        );
        return;
      }
      if (silence > pingAfter) this.#post({ kind: 'ping' });
      this.#stopLooking = this.#platform.after(lookInterval, look);
    };
    this.#stopLooking = this.#platform.after(lookInterval, look);
  }

  #post(message: ToHolder): void {
    this.#channel.postMessage(message);
  }
}

/** Another tab, as the one that holds the models sees it. */
export class FarPage {
  readonly #channel: Channel;
  readonly #holder: Holder;
  readonly #transfer: TabsPlatform['transfer'];
  readonly #clients = new Set<string>();
  readonly #calls = new Map<number, AbortController>();

  constructor(channel: Channel, holder: Holder, transfer: TabsPlatform['transfer']) {
    this.#channel = channel;
    this.#holder = holder;
    this.#transfer = transfer;
    channel.onmessage = ({ data }: MessageEvent<ToHolder>) => this.#hear(data);
  }

  /** The worker is gone. */
  died(error: TabserveError): void {
    this.#post({ kind: 'died', error: toErrorRecord(error) });
  }

  /** The tab is gone, or this one no longer holds the models. */
  close(): void {
    this.#channel.close();
    const reason = new TabserveError('destroyed', 'The tab that asked is gone.');
    for (const call of this.#calls.values()) call.abort(reason);
    for (const client of this.#clients) this.#holder.forget(client);
  }

  #hear(message: ToHolder): void {
    switch (message.kind) {
      case 'call':
        void this.#answer(message);
        return;
      case 'abort':
        this.#calls.get(message.id)?.abort(new DOMException('Aborted.', 'AbortError'));
        return;
      case 'leave':
        this.#clients.delete(message.client);
        this.#holder.forget(message.client);
        return;
      case 'replace':
        this.#holder.replace(message.reason).catch(() => undefined);
        return;
      case 'ping':
        this.#post({ kind: 'pong' });
    }
  }

  async #answer({
    id,
    client,
    name,
    request,
    patience,
  }: Extract<ToHolder, { kind: 'call' }>): Promise<void> {
    this.#clients.add(client);
    const life = new AbortController();
    this.#calls.set(id, life);
    try {
      if (name === 'run') this.#transfer(request as RunRequest, movable(request));
      const value = await this.#holder.call(client, name, request, {
        signal: life.signal,
        patience,
        onProgress: (...bytes) => this.#post({ kind: 'progress', id, bytes }),
      });
      this.#post({ kind: 'reply', id, reply: { value } });
    } catch (error) {
      if (!life.signal.aborted) {
        this.#post({ kind: 'reply', id, reply: { error: toErrorRecord(error) } });
      }
    } finally {
      this.#calls.delete(id);
    }
  }

  #post(message: ToPage): void {
    this.#channel.postMessage(message);
  }
}

/** Pixels and bitmaps somewhere in a message, which has no other owner. */
function movable(value: unknown, found: Transferable[] = []): Transferable[] {
  if (typeof value !== 'object' || value === null) return found;
  if (ArrayBuffer.isView(value)) return movable(value.buffer, found);
  if (value instanceof ArrayBuffer || isBitmap(value)) {
    if (!found.includes(value)) found.push(value);
  } else if (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype) {
    for (const each of Object.values(value)) movable(each, found);
  }
  return found;
}

function isBitmap(value: object): value is ImageBitmap {
  return typeof ImageBitmap === 'function' && value instanceof ImageBitmap;
}
