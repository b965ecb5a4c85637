/**
 * A `Worker` whose script is a function of the test and runs in this thread; between it and the page
 * lies a real `MessageChannel`, so what cannot be cloned or was transferred away shows here too.
 */
import type { MemoryLocks } from './locks.js';

/** What a worker's script sees as `self`. */
export interface WorkerScope {
  readonly name: string;
  /** What the worker was started from. */
  readonly url: string;
  readonly location: { href: string };
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener: MessagePort['addEventListener'];
  removeEventListener: MessagePort['removeEventListener'];
  /** Ends the worker with an error that nobody caught. */
  fail(message: string): void;
}

export type WorkerScript = (scope: WorkerScope) => void;

/** What all workers of a test start from. */
export interface WorkerStage {
  /** Runs in each worker, a moment after it was made. */
  script: WorkerScript;
  /** Where the workers hold their locks. @default none */
  locks?: MemoryLocks;
  /** Workers that were not terminated. */
  readonly alive: Set<TestWorker>;
  /** What workers were started from, in order. */
  readonly urls: string[];
}

/** A worker's page side, as browsers have it. */
export interface TestWorker extends EventTarget {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  terminate(): void;
  /** Ends as a worker that the browser ends: its locks are free, and nothing else tells. */
  die(): void;
  /** Whether it hears what is sent to it. A deaf one holds messages back. */
  isDeaf: boolean;
}

/** The class `Worker`, with the workers that were made by it. */
export function workerStage(script: WorkerScript, locks?: MemoryLocks) {
  const stage: WorkerStage = {
    script,
    ...(locks && { locks }),
    alive: new Set(),
    urls: [],
  };

  class StagedWorker extends EventTarget implements TestWorker {
    readonly #port: MessagePort;
    readonly #own: MessagePort;
    readonly #held: [unknown, Transferable[]][] = [];
    #isDeaf = false;
    #lock: string | undefined;

    constructor(url: string, { name = '' }: { name?: string } = {}) {
      super();
      stage.urls.push(url);
      stage.alive.add(this);
      const { port1, port2 } = new MessageChannel();
      this.#port = port1;
      this.#own = port2;
      port1.addEventListener('message', ({ data }) =>
        this.dispatchEvent(new MessageEvent('message', { data })),
      );
      port1.start();
      const scope: WorkerScope = {
        name,
        url,
        location: { href: url },
        postMessage: (message, transfer = []) => port2.postMessage(message, transfer),
        addEventListener: port2.addEventListener.bind(port2),
        removeEventListener: port2.removeEventListener.bind(port2),
        fail: (message) => {
          const event = Object.assign(new Event('error', { cancelable: true }), { message });
          this.dispatchEvent(event);
        },
      };
      setImmediate(() => {
        if (!stage.alive.has(this)) return;
        stage.script(scope);
        port2.start();
      });
    }

    get isDeaf(): boolean {
      return this.#isDeaf;
    }

    set isDeaf(value: boolean) {
      this.#isDeaf = value;
      if (value) return;
      for (const [message, transfer] of this.#held.splice(0)) this.#send(message, transfer);
    }

    postMessage(message: unknown, transfer: Transferable[] = []): void {
      this.#lock ??= lockIn(message);
      if (this.#isDeaf) this.#held.push([message, transfer]);
      else this.#send(message, transfer);
    }

    #send(message: unknown, transfer: Transferable[]): void {
      this.#port.postMessage(message, transfer as ArrayBuffer[]);
    }

    terminate(): void {
      stage.alive.delete(this);
      this.#port.close();
      this.#own.close();
      if (this.#lock) stage.locks?.release(this.#lock);
    }

    die(): void {
      this.terminate();
    }
  }

  return Object.assign(stage, { Worker: StagedWorker });
}

/** The lock that the worker was told to hold. */
function lockIn(message: unknown): string | undefined {
  const { path, argumentList } = message as {
    path?: string[];
    argumentList?: { value?: { value?: { lockName?: string }; lockName?: string } }[];
  };
  if (path?.[0] !== 'start') return undefined;
  const value = argumentList?.[0]?.value;
  return value?.lockName ?? value?.value?.lockName;
}
