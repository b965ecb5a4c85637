/** Web Locks in memory, exclusive ones, as tabs and workers of one origin share them. */

type Task = () => unknown;

interface Waiting {
  begin(): void;
}

export class MemoryLocks {
  readonly #queues = new Map<string, Waiting[]>();
  readonly #holders = new Map<string, () => void>();
  /** Is thrown instead of any lock, as by an origin that may not have them. */
  refusal: Error | undefined;

  /** The names of locks that somebody holds or waits for. */
  get names(): string[] {
    return [...this.#queues.keys()];
  }

  /** `request(name, task)` or `request(name, { signal }, task)`. */
  async request(
    name: string,
    ...rest: [Task] | [{ signal?: AbortSignal }, Task]
  ): Promise<unknown> {
    if (this.refusal) throw this.refusal;
    const task = rest.at(-1) as Task;
    const { signal } = rest.length === 2 ? (rest[0] as { signal?: AbortSignal }) : {};
    signal?.throwIfAborted();
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    await new Promise<void>((resolve, reject) => {
      const waiting = {
        begin: () => {
          signal?.removeEventListener('abort', giveUp);
          resolve();
        },
      };
      const giveUp = () => {
        queue.splice(queue.indexOf(waiting), 1);
        if (queue.length === 0) this.#queues.delete(name);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      queue.push(waiting);
      if (queue[0] === waiting) waiting.begin();
    });
    const lost = new Promise<'lost'>((resolve) => this.#holders.set(name, () => resolve('lost')));
    try {
      return await Promise.race([Promise.resolve().then(task), lost]);
    } finally {
      this.#holders.delete(name);
      queue.shift();
      if (queue[0]) queue[0].begin();
      else this.#queues.delete(name);
    }
  }

  /** Frees a lock whose holder has died. */
  release(name: string): void {
    this.#holders.get(name)?.();
  }
}
